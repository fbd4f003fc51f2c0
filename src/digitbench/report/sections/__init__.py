"""One file per heading of the report, found by name."""
