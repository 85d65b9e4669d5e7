"""Every kind of request, with arguments drawn by hypothesis and the fields that PHP has to see."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import assume
from hypothesis import strategies as st

from airflow_provider_directcall.api import methods
from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.requests import Request

from . import listing_cases
from .awkward import (
    file_bytes,
    file_names,
    flags,
    foreign,
    ids,
    moments,
    names,
    numbers,
    sip,
    tags,
    texts,
    values,
    words,
)
from .case import SETTINGS, Case, Draw, flag, local, present
from .php_forms import TextArray


def _token() -> Case:
    return Case(
        methods.request_token(SETTINGS), {"client_id": SETTINGS.client_id, "client_secret": SETTINGS.client_secret}
    )


@st.composite
def _cipher(draw: Draw) -> Case:
    number = draw(st.none() | numbers)
    account = {"client_id": SETTINGS.client_id, "client_secret": SETTINGS.client_secret}
    return Case(methods.create_cipher(number), account | present(destino=number))


@st.composite
def _place_call(draw: Draw) -> Case:
    origin, destination = draw(st.none() | numbers | sip), draw(numbers | sip)
    assume(destination != (origin or SETTINGS.default_origin))
    record, first, tagged, when = draw(flags), draw(flags), draw(tags), draw(st.none() | moments)
    request = methods.place_call(
        origin, destination, record=record, tags=tagged, dial_destination_first=first, schedule_at=when
    )
    return Case(
        request,
        present(
            origem=origin or SETTINGS.default_origin,
            destino=destination,
            gravar=flag(record),
            inverter_discagem="s" if first else None,
            cron=when and local(when, "%d-%m-%Y-%H-%M-%S"),
            campos=tagged,
        ),
    )


@st.composite
def _parties(draw: Draw, method: Callable[[str | None, str], Request[object]]) -> Case:
    origin, destination = draw(st.none() | numbers | sip), draw(numbers | sip)
    return Case(method(origin, destination), {"origem": origin or SETTINGS.default_origin, "destino": destination})


@st.composite
def _scheduled(draw: Draw) -> Case:
    origin, schedule = draw(st.none() | numbers), draw(ids)
    request = methods.scheduled_call_status(origin, schedule)
    return Case(request, {"origem": origin or SETTINGS.default_origin, "agendamentoId": schedule})


_message_options = st.fixed_dictionaries({"tags": tags, "send_at": st.none() | moments})


def _destinations(
    draw: Draw, one: st.SearchStrategy[str]
) -> tuple[list[str], bool, dict[str, object], dict[str, tuple[str, bytes]]]:
    as_csv = draw(flags)
    many = draw(st.lists(one, min_size=1, max_size=20 if as_csv else 10, unique=True))
    if as_csv:
        return many, True, {}, {"destino_csv": ("destinations.csv", "\n".join(many).encode())}
    return many, False, {"destino": ";".join(many)}, {}


@st.composite
def _sms(draw: Draw) -> Case:
    many, as_csv, fields, files = _destinations(draw, numbers | foreign)
    text, origin, short, show = draw(texts), draw(st.none() | numbers | words), draw(flags), draw(flags)
    email, options = draw(st.sampled_from([None, "a+b@example.com"])), draw(_message_options)
    request = methods.send_sms(
        many, text, origin=origin, short_number=short, show_origin=show, reply_email=email, as_csv=as_csv, **options
    )
    fields |= present(
        origem=origin or SETTINGS.default_origin,
        texto=text,
        tipo="texto",
        short_number=flag(short),
        id_origem=flag(show),
        callbackEmail=email,
        cron=options["send_at"] and local(options["send_at"], "%d-%m-%Y-%H-%M-%S"),
        campos=options["tags"],
    )
    return Case(request, fields, files)


@st.composite
def _voice(draw: Draw) -> Case:
    many, as_csv, fields, files = _destinations(draw, numbers)
    content = draw(
        st.fixed_dictionaries({"text": texts})
        | st.fixed_dictionaries({"audio": file_bytes, "audio_name": file_names})
        | st.fixed_dictionaries({"audio_id": ids})
    )
    attempts, hours = (
        draw(st.none() | st.integers(1, 9)),
        draw(st.none() | st.tuples(st.integers(0, 23), st.integers(0, 23))),
    )
    options = draw(_message_options)
    request = methods.send_voice_message(many, as_csv=as_csv, attempts=attempts, hours=hours, **content, **options)
    if "audio" in content:
        files["audio"] = (content["audio_name"], content["audio"])
    fields |= present(
        origem=SETTINGS.default_origin,
        tipo="voz",
        texto=content.get("text"),
        audio_id=content.get("audio_id"),
        num_tentativas=attempts and str(attempts),
        enviar_de=str(hours[0]) if hours else None,
        enviar_ate=str(hours[1]) if hours else None,
        cron=options["send_at"] and local(options["send_at"], "%d-%m-%Y-%H-%M-%S"),
        campos=options["tags"],
    )
    return Case(request, fields, files)


@st.composite
def _lot(draw: Draw) -> Case:
    many = draw(
        st.lists(
            st.tuples(ids, numbers), min_size=1, max_size=5, unique_by=(lambda item: item[0], lambda item: item[1])
        )
    )
    recipients = [methods.LotRecipient(key, number, draw(texts), draw(tags)) for key, number in many]
    voice, email = draw(flags), draw(st.sampled_from([None, "a@example.com"]))
    origin = None if voice else draw(st.none() | words)
    short = None if voice else draw(st.none() | flags)
    tagged, when = draw(tags), draw(st.none() | moments)
    entries = [
        present(id_destinatario=entry.recipient_id, destino=entry.destination, texto=entry.text, campos=entry.tags)
        for entry in recipients
    ]
    body = present(
        origem=origin or SETTINGS.default_origin,
        destinatarios=entries,
        tipo="voz" if voice else None,
        campos=tagged,
        cron=when and local(when, "%d-%m-%Y-%H-%M-%S"),
        short_number=None if short is None else flag(short),
        callbackEmail=email,
    )
    request = methods.send_lot(
        recipients, origin=origin, tags=tagged, send_at=when, short_number=short, voice=voice, reply_email=email
    )
    return Case(request, json=body)


@st.composite
def _with_id(draw: Draw, method: Callable[[str], Request[object]], name: str) -> Case:
    key = draw(ids)
    return Case(method(key), {name: key})


@st.composite
def _audio(draw: Draw) -> Case:
    content, name = draw(file_bytes), draw(file_names)
    return Case(methods.upload_audio(content, name=name), files={"audio": (name, content)})


@st.composite
def _call_callback(draw: Draw) -> Case:
    url, pin = draw(_urls), draw(st.none() | ids)
    return Case(methods.add_call_callback(url, pin=pin), present(url=url, pin=pin))


_urls = st.sampled_from(
    ["https://user:p%40ss@example.com/hook?a=1&b=c+d", "http://127.0.0.1:8/ação", "https://[::1]/x;y"]
)


@st.composite
def _callback(draw: Draw, method: Callable[[str], Request[object]]) -> Case:
    url = draw(_urls)
    return Case(method(url), {"url": url})


_dids = st.sampled_from([("1130000001", "1130000001"), ("+55 41 3000-0001", "4130000001")])
_json_values = st.recursive(
    st.none() | flags | st.integers() | values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


def as_php_array(value: object) -> object:
    """Convert a JSON value as a form does: texts, lists as arrays numbered from 0; empty values as empty texts."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        value = {str(index): item for index, item in enumerate(value)}
    if isinstance(value, dict):
        return {key: as_php_array(inner) for key, inner in value.items()} or ""
    return "" if value is None else str(value)


