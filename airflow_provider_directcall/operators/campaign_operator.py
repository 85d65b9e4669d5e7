"""What the operators of campaigns share: the arguments that decide on texts and contacts, the hook, deferral."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn, TypeVar

from airflow.sdk import BaseOperator

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.errors import DirectcallError
from airflow_provider_directcall.runtime.failures import failing_without_retry

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.hooks.directcall import DirectcallHook
    from airflow_provider_directcall.runtime.campaigns.arguments import Contacts
    from airflow_provider_directcall.telephony.windows import Window

Result = dict[str, object]
Init = TypeVar("Init", bound=Callable[..., None])

DEFAULT_OPT_OUT_WORDS: Final = ("PARE", "SAIR")
DEFAULT_OPT_OUT_DAYS: Final = 365.0
#: Airflow (up to 3.3.2 at least) fails a task that is resumed before its scheduler has seen the deferral.
_SHORTEST_DEFERRAL: Final = timedelta(seconds=5)
_EXTRA: Final = "Campaigns need Polars: pip install 'airflow-provider-directcall[campaigns]'"
_KEYWORD: Final = inspect.Parameter.KEYWORD_ONLY


class MissingExtraError(DirectcallError):
    """A library of an extra is not installed."""


def keywords_of(init: Callable[..., None]) -> tuple[str, ...]:
    """Return the names of the arguments that an ``__init__`` has, without those of BaseOperator."""
    return tuple(name for name, each in inspect.signature(init).parameters.items() if each.kind is _KEYWORD)


def also_takes(base: type[BaseOperator]) -> Callable[[Init], Init]:
    """Show a base class's arguments in the signature of a subclass, for ``help()`` and for ``default_args``."""

    def shown(init: Init) -> Init:
        own = inspect.signature(init)
        *named, rest = own.parameters.values()
        shared = [inspect.signature(base.__init__).parameters[name] for name in keywords_of(base.__init__)]
        # Where inspect reads it (PEP 362).
        vars(init)["__signature__"] = own.replace(parameters=[*named, *shared, rest])
        return init

    return shown


def arguments_of(
    operator: type[BaseOperator], given: Mapping[str, object], *, without: Collection[str] = ()
) -> dict[str, Any]:
    """Return those of the given arguments that an operator has."""
    names = [name for name in keywords_of(operator.__init__) if name in given and name not in without]
    return {name: given[name] for name in names}


