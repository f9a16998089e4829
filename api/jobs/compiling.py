"""What numba compiles while a job runs, told beside its stage: on a machine's first use that takes minutes.

numba keeps what it compiled (see ``api.warm_up``) and tells of nothing that it only loads, so a job on a
machine that has been warmed up says nothing of this.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core.event import Listener, install_listener

NOTE = "; compiling, once on this machine: "


class Compiling(Listener):  # type: ignore[misc]
    """Listens to numba.

    Attributes:
        kernels: how many compilations began.
        open: how many of them have not ended; kernels that others call are compiled within these.
    """

    def __init__(self) -> None:
        self.kernels = 0
        self.open = 0

    def on_start(self, event: Any) -> None:  # noqa: ARG002 - numba calls it so
        """A compilation begins."""
        self.kernels += 1
        self.open += 1

    def on_end(self, event: Any) -> None:  # noqa: ARG002 - numba calls it so
        """One ends."""
        self.open -= 1

    def beside(self, stage: str) -> str:
        """A stage with what is being compiled at it; without it once nothing is."""
        plain = stage.split(NOTE, maxsplit=1)[0]
        return f"{plain}{NOTE}kernel {self.kernels}" if self.open else plain


@contextmanager
def listening() -> Iterator[Compiling]:
    """Hear of all compilations of this process for as long as this lasts."""
    with install_listener("numba:compile", Compiling()) as compiling:
        yield compiling
