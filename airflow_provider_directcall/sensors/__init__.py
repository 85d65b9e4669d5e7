"""Sensors that wait for rows of the statement."""
