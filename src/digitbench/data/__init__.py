"""Getting the digits: sources, file format, splits."""
