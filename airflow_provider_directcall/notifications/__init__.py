"""Notifiers for callbacks, deadlines and human-in-the-loop tasks."""
