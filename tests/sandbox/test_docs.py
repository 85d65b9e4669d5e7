from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from airflow_provider_directcall.sandbox import FAULT_KINDS, MAGIC_NUMBERS, QUIRKS, SandboxConfig, SandboxServer
from airflow_provider_directcall.sandbox import cli as cli_module
from airflow_provider_directcall.sandbox.answers import (
    ANSWERS,
    CHANGES,
    GATEWAY_ANSWERS,
    GATEWAY_STATUSES,
    TRANSPORT_ANSWERS,
)
from airflow_provider_directcall.sandbox.control import CONTROLS, SETTABLE
from airflow_provider_directcall.sandbox.inbox.setup import describe
from airflow_provider_directcall.sandbox.routes import ROUTES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sandbox.md").read_text()
SOURCES = "".join(path.read_text() for path in (ROOT / "airflow_provider_directcall" / "sandbox").rglob("*.py"))


def documented(name, description):
    """Return the row of a kind of fault or a quirk; those of answers share one."""
    base = re.sub("_(before|after)$", "", name)
    answer = (ANSWERS | TRANSPORT_ANSWERS).get(base)
    if answer is not None:
        name, description = base, answer.description
    if base in GATEWAY_ANSWERS:
        name, description = (text.replace(base[-3:], "STATUS") for text in (name, description))
    return f"| `{name}` | {description} |"


@pytest.mark.parametrize("scenario", MAGIC_NUMBERS, ids=lambda scenario: scenario.name)
def test_magic_numbers(scenario):
    number = f"`{scenario.example}`" if scenario.suffix else "any other"
    assert f"| {number} | {scenario.name} | {scenario.description} |" in PAGE


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_fault_kinds(kind):
    assert documented(kind, FAULT_KINDS[kind].description) in PAGE


@pytest.mark.parametrize("quirk", QUIRKS)
def test_quirks(quirk):
    assert documented(quirk, QUIRKS[quirk].description) in PAGE


def test_the_portuguese_page_has_the_words_of_the_inbox():
    page = (ROOT / "docs" / "sandbox.pt-BR.md").read_text(encoding="utf-8")
    switches = {**FAULT_KINDS, **QUIRKS}
    del switches["second_writer"]  # needs a rule, so it is no switch of the inbox
    shown = {name: describe(switch.description, "pt-BR") for name, switch in switches.items()}
    alone = {name for name in shown if documented(name, "") == f"| `{name}` |  |"}
    assert {name for name in alone if f"| `{name}` | {shown[name]} |" not in page} == set()


def test_answers_are_faults_and_quirks():
    assert f"STATUS is one of {', '.join(map(str, GATEWAY_STATUSES))}." in PAGE
    names = {f"{name}_{side}" for name in ANSWERS | TRANSPORT_ANSWERS for side in ("before", "after")} | CHANGES.keys()
    assert names <= FAULT_KINDS.keys() & QUIRKS.keys()


def test_no_quirk_is_documented_that_does_not_exist():
    tables = PAGE[PAGE.index("## Faults") : PAGE.index("## Control over HTTP")]
    known = {documented(name, "").split("`")[1] for name in (*FAULT_KINDS, *QUIRKS)}
    assert [row for row in re.findall(r"^\| `(\w+)` \|", tables, re.MULTILINE) if row not in known] == []


@pytest.mark.parametrize("endpoint", ROUTES, ids=lambda endpoint: endpoint.name)
def test_endpoints(endpoint):
    assert f"| `{endpoint.name}` | {' or '.join(endpoint.verbs)} | {endpoint.basis} |" in PAGE


def test_effects():
    counted = set(re.findall(r'effects\.add\("([a-z_]+)"', SOURCES))
    assert counted
    assert {effect for effect in counted if f"`{effect}`" not in PAGE} == set()


def test_controls_and_settings():
    missing = {control.name for control in CONTROLS if f"/_sandbox/{control.name}" not in PAGE}
    missing |= {name for name in SETTABLE if f"`{name}`" not in PAGE}
    assert missing == set()
    assert {field.name for field in fields(SandboxConfig)} >= SETTABLE


def test_methods_and_options():
    methods = {name for name in dir(SandboxServer) if not name.startswith("_")} - {"start", "stop", "wait"}
    assert {name for name in methods if not re.search(rf"`{name}\(", PAGE)} == set()
    options = re.findall(r'"(--[a-z-]+)"', Path(cli_module.__file__).read_text())
    assert {option for option in options if f"`{option}" not in PAGE} == set()
