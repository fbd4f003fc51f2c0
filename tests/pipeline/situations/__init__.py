"""People's surroundings: a module per kind, a row per situation."""
