"""What decides the bytes of a trained network: data, contract, recipe, trainer."""
