"""A campaign's pages as a person sees them, in a real browser."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from airflow_provider_directcall.campaigns.report_page import page
from airflow_provider_directcall.telephony.windows import PRESETS
from airflow_provider_directcall.translations.languages import LANGUAGES, language_of

from ..browsing import *  # noqa: F403 - fixtures
from ..browsing import PHONE
from .planning_world import planned_csv
from .test_pages import BRASILIA, CONTACTS, EVENING, totals_of_everything

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", LANGUAGES)
@pytest.mark.parametrize("viewport", [PHONE, {"width": 1100, "height": 1500}], ids=["phone", "desk"])
def test_the_pages_fit_a_telephone_and_a_desk(name, viewport, open_page, screenshots, tmp_path: Path) -> None:
    language = language_of(name)
    planned_csv(tmp_path, CONTACTS, now=EVENING, language=language, window=PRESETS["strict"], price_brl=Decimal("0.09"))
    made = datetime(2026, 12, 24, 18, 30, tzinfo=BRASILIA)
    (tmp_path / "plan" / "report.html").write_text(page(totals_of_everything(), made, language))
    for shown in ("preview", "report"):
        opened = open_page((tmp_path / "plan" / f"{shown}.html").as_uri(), viewport=viewport)
        assert opened.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        assert opened.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")
        opened.screenshot(path=screenshots / f"{shown}-{name}-{viewport['width']}.png", full_page=True)
