"""Spark: one partition for each batch of meters; needs the extra ``spark`` and a Java runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from loadprofile.errors import OptionError

Item = TypeVar("Item")
Result = TypeVar("Result")


class SparkEngine:
    """Runs the map steps in the active Spark session (a local one is started if there is none)."""

    def __init__(self) -> None:
        try:
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise OptionError("engine", "spark", "install the extra loadprofile[spark]") from error
        self.session = SparkSession.builder.appName("loadprofile").getOrCreate()

    def map(self, function: Callable[[Item], Result], batches: Iterable[Item]) -> list[Result]:
        """See ``Engine.map``."""
        items = list(batches)
        if not items:
            return []
        return list(self.session.sparkContext.parallelize(items, len(items)).map(function).collect())