@st.composite
def _save_rule(draw: Draw) -> Case:
    did, rule_id, priority = draw(_dids), draw(st.none() | ids), draw(st.integers(0, 99))
    data = draw(st.dictionaries(names, _json_values, max_size=4))
    request = methods.save_rule(did[0], Rule(action="fwd", data=data, priority=priority, rule_id=rule_id))
    array = as_php_array(data) or None
    fields = present(did=did[1], priority=str(priority), action="fwd", dpId=rule_id, data=array)
    return Case(request, fields)


@st.composite
def _list_rules(draw: Draw) -> Case:
    did = draw(_dids)
    return Case(methods.list_rules(did[0]), {"did": did[1]})


@st.composite
def _remove_rule(draw: Draw) -> Case:
    did, rule_id = draw(_dids), draw(ids)
    return Case(methods.remove_rule(did[0], rule_id), {"did": did[1], "dpId": rule_id})


@st.composite
def _sound(draw: Draw) -> Case:
    name, content = draw(texts.filter(str.isprintable)), draw(file_bytes)
    kind, suffix = draw(st.sampled_from([("audio/mpeg", "mp3"), ("audio/wav", "wav")]))
    request = methods.add_sound(name, content, content_type=kind)
    return Case(request, {"nome": name}, {"audio": (f"sound.{suffix}", content)})


@st.composite
def _carrier(draw: Draw) -> Case:
    number = draw(numbers)
    return Case(methods.lookup_carrier(number), {"numero": number[2:]})


#: Endpoint name -> every request to it.
CASES: dict[str, st.SearchStrategy[Case]] = {
    "request_token": st.builds(_token),
    "create_cipher": _cipher(),
    "place_call": _place_call(),
    "end_call": _parties(methods.end_call),
    "call_status": _parties(methods.call_status),
    "scheduled_call_status": _scheduled(),
    "add_call_callback": _call_callback(),
    "list_call_callbacks": st.builds(lambda: Case(methods.list_call_callbacks())),
    "remove_call_callback": _with_id(methods.remove_call_callback, "code"),
    "send_message": _sms() | _voice(),
    "send_lot": _lot(),
    "message_status": _with_id(methods.message_status, "code"),
    "cancel_message": _with_id(methods.cancel_message, "code"),
    "received_messages": listing_cases.received(),
    "upload_audio": _audio(),
    "add_message_callback": _callback(methods.add_message_callback),
    "add_received_callback": _callback(methods.add_received_callback),
    "list_message_callbacks": st.builds(lambda: Case(methods.list_message_callbacks())),
    "remove_message_callback": _with_id(methods.remove_message_callback, "code"),
    "list_statement": listing_cases.statement(),
    "list_recordings": listing_cases.recordings(),
    "list_messages": listing_cases.messages(),
    "balance": st.builds(lambda: Case(methods.balance())),
    "list_numbers": st.builds(lambda: Case(methods.list_numbers())),
    "list_rules": _list_rules(),
    "save_rule": _save_rule(),
    "remove_rule": _remove_rule(),
    "add_sound": _sound(),
    "lookup_carrier": _carrier(),
}


def wire_fields(case: Case) -> TextArray:
    """Return all fields on the wire for a case, token and format included."""
    token = {"access_token": "t.o+k"} if case.request.authenticated else {}
    return {**token, **case.fields, case.request.endpoint.format_field: "JSON"}
