"""Reading the statement: predicates over rows, and the window they are looked for in."""
