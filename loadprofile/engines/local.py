"""The default engine: threads of this process. The kernels release the interpreter lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Engine(Protocol):
    """Applies a function to every batch of meters and gives the results in the order of the batches."""

    def map(self, function: Callable[[Item], Result], batches: Iterable[Item]) -> list[Result]:
        """``[function(batch) for batch in batches]``, wherever that is computed."""
        ...


class LocalEngine:
    """Threads of this process; ``workers=1`` is a plain loop."""

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers

    def map(self, function: Callable[[Item], Result], batches: Iterable[Item]) -> list[Result]:
        """See ``Engine.map``."""
        if self.workers == 1:
            return [function(batch) for batch in batches]
        with ThreadPoolExecutor(self.workers) as pool:
            return list(pool.map(function, batches))
