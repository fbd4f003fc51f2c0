"""Drawings; numbers in, a figure out."""
