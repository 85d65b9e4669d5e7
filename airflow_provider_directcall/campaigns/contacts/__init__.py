"""Contacts from files: CSV, JSON lines, Parquet; always streamed."""
