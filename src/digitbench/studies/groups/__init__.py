"""Groups of networks: architecture x augmentation."""
