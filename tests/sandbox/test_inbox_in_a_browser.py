"""The inbox as a person uses it, in a real browser."""

from __future__ import annotations

import pytest

from ..browsing import *  # noqa: F403

pytestmark = pytest.mark.browser


def test_the_page_shows_a_call(open_page, api, person):
    api.call(person)
    page = open_page(api.server.url)
    assert person in page.text_content("body")
