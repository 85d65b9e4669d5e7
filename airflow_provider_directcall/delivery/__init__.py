"""Once-only sending: the key that a request carries, the phases it goes through, settling what became of it.

No I/O and no clock: operators and triggers do what is decided here. Why it is safe is said in ``docs/once-only.md``.
"""
