"""The fault harness: sends from real Airflow task processes under every fault, and counts the effects.

A batch runs rows of :mod:`.matrix` as mapped tasks, each with one send, marked by its own tag. The same faults meet our
operators and a baseline: the code that a DAG author would write without them. :mod:`.judge` compares the effects in the
sandbox with the reported outcome of each task.
"""
