"""The difference between the rules that stand and the wanted ones, and a safe order of writing it."""
