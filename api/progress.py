"""Progress on stderr, so that stdout and files stay clean."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar


class Progress:
    """Steps, bars and closing lines; silent when ``quiet``."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.console = Console(stderr=True, quiet=quiet, soft_wrap=True, highlight=False)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A named step with a spinner and, when done, its seconds."""
        begun = time.perf_counter()
        with self.console.status(f"{name} ..."):
            yield
        self.console.print(f"[dim]{name}: {time.perf_counter() - begun:.1f} s[/]")

    @contextmanager
    def bar(self, name: str, total: int) -> Iterator[Callable[[int], None]]:
        """A bar; yields the function to call after each of ``total`` pieces."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Bar(*columns, console=self.console, disable=self.quiet) as bar:
            task = bar.add_task(name, total=total)
            yield lambda _: bar.advance(task)

    def say(self, *lines: str) -> None:
        """Closing lines."""
        for line in lines:
            self.console.print(line, markup=False)
