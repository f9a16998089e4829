"""The default engines: threads of this process, or processes of this machine.

The kernels release the interpreter lock, but what stands between them does not: threads serve for batches
of one population in memory, processes for the parts of a fleet, which each of them reads from disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
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


class ProcessEngine:
    """Processes of this machine, started at the first map and kept; ``workers=1`` is a plain loop here.

    Functions and items must be picklable, and small: references to files, not readings.
    """

    def __init__(self, workers: int = 2) -> None:
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def map(self, function: Callable[[Item], Result], batches: Iterable[Item]) -> list[Result]:
        """See ``Engine.map``."""
        if self.workers == 1:
            return [function(batch) for batch in batches]
        if self._pool is None:
            # spawn: a fork of a process with threads (progress, BLAS) may hang
            self._pool = ProcessPoolExecutor(self.workers, mp_context=get_context("spawn"))
        return list(self._pool.map(function, batches))

    def close(self) -> None:
        """End the processes; the next map starts new ones."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
