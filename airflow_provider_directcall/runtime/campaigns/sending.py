"""What the send, track and report tasks of a campaign share: the plan, keys, limits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.campaigns.errors import CampaignError, StalePlanError
from airflow_provider_directcall.campaigns.plan_summary import CampaignPlan
from airflow_provider_directcall.delivery.keys import TaskIdentity, delivery_key
from airflow_provider_directcall.runtime.campaigns.files import folder_of, folder_of_plan, generation_of

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.chunk_reach import FrequencyRules
    from airflow_provider_directcall.campaigns.frequency import FrequencyCap
    from airflow_provider_directcall.campaigns.storage import Folder
    from airflow_provider_directcall.hooks.directcall import DirectcallHook
    from airflow_provider_directcall.runtime.campaigns.planning import ExclusionRules

#: Name of an Airflow Variable that stops all campaigns of the deployment before their next wave, if it is true.
STOP_VARIABLE: Final = "directcall_campaign_stop"
#: How often replies are read while a chunk is sent, and lists, which may be large: calls with retries take hours.
_REPLIES_AGE: Final = timedelta(minutes=5)
_LISTS_AGE: Final = timedelta(hours=1)


def open_plan(plan: object) -> tuple[Folder, CampaignPlan]:
    """Return the folder and the summary of a plan.

    :param plan: the result of a plan task, or the URI of its file.
    :raises CampaignError: there is none.
    :raises StalePlanError: another plan has taken its place.
    """
    fields = plan if isinstance(plan, Mapping) else {"plan": plan}
    uri = fields.get("plan")
    if not uri:
        raise CampaignError("plan: there is none; the plan task has returned nothing")
    folder = folder_of_plan(str(uri))
    made = CampaignPlan.read(folder)
    if fields.get("digest") not in {None, made.digest}:
        raise StalePlanError("the plan is stale: its folder has another one now. Clear the tasks after the plan task")
    return folder, made


def chunk_key(folder: Folder, stem: str, identity: TaskIdentity) -> str:
    """Return the key of a chunk: the one of its first try, whichever task goes on with it.

    :param stem: name of the chunk's logs.
    :param identity: of the task, for the first try.
    """
    name = f"keys/{stem}"
    try:
        return folder.read(name).decode("ascii")
    except FileNotFoundError:
        key = delivery_key(identity, generation_of(folder))
        folder.write(name, key.encode("ascii"))
        return key


def chunk_budget(
    made: CampaignPlan, chunk: str, budget: Decimal | None, price: Decimal | None, *, may_cost_more: bool = False
) -> Decimal | None:
    """Return what is left of the budget for a chunk after those before it, in the order of the plan.

    :param may_cost_more: the chunk may cost more than was planned, by further calls or by longer ones: what the whole
        plan leaves is shared by its chunks, in proportion, so that one never takes what another one needs.
    """
    if budget is None:
        return None
    if price is None:
        raise CampaignError("budget_brl: without price_brl, the price of a part, no cost can be counted")
    names = [each.name for each in made.chunks]
    if chunk not in names:
        raise CampaignError(f"chunk: the plan has no {chunk!r}")
    place = names.index(chunk)
    left = max(Decimal(0), budget - sum(each.parts for each in made.chunks[:place]) * price)
    if not may_cost_more:
        return left
    own = made.chunks[place].parts
    rest = max(Decimal(0), budget - made.parts * price)
    return min(left, own * price) + rest * own / max(made.parts, 1)


def frequency_rules(storage: str, cap: FrequencyCap | None) -> FrequencyRules:
    """Return the ledger of a storage, and the cap of a plan."""
    from airflow_provider_directcall.campaigns.chunk_reach import FrequencyRules
    from airflow_provider_directcall.campaigns.frequency import FrequencyLedger

    return FrequencyRules(FrequencyLedger(folder_of(storage)), cap)


@dataclass(frozen=True)
class ChunkExclusions:
    """Numbers of a chunk that must not be reached, and why: :class:`~.guards.ExcludedNumbers`."""

    suppressed: Mapping[str, str] = field(repr=False)
    opted_out: frozenset[str] = field(repr=False)


class FreshExclusions:
    """Who must not be reached, read before the first wave of a try, and again while it stays.

    :param numbers: returns the digits of the chunk; of all other entries of lists, nothing is kept.
    """

    def __init__(
        self,
        rules: ExclusionRules,
        hook: DirectcallHook,
        now: Callable[[], datetime],
        numbers: Callable[[], Collection[str]],
    ) -> None:
        self._rules = rules
        self._hook = hook
        self._now = now
        self._numbers = numbers
        self._lists_read_at = self._read_at = now()
        self._known: ChunkExclusions | None = None

    def __call__(self) -> ChunkExclusions:
        """Return them.

        :raises ContactsError: a list cannot be read, or not any more.
        """
        now = self._now()
        if self._known is None or (self._rules.suppress and now - self._lists_read_at >= _LISTS_AGE):
            numbers = self._numbers()
            read = self._rules.read(self._hook, now, only=numbers)
            self._known = ChunkExclusions(dict(read.suppressed.among(numbers)), read.opted_out)
            self._lists_read_at = self._read_at = now
        elif now - self._read_at >= _REPLIES_AGE:
            self._known = replace(self._known, opted_out=self._rules.opted_out(self._hook, now))
            self._read_at = now
        return self._known


def stopped_by_variable() -> str | None:
    """Return why to stop, if a user has set the Variable."""
    from airflow.sdk import Variable

    value = str(Variable.get(STOP_VARIABLE, default="")).strip().casefold()
    return None if value in {"", "0", "false", "no", "none"} else f"the Variable {STOP_VARIABLE} is set"
