"""The inbox as a person uses it, in a real browser."""

from __future__ import annotations

import re

import pytest

from airflow_provider_directcall.sandbox.inbox.languages import texts

from ..browsing import *  # noqa: F403
from ..browsing import PHONE

pytestmark = pytest.mark.browser

MALICIOUS = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"


@pytest.fixture
def see():
    from playwright.sync_api import expect

    return expect


@pytest.fixture
def open_inbox(open_page, see, server):
    """Open the page, and wait until it is live: before, it has no keys."""

    def open_(**options):
        page = open_page(server.url, **options)
        see(page.locator("#live")).to_have_attribute("data-state", "live")
        return page

    return open_


@pytest.fixture
def fill(api, server):
    """Send a campaign of reminders with answers, and some calls."""

    def fill(count=40):
        for index in range(count):
            number = f"5511990{index:06d}" if index % 7 else "5511990000410"
            text = f"Olá, sua consulta é amanhã às {index % 12 + 8}h. Responda 1 para confirmar. "
            tags = {"campos[contact]": f"c{index}", "campos[campaign]": "reminders"}
            api.send(number, texto=text * (3 if index % 5 == 0 else 1), **tags)
            if index % 4 == 1:
                api.call(number, **tags)
            server.advance(3)
        api.send("5521990000011", tipo="voz", texto="Sua entrega chega hoje.")
        server.receive_call("1130000001", "5531990000003", unanswered=["5511990000010"])
        server.advance(20)
        server.receive_message("5511990000039", "27000", "PARE")

    return fill


def test_an_sms_appears_without_a_reload_and_changes_its_state(open_inbox, see, api, server):
    page = open_inbox()
    see(page.locator("#empty")).to_be_visible()
    api.send("5511990000001", texto="bom dia", **{"campos[contact]": "c1"})
    row = page.locator(".row")
    see(row).to_contain_text("+55 11 99000-0001")
    see(row).to_contain_text("contact=c1")
    server.advance(10)
    see(row.locator(".state")).to_have_text("delivered")
    see(page.locator("#live")).to_have_text("Live")


def test_texts_and_tags_are_shown_as_they_are(open_inbox, see, api, server):
    api.send(texto=MALICIOUS, **{f"campos[{MALICIOUS[:20]}]": MALICIOUS})
    server.receive_message("<b>5511</b>", "27000", MALICIOUS)
    page = open_inbox()
    for row in page.locator(".row").all():
        row.click()
        see(page.locator(".bubble.chosen p").first).to_have_text(MALICIOUS)
    assert page.locator("main img, main script, main b").count() == 0
    assert page.title() == "Directcall sandbox"


def test_nothing_but_the_pages_files_is_run(open_inbox, server):
    page = open_inbox(errors="ignore")
    blocked = page.evaluate(
        """() => {
            const tried = [];
            for (const change of [
                () => { document.body.innerHTML = "<b>x</b>"; },
                () => document.write("x"),
                () => { document.createElement("script").text = "1"; },
            ]) try { change(); tried.push("done"); } catch { tried.push("blocked"); }
            return tried;
        }"""
    )
    assert blocked == ["blocked"] * 3


def test_search_and_filters(open_inbox, see, fill, server):
    fill()
    page = open_inbox()
    page.keyboard.press("/")
    page.keyboard.type("(11) 99000-0039")
    see(page.locator(".row")).to_have_count(2)
    page.locator("#words").fill("contact=c13")
    see(page.locator(".row")).to_have_count(2)
    page.locator("#kind").select_option("call")
    see(page.locator(".row")).to_have_count(1)
    page.locator("#words").fill("")
    page.locator("#kind").select_option("received_call")
    see(page.locator(".row .state")).to_have_text(["missed"])
    page.locator("#kind").select_option("")
    page.locator("#state").select_option("failed")
    see(page.locator(".row").first).to_contain_text("+55 11 99000-0410")
    page.locator("#words").fill("nothing like this")
    see(page.locator("#empty")).to_have_text("Nothing matches.")


