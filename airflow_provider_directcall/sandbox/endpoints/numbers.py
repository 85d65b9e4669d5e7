"""Endpoints of section 6: the account's numbers, their rules and sounds, in the present and in the old shape."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.records import SoundRecord
from airflow_provider_directcall.sandbox.replies import ApiReply, Json, envelope, php_json
from airflow_provider_directcall.sandbox.rules import keep_rule, known_number, read_rule, remove_rule, rules_of
from airflow_provider_directcall.sandbox.tokens import ACCOUNT
from airflow_provider_directcall.sandbox.uploads import checked_upload

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.records import NumberRecord, RuleRecord
    from airflow_provider_directcall.sandbox.requests import ApiRequest

MAX_SOUND_BYTES: Final = 1024 * 1024
OLD_NAMES: Final = {
    "did": "DIS_ID",
    "cid": "DIS_CID",
    "login": "DIS_LOGIN",
    "pass": "DIS_PASS",
    "ip": "DIS_IP",
    "proxy": "DIS_PROXY",
    "regenerador": "DIS_REGENERADOR",
    "dpId": "DP_ID",
    "priority": "DP_PRI",
    "action": "DP_ACTION",
    "data": "DP_DATA",
    "timeout": "DP_TIMEOUT",
}


def list_numbers(account: Account, request: ApiRequest) -> ApiReply:
    """``/did/list``: the account's numbers (the present names are inferred)."""
    rows: list[Json] = [_number_row(number) for number in account.store.numbers.values()]
    return _reply(account, "did-list", rows)


def list_rules(account: Account, request: ApiRequest) -> ApiReply:
    """``/did/route``: the rules of a number, in the order in which they are tried."""
    did = request.text("did") or request.required("DIS_ID" if _old(account) else "did")
    rows: list[Json] = [rule_row(rule) for rule in rules_of(account, known_number(account, did))]
    return _reply(account, "did-route", rows)


def save(account: Account, request: ApiRequest) -> ApiReply:
    """``/did/save`` (assumed): create or change a rule."""
    rule = read_rule(account, request.fields)
    if not request.exchange.ignore_write:
        keep_rule(account, rule)
        account.store.effects.add("rules_saved")
    return _reply(account, "did-save", rule_row(rule))


def remove(account: Account, request: ApiRequest) -> ApiReply:
    """``/did/remove`` (assumed): remove a rule."""
    did, rule_id = request.required("did"), request.required("dpId")
    if not request.exchange.ignore_write:
        remove_rule(account, did, rule_id)
        account.store.effects.add("rules_removed")
    return _reply(account, "did-remove", [])


def add_sound(account: Account, request: ApiRequest) -> ApiReply:
    """``/did/add-sound``: store an MP3 or WAV for rules."""
    name = request.required("nome")
    upload = checked_upload(request, "audio", MAX_SOUND_BYTES, ("mp3", "wav"))
    suffix = "wav" if upload.content.startswith(b"RIFF") else "mp3"
    sound = SoundRecord(
        sound_id=account.next_sound_id(),
        name=name,
        path=f"audios/{ACCOUNT}_{re.sub(r'[^0-9A-Za-z]+', '_', name)}.{suffix}",
        size=len(upload.content),
        sha256=hashlib.sha256(upload.content).hexdigest(),
    )
    account.store.sounds[str(sound.sound_id)] = sound
    account.store.effects.add("sounds_stored")
    data: dict[str, Json] = {
        "soundId": sound.sound_id,
        "clientDct": ACCOUNT,
        "name": sound.name,
        "path": sound.path,
    }
    return ApiReply(envelope("did", "did-save", msg="Arquivo de audio cadastrado com sucesso", data=data))


def rule_row(rule: RuleRecord) -> dict[str, Json]:
    """A rule as ``/did/route`` shows it."""
    return {
        "dpId": rule.rule_id,
        "did": rule.did,
        "priority": str(rule.priority),
        "action": rule.action,
        "data": {**rule.data},
        "timeout": None,
        **rule.extra,
    }


def _number_row(number: NumberRecord) -> dict[str, Json]:
    return {
        "did": number.did,
        "cid": number.client,
        "login": number.login,
        "pass": number.password,
        "ip": number.ip,
        "proxy": number.proxy,
        "regenerador": number.regenerator,
    }


def _old(account: Account) -> bool:
    return "old_did" in account.settings.quirks


def _reply(account: Account, modulo: str, data: Json) -> ApiReply:
    if not _old(account):
        return ApiReply(envelope("did", modulo, msg=[], data=data))
    return ApiReply([envelope("did", modulo, msg=[], data=php_json(_with_old_names(data)))])


def _with_old_names(data: Json) -> Json:
    # Only the names of rows changed over the years; what a rule's data holds kept its own names.
    if isinstance(data, list):
        return [_with_old_names(row) for row in data]
    if isinstance(data, dict):
        return {OLD_NAMES.get(key, key): value for key, value in data.items()}
    return data
