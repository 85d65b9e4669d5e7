"""Make the plan of a DAG run, or go on with the one that an earlier try began to send."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from airflow_provider_directcall.campaigns.contacts.places import files_at
from airflow_provider_directcall.campaigns.contacts.query_rows import QUERY
from airflow_provider_directcall.campaigns.contacts.reading import digest_at
from airflow_provider_directcall.campaigns.errors import CampaignError, ContactsError, StalePlanError
from airflow_provider_directcall.campaigns.frequency import FrequencyLedger
from airflow_provider_directcall.campaigns.opt_outs import opted_out
from airflow_provider_directcall.campaigns.plan_summary import CampaignPlan
from airflow_provider_directcall.campaigns.planning import plan
from airflow_provider_directcall.campaigns.scratch import private_scratch
from airflow_provider_directcall.campaigns.suppression import Exclusions, SuppressedNumbers
from airflow_provider_directcall.errors import DirectcallError
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.campaigns.arguments import items_of, sources_of
from airflow_provider_directcall.runtime.campaigns.files import folder_of, storage_of, stored_path
from airflow_provider_directcall.runtime.campaigns.queries import SqlContacts

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.campaign_settings import CampaignSettings
    from airflow_provider_directcall.campaigns.contacts.readable import Readable
    from airflow_provider_directcall.campaigns.storage import Folder
    from airflow_provider_directcall.hooks.directcall import DirectcallHook
    from airflow_provider_directcall.runtime.campaigns.arguments import CampaignTask
    from airflow_provider_directcall.translations.languages import Language

log = logging.getLogger(__name__)

_REPORT: Final = "report/"
_WAVES: Final = "waves/"


@dataclass(frozen=True)
class ExclusionRules:
    """Who must not be reached.

    :param suppress: files and queries of numbers.
    :param opt_out_words: first words of replies that ask for no more messages; none asks for no replies.
    :param opt_out_days: so many days back replies are read.
    """

    suppress: object
    opt_out_words: Sequence[str]
    opt_out_days: float

    @classmethod
    def of(cls, task: CampaignTask) -> Self:
        """Take them from a task's arguments.

        :raises ValueError: an argument is wrong.
        """
        words = arguments.texts("opt_out_words", task.opt_out_words) or ()
        return cls(task.suppress, words, float(task.opt_out_days))

    def read(self, hook: DirectcallHook, now: datetime, only: Iterable[str] | None = None) -> Exclusions:
        """Read lists and replies.

        :param only: digits; entries of other numbers are not kept. None keeps all.
        :raises ContactsError: a list, or an entry of it, cannot be read.
        :raises CampaignError: the received messages cannot be read.
        """
        suppressed = SuppressedNumbers(only)
        with private_scratch() as scratch:
            for source in sources_of("suppress", self.suppress, scratch):
                suppressed.read(source, now.astimezone(hook.settings.zone).date())
        if self.suppress:
            whose = "" if only is None else " of this chunk"
            log.info("Suppression: %s numbers%s; %s entries have expired.", len(suppressed), whose, suppressed.expired)
        return Exclusions(suppressed, self.opted_out(hook, now))

    def opted_out(self, hook: DirectcallHook, now: datetime) -> frozenset[str]:
        """Read replies.

        :raises CampaignError: they cannot be read.
        :raises DirectcallError: they cannot be read now.
        """
        if not self.opt_out_words:
            return frozenset()
        try:
            received = hook.received_messages(now - timedelta(days=self.opt_out_days), now)
            numbers = opted_out(received, self.opt_out_words)
        except DirectcallError as error:
            if error.retryable:
                raise
            raise CampaignError(
                f"opt_out_words: the received messages cannot be read ({error}). An account without a keyword or an "
                "exclusive short number has none: give opt_out_words=() then"
            ) from None
        log.info("Opt-outs: %s numbers have replied so.", len(numbers))
        return numbers


@dataclass(frozen=True)
class PlanRequest:
    """What a plan is made of."""

    settings: CampaignSettings
    contacts: object
    exclusions: ExclusionRules
    again: bool
    language: Language

    def make(self, base: str, hook: DirectcallHook, now: datetime) -> tuple[Folder, CampaignPlan]:
        """Plan, in a new folder below ``base``, or in that of an earlier try which has sent nothing.

        :return: the folder and its plan; that of an earlier try which has begun to send.
        :raises StalePlanError: it has begun to send, and the contacts or the arguments are others now.
        """
        folder, earlier = self._folder(base)
        if earlier is not None:
            check_fresh(earlier, self.settings)
            _check_queries(earlier, self.contacts)
            _check_files(earlier, self.contacts)
            log.warning("A part of this campaign was sent before: it goes on with the plan of %s.", earlier.planned_at)
            return folder, earlier
        exclusions = self.exclusions.read(hook, now)
        with private_scratch() as scratch:
            sources = list(sources_of("contacts", self.contacts, scratch))
            if not sources:
                raise ContactsError("contacts: a path, a URI, a query or a list of them is needed")
            return folder, plan(
                self.settings,
                chain.from_iterable(source.batches() for source in sources),
                folder,
                exclusions=exclusions,
                now=now.astimezone(hook.settings.zone),
                language=self.language,
                sources=lambda: chain.from_iterable(source.read for source in sources),
                ledger=FrequencyLedger(folder_of(storage_of(base))),
            )

    def _folder(self, base: str) -> tuple[Folder, CampaignPlan | None]:
        """Return the folder, and the plan in it if something of it was sent."""
        generation = 0
        while True:
            folder = folder_of(f"{base}/{generation}")
            if not folder.names(_WAVES):
                return folder, None
            if not (self.again and folder.names(_REPORT)):
                return folder, CampaignPlan.read(folder)
            generation += 1


def check_fresh(made: CampaignPlan, settings: CampaignSettings | None) -> None:
    """Check that contacts and arguments are those of a plan.

    :param settings: of the task; None where it has none to compare.
    :raises StalePlanError: they are others.
    """
    if settings is not None and settings.fingerprint != made.fingerprint:
        raise StalePlanError(
            "the plan is stale: texts, columns, tags, the window or another argument have changed since it was made. "
            "Plan again; where a part is sent already, start another run"
        )
    changed = [each.name for each in made.sources if each.path and each.has_changed(_source(each.path))]
    if changed:
        raise StalePlanError(
            f"the plan is stale: {', '.join(changed)} has changed since it was made. Plan again; where a part is sent "
            "already, start another run"
        )


def _check_queries(made: CampaignPlan, contacts: object) -> None:
    """Check that queries are those of a plan.

    Their rows are not read again: a table changes all the time, and its order is not fixed; the plan is what it was.

    :raises StalePlanError: a query, its parameters or its connection is another one.
    """
    planned = [each.version for each in made.sources if each.form == QUERY]
    asked = [each.version for each in items_of("contacts", contacts) if isinstance(each, SqlContacts)]
    # Plans of earlier builds have no version.
    if all(planned) and planned != asked:
        raise StalePlanError(
            "the plan is stale: the query of the contacts, its parameters or its connection has changed since it was "
            "made, and a part is sent already. Start another run"
        )


def _check_files(made: CampaignPlan, contacts: object) -> None:
    """Check that files are those of a plan, by their paths or by their content: a file may have been moved.

    One that is gone is in the plan.

    :raises StalePlanError: there is another file, or one of the plan is left out.
    """
    planned = {each.path: each for each in made.sources if each.path}
    given = {str(file): file for file in _files(contacts)}
    moved = {path: digest_at(file) for path, file in given.items() if path not in planned}
    digests = {each.digest for each in planned.values()}
    changes = [f"{given[path].name} was not among its contacts" for path in moved if moved[path] not in digests]
    changes += [
        f"{each.name} is no longer among the contacts"
        for path, each in planned.items()
        if path not in given and each.digest not in moved.values() and digest_at(_source(path)) is not None
    ]
    if changes:
        raise StalePlanError(f"the plan is stale: {', '.join(changes)}, and a part is sent already. Start another run")


def _files(contacts: object) -> Iterator[Readable]:
    for item in items_of("contacts", contacts):
        if isinstance(item, str):
            with suppress(ContactsError):  # a pattern whose files are gone
                yield from files_at([item], stored_path)


def _source(path: str) -> Readable:
    return stored_path(path) if "://" in path else Path(path)
