"""Trained networks on the test images and away from them."""
