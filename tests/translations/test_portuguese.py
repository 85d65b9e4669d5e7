"""The commands in English and Portuguese: nothing is left out, and no sentence is half in one language."""

from __future__ import annotations

import argparse
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from airflow_provider_directcall import campaign_command, check_command
from airflow_provider_directcall.checking.assumptions import ASSUMPTIONS, FORMS
from airflow_provider_directcall.command_line import choose_language
from airflow_provider_directcall.routing import cli
from airflow_provider_directcall.sandbox import SandboxServer
from airflow_provider_directcall.translations import Catalogue, portuguese

PORTUGUESE = portuguese()
COMMANDS = {"directcall-routing": cli, "directcall-campaign": campaign_command, "directcall-check": check_command}
#: Words of most English sentences, and of no Portuguese one.
ENGLISH = re.compile(r"\b(the|and|is|are|it|its|not|with|from|that|which|has|by|of|to|on|at)\b", re.IGNORECASE)
#: Names that are the same in both languages.
NAMES = re.compile(r"--[\w-]+|\S*[/\\_.]\S*|\[[\w, {}]+\]|\{[\w,]+\}|'[^']*'|\"[^\"]*\"")

CALENDAR = """
did: "1130000001"
open:
  - {action: forward, to: "5511990000001", wait_seconds: 200, sources: ["5511990000091"]}
  - {action: forward, to: "551130000001", record: true}
  - {action: sound, sound_id: 7}
closed:
  - {action: hangup}
  - {action: voicemail, email: desk@example.com}
holiday:
  - {action: sound, sound_id: 7, moment: end}
hours:
  - {weekdays: "1-5", start: "08:00", end: "18:00"}
  - {weekdays: "6,3", start: "16:00", end: "02:00"}
part_days:
  - {day: christmas_eve, from: "12:00"}
overrides:
  - {name: Estoque, begins: "2026-01-10T08:00", ends: "2026-01-12T20:00", as: open}
  - {name: Festa, begins: "2026-12-28", ends: "2026-12-29", as: closed}
emergency: {reason: fogo, until: "2026-12-21T10:00:00-03:00", chain: [{action: hangup}]}
"""
RULES = """
did: "1130000002"
rules:
  - {action: forward, to: "5511990000001", priority: 1, weekdays: "1,3,5", start: "08:00", end: "12:00"}
  - {action: hangup, priority: 2, weekdays: "1-3"}
  - {action: voicemail, email: desk@example.com, priority: 2, weekdays: "1"}
"""


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    choose_language(("--lang", "en"))


@pytest.fixture
def calendar(tmp_path: Path) -> str:
    path = tmp_path / "linha.yaml"
    path.write_text(CALENDAR, encoding="utf-8")
    return str(path)


@pytest.fixture
def contacts(tmp_path: Path) -> str:
    path = tmp_path / "contatos.csv"
    path.write_text("id;phone;name\n1;11990000001;Ana\n2;11990000001;Bia\n3;;Caio\n4;1130000004;Davi\n", "utf-8")
    return str(path)


def run(capsys: pytest.CaptureFixture[str], command: str, *arguments: str) -> tuple[int, str, str]:
    try:
        status = COMMANDS[command].main(arguments)
    except SystemExit as end:
        status = int(str(end.code))
    return status, *capsys.readouterr()


def english_in(text: str) -> list[str]:
    """Return the lines that have English words, besides names."""
    return [line for line in text.splitlines() if ENGLISH.search(NAMES.sub("", line))]


