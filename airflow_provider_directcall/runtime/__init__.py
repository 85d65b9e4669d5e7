"""Shared by operators and sensors: arguments out of templates, waiting on a worker, which failures are final."""
