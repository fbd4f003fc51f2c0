"""The published studies, run on the code of the main pipeline."""
