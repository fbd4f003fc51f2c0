"""Whether this machine gives what a commit claims: bytes, numbers, verdicts."""
