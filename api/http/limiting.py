"""Requests per key and attempts to sign in: moving windows, kept in this process."""

from __future__ import annotations

import math
import time

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from api.http.problems import ProblemError


class Limiter:
    """At most so many of something in a window.

    Args:
        rate: in the notation of the library, such as ``600/minute``.
    """

    def __init__(self, rate: str) -> None:
        self.rate = parse(rate)
        self.windows = MovingWindowRateLimiter(MemoryStorage())

    def check(self, *who: str) -> None:
        """Count one.

        Raises:
            ProblemError: 429, with ``Retry-After`` in seconds.
        """
        if not self.windows.hit(self.rate, *who):
            raise self._full(*who)

    def peek(self, *who: str) -> None:
        """Count none.

        Raises:
            ProblemError: 429, where one more would be too many.
        """
        if not self.windows.test(self.rate, *who):
            raise self._full(*who)

    def _full(self, *who: str) -> ProblemError:
        opens = self.windows.get_window_stats(self.rate, *who).reset_time
        wait = max(1, math.ceil(opens - time.time()))
        return ProblemError(
            429, "too-many-requests", "Too many requests",
            f"more than {self.rate}; try again in {wait} seconds", headers={"Retry-After": str(wait)},
        )  # fmt: skip
