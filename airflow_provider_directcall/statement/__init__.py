"""Reading the statement: predicates over its rows, and windows."""