class CampaignOperator(BaseOperator):
    """A task that decides on texts and contacts. All arguments are templated.

    :param channel: ``sms``, ``voice_message`` or ``call``.
    :param number_column: column of the number, or several in order of preference.
    :param id_column: column of the contact's id; without it, the file's name and the row's number.
    :param zone_column: column of the contact's own time zone, such as ``America/Manaus``, or state, such as ``AM``;
        where it is empty, the number's area counts.
    :param not_before_column: column of the earliest time to reach the contact.
    :param not_after_column: column of the time from which on it is not reached any more.
    :param priority_column: column of an integer: contacts with a higher one are sent to first.
    :param frequency_cap: how often all campaigns of the storage may reach a number: ``{"day": 1, "month": 4}``, or one
        of both. Each further call counts.
    :param text: with ``{column}`` for the values of a row; ``{{`` and ``}}`` are braces. Nothing else is filled in.
    :param text_column: column with texts made upstream, in place of ``text``.
    :param origin: sender (``origem``); None for the connection's default.
    :param tags: custom data (``campos``); values may hold ``{column}``.
    :param window: when numbers may be reached, on their own clock: a preset's name, a ``Window``, or None for any time.
    :param keep_accents: send accented letters, with which a part holds fewer characters.
    :param profile: how the parts of an SMS are counted: ``directcall`` (140 characters, the sender's among them),
        ``cautious`` (140; 70 and 67 with letters outside of GSM-7) or ``gsm`` (160 and 153; 70 and 67).
    :param price_brl: of one part, or one voice message; without it, no cost is known.
    :param budget_brl: what the whole campaign may cost; needs ``price_brl``. Calls that have ended count by the price
        that the statement shows, so those in progress can pass it.
    :param suppress: lists of numbers that must not be reached, given as ``contacts``; see ``docs/campaigns.md``.
    :param opt_out_words: words that, first in a reply, ask for no more messages; none reads no replies.
    :param opt_out_days: so many days back replies are read.
    :param directcall_conn_id: id of the connection.
    """

    template_fields_renderers: ClassVar[dict[str, str]] = {"plan": "json", "tags": "json"}
    ui_color = "#eee8f4"

    def __init__(
        self,
        *,
        channel: str = "sms",
        number_column: str | Sequence[str] = "phone",
        id_column: str | None = None,
        zone_column: str | None = None,
        not_before_column: str | None = None,
        not_after_column: str | None = None,
        priority_column: str | None = None,
        frequency_cap: Mapping[str, int] | str | None = None,
        text: str | None = None,
        text_column: str | None = None,
        origin: str | None = None,
        tags: Mapping[str, str] | str | None = None,
        window: str | Window | None = "strict",
        keep_accents: bool | str = False,
        profile: str = "directcall",
        price_brl: float | str | Decimal | None = None,
        budget_brl: float | str | Decimal | None = None,
        suppress: Contacts | None = None,
        opt_out_words: Sequence[str] | str = DEFAULT_OPT_OUT_WORDS,
        opt_out_days: float | str = DEFAULT_OPT_OUT_DAYS,
        directcall_conn_id: str = "directcall_default",
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.channel = channel
        self.number_column = number_column
        self.id_column = id_column
        self.zone_column = zone_column
        self.not_before_column = not_before_column
        self.not_after_column = not_after_column
        self.priority_column = priority_column
        self.frequency_cap = frequency_cap
        self.text = text
        self.text_column = text_column
        self.origin = origin
        self.tags = tags
        self.window = window
        self.keep_accents = keep_accents
        self.profile = profile
        self.price_brl = price_brl
        self.budget_brl = budget_brl
        self.suppress = suppress
        self.opt_out_words = opt_out_words
        self.opt_out_days = opt_out_days
        self.directcall_conn_id = directcall_conn_id

    template_fields: Sequence[str] = keywords_of(__init__)

    @abstractmethod
    def execute(self, context: Context) -> Result:
        """Do the work of the task, and return references and counts for XCom."""


@contextmanager
def campaign_hook(conn_id: str) -> Iterator[DirectcallHook]:
    """Open the hook; an argument, a file or a plan that is wrong fails the task without a retry.

    :raises MissingExtraError: Polars is not installed.
    """
    require_polars()
    from airflow_provider_directcall.hooks.directcall import DirectcallHook

    with DirectcallHook(conn_id) as hook, failing_without_retry(is_final):
        yield hook


def is_final(error: BaseException) -> bool:
    """Whether a retry is useless: an argument, a file or a plan is wrong. Storage that fails may work again."""
    from airflow_provider_directcall.campaigns.errors import CampaignError

    return isinstance(error, (CampaignError, MissingExtraError, ValueError))


def require_polars() -> None:
    """Check that the extra is installed.

    :raises MissingExtraError: it is not.
    """
    from importlib.util import find_spec

    if find_spec("polars") is None:
        raise MissingExtraError(_EXTRA)


def wait_until(task: BaseOperator, moment: datetime, *, keeps_place: bool) -> NoReturn:
    """Wait, without a worker, until a moment; then ``execute`` or ``execute_complete`` goes on.

    Airflow 3.2.2 and 3.3 count a deferred task among the active ones, and a rescheduled one not. Airflow 3.1 counts
    neither; 3.1.0 would start a rescheduled task at once. Its SDK has no such exception.

    :param keeps_place: among the active tasks, where their number is limited.
    """
    is_limited = task.max_active_tis_per_dagrun is not None or task.max_active_tis_per_dag is not None
    if is_limited and not keeps_place:
        with suppress(ImportError):
            from airflow.sdk.exceptions import AirflowRescheduleException

            raise AirflowRescheduleException(moment)  # type: ignore[no-untyped-call]  # Airflow does not annotate it
    defer_until(task, moment)


def defer_until(task: BaseOperator, moment: datetime, **carried: str) -> NoReturn:
    """Defer a task, without a worker, until a moment.

    :param carried: values that the event brings back.
    """
    from airflow_provider_directcall.triggers.moments import MomentTrigger

    earliest = max(moment, current_clock().now() + _SHORTEST_DEFERRAL)
    task.defer(trigger=MomentTrigger(moment=earliest.isoformat(), carried=carried), method_name="execute_complete")
