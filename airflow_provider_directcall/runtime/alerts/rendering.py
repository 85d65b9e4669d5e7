"""Renders the templates of a notifier, also where a callback has next to no context."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier

if TYPE_CHECKING:
    from airflow_provider_directcall.delivery.alert_slots import AlertSubject
    from airflow_provider_directcall.runtime.alerts.options import AlertOptions

log = logging.getLogger(__name__)


def render(
    options: AlertOptions, context: Mapping[str, Any] | None = None, subject: AlertSubject | None = None
) -> AlertOptions:
    """Return the options with rendered templates.

    The text can use ``dag_id``, ``run_id``, ``task_id``, ``map_index``, ``try_number`` and ``state`` in every callback,
    and all of Airflow's context where there is one. A text that cannot be rendered becomes the default.

    :param subject: None where there is no event yet: the text stays as it is.
    :raises ValueError: another template cannot be rendered.
    """
    ids = {} if subject is None else {name: getattr(subject, name) for name in subject.__slots__}
    known: Any = {**_accessors(), **ids, **(context or {})}
    dag = known.get("dag")
    environment = BaseNotifier().get_template_env(dag=dag)

    def rendered(template: str) -> object:
        return BaseNotifier().render_template(template, known, environment) if "{" in template else template

    def number(template: str) -> object:
        try:
            return rendered(template)
        except Exception as error:  # noqa: BLE001 - whatever a template raises; its text may hold a number
            raise ValueError(
                f"a template of the notifier's numbers cannot be rendered: {type(error).__name__}"
            ) from None

    def text(template: str) -> object:
        if subject is None:
            return template
        try:
            return rendered(template)
        except Exception as error:  # noqa: BLE001 - whatever a user's template raises: the alert has to go out
            log.warning("text: the template cannot be rendered (%s); the default text is sent", type(error).__name__)
            return None

    return options.rendered(number, text)


async def render_async(
    options: AlertOptions, context: Mapping[str, Any] | None = None, subject: AlertSubject | None = None
) -> AlertOptions:
    """Render from an event loop: a template may read Airflow's Variables and connections."""
    from asgiref.sync import sync_to_async

    return await sync_to_async(render)(options, context, subject)


def _accessors() -> dict[str, Any]:
    """Return ``var`` and ``conn``, which thin contexts lack."""
    from airflow.sdk.execution_time.context import ConnectionAccessor, VariableAccessor

    return {
        "var": {"value": VariableAccessor(deserialize_json=False), "json": VariableAccessor(deserialize_json=True)},
        "conn": ConnectionAccessor(),
    }
