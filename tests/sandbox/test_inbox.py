"""The inbox over HTTP, without a browser."""

from __future__ import annotations

import json
import re

import pytest

from airflow_provider_directcall.sandbox import FAULT_KINDS, QUIRKS
from airflow_provider_directcall.sandbox.inbox import page as page_module
from airflow_provider_directcall.sandbox.inbox.languages import LANGUAGES, texts
from airflow_provider_directcall.sandbox.inbox.setup import describe

MALICIOUS = "<img src=x onerror=alert(1)>"


@pytest.fixture
def inbox(api):
    def read(**query):
        reply = api.http.get("/_sandbox/inbox", params=query)
        assert reply.status_code == 200, reply.text
        return reply.json()

    return read


@pytest.fixture
def filled(api, server):
    """One of each kind, a second apart."""
    api.send("5511990000001", texto="bom dia", **{"campos[contact]": "c1"})
    server.advance(1)
    api.send("5521990000002", tipo="voz", texto="aviso")
    server.advance(1)
    api.call("5511990000486", **{"campos[contact]": "c2"})
    server.advance(1)
    server.receive_message("5511990000001", "27000", "PARE")
    server.advance(1)
    server.receive_call("1130000001", "5531990000003", unanswered=["5511990000010"])
    server.advance(3600)


def kinds(reply):
    return [row["kind"] for row in reply["rows"]]


def test_lists_calls_and_messages_newest_first(inbox, filled):
    reply = inbox()
    assert kinds(reply) == ["received_call", "received_sms", "call", "voice", "sms"]
    assert [row["state"] for row in reply["rows"]] == ["missed", "received", "busy", "delivered", "delivered"]
    assert (reply["matching"], reply["all"]) == (5, 5)
    assert reply["rows"][-1]["text"] == "bom dia"


def test_search_by_number_tag_text_kind_and_state(inbox, filled):
    for query, found in (
        ({"words": "(11) 99000-0001"}, ["received_sms", "sms"]),
        ({"words": "+55 21 99000-0002"}, ["voice"]),
        ({"words": "contact=c2"}, ["call"]),
        ({"words": "CONTACT"}, ["call", "sms"]),
        ({"words": "bom c1"}, ["sms"]),
        ({"words": "bom c2"}, []),
        ({"kind": "received_call"}, ["received_call"]),
        ({"state": "delivered"}, ["voice", "sms"]),
        ({"state": "delivered", "kind": "sms", "words": "dia"}, ["sms"]),
    ):
        assert kinds(inbox(**query)) == found, query


def test_pages_of_the_list(inbox, filled):
    reply = inbox(offset=1, limit=2)
    assert kinds(reply) == ["received_sms", "call"]
    assert (reply["matching"], reply["offset"]) == (5, 1)
    assert len(inbox(limit=10**6)["rows"]) == 5


def test_what_is_new_and_what_a_reset_removes(api, inbox, filled):
    assert inbox()["all"] == 5
    api.send()
    assert (inbox()["all"], kinds(inbox())[0]) == (6, "sms")
    api.server.reset()
    assert inbox()["rows"] == []
    api.token = api.login()
    api.send()
    assert inbox()["all"] == 1


def test_states_follow_the_clock(api, inbox):
    api.send()
    assert inbox()["rows"][0]["state"] == "queued"
    api.server.advance(2)
    assert inbox()["rows"][0]["state"] == "sent"
    api.server.advance(3)
    assert inbox()["rows"][0]["state"] == "delivered"


def test_replies_of_people_appear_when_they_come(api, inbox):
    api.send("5511990000702")
    api.server.advance(64)
    assert kinds(inbox()) == ["sms"]
    api.server.advance(1)
    assert [row["text"] for row in inbox()["rows"]] == ["1.", "bom dia"]


@pytest.mark.parametrize(
    ("text", "counting", "bubbles", "charged", "alphabet"),
    [
        ("a" * 136, "characters", ["a" * 136], 1, "gsm"),
        ("a" * 137, "characters", ["a" * 136, "a"], 2, "gsm"),
        ("a" * 300, "network", ["a" * 300], 2, "gsm"),
        ("ã" * 71, "network", ["ã" * 71], 2, "ucs2"),
    ],
)
def test_a_message_with_its_parts(api, inbox, text, counting, bubbles, charged, alphabet):
    api.server.configure(sms_counting=counting)
    api.send(texto=text)
    entry = inbox(entry=inbox()["rows"][0]["id"])["entry"]
    assert entry["conversation"][0]["parts"] == bubbles
    assert (entry["charged_parts"], entry["alphabet"], entry["characters"]) == (charged, alphabet, len(text))


def test_a_conversation_has_both_sides(inbox, filled):
    rows = inbox()["rows"]
    entry = inbox(entry=rows[-1]["id"])["entry"]
    assert [(each["kind"], each["text"]) for each in entry["conversation"]] == [
        ("sms", "bom dia"),
        ("received_sms", "PARE"),
    ]
    assert entry["reply_to"] == "27000"
    assert entry["word"] == "entregue"
    assert list(entry["times"]) == ["accepted", "sent", "delivered"]
    assert [inbox(entry=row["id"])["entry"]["id"] for row in rows] == [row["id"] for row in rows]
    assert inbox(entry="sms:none")["entry"] is None


def test_times_of_a_cancelled_message(api, inbox):
    sent = api.send(cron="05-03-2026-12-00-00")
    api.get("/sms/remove", code=sent["callerid"])
    entry = inbox(entry=inbox()["rows"][0]["id"])["entry"]
    assert (entry["state"], list(entry["times"])) == ("cancelled", ["accepted", "cancelled"])


