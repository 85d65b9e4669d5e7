"""Parts that the operators of number rules share."""
