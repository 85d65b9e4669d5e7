"""What operators and sensors share: arguments out of templates, waiting on a worker, which failures are final."""
