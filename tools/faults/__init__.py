"""The fault harness: sends from real Airflow task processes under every fault, and counts of what really happened.

One batch is one row of :mod:`.matrix`: many mapped tasks, each with one send that is marked by a tag of its own. The
same faults meet our operators and, beside them, what an author of DAGs would write without them. What the local
Directcall did is compared with what each task said about itself: see :mod:`.judge`.
"""
