"""Quirks of the statement, one family a test; most hold for calls and messages."""

from __future__ import annotations

import json

import pytest

from airflow_provider_directcall.sandbox.quirks.statement import STATEMENT

TAGS = {" Ação longa ": " São João, capital ", "b": "2"}
FIELDS = {f"campos[{name}]": value for name, value in TAGS.items()}
CALLS, MESSAGES = "/extrato/list", "/extrato/list-sms"
BOTH = pytest.mark.parametrize("path", [CALLS, MESSAGES])


def rows(api, path=CALLS, **fields):
    """The rows of one reply; none for a reply without a list."""
    msg = api.statement(path, **fields).json()["msg"]
    return msg if isinstance(msg, list) else []


def unsearched(api, path):
    """The rows of a query without campos[search]."""
    return api.post(path, dataInicial="20200101000000", dataFinal="20991231235959").json()["msg"]


@pytest.fixture
def sent(api):
    """One call and one message, both in the statement; the ids of their answers by path."""
    ids = {CALLS: api.call(**FIELDS)["callerid"], MESSAGES: api.send(**FIELDS)["callerid"]}
    api.server.advance(60)
    return ids


KEPT = {
    "tag_values_cut": {" Ação longa ": " São Jo", "b": "2"},
    "tag_names_cut": {" Ação l": " São João, capital ", "b": "2"},
    "tag_values_upper": {" Ação longa ": " SÃO JOÃO, CAPITAL ", "b": "2"},
    "tag_names_upper": {" AÇÃO LONGA ": " São João, capital ", "B": "2"},
    "tag_values_trimmed": {" Ação longa ": "São João, capital", "b": "2"},
    "tag_names_trimmed": {"Ação longa": " São João, capital ", "b": "2"},
    "tag_values_unaccented": {" Ação longa ": " Sao Joao, capital ", "b": "2"},
    "tag_names_unaccented": {" Acao longa ": " São João, capital ", "b": "2"},
    "tags_lost": [],
}


@BOTH
@pytest.mark.parametrize("quirk", KEPT)
def test_tags_are_kept_otherwise(api, sent, quirk, path):
    api.server.configure(quirks={quirk}, tag_characters=7)
    [row] = rows(api, path)
    assert row["campos"] == KEPT[quirk]
    assert rows(api, path, **FIELDS) == []
    kept = {f"campos[{name}]": value for name, value in KEPT[quirk].items()} if KEPT[quirk] else {}
    assert rows(api, path, **kept) == [row]
    assert api.server.state()["calls"][0]["tags"] == TAGS


SHOWN = {
    "campos_json": json.loads,
    "campos_list": lambda campos: {one["campo"]: one["valor"] for one in campos},
    "campos_list_chave": lambda campos: {one["chave"]: one["valor"] for one in campos},
    "campos_list_nome": lambda campos: {one["nome"]: one["valor"] for one in campos},
    "campos_pairs": dict,
    "campos_hidden": None,
    "campos_always": dict,
}


@BOTH
@pytest.mark.parametrize("quirk", SHOWN)
def test_tags_are_shown_otherwise(api, sent, quirk, path):
    api.server.configure(quirks={quirk})
    [row] = rows(api, path, **FIELDS)
    assert ("campos" in row) == (quirk != "campos_hidden")
    if "campos" in row:
        assert SHOWN[quirk](row["campos"]) == TAGS
    [row] = unsearched(api, path)
    assert ("campos" in row) == (quirk == "campos_always")


FILTERS = {
    "search_filters": [({}, 0)],
    "tag_filter_ignored": [({"campos[b]": "3"}, 1), ({"campos[c]": "2"}, 1)],
    "tag_filter_or": [({**FIELDS, "campos[b]": "3"}, 1), ({"campos[b]": "3", "campos[c]": "2"}, 0)],
    "tag_filter_prefix": [({"campos[ Ação longa ]": " São"}, 1), ({"campos[ Ação longa ]": "São"}, 0)],
    "short_destination_ignored": [
        ({"numeroDestino": "11990000009"}, 1),
        ({"numeroDestino": "5511990000009"}, 0),
        ({"numeroDestino": "5511990000001"}, 1),
    ],
    "destinations_without_55": [
        ({"numeroDestino": "11990000001"}, 1),
        ({"numeroDestino": "5511990000001"}, 1),
        ({"numeroDestino": "11990000009"}, 0),
    ],
}


@BOTH
@pytest.mark.parametrize("quirk", FILTERS)
def test_queries_are_read_otherwise(api, sent, quirk, path):
    api.server.configure(quirks={quirk})
    for fields, found in FILTERS[quirk]:
        assert len(rows(api, path, **fields)) == found
    assert len(unsearched(api, path)) == 1
    if quirk == "destinations_without_55":
        assert rows(api, path)[0]["destino"] == "11990000001"


@BOTH
def test_other_ids(api, sent, path):
    api.server.configure(quirks={"callerid_missing"})
    assert "callerid" not in rows(api, path)[0]
    api.server.configure(quirks={"callerid_other"})
    other = rows(api, path)[0]["callerid"]
    assert other != sent[path]
    assert len(other) == len(sent[path])
    assert rows(api, path, callerid=sent[path]) == []
    assert len(rows(api, path, callerid=other)) == 1
    api.server.configure(quirks={"callerid_upper"})
    assert rows(api, path)[0]["callerid"] == sent[path].upper()


