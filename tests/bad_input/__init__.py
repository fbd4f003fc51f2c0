"""Bad input for every reader of a file or a variable."""
