"""What the models are worth: predictions, metrics, statistics."""
