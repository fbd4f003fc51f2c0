"""What changed between two revisions: better, worse, the same or noise."""
