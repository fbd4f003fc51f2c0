"""Runs and models in MLflow; never fails a stage."""
