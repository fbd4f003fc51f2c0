"""Reproducible, honest comparison of neural architectures on handwritten digits."""
