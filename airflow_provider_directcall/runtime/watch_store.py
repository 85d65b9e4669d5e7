"""Where a watch keeps its state: the asset's state store (Airflow 3.3), or else an Airflow Variable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_directcall.errors import DirectcallError
from airflow_provider_directcall.runtime.alerts.ringing import read_async, write_async

if TYPE_CHECKING:
    from airflow.sdk.execution_time.context import AssetStateStoreAccessors


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

    async def read(self) -> object:
        """Return the state, or None where there is none yet.

        :raises WatchStoreError: Airflow does not answer.
        """
        try:
            accessor = self._accessor
            stored: object = await (read_async(self.name) if accessor is None else accessor.aget(self.name))
        except Exception as error:  # noqa: BLE001 - whatever Airflow's own channel raises
            raise WatchStoreError(f"Airflow cannot read the state of the watch: {type(error).__name__}") from None
        return stored

    async def write(self, state: Mapping[str, str]) -> None:
        """Replace the state.

        :raises WatchStoreError: Airflow does not answer.
        """
        try:
            accessor = self._accessor
            await (write_async(self.name, state) if accessor is None else accessor.aset(self.name, dict(state)))
        except Exception as error:  # noqa: BLE001 - as above
            raise WatchStoreError(f"Airflow cannot store the state of the watch: {type(error).__name__}") from None


def is_of_one_asset(store: AssetStateStoreAccessors) -> bool:
    """Whether a store may be used without naming an asset. Airflow has no public way to ask."""
    return getattr(store, "_total", 1) == 1
