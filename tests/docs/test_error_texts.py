"""The page of errors shows texts that the code still has, and names each public error."""

from __future__ import annotations

import pytest

from airflow_provider_directcall import errors
from tools.site.messages import PAGE, documented, in_code, parts

TEXTS = in_code()


@pytest.mark.parametrize("message", documented())
def test_the_text_is_in_the_code(message: str) -> None:
    missing = [part for part in parts(message) if not any(part in text for text in TEXTS)]
    assert missing == []


def test_each_public_error_is_named() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in errors.__all__ if f"`{name}`" not in page] == []