def test_a_call_has_two_rows_of_legs(api, sent):
    api.server.configure(quirks={"leg_rows"}, page_size=1)
    first, second = api.statement().json(), api.statement(pagina="2").json()
    assert (first["paginas"], second["paginas"]) == (2, 2)
    legs = [*first["msg"], *second["msg"]]
    assert [leg["callerid"] for leg in legs] == [sent[CALLS]] * 2
    assert [leg["destino"] for leg in legs] == ["551130000001", "5511990000001"]
    assert [leg["valor"] for leg in legs] == ["0.0400", "0.1250"]
    assert [leg["campos"] for leg in legs] == [TAGS] * 2


@BOTH
def test_other_pages(api, sent, path):
    api.call()
    api.send()
    api.server.advance(60)

    def pages(quirk):
        api.server.configure(quirks={quirk}, page_size=1)
        return [api.statement(path, pagina=page).json() for page in ("1", "2", "3")]

    first, second, _ = pages("page_2_refused")
    assert (first["paginas"], second["codigo"]) == (2, "001")
    first, second, third = pages("page_2_repeats")
    assert first == second == third
    assert all("paginas" not in reply for reply in pages("paginas_missing"))
    replies = pages("paginas_endless")
    assert [len(reply["msg"]) for reply in replies] == [1, 1, 0]
    assert {reply["paginas"] for reply in replies} == {10**9}


@BOTH
@pytest.mark.parametrize(
    ("quirk", "status", "codigo"), [("empty_text", 200, "000"), ("empty_009", 200, "009"), ("empty_404", 404, "009")]
)
def test_other_replies_without_rows(api, quirk, status, codigo, path):
    api.server.configure(quirks={quirk})
    reply = api.statement(path)
    assert (reply.status_code, reply.json()["codigo"]) == (status, codigo)
    assert reply.json()["msg"] == "Nenhum registro encontrado"
    api.call()
    api.send()
    api.server.advance(60)
    assert len(rows(api, path)) == 1


@BOTH
@pytest.mark.parametrize(
    ("quirks", "shown"),
    [
        ({"times_1_ahead"}, "2026-03-04 11:00:00"),
        ({"times_2_ahead"}, "2026-03-04 12:00:00"),
        ({"times_1_behind"}, "2026-03-04 09:00:00"),
        ({"times_2_behind"}, "2026-03-04 08:00:00"),
        ({"times_without_seconds"}, "2026-03-04 10:00"),
        ({"times_day_first"}, "04/03/2026 10:00:00"),
        ({"times_1_ahead", "times_day_first", "times_without_seconds"}, "04/03/2026 11:00"),
    ],
)
def test_other_times(api, sent, quirks, shown, path):
    api.server.configure(quirks=quirks)
    assert rows(api, path)[0]["inicio"] == shown
    shown_hour = next(hour for hour in ("08", "09", "10", "11", "12") if f" {hour}:00" in shown)
    moment = f"20260304{shown_hour}0000"
    assert len(rows(api, path, dataInicial=moment, dataFinal=moment)) == 1
    other = "20260304130000"
    assert rows(api, path, dataInicial=other, dataFinal=other) == []


def seen(api, path, ages):
    """The number of fields of the row at several ages; 0 when it is not there."""
    api.call()
    api.send()
    api.server.advance({CALLS: 40, MESSAGES: 6}[path])
    found, age = [], 0
    for later in ages:
        api.server.advance(later - age)
        age = later
        found.append([len(row) for row in rows(api, path)])
    return found


@BOTH
@pytest.mark.parametrize(
    ("quirk", "ages"),
    [
        ("rows_late", {0: [], 299: [], 300: [1]}),
        ("rows_vanish", {0: [1], 19: [1], 20: [], 79: [], 80: [1]}),
        ("rows_in_pieces", {0: [4], 59: [4], 60: [1]}),
    ],
)
def test_rows_come_and_go(api, quirk, ages, path):
    whole = {CALLS: 9, MESSAGES: 10}[path]
    api.server.configure(quirks={quirk})
    assert seen(api, path, ages) == [[whole if count == 1 else count for count in counts] for counts in ages.values()]


@BOTH
def test_the_first_two_answers_are_maintenance(api, path):
    api.server.configure(quirks={"maintenance_first"})
    kinds = [api.statement(path).headers["content-type"].partition(";")[0] for _ in range(4)]
    assert kinds == ["text/html", "text/html", "application/json", "application/json"]
    api.server.configure(quirks={"maintenance_first", "bom"})
    assert api.statement(path).headers["content-type"].startswith("application/json")


@pytest.mark.parametrize(
    ("quirk", "fields", "found"),
    [
        ("tag_values_upper", {"campos[contact]": "C7"}, 1),
        ("tag_values_upper", {"campos[contact]": "c7"}, 0),
        ("tag_filter_prefix", {"campos[contact]": "c1"}, 11),
        ("tag_filter_or", {"campos[contact]": "c1", "campos[campaign]": "x"}, 20),
    ],
)
def test_made_up_rows_follow_the_quirks_of_tags(api, quirk, fields, found):
    api.server.seed(20, tags={"contact": "c{n}", "campaign": "x"})
    api.server.configure(quirks={quirk})
    assert len(rows(api, **fields)) == found
    assert len(rows(api, "/extrato/list-recordings", **fields)) <= found // 2


def test_all_quirks_of_the_statement_together(api, sent):
    api.server.seed(3, tags={"a": "{n}"})
    api.server.configure(quirks=frozenset(STATEMENT) - {"maintenance_first"})
    for path in (CALLS, MESSAGES, "/extrato/list-recordings"):
        reply = api.statement(path)
        assert reply.status_code in {200, 404}
        assert reply.json()["api"] == "extrato"
