"""The summary of a plan: counts and reasons, and the names of its chunks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.contacts.reading import ContactFile
from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.campaigns.frequency import FrequencyCap
from airflow_provider_directcall.campaigns.plan_times import PlanTimes
from airflow_provider_directcall.translations.languages import english_money

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.storage import Folder

ACCEPTED: Final = "accepted"
PLAN_FILE: Final = "plan.json"
#: In an error.
_MOST_REASONS: Final = 3


@dataclass(frozen=True)
class PlanChunk:
    """One file of accepted contacts.

    :ivar parts: of all its texts.
    """

    name: str
    contacts: int
    parts: int
    digest: str


@dataclass(frozen=True)
class CampaignPlan:
    """A plan's summary: counts and reasons; no number, no text, no name.

    :ivar digest: changes with the contacts, the texts and every argument.
    :ivar states: how many contacts are accepted, rejected, ...
    :ivar reasons: why contacts are left out, with the number of them.
    :ivar parts: of all texts.
    :ivar cost_brl: None where no price is known.
    :ivar transliterated: how many texts have other letters than they were given.
    :ivar channel: how contacts are reached.
    :ivar fingerprint: of the settings.
    :ivar planned_at: aware.
    :ivar sources: the files of contacts, as they were read.
    :ivar frequency_cap: how often all campaigns of the storage may reach a number.
    :ivar ledger: the storage whose ledger counts that; None where nothing is counted.
    :ivar times: when contacts are sent to.
    """

    digest: str
    chunks: tuple[PlanChunk, ...]
    states: Mapping[str, int]
    reasons: Mapping[str, int]
    parts: int
    cost_brl: Decimal | None
    transliterated: int
    channel: Channel
    fingerprint: str
    planned_at: datetime
    sources: tuple[ContactFile, ...]
    frequency_cap: FrequencyCap | None = None
    ledger: str | None = None
    times: PlanTimes = field(default_factory=PlanTimes)

    @property
    def accepted(self) -> int:
        """The number of contacts that will be reached."""
        return self.states.get(ACCEPTED, 0)

    @property
    def contacts(self) -> int:
        """The number of rows."""
        return sum(self.states.values())

    def summary_lines(self) -> list[str]:
        """Return the summary for people: how the files were read, counts, reasons, cost."""
        counts = ", ".join(f"{count:,} {state}" for state, count in sorted(self.states.items()))
        cost = "without a price" if self.cost_brl is None else english_money(self.cost_brl)
        texts = f"{self.transliterated:,} texts in plain letters"
        return [
            *(f"Read {each.name}: {each.form}." for each in self.sources),
            f"Plan {self.digest[:12]}: {self.contacts:,} contacts, of which {counts}.",
            f"{self.parts:,} parts, {cost}, in {len(self.chunks):,} chunks; {texts}.",
            *self.times.summary_lines(),
            *(f"Left out {count:,}: {reason}." for reason, count in sorted(self.reasons.items(), key=_most_first)),
            *([] if self.accepted else ["No contact is left: nothing will be sent."]),
        ]

    def as_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "digest": self.digest,
            "chunks": [asdict(each) for each in self.chunks],
            "states": dict(self.states),
            "reasons": dict(self.reasons),
            "parts": self.parts,
            "cost_brl": str(self.cost_brl) if self.cost_brl is not None else None,
            "transliterated": self.transliterated,
            "channel": self.channel.value,
            "fingerprint": self.fingerprint,
            "planned_at": self.planned_at.isoformat(),
            "sources": [asdict(each) for each in self.sources],
            "frequency_cap": self.frequency_cap and self.frequency_cap.as_json(),
            "ledger": self.ledger,
            "times": self.times.as_json(),
        }

    @classmethod
    def read(cls, folder: Folder) -> CampaignPlan:
        """Read the summary of a plan that is complete.

        :raises CampaignError: there is none, or it cannot be read.
        """
        try:
            fields = json.loads(folder.read(PLAN_FILE))
        except FileNotFoundError:
            raise CampaignError(
                f"plan: there is none in {folder.uri}. A local folder is on one machine only: several workers need a "
                "storage that all of them reach"
            ) from None
        except ValueError:
            raise CampaignError(f"plan: {PLAN_FILE} in {folder.uri} is damaged") from None
        return cls(
            digest=fields["digest"],
            chunks=tuple(PlanChunk(**each) for each in fields["chunks"]),
            states=fields["states"],
            reasons=fields["reasons"],
            parts=fields["parts"],
            cost_brl=Decimal(fields["cost_brl"]) if fields["cost_brl"] is not None else None,
            transliterated=fields["transliterated"],
            channel=Channel(fields["channel"]),
            fingerprint=fields["fingerprint"],
            planned_at=datetime.fromisoformat(fields["planned_at"]),
            sources=tuple(ContactFile(**each) for each in fields["sources"]),
            frequency_cap=FrequencyCap.of(cap) if (cap := fields.get("frequency_cap")) else None,
            ledger=fields.get("ledger"),
            # Plans of earlier builds have none.
            times=PlanTimes.of(times) if (times := fields.get("times")) else PlanTimes(),
        )


def reasons_text(reasons: Mapping[str, int]) -> str:
    """Return the most frequent reasons to leave contacts out, with the number of contacts."""
    ordered = sorted(reasons.items(), key=_most_first)
    others = sum(count for _, count in ordered[_MOST_REASONS:])
    shown = [f"{reason} ({count})" for reason, count in ordered[:_MOST_REASONS]]
    return "; ".join([*shown, f"other reasons ({others})"] if others else shown)


def _most_first(reason: tuple[str, int]) -> tuple[int, str]:
    return -reason[1], reason[0]
