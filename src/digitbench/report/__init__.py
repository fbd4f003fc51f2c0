"""The report of the main pipeline and the blocks of README.md."""
