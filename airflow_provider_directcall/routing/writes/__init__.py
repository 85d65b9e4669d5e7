"""Making rules stand: writing, reading back, undoing, snapshots, and what somebody else changed meanwhile."""
