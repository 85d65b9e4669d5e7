"""How an account shows and keeps tags."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.api.replies.envelope import UnreadableError, decoded
from airflow_provider_directcall.api.replies.values import tags_of
from airflow_provider_directcall.api.words import folded
from airflow_provider_directcall.checking.assumptions import Finding
from airflow_provider_directcall.delivery.keys import KEY_TAG

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies.envelope import Json

#: Tags of a message that is sent to look at: long, with blanks around them, small letters and accents.
REVEALING_TAGS: Final[Mapping[str, str]] = {
    " verificação da conta, campo longo ": " ação de verificação, 0123456789 abcdefghijklmnop "
}
_SHORTEST: Final = 3


def form_of(campos: Json) -> tuple[str, dict[str, str | int]]:
    """Return the form in which a row shows its tags, a key in the table of forms, and its details."""
    if isinstance(campos, str):
        try:
            is_json = bool(tags_of(decoded(campos, "campos")))
        except UnreadableError:
            is_json = False
        return ("tags_json" if is_json else "tags_unreadable"), {}
    if not tags_of(campos):
        return "tags_unreadable", {}
    if isinstance(campos, dict):
        return "tags_object", {}
    entry = campos[0] if isinstance(campos, list) else None
    if isinstance(entry, dict):
        return "tags_list", {"name": next(name for name in ("campo", "chave", "nome") if name in entry)}
    return "tags_pairs", {}


def kept_findings(sent: Mapping[str, str], shown: Mapping[str, str], place: str) -> list[Finding]:
    """Compare the tags that were sent with those that the row shows."""
    changes: dict[str, dict[str, str | int]] = {}
    for name, value in sent.items():
        kept = next((each for each in shown if _is_kept_form(each, name)), None)
        if kept is None:
            changes["tag_changed"] = {}
            continue
        changes |= _changes("tag_names", name, kept) | _changes("tag_values", value, shown[kept])
    findings = [Finding(form, place, details) for form, details in changes.items()]
    if not has_key(sent, shown):
        findings.append(Finding("key_changed", place))
    return findings or [Finding("tags_kept", place)]


def has_key(sent: Mapping[str, str], shown: Mapping[str, str]) -> bool:
    """Whether a row shows our key, upper or lower case."""
    return any(folded(name) == KEY_TAG and folded(value) == sent.get(KEY_TAG) for name, value in shown.items())


def _is_kept_form(shown: str, sent: str) -> bool:
    kept = folded(shown)
    return folded(sent).startswith(kept) and len(kept) >= min(_SHORTEST, len(folded(sent)))


def _changes(subject: str, sent: str, shown: str) -> dict[str, dict[str, str | int]]:
    """Return how a text differs from the one that was sent: form -> details."""
    if shown == sent:
        return {}
    if not _is_kept_form(shown, sent):
        return {"tag_changed": {}}
    differs = {
        "cut": len(folded(shown)) < len(folded(sent)),
        "upper": shown == shown.upper() and _prefix(sent, shown) != _prefix(sent, shown).upper(),
        "trimmed": sent[:1].isspace() and not shown[:1].isspace(),
        "unaccented": not _accents(shown) and _accents(_prefix(sent, shown)),
    }
    return {f"{subject}_{name}": {"count": len(shown)} for name, is_so in differs.items() if is_so} or {
        "tag_changed": {}
    }


def _prefix(sent: str, shown: str) -> str:
    """Return the part of the sent text that is as long as the shown one."""
    return (sent if shown[:1].isspace() else sent.lstrip())[: len(shown)]


def _accents(text: str) -> bool:
    return re.search(r"[̀-ͯ]", unicodedata.normalize("NFD", text)) is not None
