"""The pipeline broken on purpose."""
