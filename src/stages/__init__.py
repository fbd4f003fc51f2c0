"""The stages: each reads its parameters, calls the package, and writes."""
