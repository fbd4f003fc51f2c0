"""One file per heading of the report, found by its name."""