def test_an_answer_reaches_the_account(api, inbox, filled):
    body = {"origin": "5511990000001", "destination": "27000", "text": "1"}
    api.http.post("/_sandbox/messages", json=body)
    assert inbox()["rows"][0]["text"] == "1"
    window = {"data_inicio": "2026-03-04 00:00:00", "data_fim": "2026-03-05 00:00:00"}
    assert api.post("/sms/recebimento", **window).json()["msg"][-1]["texto"] == "1"


def test_switches_and_their_positions(api):
    body = {"kind": "cut_after", "endpoint": "sms/send", "times": 2}
    api.http.post("/_sandbox/faults", json=body)
    api.http.post("/_sandbox/faults", json={"kind": "slow"})
    api.http.post("/_sandbox/settings", json={"quirks": ["bom"]})
    setup = api.http.get("/_sandbox/setup").json()
    on = {fault["name"]: fault["in_force"][0]["times"] for fault in setup["faults"] if fault["in_force"]}
    assert on == {"slow": None, "cut_after": 2}
    assert [quirk["name"] for quirk in setup["quirks"] if quirk["on"]] == ["bom"]
    assert setup["numbers"][0]["phones"] == ["5511990000010"]
    left = api.http.request("DELETE", "/_sandbox/faults", json={"kind": "slow"}).json()
    assert [fault["kind"] for fault in left] == ["cut_after"]


def test_invalid_queries_get_422(api):
    for query in ({"offset": "x"}, {"rain": "1"}):
        assert api.http.get("/_sandbox/inbox", params=query).status_code == 422


def test_the_inbox_is_for_this_machine_only(api):
    api.send(texto="segredo")
    for path in ("/", "/_sandbox/page/main.js", "/_sandbox/inbox", "/_sandbox/setup"):
        for host in ("evil.example", "127.0.0.1.evil.example:80", "[::1", "", "localhost.evil.example"):
            reply = api.http.get(path, headers={"host": host})
            assert (reply.status_code, "segredo" in reply.text) == (403, False)


def test_no_page_of_another_site_reads_the_inbox(api):
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert api.http.get("/_sandbox/inbox", headers=headers).status_code == 403


def test_the_page_admits_its_own_files_only(start):
    api = start(host_names=("sandbox",))
    for host in ("localhost:8025", "sandbox:1", "[::1]:8025"):
        page = api.http.get("/", headers={"host": host, "sec-fetch-site": "cross-site"})
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "require-trusted-types-for 'script'" in policy
    files = re.findall(r'(?:href|src)="(/_[^"]+)"', page.text)
    assert len(files) > 3
    for path in files:
        file = api.http.get(path)
        assert file.status_code == 200
        assert file.headers["x-content-type-options"] == "nosniff"


def test_no_file_outside_the_folder_is_served(api):
    for name in ("../page.py", "..%2Fpage.py", "%2Fetc%2Fpasswd", "index.html", "texts", ""):
        assert api.http.get(f"/_sandbox/page/{name}").status_code == 404


def test_the_page_has_no_data_and_no_markup_of_clients(api):
    api.send(texto=MALICIOUS)
    assert MALICIOUS not in api.http.get("/").text
    assert api.http.get("/_sandbox/inbox").headers["content-type"] == "application/json"


def language_of_the_page(api, accepted, **query):
    page = api.http.get("/", headers={"accept-language": accepted}, params=query)
    language = page.headers["content-language"]
    assert f'<html lang="{language}">' in page.text
    other = next(name for name in LANGUAGES if name != language)
    assert all(text not in page.text for text in (texts(other)["skip"], texts(other)["ring_what"]))
    return language


def test_the_language_is_the_browsers(api):
    for accepted, language in (
        ("", "en"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("fr, en;q=0.2, pt;q=0.7", "pt-BR"),
        ("pt;q=0, en;q=0.1", "en"),
        ("de, x;q=y", "en"),
    ):
        assert language_of_the_page(api, accepted) == language
    assert language_of_the_page(api, "en-US", lang="pt-BR") == "pt-BR"
    assert language_of_the_page(api, "en", lang="xx") == "en"


def test_the_option_comes_before_the_browser_and_the_link_before_the_option(start):
    api = start(language="pt")
    assert language_of_the_page(api, "en-US") == "pt-BR"
    assert language_of_the_page(api, "pt-BR", lang="en") == "en"


def test_an_unknown_language_is_rejected(start):
    with pytest.raises(ValueError, match="language"):
        start(language="fr")


def test_the_languages_have_the_same_texts_and_the_page_uses_them_all():
    english, portuguese = (texts(language) for language in LANGUAGES)
    assert english.keys() == portuguese.keys()
    for name in english:
        places = [sorted(re.findall(r"\{\w+\}", text[name])) for text in (english, portuguese)]
        assert places[0] == places[1], name
    sources = "".join(path.read_text() for path in page_module.FILES.glob("*.[hj]*"))
    families = re.findall(r"[`\"](\w+_)\$\{", sources) + [
        f"{name}_" for name in re.findall(r'sayCount\("(\w+)"', sources)
    ]
    unused = [name for name in english if name not in sources and not name.startswith(tuple(families))]
    assert unused == []


def test_every_switch_is_described_in_portuguese():
    descriptions = {row.description for table in (QUIRKS, FAULT_KINDS) for row in table.values()}
    descriptions -= {FAULT_KINDS["second_writer"].description}
    untranslated = {text for text in descriptions if describe(text, "pt-BR") == text}
    assert untranslated == set()
    assert describe(FAULT_KINDS["json_status_error_502_after"].description, "pt-BR") == (
        "HTTP 502 com JSON que tem status, error, depois do efeito"
    )
    assert json.dumps(describe("rain", "pt-BR")) == '"rain"'
