"""One replicate, and many replicates in parallel."""
