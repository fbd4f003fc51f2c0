"""Runs replicates, side by side; what they are is made in training/."""
