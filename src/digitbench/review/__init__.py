"""What changed between two revisions: better, worse or noise."""
