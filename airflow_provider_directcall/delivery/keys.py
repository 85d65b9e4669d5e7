"""Idempotency keys: the tag by which a request is found again in the statement."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from airflow_provider_directcall.statement import ownership

#: The tag (``campos``) that holds the key.
KEY_TAG: Final = ownership.KEY_TAG

#: The tag that holds the key of the lot to which a request belongs: one question finds all of them.
LOT_TAG: Final = "airflow_lot"

_DIGEST_BYTES: Final = 10
_MARK_BYTES: Final = 2


@dataclass(frozen=True, slots=True)
class TaskIdentity:
    """One task instance, the same over all its tries.

    :ivar map_index: -1 for a task that is not mapped.
    :ivar step: which request of the task, where one task makes several.
    :ivar deployment: which Airflow, where several with the same DAGs share an account (``[directcall] deployment``).
    :ivar run_after: the run's ``run_after`` in UTC, which no retry and no Clear changes. A manual run that was deleted
        and made again under the same id has another; the keys of 0.1.0 were made without it.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    step: str = ""
    deployment: str = ""
    run_after: str = ""


def delivery_key(identity: TaskIdentity, generation: int) -> str:
    """Return the key of a request: 16 letters and digits, the same for the same task instance and generation.

    :param generation: counts the deliveries of the task instance; a user's Clear of a finished task begins the next.
    """
    parts = [
        identity.deployment,
        identity.dag_id,
        identity.run_id,
        identity.task_id,
        identity.map_index,
        identity.step,
        generation,
        *([identity.run_after] if identity.run_after else []),
    ]
    digest = hashlib.blake2b(json.dumps(parts).encode(), digest_size=_DIGEST_BYTES).digest()
    return base64.b32encode(digest).decode("ascii").lower()


def earlier_keys(identity: TaskIdentity, generations: Sequence[int]) -> list[str]:
    """Return the keys under which earlier tries may have sent, in the order of the generations.

    Each is followed by its form in 0.1.0, which may have run the earlier try.
    """
    without_run = replace(identity, run_after="")
    forms = dict.fromkeys([identity, without_run])
    return [delivery_key(form, generation) for generation in generations for form in forms]


def member_key(key: str, member: str) -> str:
    """Return the key of one request of a lot, for which one record is kept.

    :param key: of the record.
    :param member: identifies the request within the lot, such as a contact's id.
    """
    digest = hashlib.blake2b(member.encode(), key=key.encode(), digest_size=_DIGEST_BYTES).digest()
    return base64.b32encode(digest).decode("ascii").lower()


def target_mark(key: str, parts: Sequence[str]) -> str:
    """Return the fingerprint of an account and its recipients; two differ but once in 65,536 times.

    It is so short, and different for each key, that no number can be derived from it.

    :param key: of the request.
    :param parts: account and recipients.
    """
    text = json.dumps(list(parts)).encode()
    return hashlib.blake2b(text, key=key.encode(), digest_size=_MARK_BYTES).hexdigest()


def with_key(tags: Mapping[str, str] | None, key: str) -> dict[str, str]:
    """Return the tags of a request with its key among them.

    :raises ValueError: a tag of the user has the key's name.
    """
    if tags is not None and KEY_TAG in tags:
        raise ValueError(f"tags: {KEY_TAG!r} is set by this package, so that a request can be found again")
    return {**(tags or {}), KEY_TAG: key}
