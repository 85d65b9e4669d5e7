"""Fixtures of tests in a real browser: ``from ..browsing import *`` in a ``conftest.py``, marker ``browser``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.browser import MISSING, chromium, headless_browser

__all__ = ["browser", "open_page", "screenshots"]

PATIENCE_MS = 90_000
"""The longest wait for anything; machines are slow at times, and nothing waits longer than it must."""
PHONE = {"width": 390, "height": 844}
_SCREENSHOTS = Path(__file__).resolve().parents[1] / ".cache" / "screenshots"


@pytest.fixture(scope="module")
def browser():
    """Yield Playwright's ``Browser``.

    It lives for a module only: while it runs, this thread has an event loop, so no coroutine test can.
    """
    if chromium() is None:
        pytest.skip(MISSING)
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE_MS)
    with headless_browser() as running:
        yield running


@pytest.fixture
def open_page(browser):
    """Open pages in contexts of their own; at the end fail on errors in their consoles, unless ``errors="ignore"``.

    Options are those of Playwright's ``new_context``: ``locale="pt-BR"``, ``color_scheme="dark"``, ``viewport=PHONE``.
    """
    contexts, complaints = [], []

    def open_(url, *, errors="fail", **options):
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        if errors == "fail":
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.goto(url)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def screenshots():
    """Return the folder of screenshots, which git ignores."""
    _SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return _SCREENSHOTS