def test_a_message_as_its_telephone_shows_it(open_inbox, see, api, server):
    api.send("5511990000001", texto="A" * 136 + "B" * 20)
    api.send("5511990000001", texto="ação")
    server.advance(10)
    page = open_inbox()
    page.locator(".row").nth(1).click()
    see(page.locator(".bubble")).to_have_count(3)
    see(page.locator(".bubble").nth(1)).to_contain_text("part 2 of 2")
    see(page.locator(".bubble.chosen p").nth(1)).to_have_text("B" * 20)
    see(page.locator(".facts")).to_contain_text("2 parts by 140 characters, sender included")
    page.locator(".row").nth(0).click()
    see(page.locator(".facts")).to_contain_text("UCS-2")


def test_answers_reach_the_account(open_inbox, see, api, server):
    api.send("5511990000001", texto="Confirma? 1 sim, 2 não")
    page = open_inbox()
    page.locator(".row").click()
    page.get_by_role("button", name="Answer 1").click()
    see(page.locator(".bubble.own p")).to_have_text("1")
    page.get_by_placeholder("Answer as the recipient").fill("não posso")
    page.keyboard.press("Enter")
    see(page.locator(".bubble.own")).to_have_count(2)
    received = [(each["origin"], each["text"]) for each in server.state()["received_messages"]]
    assert received == [("5511990000001", "1"), ("5511990000001", "não posso")]


def test_ring_in(open_inbox, see, server):
    page = open_inbox()
    for what, notice in (
        ("A call that no telephone answers", "No rule answered"),
        ("A call", "Forwarded to +55 11 99000-0010 by rule 18000"),
        ("An SMS", "SMS received at 27000"),
    ):
        page.get_by_role("button", name="Ring in").click()
        page.get_by_label(what, exact=True).check()
        if what == "An SMS":
            page.get_by_label("Text", exact=True).fill("olá")
        page.get_by_role("button", name="Ring", exact=True).click()
        see(page.locator("#notice")).to_have_text(notice)
    see(page.locator(".row")).to_have_count(3)
    assert [call["direction"] for call in server.state()["calls"]] == ["recebida", "recebida"]


def test_faults_and_quirks_are_switches(open_inbox, see, api, server):
    page = open_inbox()
    page.keyboard.press("f")
    page.locator("#fault-endpoint").select_option("sms/send")
    page.locator("#fault-times").fill("1")
    page.locator("#switch-words").fill("too_many")
    page.get_by_role("switch", name=re.compile("too_many_requests")).check()
    see(page.locator(".force")).to_have_text("at sms/send, 1 times, 0 so far")
    assert api.post("/sms/send", origem="loja", destino="5511990000001", texto="x").status_code == 429
    page.locator("#switch-words").fill("byte order mark before every")
    page.get_by_role("switch", name=re.compile("^bom")).check()
    see(page.locator("#switched")).to_have_text("2 on")
    assert api.post("/did/list").content.startswith(b"\xef\xbb\xbf")
    page.locator("#switch-words").fill("")
    page.locator("#only-on").check()
    page.get_by_role("switch", name=re.compile("too_many_requests")).uncheck()
    see(page.get_by_role("switch")).to_have_count(1)
    assert server.state()["faults"] == []


