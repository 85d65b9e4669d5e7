"""The notifier that alerts the operator on call by SMS or voice message."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import BaseNotifier

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.errors import DirectcallError
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.alerts.options import AlertOptions
from airflow_provider_directcall.runtime.alerts.rendering import render, render_async
from airflow_provider_directcall.runtime.alerts.subjects import subject_of

if TYPE_CHECKING:
    from airflow.sdk import AssetWatcher, Context

    from airflow_provider_directcall.delivery.alerts import Ring

#: Seconds of one request's time-out in a callback, whose process Airflow ends soon.
_REQUEST_TIMEOUT: Final = 4.0
_FOLLOW_EVERY: Final = 15.0


class DirectcallNotifier(BaseNotifier):
    """Alert the operator on call by SMS or voice message, once for each event and at most so often an hour.

    For ``on_failure_callback`` and its siblings of tasks and DAGs, for ``DeadlineAlert(callback=AsyncCallback(...))``
    and for ``notifiers`` of human-in-the-loop operators. It never raises: errors are logged, without numbers
    and texts. ``docs/notifications.md`` describes its limits.

    All arguments but ``text``, which the default replaces, are validated when the DAG file is parsed, templates when
    they are rendered.

    :param origin: the sender (``origem``): a number, or for an SMS a word. Required. Templated.
    :param destination: the number of the operator on call (``destino``). Templated, e.g. ``{{ var.value.on_call }}``.
    :param then: numbers to alert one after the other, while no earlier one has answered: a voice message counts as
        answered, and an SMS as arrived, once Directcall reports it as delivered. Templated.
    :param answer_within: seconds (or a timedelta) that each number has to answer.
    :param text: template of the text; None for the ids of DAG, task and run. ``dag_id``, ``run_id``, ``task_id``,
        ``map_index``, ``try_number`` and ``state`` are known in every callback.
    :param channel: ``sms`` or ``voice_message``, which is read aloud.
    :param shorten: cut an SMS to one part, and replace accented letters by plain ones.
    :param at_most_per_hour: alerts to ``destination``, of all DAGs with the same numbers; further ones are held back.
    :param summary_every: seconds (or a timedelta) between two lines that say how many were held back; they count
        towards ``at_most_per_hour``. None sends none.
    :param directcall_conn_id: id of the connection. Templated.
    """

    # Rendered by this class itself, into copies: Airflow would render the text of the first event for all later ones,
    # and fail where a context lacks a name.
    template_fields: Sequence[str] = ()

    def __init__(
        self,
        *,
        origin: str | None = None,
        destination: str | None = None,
        then: Sequence[str] = (),
        answer_within: float | timedelta = timedelta(minutes=5),
        text: str | None = None,
        channel: str = "sms",
        shorten: bool = True,
        at_most_per_hour: int = 6,
        summary_every: float | timedelta | None = timedelta(minutes=30),
        directcall_conn_id: str = "directcall_default",
        **kwargs: Any,  # noqa: ANN401 - BaseNotifier's own arguments
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(then, str):
            raise ValueError("then: a list of numbers is needed, not a text")
        every = None if summary_every is None else arguments.seconds("summary_every", summary_every)
        self.options = AlertOptions(
            origin=origin or "",
            destination=destination or "",
            then=tuple(then),
            text=text,
            channel=channel,
            shorten=shorten,
            answer_within=arguments.seconds("answer_within", answer_within),
            at_most_per_hour=at_most_per_hour,
            summary_every=every,
            directcall_conn_id=directcall_conn_id,
        )

    def __repr__(self) -> str:
        """Return the class and the connection, which Airflow logs; no numbers."""
        return f"<{type(self).__name__} directcall_conn_id={self.options.directcall_conn_id!r}>"

    def watcher(self, name: str, *, poll_interval: float = 15.0) -> AssetWatcher:
        """Return the watcher of an asset that follows this notifier's alerts, for ``then``.

        ``schedule=[Asset("on_call", watchers=[notifier.watcher("on_call")])]`` starts a DAG when no number answers.

        :param name: of the watcher.
        :param poll_interval: seconds between two looks.
        """
        from airflow.sdk import AssetWatcher

        from airflow_provider_directcall.triggers.alerts import DirectcallAlertTrigger

        return AssetWatcher(
            name=name, trigger=DirectcallAlertTrigger(alerts=self.options.as_json(), poll_interval=poll_interval)
        )

    def notify(self, context: Context) -> None:
        """Alert from a callback. Takes some seconds, and never waits for an answer."""
        from airflow_provider_directcall.delivery.alert_slots import OutOfTimeError
        from airflow_provider_directcall.hooks.directcall import DirectcallHook
        from airflow_provider_directcall.runtime.alerts.ringing import CallbackRinger, alert, seconds_of_callback
        from airflow_provider_directcall.runtime.alerts.store import MemoryStore, VariableStore

        until = current_clock().monotonic() + seconds_of_callback(context)
        try:
            subject = subject_of(context)
            options = render(self.options, context, subject)
            # A deadline's callback on an executor can read Variables only; Airflow never answers a write from there.
            store = MemoryStore() if "deadline" in context else VariableStore()
            with DirectcallHook(options.directcall_conn_id, timeout=_REQUEST_TIMEOUT) as hook:
                ringer = CallbackRinger(hook.client, store, until)
                self._report(ringer.run(alert(options, subject, hook.settings, follows=False)))
        except OutOfTimeError:
            self.log.warning("No alert was sent: Airflow did not answer in the time that a callback has.")
        except Exception as error:  # noqa: BLE001 - an alert that fails must not change the state of the task
            self._report_error(error)

    async def async_notify(self, context: Context) -> None:
        """Alert from an event loop, such as the triggerer's; follow the alert until it is answered."""
        from airflow_provider_directcall.delivery.alerts import Rung, RungBefore
        from airflow_provider_directcall.hooks.directcall import DirectcallAsyncHook
        from airflow_provider_directcall.runtime.alerts.ringing import LoopRinger, alert, alerter_of

        try:
            subject = subject_of(context)
            options = await render_async(self.options, context, subject)
            async with DirectcallAsyncHook(options.directcall_conn_id) as hook:
                client = await hook.client()
                ringer = LoopRinger(client)
                rung = await ringer.run(alert(options, subject, client.settings, follows=bool(options.then)))
                self._report(rung)
                if not options.then or not isinstance(rung, (Rung, RungBefore)):
                    return
                alerter, slot = alerter_of(options, client.settings, waits=True), rung.slot
                while not slot.end:
                    await current_clock().sleep_async(_FOLLOW_EVERY)
                    slot = await ringer.run(alerter.follow(rung.name, slot))
                self.log.info("The alert %s has ended: %s", slot.key, slot.end)
        except Exception as error:  # noqa: BLE001 - raised, Airflow would log and store it with this notifier's arguments
            self._report_error(error)

    def __call__(self, *args: Any) -> None:  # noqa: ANN401 - Airflow's arguments of callbacks
        """Alert; Airflow's own context is left as it is."""
        names = ("dag", "task_list", "blocking_task_list", "blocking_tis")
        context: Any = args[0] if len(args) == 1 else dict(zip(names, args, strict=False))
        self.notify(context)

    def _report(self, rung: Ring) -> None:
        """Log the outcome of an alert."""
        from airflow_provider_directcall.delivery.alerts import HeldBack, NotRung, Rung, RungBefore

        match rung:
            case Rung():
                self.log.info("Alerted (airflow_key %s).", rung.slot.key)
            case RungBefore():
                self.log.info("This event was alerted before (airflow_key %s).", rung.slot.key)
            case HeldBack():
                self.log.warning(
                    "Held back: %d alerts an hour are allowed, and they went out.", self.options.at_most_per_hour
                )
            case NotRung(is_doubtful=True):
                self.log.error("An alert may be out (airflow_key %s): %s", rung.slot.key, rung.reason)
            case NotRung():
                self.log.error("No number could be alerted (airflow_key %s): %s", rung.slot.key, rung.reason)

    def _report_error(self, error: Exception) -> None:
        from airflow_provider_directcall.api.redaction import redact

        text = str(error) if isinstance(error, (DirectcallError, ValueError)) else type(error).__name__
        self.log.error("No alert was sent: %s", redact(text))


#: The same under the name that other providers use.
send_directcall_notification = DirectcallNotifier
