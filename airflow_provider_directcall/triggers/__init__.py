"""Triggers: what deferred tasks wait for, on an event loop."""
