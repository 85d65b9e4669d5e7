"""Operators that register the addresses of webhooks at Directcall, and remove them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import BaseOperator

from airflow_provider_directcall.assets import Doorbell
from airflow_provider_directcall.errors import DirectcallError, DirectcallOutcomeUnknown, DirectcallRefused
from airflow_provider_directcall.runtime.arguments import boolean, optional_text
from airflow_provider_directcall.runtime.failures import failing_without_retry, is_final_before_effect
from airflow_provider_directcall.runtime.webhooks import WebhookAddress

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.api.replies import Callback
    from airflow_provider_directcall.hooks.directcall import DirectcallHook

#: The field code, or the identifier, does not exist (any more).
_GONE: Final = frozenset({"009", "010"})


@dataclass(frozen=True, slots=True)
class _Methods:
    """The hook's methods for one kind."""

    add: Callable[[DirectcallHook, str], Callback]
    list: Callable[[DirectcallHook], Sequence[Callback]]
    remove: Callable[[DirectcallHook, str], object]


def _of_messages(add: Callable[[DirectcallHook, str], Callback]) -> _Methods:
    return _Methods(
        add, lambda hook: hook.list_message_callbacks(), lambda hook, code: hook.remove_message_callback(code)
    )


_METHODS: Final[Mapping[Doorbell, _Methods]] = MappingProxyType(
    {
        Doorbell.CALL: _Methods(
            lambda hook, url: hook.add_call_callback(url),
            lambda hook: hook.list_call_callbacks(),
            lambda hook, code: hook.remove_call_callback(code),
        ),
        Doorbell.MESSAGE: _of_messages(lambda hook, url: hook.add_message_callback(url)),
        Doorbell.RECEIVED: _of_messages(lambda hook, url: hook.add_received_callback(url)),
    }
)


class DirectcallRegisterWebhookOperator(BaseOperator):
    """Register an address for Directcall's webhooks, once; a setup task.

    ``register.as_setup() >> work >> remove.as_teardown(setups=register)``, or a task of its own, once for all.

    An address that the list of registered ones shows is not registered again; where the list cannot be read, it is, and
    at worst Directcall calls it twice, which the receiver does not mind. The list does not show with which credentials:
    after a change of the password, remove the address and register it again.

    :param kind: ``call`` (states of calls), ``message`` (states of sent SMS) or ``received`` (received SMS).
    :param url: https address without credentials, e.g. ``https://airflow.example.com/directcall/events/call``. Checked
        when the DAG file is parsed, or when its template is rendered. Templated.
    :param webhook_conn_id: connection whose login and password Directcall has to show, as in
        ``[directcall] webhook_conn_id``; None registers an address without credentials. Templated.
    :param allow_loopback: accept ``http://127.0.0.1`` and the like, for tests.
    :param directcall_conn_id: connection of the account. Templated.

    Returns the ``code`` that removes the address; None for one that was registered before this task, so that a
    teardown leaves it in its place. A retry after a try that was killed finds its address registered, too.
    """

    template_fields: Sequence[str] = ("kind", "url", "webhook_conn_id", "directcall_conn_id")
    ui_color = "#e3f0e6"

    def __init__(
        self,
        *,
        kind: str,
        url: str,
        webhook_conn_id: str | None,
        allow_loopback: bool = False,
        directcall_conn_id: str = "directcall_default",
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.url = url
        self.webhook_conn_id = webhook_conn_id
        self.allow_loopback = allow_loopback
        self.directcall_conn_id = directcall_conn_id
        if not _is_template(kind):
            _doorbell(kind)
        if not _is_template(url):
            self._address()

    def execute(self, context: Context) -> str | None:
        """Register the address unless it is registered."""
        from airflow_provider_directcall.hooks.directcall import DirectcallHook

        with failing_without_retry(is_final_before_effect), DirectcallHook(self.directcall_conn_id) as hook:
            methods, address = _METHODS[_doorbell(self.kind)], self._address()
            registered = self._registered(hook, methods, address)
            if registered is not None:
                self.log.info("The address for %s webhooks is registered already; a teardown leaves it.", self.kind)
                return None
            try:
                code = methods.add(hook, self._full_url(address)).code
            except DirectcallOutcomeUnknown:
                registered = self._registered(hook, methods, address)
                if registered is None:
                    raise
                code = registered.code
            self.log.info("The address for %s webhooks was registered.", self.kind)
            return code

    def _address(self) -> WebhookAddress:
        return WebhookAddress.parse(self.url, allow_loopback=boolean("allow_loopback", self.allow_loopback))

    def _registered(self, hook: DirectcallHook, methods: _Methods, address: WebhookAddress) -> Callback | None:
        try:
            return next((each for each in methods.list(hook) if each.code and address.is_of(each.url)), None)
        except DirectcallError as error:
            self.log.warning("The registered addresses cannot be listed: %s", error)
            return None

    def _full_url(self, address: WebhookAddress) -> str:
        if self.webhook_conn_id is None:
            return address.url
        conn_id = optional_text(self.webhook_conn_id)
        if conn_id is None:
            raise ValueError("webhook_conn_id: it is empty; only None registers an address without credentials")
        from airflow.sdk import BaseHook
        from airflow.sdk.log import mask_secret

        connection = BaseHook.get_connection(conn_id)
        if not (connection.login or "").strip() or not (connection.password or "").strip():
            raise ValueError(f"webhook_conn_id: connection {conn_id!r} needs a login and a password")
        if ":" in (connection.login or ""):
            raise ValueError(
                f"webhook_conn_id: the login of connection {conn_id!r} has a colon, which HTTP Basic forbids"
            )
        full = address.with_credentials(connection.login or "", connection.password or "")
        mask_secret(full)
        return full


class DirectcallRemoveWebhookOperator(BaseOperator):
    """Remove a registered address; a teardown task. That it was removed before is fine.

    :param kind: as of :class:`DirectcallRegisterWebhookOperator`. Templated.
    :param code: of the registration, ``register.output``. Templated.
    :param directcall_conn_id: connection of the account. Templated.

    Returns whether an address was removed.
    """

    template_fields: Sequence[str] = ("kind", "code", "directcall_conn_id")
    ui_color = "#e3f0e6"

    def __init__(
        self,
        *,
        kind: str,
        code: str,
        directcall_conn_id: str = "directcall_default",
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.code = code
        self.directcall_conn_id = directcall_conn_id
        if not _is_template(kind):
            _doorbell(kind)

    def execute(self, context: Context) -> bool:
        """Remove the address."""
        from airflow_provider_directcall.hooks.directcall import DirectcallHook

        code = optional_text(self.code)
        if code is None:
            self.log.info("This run has registered no address, so there is none to remove.")
            return False
        with failing_without_retry(is_final_before_effect), DirectcallHook(self.directcall_conn_id) as hook:
            try:
                _METHODS[_doorbell(self.kind)].remove(hook, code)
            except DirectcallRefused as error:
                if error.code not in _GONE:
                    raise
                self.log.info("The address was removed before.")
                return False
        self.log.info("The address for %s webhooks was removed.", self.kind)
        return True


def _doorbell(kind: object) -> Doorbell:
    if kind not in list(Doorbell):
        raise ValueError(f"kind: one of {', '.join(Doorbell)} is needed")
    return Doorbell(str(kind))


def _is_template(value: object) -> bool:
    """Whether a value is known only when the task runs: a template, or the output of another task."""
    return "{{" in value or "{%" in value if isinstance(value, str) else value is not None
