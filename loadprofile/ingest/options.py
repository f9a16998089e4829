"""How to read: everything a user may say about the input files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from loadprofile.errors import OptionError

FORMATS = ("auto", "cer", "long", "wide", "series")
UNITS = ("kWh", "kW", "Wh")
CUSTOMERS = ("all", "residential", "sme", "other")
STEP_CHOICES = (15, 30, 60)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Settings of ``read_profiles``.

    Attributes:
        format: ``auto`` decides from the content; ``cer``, ``long``, ``wide`` and ``series`` insist.
        timezone: zone of naive time stamps, and the zone that slots are local to. CER files are
            always ``Europe/Dublin``.
        unit: of the values: ``kWh`` per interval, ``kW`` mean power, or ``Wh`` per interval.
        column_map: for long files ``{"meter_id": ..., "timestamp": ..., "kwh": ...}``, for wide files
            ``{"timestamp": ...}``: the names that these columns bear in the file.
        dayfirst: how to read 03/04/2013; None = find out from the file, refuse if it does not show.
        decimal: ``"."`` or ``","``; None = find out.
        start: first time stamp of a wide file that has row numbers in place of times.
        step: interval in minutes that goes with ``start``; without ``start``, the interval of every
            meter (None = inferred for each meter).
        customers: ``residential``, ``sme``, ``other`` need ``allocations`` (CER only).
        allocations: the allocations table of the CER trial, CSV or XLSX.
        meters: if given, only these meters are read.
        most_meters, most_cells: if given, input with more meters, or whose cubes would have more cells, is
            refused before room is made for it (for input from strangers; long and wide layouts).

    Raises:
        OptionError: for a value out of range or a contradiction.
    """

    format: str = "auto"
    timezone: str = "UTC"
    unit: str = "kWh"
    column_map: Mapping[str, str] = field(default_factory=dict)
    dayfirst: bool | None = None
    decimal: str | None = None
    start: str | None = None
    step: int | None = None
    customers: str = "all"
    allocations: Path | None = None
    meters: frozenset[str] | None = None
    most_meters: int | None = None
    most_cells: int | None = None

    def __post_init__(self) -> None:
        if self.format in ("steg", "monthly"):
            raise OptionError("format", self.format, refusal(self.format))
        for name, choices in (("format", FORMATS), ("unit", UNITS), ("customers", CUSTOMERS)):
            if getattr(self, name) not in choices:
                bills = "; bills: monthly, steg" if name == "format" else ""
                raise OptionError(name, getattr(self, name), f"choose one of {', '.join(choices)}{bills}")
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise OptionError(
                "timezone", self.timezone, "no such time zone; use a name such as Europe/London"
            ) from None
        if self.decimal not in (None, ".", ","):
            raise OptionError("decimal", self.decimal, "must be '.' or ','")
        if self.step is not None and self.step not in STEP_CHOICES:
            raise OptionError("step", self.step, "must be 15, 30 or 60 minutes")
        unknown = set(self.column_map) - {"meter_id", "timestamp", "kwh"}
        if unknown:
            raise OptionError("map", sorted(unknown), "only meter_id, timestamp and kwh can be mapped")
        if self.start is not None:
            if not re.fullmatch(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?)?", self.start):
                raise OptionError("start", self.start, "write it as 2013-01-01 or 2013-01-01T00:00")
            try:
                datetime.fromisoformat(self.start)
            except ValueError as error:
                raise OptionError("start", self.start, str(error)) from None
            if self.step is None:
                raise OptionError("start", self.start, "needs step=15, 30 or 60 beside it")
        if self.customers != "all" and self.format in ("long", "wide", "series"):
            raise OptionError("customers", self.customers, f"{self.format} files have no allocations table")


def refusal(layout: str) -> str:
    """Why a layout that is recognised is not read as interval readings."""
    if layout == "monthly":
        return "a table of monthly consumption holds no interval readings; read it with --format monthly"
    return "client and invoice tables hold no interval readings; read both with --format steg"
