"""Endpoints of numbers, their rules and sounds: ``/did/...``. The old shape is a quirk."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox import rules
from airflow_provider_directcall.sandbox.records import SoundRecord
from airflow_provider_directcall.sandbox.tokens import ACCOUNT

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.records import NumberRecord, RuleRecord
    from airflow_provider_directcall.sandbox.replies import Fields, Json
    from airflow_provider_directcall.sandbox.requests import ApiRequest

MAX_SOUND_BYTES: Final = 1024 * 1024


def list_numbers(account: Account, request: ApiRequest) -> Fields:
    """Serve ``/did/list``: the account's numbers (the present names are inferred)."""
    return {"msg": [], "data": [_number_row(number) for number in account.store.numbers.values()]}


def list_rules(account: Account, request: ApiRequest) -> Fields:
    """Serve ``/did/route``: the rules of a number, in the order of evaluation."""
    did = request.text("did") or request.required("DIS_ID" if "old_did" in account.settings.quirks else "did")
    return {
        "msg": [],
        "data": [rule_row(rule) for rule in rules.shown_rules(account, rules.known_number(account, did))],
    }


def save_rule(account: Account, request: ApiRequest) -> Fields:
    """Serve ``/did/save`` (assumed): create or change a rule."""
    rule = rules.read_rule(account, request.fields)
    if request.context.neighbour_write:
        other = rules.neighbour_of(account, rule.did, rule.rule_id)
        if other is not None:
            rules.store_rule(account, replace(rule, rule_id=other.rule_id, did=other.did, extra=other.extra))
    elif not request.context.ignore_write:
        rules.store_rule(account, rule)
        account.store.effects.add("rules_saved")
    return {"msg": [], "data": rule_row(rule)}


def remove_rule(account: Account, request: ApiRequest) -> Fields:
    """Serve ``/did/remove`` (assumed): remove a rule."""
    did, rule_id = request.required("did"), request.required("dpId")
    if request.context.neighbour_write:
        other = rules.neighbour_of(account, did, rule_id)
        if other is not None:
            rules.remove_rule(account, other.did, other.rule_id)
    elif not request.context.ignore_write:
        rules.remove_rule(account, did, rule_id)
        account.store.effects.add("rules_removed")
    return {"msg": [], "data": []}


def add_sound(account: Account, request: ApiRequest) -> Fields:
    """Serve ``/did/add-sound``: store an MP3 or WAV for rules."""
    name = request.required("nome")
    upload = request.upload("audio", MAX_SOUND_BYTES, ("mp3", "wav"))
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
    return {"msg": "Arquivo de audio cadastrado com sucesso", "data": data}


def rule_row(rule: RuleRecord) -> dict[str, Json]:
    """Return a rule as ``/did/route`` shows it."""
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
