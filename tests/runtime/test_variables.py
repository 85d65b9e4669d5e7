from __future__ import annotations

import hashlib
import hmac

import pytest

from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.runtime.variables import rules_variable, sound_variable


@pytest.fixture
def settings():
    return Settings(base_url="https://api.example", client_id="id", client_secret="secret")


def name_of_0_1_0(prefix, purpose, subject):
    key = hmac.digest(b"secret", purpose, hashlib.sha256)
    return prefix + hmac.new(key, subject.encode(), hashlib.sha256).hexdigest()[:16]


def test_the_names_are_those_of_version_0_1_0(settings):
    rules = name_of_0_1_0("directcall_rules_", b"directcall rule memory 1", "1130000001")
    sound = name_of_0_1_0("directcall_sound_", b"directcall sound 1", "https://api.example\nid\nabc")
    assert rules_variable("1130000001", "secret").name == rules
    assert sound_variable(settings, "abc", "greeting").name == sound


def test_a_known_value_is_not_written_again(settings, variables):
    variable = sound_variable(settings, "abc", "greeting")
    variable.write(7)
    assert variable.read() == 7
    variable.write(7)
    assert len(variables.history) == 1
    variable.write(8)
    assert sound_variable(settings, "abc", "greeting").read() == 8