def test_the_keyboard_is_enough(open_inbox, see, fill, server):
    fill(12)
    page = open_inbox()
    rows = page.locator(".row")
    see(rows.first).to_contain_text("PARE")
    page.keyboard.press("j")
    page.keyboard.press("j")
    see(rows.nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("End")
    see(page.locator("[aria-selected=true]")).to_contain_text("contact=c0")
    page.keyboard.press("Home")
    see(rows.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    see(page.locator(".answer")).to_be_visible()
    page.keyboard.press("r")
    page.keyboard.type("sim")
    page.keyboard.press("Enter")
    see(page.locator(".bubble.own p")).to_have_text("sim")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    see(page.locator("#detail .empty")).to_be_visible()
    for key, dialog in (("c", "ring"), ("f", "switches"), ("a", "account"), ("?", "help")):
        page.keyboard.press(key)
        see(page.locator(f"#{dialog}")).to_be_visible()
        page.keyboard.press("Escape")
        see(page.locator(f"#{dialog}")).to_be_hidden()


def test_what_comes_in_leaves_a_reader_in_place(open_inbox, see, fill, api, server):
    fill()
    page = open_inbox()
    see(page.locator(".row").first).to_be_visible()
    page.locator("#list").evaluate("list => { list.scrollTop = 68 * 20; }")
    row = page.locator(".row").filter(has_text="contact=c20 ").first
    see(row).to_be_visible()
    before = row.bounding_box()["y"]
    for _ in range(3):
        api.send("5511990000001", texto="novo")
    see(page.locator("#newer")).to_have_text("↑ 3 new entries")
    assert row.bounding_box()["y"] == before
    page.locator("#newer").click()
    see(page.locator(".row").filter(has_text="novo").first).to_be_visible()
    see(page.locator("#newer")).to_be_hidden()


def test_the_page_says_when_the_sandbox_is_away_and_comes_back(open_inbox, see, api, server):
    page = open_inbox(errors="ignore")
    see(page.locator("#live")).to_have_text("Live")
    page.route("**/_sandbox/inbox*", lambda route: route.abort())
    see(page.locator("#live")).to_have_text("No answer, trying again")
    page.unroute("**/_sandbox/inbox*")
    see(page.locator("#live")).to_have_text("Live")


def test_the_languages(open_inbox, see, fill, server):
    fill(3)
    english, portuguese = texts("en"), texts("pt-BR")
    page = open_inbox(locale="pt-BR")
    see(page.locator("#count")).to_have_text("7 registros")
    page.locator(".row").filter(has_text="contact=c0").first.click()
    see(page.locator(".facts")).to_contain_text("partes por 140 caracteres")
    page.keyboard.press("f")
    see(page.locator("#switches")).to_contain_text("a conexão é fechada sem resposta")
    shown = page.locator("body").inner_text()
    only_english = {
        text for name, text in english.items() if len(text) > 8 and "{" not in text and portuguese[name] != text
    }
    assert [text for text in only_english if text in shown] == []
    page.keyboard.press("Escape")
    page.get_by_role("link", name="English").click()
    see(page.locator(".facts")).to_contain_text("parts by 140 characters")
    assert page.locator("html").get_attribute("lang") == "en"


LOOKS = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": PHONE},
}


@pytest.mark.parametrize("locale", ["en", "pt-BR"])
@pytest.mark.parametrize("look", LOOKS)
def test_looks(open_inbox, see, fill, server, screenshots, look, locale):
    """Write the screenshots; nothing is wider than the window."""
    fill()
    page = open_inbox(locale=locale, **{"viewport": {"width": 1280, "height": 800}, **LOOKS[look]})

    def shoot(name):
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.screenshot(path=screenshots / f"inbox-{locale}-{look}-{name}.png")

    see(page.locator(".row").first).to_be_visible()
    shoot("list")
    page.locator(".row").first.click()
    see(page.locator(".bubble.own")).to_be_visible()
    shoot("answer")
    page.keyboard.press("Escape")
    page.locator("#words").fill("c35")
    page.locator(".row").filter(has_text="contact=c35").click()
    see(page.locator(".bubble")).not_to_have_count(0)
    shoot("message")
    for key, dialog in (("f", "switches"), ("a", "account"), ("c", "ring"), ("?", "help")):
        page.keyboard.press(key)
        see(page.locator(f"#{dialog}")).to_be_visible()
        if dialog == "switches":
            see(page.get_by_role("switch").first).to_be_visible()
        shoot(dialog)
        page.keyboard.press("Escape")
        see(page.locator(f"#{dialog}")).to_be_hidden()
