"""The steps of the operators of number rules."""
