"""Views of a rule: JSON with personal data and secrets masked."""

from __future__ import annotations

import json

import pytest

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.plans.views import rule_view

PHONE = "5511990000077"


def data_view(include_numbers=False, **data):
    rule = Rule(action="fwd", data=data, priority=1, rule_id="18000")
    return rule_view(rule, include_numbers=include_numbers)["data"]


@pytest.mark.parametrize(
    ("data", "masked"),
    [
        ({"phone": PHONE}, {"phone": "5511*****0077"}),
        ({"phone": int(PHONE)}, {"phone": "5511*****0077"}),
        ({"phone": "login7"}, {"phone": "*****n7"}),
        ({"source": f"{PHONE};ip1130000001"}, {"source": "5511*****0077;ip11*****0001"}),
        ({"phone": "", "source": None}, {"phone": "", "source": None}),
        ({"email": "maria@example.com"}, {"email": "m*****@example.com"}),
        ({"reserva": PHONE}, {"reserva": "5511*****0077"}),
        ({"reserva": int(PHONE)}, {"reserva": "5511*****0077"}),
        (
            {"fila": {"ramais": [PHONE, 7], "aviso": "maria@example.com"}},
            {"fila": {"ramais": ["5511*****0077", 7], "aviso": "m*****@example.com"}},
        ),
    ],
)
def test_numbers_and_addresses_are_masked_in_every_field(data, masked):
    assert data_view(**data) == masked
    assert data_view(include_numbers=True, **data) == data


@pytest.mark.parametrize("include_numbers", [False, True])
def test_secrets_are_never_shown(include_numbers):
    assert data_view(include_numbers, senha_sip="abc", login={"password": "abc"}) == {
        "senha_sip": "***",
        "login": {"password": "***"},
    }


def test_other_values_are_not_masked():
    data = {"wait": 12, "week": "1,2,3,4,5", "start": "08:00", "record": "s", "ativo": True, "peso": 1.5}
    assert data_view(**data) == data


def test_a_view_is_json():
    view = rule_view(Rule(action="hangup", data={}, priority=None), include_numbers=False)
    assert json.loads(json.dumps(view)) == {"rule_id": None, "priority": None, "action": "hangup", "data": {}}
