"""One module per section of the report, each a function of the results."""
