"""``@task.directcall_sms``: the function returns the text of an SMS."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import (
    DecoratedOperator,
    context_merge,
    determine_kwargs,
    task_decorator_factory,
)

from airflow_provider_directcall.operators.messages import DirectcallSendSMSOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import TaskDecorator
    from airflow.sdk import Context

    from airflow_provider_directcall.api.replies import SentMessage
    from airflow_provider_directcall.api.requests import Request
    from airflow_provider_directcall.operators.once_only import Result

#: Stands for the text until the function has returned it; the operator's own default, None, is an error.
_FROM_THE_FUNCTION = ""


class _SMSDecoratedOperator(DecoratedOperator, DirectcallSendSMSOperator):
    """Sends the text that a function returns.

    The text is no template, and Airflow does not store it.

    :param python_callable: the function. Called again after a deferral that reconciles, where it may be sent again.
    :param op_args: positional arguments of the function. Templated.
    :param op_kwargs: keyword arguments of the function. Templated.
    """

    template_fields: Sequence[str] = (
        *DecoratedOperator.template_fields,
        *(name for name in DirectcallSendSMSOperator.template_fields if name != "text"),
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **DirectcallSendSMSOperator.template_fields_renderers,
    }
    custom_operator_name: str = "@task.directcall_sms"

    def __init__(
        self,
        *,
        python_callable: Callable[..., str],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,  # noqa: ANN401 - the arguments of DirectcallSendSMSOperator
    ) -> None:
        if "text" in kwargs:
            raise TypeError("text: the function returns it")
        if iscoroutinefunction(python_callable):
            raise TypeError("@task.directcall_sms: a function that is not async is needed")
        super().__init__(
            python_callable=python_callable, op_args=op_args, op_kwargs=op_kwargs, text=_FROM_THE_FUNCTION, **kwargs
        )
        self._context: Context | None = None

    def execute(self, context: Context) -> Result:
        """Call the function, and send the text that it returns."""
        self._call(context)
        result: Result = super().execute(context)
        return result

    def execute_reconciled(
        self, context: Context, event: object = None, record: object = None, doubt: str = ""
    ) -> Result:
        """Go on after the trigger has reconciled the request; it may have to be sent again."""
        self._call(context)
        return super().execute_reconciled(context, event, record, doubt)

    def execute_complete(
        self, context: Context, event: object = None, record: object = None, found: bool = False, cleared: bool = False
    ) -> Result:
        """Go on after the trigger has seen the end."""
        self._context = context
        return super().execute_complete(context, event, record, found, cleared)

    def _request(self, key: str) -> Request[SentMessage]:
        if not self.text and self._context is not None:
            self._call(self._context)
        return super()._request(key)

    def _call(self, context: Context) -> None:
        context_merge(context, self.op_kwargs)
        kwargs = determine_kwargs(self.python_callable, self.op_args, context)
        text = self.python_callable(*self.op_args, **kwargs)
        if not isinstance(text, str) or not text.strip():
            raise TypeError(f"the function has to return the text of the SMS, not {type(text).__name__}")
        self.text = text


def sms_task(
    python_callable: Callable[..., str] | None = None,
    **kwargs: Any,  # noqa: ANN401 - the arguments of DirectcallSendSMSOperator
) -> TaskDecorator:
    """Make a task of a function that returns the text of an SMS, ``@task.directcall_sms(destination=...)``.

    :param python_callable: the function, where the decorator has no arguments.
    :param kwargs: the arguments of :class:`~.operators.messages.DirectcallSendSMSOperator` but ``text``.
    """
    return task_decorator_factory(
        python_callable=python_callable, decorated_operator_class=_SMSDecoratedOperator, **kwargs
    )
