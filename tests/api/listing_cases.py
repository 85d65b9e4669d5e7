"""Requests for a page of a statement or of received messages, with arguments drawn by hypothesis."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import strategies as st

from airflow_provider_directcall.api import methods

from .awkward import flags, foreign, ids, moments, numbers, sip, tags
from .case import Case, Draw, local, present


@st.composite
def received(draw: Draw) -> Case:
    since = draw(moments)
    until, page = since + timedelta(hours=1), draw(st.integers(1, 99))
    return Case(
        methods.received_messages(since, until).page(page),
        {
            "data_inicio": local(since, "%Y-%m-%d %H:%M:%S"),
            "data_fim": local(until, "%Y-%m-%d %H:%M:%S"),
            "itens_por_pagina": "100",
            "pagina": str(page),
        },
    )


def _window(draw: Draw) -> tuple[datetime, datetime, dict[str, object], dict[str, object]]:
    since = draw(moments)
    until = since + timedelta(seconds=draw(st.integers(0, 10_000_000)))
    filters = draw(
        st.fixed_dictionaries(
            {
                "origin": st.none() | numbers | sip,
                "destination": st.none() | numbers | foreign,
                "callerid": st.none() | ids,
            }
        )
    )
    fields = present(
        dataInicial=local(since, "%Y%m%d%H%M%S"),
        dataFinal=local(until, "%Y%m%d%H%M%S"),
        numeroOrigem=filters["origin"],
        numeroDestino=filters["destination"],
        callerid=filters["callerid"],
    )
    return since, until, filters, fields


@st.composite
def statement(draw: Draw) -> Case:
    since, until, filters, fields = _window(draw)
    tagged, calls, everything = draw(tags), draw(st.none() | st.sampled_from(list(methods.CallFilter))), draw(flags)
    listing = methods.list_statement(since, until, tags=tagged, calls=calls, all_products=everything, **filters)
    fields |= present(tipoFiltro=calls, getAllPins="true" if everything else "false", pagina="3")
    return Case(listing.page(3), fields | {"campos": {**(tagged or {}), "search": "s"}})


@st.composite
def recordings(draw: Draw) -> Case:
    since, until, filters, fields = _window(draw)
    tagged = draw(tags)
    listing = methods.list_recordings(since, until, tags=tagged, **filters)
    return Case(listing.page(1), fields | present(campos=tagged) | {"getAllPins": "false", "pagina": "1"})


@st.composite
def messages(draw: Draw) -> Case:
    since, until, filters, fields = _window(draw)
    tagged, kind = draw(tags), draw(st.none() | st.sampled_from(list(methods.MessageKind)))
    listing = methods.list_messages(since, until, tags=tagged, kind=kind, **filters)
    return Case(
        listing.page(1), fields | present(tipo=kind) | {"pagina": "1", "campos": {**(tagged or {}), "search": "s"}}
    )
