"""Links shown beside a task."""
