"""Snapshots of a number's rules, to be stored and restored.

A snapshot contains phone numbers. It therefore leaves the process sealed, for an XCom or a state store, or as a file
that only its owner can read.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import JsonObject
from airflow_provider_directcall.routing.errors import DirectcallSnapshotError
from airflow_provider_directcall.routing.plans.digests import rule_fields
from airflow_provider_directcall.telephony.masking import mask_number
from airflow_provider_directcall.telephony.numbers import parse_did

_FORMAT: Final = "directcall rules 1"
#: Prefix of a sealed snapshot; names the way of sealing.
_SEAL: Final = "dcr1."
_SALT_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The rules of a number at one moment.

    :ivar did: the number, without 55.
    :ivar rules: its rules, ids and all unknown fields included.
    :ivar is_written: whether our writes followed it. Only then may a restore of no rules remove all.
    """

    did: str = field(repr=False)
    rules: tuple[Rule, ...]
    is_written: bool = False

    def seal(self, secret: str) -> str:
        """Return the snapshot as an opaque text, compressed and encrypted.

        The key is derived from the client secret by scrypt with a random salt, because test accounts have short
        secrets. 200 rules take some 10 KB.
        """
        salt = secrets.token_bytes(_SALT_BYTES)
        packed = zlib.compress(json.dumps(self.to_json()).encode(), 9)
        sealed = base64.urlsafe_b64decode(_fernet(secret, salt).encrypt(packed))
        return _SEAL + base64.urlsafe_b64encode(salt + sealed).decode()

    def to_json(self) -> JsonObject:
        """Return the snapshot as a JSON-ready object, phone numbers in full."""
        rules = [{**rule_fields(rule), "raw": dict(rule.raw)} for rule in self.rules]
        return {"format": _FORMAT, "number": self.did, "written": self.is_written, "rules": list(rules)}

    def write(self, path: str | Path) -> None:
        """Write the snapshot, whole or not at all, to a JSON file that only its owner can read.

        :raises DirectcallSnapshotError: the file cannot be written.
        """
        target = Path(path)
        try:
            _write_whole(target, json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n")
        except OSError as error:
            raise DirectcallSnapshotError(
                f"the snapshot of number {mask_number(self.did)} could not be written to {target}: {error.strerror}"
            ) from error


def take(did: str, rules: Sequence[Rule]) -> Snapshot:
    """Return a snapshot of a number's rules.

    :param did: the number, with or without 55.
    :param rules: its rules, in which two reads agreed (``agreed_rules``).
    """
    return Snapshot(parse_did(did), tuple(rules))


def unseal(text: str, secret: str) -> Snapshot:
    """Return the snapshot in a sealed text.

    :raises DirectcallSnapshotError: the text is not a sealed snapshot, is damaged, or was sealed with another secret.
    """
    if not text.startswith(_SEAL):
        raise DirectcallSnapshotError("the text is not a sealed snapshot of rules")
    try:
        raw = base64.urlsafe_b64decode(text.removeprefix(_SEAL).encode())
        salt, sealed = raw[:_SALT_BYTES], raw[_SALT_BYTES:]
        packed = _fernet(secret, salt).decrypt(base64.urlsafe_b64encode(sealed))
    except (InvalidToken, binascii.Error, UnicodeEncodeError) as error:
        raise DirectcallSnapshotError(
            "the sealed snapshot cannot be opened: it was sealed with another client secret, or the text is damaged"
        ) from error
    return _from_text(zlib.decompress(packed).decode(), "the sealed snapshot")


def read(path: str | Path) -> Snapshot:
    """Return the snapshot in a file.

    :raises DirectcallSnapshotError: the file cannot be read, or is not a snapshot.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise DirectcallSnapshotError(f"the snapshot {path} could not be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DirectcallSnapshotError(f"{path} is not a snapshot of rules: it is not text") from error
    return _from_text(text, str(path))


def _from_text(text: str, name: str) -> Snapshot:
    try:
        content = json.loads(text)
        if content["format"] != _FORMAT:
            raise DirectcallSnapshotError(f"{name} is not a snapshot of rules, or one of a newer release")
        rules = tuple(_rule(fields) for fields in content["rules"])
        return Snapshot(content["number"], rules, content.get("written") is True)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DirectcallSnapshotError(f"{name} is not a snapshot of rules: {type(error).__name__}") from error


def _rule(fields: Mapping[str, object]) -> Rule:
    make: Callable[..., Rule] = Rule
    return make(**fields)


def _fernet(secret: str, salt: bytes) -> Fernet:
    kdf = Scrypt(salt=salt, length=32, n=2**14, r=8, p=1)
    return Fernet(base64.urlsafe_b64encode(kdf.derive(secret.encode())))


def _write_whole(target: Path, text: str) -> None:
    """Write to a temporary file first, so that a full disk leaves the old file. Its mode is always 600."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
