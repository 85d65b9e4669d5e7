"""The page Telephony in a real browser, in a real Airflow below a base path: a campaign, a routed number, a wait."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tools.page_world import ADMINISTRATOR, VIEWER, PageWorld, page_world

from ..browsing import *  # noqa: F403 - fixtures
from ..browsing import PHONE

pytestmark = pytest.mark.browser

CONTACTS = 50
DAGS = ("hotline", "waiting", "reminders")
#: For Airflow's scheduler and the campaign, on a machine with much else to do.
SECONDS = 900
RINGER = {"conn_type": "generic", "login": "ringer", "password": "secret-of-a-test"}
CHRISTMAS_EVE = "2026-12-24T15:00"
#: A missing XCom is a 404, which a browser reports.
EXPECTED = re.compile(r"status of 404")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageWorld]:
    receiver = {
        "AIRFLOW__DIRECTCALL__WEBHOOK_CONN_ID": "ringer",
        "AIRFLOW_CONN_RINGER": json.dumps(RINGER),
    }
    with page_world(tmp_path_factory.mktemp("page"), contacts=CONTACTS, base_path="/data", **receiver) as running:
        yield running


@pytest.fixture(scope="module")
def runs(world: PageWorld) -> dict[str, str]:
    return {dag_id: world.airflow.trigger(dag_id) for dag_id in DAGS}


@pytest.fixture
def show(world: PageWorld, open_page):
    """Open the page as a user, and fail on errors of its scripts and of its policy."""
    complaints: list[str] = []

    def show(user: str, path: str = "directcall/ui/", *, theme: str = "light", lang: str = "en", **options):
        page = open_page(
            "about:blank", errors="ignore", storage_state=world.session(user, theme=theme, i18nextLng=lang), **options
        )
        page.set_default_timeout(120_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.goto(f"{world.airflow.url}/{path}")
        return page

    yield show
    assert [text for text in complaints if not EXPECTED.search(text)] == []


def wait_until(condition: Callable[[], object], event: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{event} did not happen in {SECONDS} s"
        time.sleep(1)


def campaign_address(runs: dict[str, str]) -> str:
    return f"directcall/ui/?view=campaign&dag=reminders&run={quote(runs['reminders'], safe='')}&group=sms"


def figure(page, name: str) -> str:
    return page.locator(".figures > div", has=page.locator("dt", has_text=re.compile(f"^{name}$"))).inner_text()


def outcomes(page, name: str = "Outcomes") -> dict[str, int]:
    rows = page.get_by_role("region", name=name).locator("tbody tr").all_inner_texts()
    return {cells[0].strip(): int(cells[1]) for cells in (row.split("\t") for row in rows)}


def test_every_route_is_closed_without_a_login(world: PageWorld) -> None:
    closed = ["directcall/ui/", "directcall/ui/?view=numbers", "api/v2/dags", "directcall/events/call"]
    for path in closed:
        answer = httpx.get(f"{world.airflow.url}/{path}")
        assert answer.status_code == 401, path
    rung = httpx.get(f"{world.airflow.url}/directcall/events/call", auth=(RINGER["login"], RINGER["password"]))
    assert rung.status_code == 503  # no DAG names the asset
    assert httpx.get(f"{world.airflow.url}/directcall/ui/static/main.js").status_code == 200
    bearer = {"Authorization": "Bearer not-a-token"}
    assert httpx.get(f"{world.airflow.url}/directcall/ui/", headers=bearer).status_code in (401, 403)


def test_it_follows_a_campaign_from_the_first_message_to_the_report(
    world: PageWorld, runs: dict[str, str], show, screenshots: Path
) -> None:
    page = show(ADMINISTRATOR, campaign_address(runs), viewport={"width": 1200, "height": 1300})
    sending = page.locator(".badge.sending")
    progress = page.locator("progress")
    wait_until(lambda: sending.count() and progress.count() and int(progress.get_attribute("value") or 0), "sending")
    assert f"of {CONTACTS}" in figure(page, "Sent")
    assert int(progress.get_attribute("max") or 0) == CONTACTS
    page.screenshot(path=screenshots / "page-running.png")
    page.locator(".badge.done").wait_for(timeout=SECONDS * 1000)
    report = world.airflow.xcom("reminders", runs["reminders"], "sms.report")
    assert isinstance(report, dict)
    assert outcomes(page) == {
        "delivered": report["states"]["delivered"],
        "rejected": 2,
        "refused": 1,
        "failed": 1,
    }
    assert report["contacts"] == CONTACTS + 2 == sum(outcomes(page).values())
    assert f"R${report['cost_brl']:.2f}" in figure(page, "Cost")
    page.get_by_text("report/report.html").wait_for()
    plot = page.get_by_role("img", name=re.compile("^Sent over time: "))
    assert plot.locator(".part").last.bounding_box()["height"] > 100
    hours = outcomes(page, "By hour of the request (America/Sao_Paulo)")
    assert list(hours.values()) == [requests for _, requests, _ in report["hours"]]
    page.screenshot(path=screenshots / "page-finished.png")
    phones = re.findall(r"\b119\d{8}\b", (world.airflow.dags_folder / "contacts.csv").read_text())
    assert len(phones) == CONTACTS
    assert not [phone for phone in phones if phone in page.content()]


def test_a_viewer_sees_the_same_in_portuguese_on_a_phone(show, runs: dict[str, str], screenshots: Path) -> None:
    page = show(VIEWER, campaign_address(runs), lang="pt", viewport=PHONE)
    page.get_by_text("terminada").wait_for()
    assert outcomes(page, "Resultados")["entregue"] == CONTACTS - 2
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.screenshot(path=screenshots / "page-viewer-phone-pt.png")
    page = show(VIEWER, viewport={"width": 1200, "height": 700})
    page.get_by_role("link", name="reminders · sms").first.wait_for()
    page.screenshot(path=screenshots / "page-viewer.png")


def test_a_call_on_christmas_eve(show, runs: dict[str, str], screenshots: Path, world: PageWorld) -> None:
    assert world.airflow.wait_for_run("hotline", runs["hotline"], SECONDS) == "success"
    page = show(VIEWER, "directcall/ui/?view=numbers", viewport={"width": 1200, "height": 900})
    applied = page.locator("#number-hotline-route--1")
    applied.get_by_label("What happens to a call at").fill(CHRISTMAS_EVE)
    answer = applied.locator(".answer")
    answer.get_by_text("rings 5511*****0077 for 20 s").wait_for()
    assert "Véspera de Natal" in answer.inner_text()
    assert page.get_by_role("heading", name="Number 11*****0001").count() == 1
    assert applied.locator(".segment.holiday").count() == 2
    page.screenshot(path=screenshots / "page-routing-week.png")
    # With the keyboard alone: the next week, whose Friday is the first of January.
    applied.get_by_role("button", name="Later week").press("Enter")
    applied.get_by_text("The week of December 28, 2026").wait_for()
    assert applied.get_by_label("What happens to a call at").input_value() == "2026-12-31T15:00"
    for number in ("1130000001", "5511990000077", "plantao@example.com"):
        assert number not in page.content()
    page = show(ADMINISTRATOR, "directcall/ui/?view=numbers", theme="dark", lang="pt", viewport=PHONE)
    page.get_by_text("O que acontece com uma ligação em").first.wait_for()
    page.screenshot(path=screenshots / "page-routing-week-phone-dark-pt.png")


def test_a_week_of_another_month_opens_there_and_a_restore_is_reported(
    show, runs: dict[str, str], world: PageWorld
) -> None:
    assert world.airflow.wait_for_run("hotline", runs["hotline"], SECONDS) == "success"
    run = world.airflow.trigger("rehearsal")
    assert world.airflow.wait_for_run("rehearsal", run, SECONDS) == "success"
    page = show(VIEWER, "directcall/ui/?view=numbers")
    number = page.locator("section", has=page.get_by_role("heading", name="Number 11*****0001"))
    assert number.locator(".alert").inner_text().startswith("Earlier rules restored ")
    card = number.locator("#number-rehearsal-apply--1")
    card.get_by_text(", not for today; it opens on the first of these days.").wait_for()
    week = world.airflow.xcom("rehearsal", run, "apply", key="week")
    assert isinstance(week, dict)
    assert card.get_by_label("What happens to a call at").input_value() == f"{week['first_day']}T12:00"
    assert card.locator(".day.chosen .segment").count()
    # The newest first; after the restore, none of them is the last that wrote.
    assert "of rehearsal" in number.locator(".card h3").first.inner_text()
    assert number.locator(".card").count() == 3
    assert number.locator(".badge").count() == 0
    card.get_by_label("What happens to a call at").fill("2026-01-05T12:00")
    card.get_by_text("The plan begins on").wait_for()
    # Without a restore, it is the last that wrote.
    page.route("**/taskInstances/restore/xcomEntries/**", lambda route: route.fulfill(status=404))
    page.reload()
    card.locator(".badge").get_by_text("the last to apply").wait_for()
    assert number.locator(".badge").count() == 1
    assert number.locator(".alert").count() == 0


def test_what_waits(show, runs: dict[str, str], screenshots: Path) -> None:
    page = show(ADMINISTRATOR, "directcall/ui/?view=waits", theme="dark", viewport={"width": 1200, "height": 500})
    row = page.get_by_role("row").filter(has_text="calls with tags")
    row.wait_for()
    assert row.locator("td").first.inner_text() == "1"
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.screenshot(path=screenshots / "page-waits-dark.png")


def test_it_is_in_airflows_navigation_and_leads_back(show, runs: dict[str, str], screenshots: Path) -> None:
    page = show(VIEWER, "plugin/directcall", viewport={"width": 1300, "height": 800})
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name="Waits").click()
    frame.get_by_role("link", name="waiting · call").click()
    page.get_by_text("Deferred").first.wait_for()
    assert "/data/dags/waiting/runs/" in page.url


def test_it_is_a_tab_of_the_run(show, runs: dict[str, str], screenshots: Path) -> None:
    run = quote(runs["reminders"], safe="")
    page = show(
        ADMINISTRATOR,
        f"dags/reminders/runs/{run}/plugin/directcall-run",
        lang="pt",
        viewport={"width": 1400, "height": 900},
    )
    frame = page.frame_locator("iframe")
    frame.get_by_text("terminada").wait_for()
    assert frame.get_by_text("reminders · sms").count() == 1
    page.screenshot(path=screenshots / "page-tab-pt.png")
    # Airflow 3.1 leaves a run's id as it is.
    page = show(ADMINISTRATOR, f"directcall/ui/?view=run&dag=reminders&run={runs['reminders']}")
    page.get_by_text("finished").wait_for()


def test_a_page_asks_little_and_nothing_while_it_is_hidden(world: PageWorld, runs: dict[str, str], open_page) -> None:
    page = open_page("about:blank", errors="ignore", storage_state=world.session(VIEWER))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/v2/" in request.url else None)
    page.clock.install()
    page.goto(world.page)
    page.get_by_role("link", name="reminders · sms").first.wait_for(timeout=120_000)
    asked.clear()
    for _ in range(6):
        page.clock.run_for(10_000)
        page.wait_for_load_state("networkidle")
    assert 1 <= len(asked) <= 60
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {value: true});document.dispatchEvent(new Event('visibilitychange'))"
    )
    page.wait_for_load_state("networkidle")
    asked.clear()
    page.clock.run_for(600_000)
    assert asked == []


def test_a_user_who_is_signed_out_is_told_so_and_no_more_is_asked(world: PageWorld, open_page) -> None:
    page = open_page("about:blank", errors="ignore", storage_state=world.session(VIEWER))
    page.goto(world.page)
    page.get_by_text("Read at").wait_for(timeout=120_000)
    page.context.clear_cookies()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.get_by_text("You are signed out").wait_for(timeout=120_000)
