"""Sensors that wait for something to stand in the statement."""
