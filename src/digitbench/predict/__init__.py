"""A picture of a digit, shown to every network."""
