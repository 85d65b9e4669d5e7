"""Operators: calls, messages, number rules."""
