"""Plans: the difference between live and desired rules, and a safe order of its writes."""
