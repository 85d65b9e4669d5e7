"""The sandbox's clock: real time, faster time, or a stopped clock that is moved by hand."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class SandboxClock:
    """Simulated time, in seconds since the epoch (UTC).

    At ``speed`` 0 only ``advance`` and ``set`` move the clock.
    """

    def __init__(
        self, *, start: float | None = None, speed: float = 1.0, real: Callable[[], float] = time.time
    ) -> None:
        self._real = real
        self._anchor_real = real()
        self._anchor = self._anchor_real if start is None else start
        self._speed = _checked(speed)

    @property
    def speed(self) -> float:
        """Simulated seconds per real second."""
        return self._speed

    def now(self) -> float:
        """Return the simulated time."""
        if not self._speed:
            return self._anchor
        return self._anchor + (self._real() - self._anchor_real) * self._speed

    def advance(self, seconds: float) -> None:
        """Move the clock forwards; a negative number, which would put records into the future, is a ``ValueError``."""
        if seconds < 0:
            raise ValueError(f"seconds must not be negative, got {seconds}")
        self.set(self.now() + seconds)

    def set(self, moment: float) -> None:
        """Set the clock; it continues at its speed."""
        self._anchor, self._anchor_real = moment, self._real()

    def set_speed(self, speed: float) -> None:
        """Change the speed from now on; 0 stops the clock."""
        speed = _checked(speed)
        self.set(self.now())
        self._speed = speed

    def anchor(self) -> tuple[float, float, float]:
        """Return the real time, the simulated time and the speed, for ``restore``."""
        return self._anchor_real, self._anchor, self._speed

    def restore(self, anchor_real: float, anchor: float, speed: float) -> None:
        """Continue from an ``anchor`` as if the clock had run since then, at this clock's own speed from now on."""
        own_speed = self._speed
        self._anchor_real, self._anchor, self._speed = anchor_real, anchor, speed
        self.set_speed(own_speed)


def _checked(speed: float) -> float:
    if speed < 0:
        raise ValueError(f"speed must not be negative, got {speed}")
    return speed
