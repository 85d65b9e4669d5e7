"""Where a watch keeps its state: the asset's state store (Airflow 3.3), or else an Airflow Variable."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_directcall.errors import DirectcallError
from airflow_provider_directcall.runtime.alerts.ringing import read_async, write_async

if TYPE_CHECKING:
    from airflow.sdk.execution_time.context import AssetStateStoreAccessor, AssetStateStoreAccessors


class WatchStoreError(DirectcallError):
    """Airflow does not answer a read or a write of a watch's state."""

    @property
    def retryable(self) -> bool:
        """True: Airflow may answer a little later."""
        return True


@dataclass(frozen=True)
class WatchStore:
    """The state of one watch.

    :param name: the same for the same watch, in each triggerer.
    :param of_asset: Airflow's store; None before Airflow 3.3.
    """

    name: str
    of_asset: AssetStateStoreAccessors | None

    @property
    def _accessor(self) -> AssetStateStoreAccessors | None:
        """Airflow's store, if it belongs to one asset: a trigger of several has none without naming one."""
        return self.of_asset if self.of_asset is not None and is_of_one_asset(self.of_asset) else None

    @property
    def _accessors(self) -> Collection[AssetStateStoreAccessor | AssetStateStoreAccessors]:
        """The stores of all assets of the trigger, which Airflow has no public way to list."""
        if self.of_asset is None or is_of_one_asset(self.of_asset):
            return [] if self.of_asset is None else [self.of_asset]
        return [*getattr(self.of_asset, "_by_name", {}).values(), *getattr(self.of_asset, "_by_uri", {}).values()]

    async def read(self) -> object:
        """Return the state, or None where there is none yet.

        Its place changes with the number of assets of the trigger, and with Airflow's version: the latest one counts.

        :raises WatchStoreError: Airflow does not answer.
        """
        try:
            states = [await read_async(self.name), *[await each.aget(self.name) for each in self._accessors]]
        except Exception as error:  # noqa: BLE001 - whatever Airflow's own channel raises
            raise WatchStoreError(f"Airflow cannot read the state of the watch: {type(error).__name__}") from None
        return max((state for state in states if state is not None), key=_cursor, default=None)

    async def write(self, state: Mapping[str, str]) -> None:
        """Replace the state.

        :raises WatchStoreError: Airflow does not answer.
        """
        try:
            accessor = self._accessor
            await (write_async(self.name, state) if accessor is None else accessor.aset(self.name, dict(state)))
        except Exception as error:  # noqa: BLE001 - as above
            raise WatchStoreError(f"Airflow cannot store the state of the watch: {type(error).__name__}") from None


def _cursor(state: object) -> datetime:
    """Return up to when a watch had read; a state that cannot be read counts as the oldest."""
    try:
        cursor = datetime.fromisoformat(str(state["until"])) if isinstance(state, Mapping) else None
    except (KeyError, ValueError):
        cursor = None
    return datetime.min.replace(tzinfo=UTC) if cursor is None or cursor.tzinfo is None else cursor


def is_of_one_asset(store: AssetStateStoreAccessors) -> bool:
    """Whether a store may be used without naming an asset. Airflow has no public way to ask."""
    return getattr(store, "_total", 1) == 1
