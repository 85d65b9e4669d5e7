"""Once-only sending: idempotency keys, phases, decisions, and reconciliation with the statement.

Free of Airflow and of I/O: :class:`~.deliverer.Deliverer` yields what is to be done, and a worker, an event loop or a
test does it. ``docs/once-only.md`` explains why it is safe.
"""
