"""Explanations, checks and pictures of rules and calendars."""
