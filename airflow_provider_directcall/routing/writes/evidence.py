"""What the rules read back show of a write: its effect, an effect on another rule, and the changes of others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from airflow_provider_directcall.api.errors import DirectcallOutcomeUnknown
from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.comparison import shows
from airflow_provider_directcall.routing.plans.digests import rule_text


@dataclass(frozen=True, slots=True)
class Write:
    """One write to a number's rules.

    :ivar before: the live rule that is changed or removed; None for a new one.
    :ivar after: the rule to write; None for a removal.
    :ivar live: all live rules of the number just before.
    """

    before: Rule | None
    after: Rule | None
    live: tuple[Rule, ...]

    @property
    def name(self) -> str:
        """Name of the rule for error texts."""
        if self.before is not None:
            return f"rule {self.before.rule_id}"
        return f"the new rule at priority {self.after.priority if self.after is not None else None}"


@dataclass(frozen=True, slots=True)
class WriteReply:
    """Reply to a write.

    :ivar saved_id: the rule's id in the reply, or None.
    :ivar unknown: the error when there was no readable reply.
    """

    saved_id: str | None = None
    unknown: DirectcallOutcomeUnknown | None = None


@dataclass(frozen=True, slots=True)
class ForeignChanges:
    """Changes to the rules of a number that do not come from our write, as ids of rules."""

    added: tuple[str | None, ...] = ()
    changed: tuple[str | None, ...] = ()
    removed: tuple[str | None, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)

    def __str__(self) -> str:
        ways = {"added": self.added, "changed": self.changed, "removed": self.removed}
        return "; ".join(f"{way} rule {', '.join(map(str, ids))}" for way, ids in ways.items() if ids)


def foreign_changes(
    before: Sequence[Rule], now: Sequence[Rule], write: Write | None = None, reply: WriteReply | None = None
) -> ForeignChanges:
    """Return the differences between two reads that do not come from the write between them."""
    ours = _touched(now, write, reply) if write is not None and reply is not None else set()
    removes = write is not None and write.after is None
    old, new = ({rule.rule_id: rule_text(rule) for rule in rules} for rules in (before, now))
    return ForeignChanges(
        added=tuple(rule_id for rule_id in new if rule_id not in old and rule_id not in ours),
        changed=tuple(
            rule_id for rule_id in new if rule_id in old and rule_id not in ours and old[rule_id] != new[rule_id]
        ),
        removed=tuple(rule_id for rule_id in old if rule_id not in new and not (removes and rule_id in ours)),
    )


def find_written(live: Sequence[Rule], write: Write, reply: WriteReply) -> Rule | None:
    """Find the written rule: by the id that was written, by the id of the reply, or as a new rule that equals it.

    The written id comes first, because a reply with another id may mean that a second rule was created.
    """
    ids = (write.before.rule_id if write.before is not None else None, reply.saved_id)
    by_id = (rule for rule_id in ids if rule_id is not None for rule in live if rule.rule_id == rule_id)
    return next(by_id, None) or next(_new_as_requested(live, write), None)


def is_shown(live: Sequence[Rule], write: Write, reply: WriteReply) -> bool:
    """Return whether the rules read back show the effect of a write."""
    found = find_written(live, write, reply)
    if write.after is None or found is None:
        return write.after is None and found is None
    return shows(found, write.after)


def is_unseen(live: Sequence[Rule], write: Write, reply: WriteReply) -> bool:
    """Return whether the rules read back show nothing of an accepted write: neither its effect nor a wrong one."""
    if reply.unknown is not None or is_shown(live, write, reply) or misdirected(live, write, reply) is not None:
        return False
    found = find_written(live, write, reply)
    is_as_before = found is None or (write.before is not None and rule_text(found) == rule_text(write.before))
    return is_as_before and not any(_new_as_requested(live, write))


def misdirected(live: Sequence[Rule], write: Write, reply: WriteReply) -> str | None:
    """Return the id of the one other rule that an accepted write has changed or removed in place of its own, or None.

    That rule has become exactly what was written, or is the only one gone, while the written rule shows nothing.
    """
    if reply.unknown is not None or is_shown(live, write, reply):
        return None
    own = write.before.rule_id if write.before is not None else None
    old = {rule.rule_id: rule_text(rule) for rule in write.live if rule.rule_id != own}
    now = {rule.rule_id: rule for rule in live}
    if write.after is None:
        hit = [rule_id for rule_id in old if rule_id not in now]
    else:
        after = write.after
        hit = [
            rule_id
            for rule_id, text in old.items()
            if rule_id in now and rule_text(now[rule_id]) != text and shows(now[rule_id], after)
        ]
    return hit[0] if len(hit) == 1 else None


def _touched(now: Sequence[Rule], write: Write, reply: WriteReply) -> set[str | None]:
    """Return the ids of the rules that a write has changed, created or removed."""
    touched = set() if write.before is None else {write.before.rule_id}
    if reply.saved_id is not None:
        touched.add(reply.saved_id)
    else:
        touched |= {rule.rule_id for rule in [*_new_as_requested(now, write)][:1]}
    other = misdirected(now, write, reply)
    return touched if other is None else {*touched, other}


def _new_as_requested(live: Sequence[Rule], write: Write) -> Iterator[Rule]:
    if write.after is not None:
        requested, ids_before = write.after, {rule.rule_id for rule in write.live}
        yield from (rule for rule in live if rule.rule_id not in ids_before and shows(rule, requested))
