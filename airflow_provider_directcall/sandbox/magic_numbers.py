"""Magic destinations: the number decides the outcome of a call or a message.

``directcall-sandbox --list-numbers`` and docs/sandbox.md show this table. The numbers are mobile numbers 99000-NNNN of
any area (DDD); the last digits follow the SIP and HTTP codes of the same meaning.
"""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass
from typing import Final

_MAGIC_NUMBER = re.compile(r"(?:ip|55)?[1-9][0-9]99000(?P<suffix>[0-9]{4})")


@dataclass(frozen=True, slots=True)
class Scenario:
    """The outcome of calls, SMS and voice messages at a number. Times in (simulated) seconds."""

    suffix: str
    """The four digits after 99000-; empty for every other number."""
    name: str
    description: str
    _: KW_ONLY
    outcome: str = "atendida"
    """The statement's word for a call."""
    ring_seconds: int = 4
    talk_seconds: int = 30
    """0 = not answered."""
    sms: str = "entregue"
    """Final state of an SMS: ``entregue``, ``nao entregue``, or ``enviada`` when it is never confirmed."""
    voice_answered_on: int | None = 1
    """The attempt at which a voice message is delivered; None = never."""
    refused_call: str | None = None
    """The return code with which the API refuses a call; None = accepted."""
    refused_message: str | None = None
    can_hang_up: bool = True
    reply: str | None = None
    """The text of a reply to each SMS with short number, 60 s after it arrives; None = no reply."""

    @property
    def example(self) -> str:
        """A number of São Paulo with this scenario."""
        return f"551199000{self.suffix or '0001'}"


ANSWERED: Final = Scenario("", "answered", "answered, talks 30 s; messages are delivered (every number not listed)")

MAGIC_NUMBERS: Final[tuple[Scenario, ...]] = (
    ANSWERED,
    Scenario("0104", "short call", "answered, hung up after 4 s", talk_seconds=4),
    Scenario("0600", "long call", "answered, talks 600 s", talk_seconds=600),
    Scenario(
        "0486",
        "busy",
        "busy; an SMS is delivered, a voice message at its second attempt",
        outcome="ocupado",
        ring_seconds=2,
        talk_seconds=0,
        voice_answered_on=2,
    ),
    Scenario(
        "0480",
        "no answer",
        "rings 25 s without an answer; an SMS is delivered, a voice message is not",
        outcome="nao atendida",
        ring_seconds=25,
        talk_seconds=0,
        voice_answered_on=None,
    ),
    Scenario(
        "0302",
        "voicemail",
        "voicemail answers after 20 s and takes 12 s; messages are delivered",
        outcome="caixa postal",
        ring_seconds=20,
        talk_seconds=12,
    ),
    Scenario(
        "0503",
        "failed",
        "the call fails in the network; messages are not delivered",
        outcome="falha",
        ring_seconds=0,
        talk_seconds=0,
        sms="nao entregue",
        voice_answered_on=None,
    ),
    Scenario(
        "0410",
        "undelivered",
        "switched off: an SMS is not delivered (known after 30 s), a call is not answered",
        outcome="nao atendida",
        ring_seconds=25,
        talk_seconds=0,
        sms="nao entregue",
        voice_answered_on=None,
    ),
    Scenario("0202", "unconfirmed", "an SMS leaves and is never confirmed; a call is answered", sms="enviada"),
    Scenario("0402", "no balance", "refused by the API with codigo 201", refused_call="201", refused_message="201"),
    Scenario("0404", "refused number", "refused by the API with codigo 001", refused_call="001", refused_message="001"),
    Scenario(
        "0500",
        "gateway error",
        "refused by the API: codigo 002 for a call, 008 for a message",
        refused_call="002",
        refused_message="008",
    ),
    Scenario(
        "0409",
        "cannot be hung up",
        "answered, talks 600 s; hanging up is answered with codigo 004",
        talk_seconds=600,
        can_hang_up=False,
    ),
    Scenario("0701", "replies yes", 'answered; replies " Sim " to an SMS, 60 s after it arrives', reply=" Sim "),
    Scenario("0702", "replies one", 'answered; replies "1." to an SMS, 60 s after it arrives', reply="1."),
    Scenario("0703", "replies a keycap", 'answered; replies "1️⃣" to an SMS, 60 s after it arrives', reply="1️⃣"),
    Scenario("0704", "replies two", 'answered; replies "2" to an SMS, 60 s after it arrives', reply="2"),
    Scenario(
        "0705",
        "replies else",
        'answered; replies "talvez" to an SMS, 60 s after it arrives',
        reply="talvez",
    ),
)

_BY_SUFFIX: Final = {scenario.suffix: scenario for scenario in MAGIC_NUMBERS}


def scenario_of(number: str) -> Scenario:
    """Return the scenario of a destination as on the wire (digits, or ``ip`` and digits)."""
    magic = _MAGIC_NUMBER.fullmatch(number)
    return _BY_SUFFIX.get(magic["suffix"], ANSWERED) if magic else ANSWERED
