"""Dask: batches as delayed tasks on whatever scheduler is set up (threads unless there is a client)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from loadprofile.errors import OptionError

Item = TypeVar("Item")
Result = TypeVar("Result")


class DaskEngine:
    """Runs the map steps on Dask; needs the extra ``dask``."""

    def __init__(self) -> None:
        try:
            import dask  # noqa: F401
        except ImportError as error:
            raise OptionError("engine", "dask", "install the extra loadprofile[dask]") from error

    def map(self, function: Callable[[Item], Result], batches: Iterable[Item]) -> list[Result]:
        """See ``Engine.map``."""
        from dask.base import compute
        from dask.delayed import delayed

        task = delayed(function, pure=False)
        return list(compute(*[task(batch) for batch in batches]))  # type: ignore[no-untyped-call]
