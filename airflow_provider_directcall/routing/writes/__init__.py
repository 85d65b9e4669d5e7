"""Writes to a number's rules: applied with verification, rolled back on failure; snapshots and drift."""
