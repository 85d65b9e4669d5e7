"""Quirks of the statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.quirks.kinds import Quirk

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_directcall.sandbox.quirks.kinds import Row
    from airflow_provider_directcall.sandbox.replies import Json


def _shown_as(form: Callable[[dict[str, Json]], Json]) -> Callable[[Row, float], Row]:
    """Return a function that shows the tags of a row in a form; the first of several such quirks wins."""

    def change(row: Row, age: float) -> Row:
        tags = row.get("campos")
        return {**row, "campos": form(tags)} if isinstance(tags, dict) else row

    return change


def _listed_as(name: str) -> Callable[[Row, float], Row]:
    return _shown_as(lambda tags: [{name: key, "valor": value} for key, value in tags.items()])


STATEMENT: Final[dict[str, Quirk]] = {
    "campos_list": Quirk("campos of a statement row as a list of {campo, valor}", row=_listed_as("campo")),
}
