"""The options that several commands share, said once.

``@takes_readings`` adds the reading options to a command and hands it the finished ``ReadOptions``
as ``reading`` together with the span to judge.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from loadprofile.errors import OptionError
from loadprofile.ingest.options import ReadOptions

Inputs = Annotated[
    list[Path],
    typer.Argument(metavar="INPUT...", help="Meter files, folders or zips.", show_default=False),
]
Hemisphere = Annotated[str, typer.Option(help="north or south: which months are winter.")]
Engine = Annotated[str, typer.Option(help="local, dask or spark.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary on stderr.")]

_PANEL = "Reading"
BILL_FORMATS = ("monthly",)


@dataclass(frozen=True, slots=True)
class BillReading:
    """What was said about files of bills; their reader knows which columns there are to map.

    Attributes:
        format: one of ``BILL_FORMATS``.
        column_map, dayfirst, decimal: as of ``ReadOptions``.
    """

    format: str
    column_map: Mapping[str, str]
    dayfirst: bool | None = None
    decimal: str | None = None


def no_use(values: Mapping[str, object], reason: str) -> None:
    """Refuse options that would be left without effect.

    Raises:
        OptionError: one of them was given.
    """
    for name, value in values.items():
        if value is not None:
            raise OptionError(name, str(value), reason)


def _option(help_: str, *names: str) -> Any:
    return typer.Option(*names, help=help_, rich_help_panel=_PANEL, show_default=False)


READING: dict[str, tuple[Any, Any]] = {
    "format": (
        Annotated[str, _option("auto (default), cer, long, wide or series; bills: monthly.")],
        "auto",
    ),
    "timezone": (
        Annotated[str, _option("Zone of time stamps without one, e.g. Europe/Dublin (default UTC).")],
        "UTC",
    ),
    "map": (
        Annotated[list[str] | None, _option("NAME=COLUMN, e.g. meter_id=MPAN; may be repeated.", "--map")],
        None,
    ),
    "unit": (Annotated[str, _option("kWh per interval (default), kW mean power, or Wh.")], "kWh"),
    "decimal": (Annotated[str | None, _option("Decimal sign, '.' or ',' (default: found out).")], None),
    "dayfirst": (
        Annotated[bool | None, _option("How to read 03/04/2013.", "--dayfirst/--monthfirst")],
        None,
    ),
    "start": (Annotated[str | None, _option("First time stamp of a wide file with row numbers.")], None),
    "step": (Annotated[int | None, _option("Interval in minutes: 15, 30 or 60 (default: found out).")], None),
    "customers": (Annotated[str, _option("CER: all (default), residential, sme or other.")], "all"),
    "allocations": (Annotated[Path | None, _option("CER: the allocations table, CSV or XLSX.")], None),
    "first": (Annotated[str | None, _option("First day to judge, e.g. 2014-01-01.", "--from")], None),
    "last": (Annotated[str | None, _option("Last day to judge.", "--to")], None),
}
"""Name, type with help, default."""


def column_map(pairs: Sequence[str] | None) -> dict[str, str]:
    """``["meter_id=MPAN"]`` as a mapping.

    Raises:
        OptionError: a pair without ``=``.
    """
    out = {}
    for pair in pairs or ():
        name, sign, column = pair.partition("=")
        if not sign or not name or not column:
            raise OptionError("map", pair, "write NAME=COLUMN, such as meter_id=MPAN")
        out[name.strip()] = column.strip()
    return out


def takes_readings(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the reading options; it receives ``reading``, ``first`` and ``last``."""
    hints = get_type_hints(command, include_extras=True)
    own = [
        p.replace(annotation=hints[p.name])
        for p in inspect.signature(command).parameters.values()
        if p.name not in {"reading", "first", "last"}
    ]
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in READING.items()
    ]

    @wraps(command)
    def run(*args: Any, **values: Any) -> None:
        chosen = {name: values.pop(name, default) for name, (_, default) in READING.items()}
        span = {name: chosen.pop(name) for name in ("first", "last")}
        columns = column_map(chosen.pop("map"))
        if chosen["format"] in BILL_FORMATS:
            said = {name: value for name, value in chosen.items() if value != READING[name][1]}
            no_use(
                {"from" if k == "first" else "to" if k == "last" else k: v for k, v in (span | said).items()
                 if k not in ("format", "dayfirst", "decimal")},
                f"means nothing for {chosen['format']} bills",
            )  # fmt: skip
            reading: ReadOptions | BillReading = BillReading(
                chosen["format"], columns, chosen["dayfirst"], chosen["decimal"]
            )
        else:
            reading = ReadOptions(column_map=columns, **chosen)
        command(*args, **values, **span, reading=reading)

    # typer reads the signature and the annotations, not the code.
    run.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in (*own, *shared)}
    return run
