"""What is in the way of the next run, on this machine and in this clone."""
