"""Decorators of TaskFlow functions."""