def helps(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield from filter(None, (parser.description, parser.epilog))
    for action in parser._actions:
        yield from filter(None, (action.help, action.metavar))
        if isinstance(action, argparse._SubParsersAction):
            yield from (each.help or "" for each in action._choices_actions)
            for command in action.choices.values():
                yield from helps(command)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_text_of_the_help_is_translated(command: str) -> None:
    choose_language(("--lang", "en"))
    english = [*helps(COMMANDS[command]._parser())]
    choose_language(("--lang", "pt"))
    translated = [*helps(COMMANDS[command]._parser())]

    same = {"N", "ID", "URL", "CONN_ID"}
    assert [one for one, other in zip(english, translated, strict=True) if one == other and one not in same] == []
    assert english_in("\n".join(translated)) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_in_one_language(command: str, capsys) -> None:
    status, shown, _ = run(capsys, command, "--lang", "pt", "--help")
    assert status == 0
    assert shown.startswith("uso: ")
    assert "código de saída" in shown
    status, shown, _ = run(capsys, command, "--help")
    assert shown.startswith("usage: ")
    assert "exit status" in shown


@pytest.mark.parametrize("form", FORMS)
def test_every_finding_of_a_check_is_translated(form: str) -> None:
    details = dict.fromkeys(re.findall(r"\{(\w+)\}", FORMS[form].finding + FORMS[form].consequence), 3)
    details |= dict.fromkeys(("names", "others", "shown", "assumed", "option", "code", "status"), "inicio")
    details |= {"use": "number rules", "kind": "DirectcallReplyError", "event": "the sending", "way": "ahead"}
    details |= {"direction": "ascending", "reason": "no number is known"}
    for text in (ASSUMPTIONS[FORMS[form].assumption], FORMS[form].finding, FORMS[form].consequence):
        translated = PORTUGUESE.translate(text.format(**details)) if text else ""
        assert translated is not None, text
        assert english_in(translated) == []


@pytest.mark.parametrize(
    ("arguments", "environment", "language"),
    [
        ((), {}, "en"),
        ((), {"LANG": "pt_BR.UTF-8"}, "pt"),
        ((), {"LANG": "pt_BR.UTF-8", "LC_MESSAGES": "de_DE"}, "en"),
        ((), {"LANG": "en_US", "LC_MESSAGES": "pt_PT"}, "pt"),
        ((), {"LC_ALL": "C", "LANG": "pt_BR"}, "en"),
        (("check", "--lang", "en"), {"LANG": "pt_BR"}, "en"),
        (("--lang=pt", "check"), {"LANG": "C"}, "pt"),
        (("check", "--lang"), {"LANG": "pt_BR"}, "pt"),
    ],
)
def test_the_language_is_that_of_the_option_or_of_the_locale(arguments, environment, language) -> None:
    assert choose_language(arguments, environment) == language


class TestCatalogue:
    TEXTS = Catalogue(
        {"open": "aberto", "closed": "fechado", "door: {STATE}": "porta: {STATE}", "{n} rows": "{n} linhas"}
    )

    def test_a_text_with_a_part_that_has_no_translation_stays_as_it_is(self) -> None:
        assert self.TEXTS.translate("door: open") == "porta: aberto"
        assert self.TEXTS.translate("door: ajar") is None

    def test_lists_are_translated_item_by_item_or_not_at_all(self) -> None:
        assert self.TEXTS.translate("2 rows, open; closed") == "2 linhas, aberto; fechado"
        assert self.TEXTS.translate("2 rows, ajar") is None

    def test_what_is_in_front_of_an_error_is_kept(self) -> None:
        assert self.TEXTS.translate("/a folder/file.csv: closed") == "/a folder/file.csv: fechado"

    def test_braces_of_data_are_data(self) -> None:
        texts = Catalogue({"file {name} is empty": "arquivo {name} vazio"})
        assert texts.translate("file {name} {n} is empty") == "arquivo {name} {n} vazio"


def test_fields_of_a_text_and_of_its_translation_are_the_same() -> None:
    from airflow_provider_directcall.translations import pt_campaign, pt_check, pt_common, pt_routing

    tables = (pt_common.TEXTS, pt_check.TEXTS, pt_routing.TEXTS, pt_campaign.TEXTS)
    for text, translation in ((*pair,) for table in tables for pair in table.items()):
        # The details of a parser are English.
        missing = set(re.findall(r"\{(\w+)\}", text)) - set(re.findall(r"\{(\w+)\}", translation)) - {"detail", "type"}
        assert missing == set(), text


class TestRouting:
    @pytest.mark.parametrize("moment", ["2026-12-24T15:00", "2026-12-22T21:00", "2026-12-20T12:00", "2027-01-06T17:00"])
    def test_explain(self, calendar: str, capsys, moment: str) -> None:
        status, shown, _ = run(capsys, "directcall-routing", "explain", calendar, "--at", moment, "--lang", "pt")
        assert status == 0
        assert "Se ninguém atender: " in shown
        assert english_in(shown) == []
        english = run(capsys, "directcall-routing", "explain", calendar, "--at", moment)[1]
        assert "If nobody picks up: " in english
        assert len(english.splitlines()) == len(shown.splitlines())

    def test_a_day_has_its_article_and_a_date_the_form_of_brazil(self, calendar: str, capsys) -> None:
        arguments = ("directcall-routing", "explain", calendar, "--lang", "pt", "--at")
        sunday = run(capsys, *arguments, "2026-12-20T12:00")[1]
        assert "um número oculto no domingo, 20/12/2026, às 12:00 (America/Sao_Paulo):" in sunday
        tuesday = run(capsys, *arguments, "2026-12-22T21:00")[1]
        assert "um número oculto na terça-feira, 22/12/2026, às 21:00" in tuesday
        assert PORTUGUESE.translate("closed: no hours on Sunday") == "fechado: sem horário no domingo"

    @pytest.mark.parametrize("text", [CALENDAR, RULES], ids=["calendar", "rules"])
    def test_check(self, tmp_path: Path, capsys, text: str) -> None:
        path = tmp_path / "linha.yaml"
        path.write_text(text, encoding="utf-8")
        arguments = ("directcall-routing", "check", str(path), "--at", "2026-12-24T15:00")
        _, shown, _ = run(capsys, *arguments, "--lang", "pt")
        english = run(capsys, *arguments)[1]
        assert english_in(shown) == []
        assert re.search(r"\d+ erros?, \d+ avisos?\n$", shown)
        assert len(english.splitlines()) == len(shown.splitlines()) > 3

    def test_check_as_json_is_the_same_in_every_language(self, calendar: str, capsys) -> None:
        arguments = ("directcall-routing", "check", calendar, "--at", "2026-12-24T15:00", "--json")
        status, shown, _ = run(capsys, *arguments, "--lang", "pt")
        found = json.loads(shown)
        assert json.loads(run(capsys, *arguments)[1]) == found
        assert found["errors"] == sum(each["severity"] == "error" for each in found["findings"])
        assert set(found["findings"][0]) == {"file", "severity", "code", "where", "text"}
        assert (status == 1) == bool(found["errors"])

    def test_rules(self, calendar: str, capsys) -> None:
        _, shown, _ = run(capsys, "directcall-routing", "rules", calendar, "--at", "2027-01-06T17:00", "--lang", "pt")
        assert shown.split()[:2] == ["prioridade", "dias"]
        assert english_in(shown) == []

    def test_draw_has_a_default_name_and_prints_it(self, calendar: str, capsys, tmp_path, monkeypatch) -> None:
        monkeypatch.chdir(tmp_path)
        status, shown, _ = run(capsys, "directcall-routing", "draw", calendar, "--start", "2026-12-20", "--lang", "pt")
        assert (status, shown) == (0, "linha-2026-12-20.html\n")
        page = (tmp_path / shown.strip()).read_text(encoding="utf-8")
        assert 'lang="pt-BR"' in page
        words = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
        assert english_in(re.sub(r"<[^>]+>", "\n", words)) == []
        status, shown, _ = run(
            capsys, "directcall-routing", "draw", calendar, "--start", "2026-12-20", "-o", "en.svg", "--json"
        )
        assert json.loads(shown) == {"drawing": "en.svg", "start": "2026-12-20", "days": 60}
        assert "Out of the ordinary" in "".join(ET.parse(tmp_path / "en.svg").getroot().itertext())

    @pytest.mark.parametrize(
        ("arguments", "english", "translated"),
        [
            (("explain", "nao.yaml"), "nao.yaml: No such file or directory", "nao.yaml: arquivo ou pasta não existe"),
            (("explain",), "the following arguments are required: FILE", "faltam argumentos: ARQUIVO"),
            (
                ("draw", "{calendar}", "-o", "a.pdf"),
                "--output: a.pdf has to end in .svg or .html",
                "--output: a.pdf tem de terminar em .svg ou .html",
            ),
            (
                ("explain", "{calendar}", "--at", "amanhã"),
                "--at: a date such as 2026-11-27, or 2026-11-27T22:00, is needed, not 'amanhã'",
                "--at: é preciso uma data como 2026-11-27, ou 2026-11-27T22:00, não 'amanhã'",
            ),
        ],
    )
    def test_errors_are_one_line(self, calendar: str, capsys, arguments, english: str, translated: str) -> None:
        given = [each.replace("{calendar}", calendar) for each in arguments]
        for language, expected in (("en", english), ("pt", translated)):
            status, shown, error = run(capsys, "directcall-routing", *given, "--lang", language)
            assert (status, shown, error) == (2, "", f"directcall-routing: {expected}\n")


class TestCampaigns:
    def test_plan_preview_report_and_purge(self, contacts: str, capsys, tmp_path: Path) -> None:
        folder = str(tmp_path / "base" / "um")
        planned = run(
            capsys, "directcall-campaign", "plan", contacts, "--id-column", "id", "--text", "Oi {name}",
            "--price-brl", "0.09", "--window", "none", "-o", folder, "--lang", "pt",
        )  # fmt: skip
        assert planned[0] == 0
        assert "4 contatos, dos quais 1 aceitos, 1 duplicados, 2 rejeitados." in planned[1]
        assert "Fora 1: falta o número." in planned[1]
        shown = [planned[1]]
        for command in (
            ("preview", folder),
            ("report", folder),
            ("purge", str(tmp_path / "base"), "--older-than", "0"),
        ):
            status, text, _ = run(capsys, "directcall-campaign", *command, "--lang", "pt")
            assert status == 0
            shown.append(text)
        assert english_in("\n".join(shown)) == []

    def test_results_as_json_are_the_same_in_every_language(self, contacts: str, capsys, tmp_path: Path) -> None:
        folder = str(tmp_path / "base" / "um")
        planned = json.loads(
            run(
                capsys, "directcall-campaign", "plan", contacts, "--id-column", "id", "--text", "Oi {name}",
                "--window", "none", "-o", folder, "--lang", "pt", "--json",
            )[1]
        )  # fmt: skip
        assert planned["states"] == {"accepted": 1, "duplicate": 1, "rejected": 2}
        assert "1199000" not in json.dumps(planned)
        for language in ("en", "pt"):
            preview = json.loads(run(capsys, "directcall-campaign", "preview", folder, "--json", "--lang", language)[1])
            assert preview["texts"] == [{"id": "1", "number": "5511*****0001", "parts": 1, "text": "Oi Ana"}]
            report = json.loads(run(capsys, "directcall-campaign", "report", folder, "--json", "--lang", language)[1])
            assert report["contacts"] == 4
        purged = run(capsys, "directcall-campaign", "purge", str(tmp_path / "base"), "--older-than", "0", "--json")
        assert json.loads(purged[1]) == {"campaigns": 1}

    @pytest.mark.parametrize(
        ("arguments", "english", "translated"),
        [
            (("--price-brl", "x"), "argument --price-brl: an amount above 0 is needed, such as 0.09",
             "argumento --price-brl: é preciso um valor acima de 0, como 0.09"),
            (("--text", "Oi {nome}"), "text: {nome} is no column of the contacts; they have: id, name, phone",
             "text: {nome} não é coluna dos contatos; eles têm: id, name, phone"),
            (("--window", "lua"), None, "não é uma janela predefinida"),
        ],
    )  # fmt: skip
    def test_errors_are_one_line(self, contacts: str, capsys, tmp_path, arguments, english, translated) -> None:
        common = ("plan", contacts, "--text", "Oi", "-o", str(tmp_path / "x"), *arguments)
        status, shown, error = run(capsys, "directcall-campaign", *common, "--lang", "pt")
        assert (status, shown, error.count("\n")) == (2, "", 1)
        assert translated in error
        if english is not None:
            assert run(capsys, "directcall-campaign", *common)[2] == f"directcall-campaign: {english}\n"


class TestCheck:
    def test_the_report_in_both_languages(self, directcall_sandbox: SandboxServer, capsys, monkeypatch) -> None:
        monkeypatch.setenv("DIRECTCALL_CLIENT_SECRET", "sandbox-secret")
        monkeypatch.setenv("COLUMNS", "160")
        account = ("--client-id", "sandbox@example.com", "--host", directcall_sandbox.url)
        status, shown, _ = run(capsys, "directcall-check", *account, "--lang", "pt")
        assert status == 0
        assert shown.split()[:3] == ["suposição", "constatação", "consequência"]
        assert "Suposições: valem (ok): " in shown, shown
        assert english_in(shown) == []
        assert "Assumptions: hold (ok): " in run(capsys, "directcall-check", *account)[1]

    def test_no_confirmation_and_no_secret(self, directcall_sandbox: SandboxServer, capsys, monkeypatch) -> None:
        account = ("--client-id", "sandbox@example.com", "--host", directcall_sandbox.url, "--origin", "551130000001")
        monkeypatch.setenv("DIRECTCALL_CLIENT_SECRET", "sandbox-secret")
        monkeypatch.setattr("sys.stdin", io.StringIO("nada\n"))
        status, _, error = run(capsys, "directcall-check", *account, "--send", "5511990000001", "--lang", "pt")
        assert status == 2
        assert error.splitlines()[-1].endswith("directcall-check: sem confirmação; nada foi enviado")
        assert english_in(error) == []
