"""Intervals, tests and designs; numbers in, numbers out."""
