"""A headless Chromium of this machine, driven by Playwright: for the tests of pages and their benches."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

VARIABLE: Final = "DIRECTCALL_CHROMIUM"
"""Path of a Chromium or Chrome that is not in PATH."""
MISSING: Final = f"no Chromium found; install one (Debian: chromium), or set {VARIABLE} to the path of one"
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """Return the path of the Chromium or Chrome to use, None without one."""
    chosen = os.environ.get(VARIABLE)
    return chosen or next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def headless_browser() -> Iterator[Browser]:
    """Run a headless browser.

    :raises RuntimeError: this machine has none.
    """
    from playwright.sync_api import sync_playwright

    path = chromium()
    if path is None:
        raise RuntimeError(MISSING)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path)
        try:
            yield running
        finally:
            running.close()
