"""The sandbox's inbox with 10,000 messages in a real browser: the first list, a search, and live updates.

Each is compared with an inbox of a hundred. Target: no more than twice the time, and updates of less than a frame.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Final

import httpx

from bench._sandbox_process import sandbox_process
from tools.browser import MISSING, chromium, headless_browser

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from airflow_provider_directcall.api.settings import Settings

FEW: Final = 100
MESSAGES: Final = 10_000
LOT: Final = 500
UPDATES: Final = 10
FRAME_MS: Final = 1000 / 60
_PATIENCE_MS: Final = 120_000
_FIRST: Final = "(first => first.startTime + first.duration)(performance.getEntriesByName('drawn')[0])"


class _Sender:
    """Sends lots of SMS, each to another number."""

    def __init__(self, settings: Settings) -> None:
        self.http = httpx.Client(base_url=settings.base_url, timeout=60, trust_env=False)
        login = {"client_id": settings.client_id, "client_secret": settings.client_secret}
        self._token = self.http.post("/request_token", data=login).json()["access_token"]
        self._sent = 0

    def send(self, count: int) -> None:
        """Send one lot."""
        recipients = [self._recipient(self._sent + place) for place in range(count)]
        self._sent += count
        body = {"access_token": self._token, "origem": "loja", "destinatarios": recipients}
        self.http.post("/sms/lot-send", json=body).raise_for_status()

    @staticmethod
    def _recipient(number: int) -> dict[str, object]:
        text = f"Sua consulta é amanhã às {number % 12 + 8}h. Responda 1 para confirmar."
        tags = {"contact": f"c{number}.", "campaign": "reminders"}
        return {"id_destinatario": str(number), "destino": f"551199{number:07}", "texto": text, "campos": tags}


def first_list(page: Page, url: str) -> float:
    """Return the milliseconds from the start of the navigation to the first drawn list."""
    page.goto(url)
    page.wait_for_selector(".row", timeout=_PATIENCE_MS)
    return float(page.evaluate(_FIRST))


def search(page: Page, words: str) -> float:
    """Return the milliseconds from the last key to the drawn result, the page's wait for further keys included."""
    began = time.perf_counter()
    page.locator("#words").fill(words)
    page.wait_for_function("() => document.querySelectorAll('.row').length === 1", timeout=_PATIENCE_MS)
    took = (time.perf_counter() - began) * 1000
    page.locator("#words").fill("")
    page.wait_for_function("() => document.querySelectorAll('.row').length > 5", timeout=_PATIENCE_MS)
    return took


def update(page: Page, sender: _Sender) -> float:
    """Return the median milliseconds of scripting of live updates, with a new message each."""
    page.evaluate("performance.clearMeasures()")
    for _ in range(UPDATES):
        sender.send(1)
        known = page.evaluate("performance.getEntriesByName('drawn').length")
        page.wait_for_function(f"() => performance.getEntriesByName('drawn').length > {known}", timeout=_PATIENCE_MS)
    drawn: list[float] = page.evaluate("performance.getEntriesByName('drawn').map(each => each.duration)")
    return statistics.median(drawn)


def request(sender: _Sender, **query: str) -> float:
    """Return the median milliseconds of the page's request, without a browser."""
    samples = []
    for _ in range(UPDATES):
        began = time.perf_counter()
        sender.http.get("/_sandbox/inbox", params=query).raise_for_status()
        samples.append((time.perf_counter() - began) * 1000)
    return statistics.median(samples)


def measure(page: Page, url: str, sender: _Sender) -> dict[str, float]:
    """Return the milliseconds of each figure."""
    return {
        "first list": first_list(page, url),
        "search for one contact": search(page, "contact=c43."),
        "scripting of an update": update(page, sender),
        "request, all": request(sender),
        "request, by words": request(sender, words="contact=c43."),
        "request, by state": request(sender, state="delivered"),
    }


def main() -> None:
    """Print the figures."""
    if chromium() is None:
        print(f"skipped: {MISSING}")
        return
    with sandbox_process() as settings, headless_browser() as browser:
        sender = _Sender(settings)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(settings.base_url)  # a first visit warms the browser up
        sender.send(FEW)
        few = measure(page, settings.base_url, sender)
        for _ in range(MESSAGES // LOT):
            sender.send(LOT)
        many = measure(page, settings.base_url, sender)
    print(f"{'milliseconds with':<24} {FEW:>9,} {MESSAGES:>9,} {'ratio':>6}")
    for name, value in many.items():
        print(f"{name:<24} {few[name]:>9.1f} {value:>9.1f} {value / few[name]:>6.2f}")
    print(f"an update takes {many['scripting of an update'] / FRAME_MS:.2f} of a frame")


if __name__ == "__main__":
    main()
