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
BILL_FORMATS = ("monthly", "steg")
STEG_OPTIONS = ("identity", "cut_last", "audit")
"""Options that only client and invoice tables have."""


@dataclass(frozen=True, slots=True)
class BillReading:
    """What was said about files of bills; their reader knows which columns there are to map.

    Attributes:
        format: one of ``BILL_FORMATS``.
        column_map, dayfirst, decimal: as of ``ReadOptions``.
        identity: steg: None = as the command does, False = leave out what names or describes the meter.
        cut_last: steg: last invoices of each client that are not looked at; None = as the command does.
        audit: steg: file for the repairs; None = beside the output.
    """

    format: str
    column_map: Mapping[str, str]
    dayfirst: bool | None = None
    decimal: str | None = None
    identity: bool | None = None
    cut_last: int | None = None
    audit: Path | None = None


def no_use(values: Mapping[str, object], reason: str) -> None:
    """Refuse options that would be left without effect.

    Raises:
        OptionError: one of them was given.
    """
    for name, value in values.items():
        if value is not None:
            raise OptionError(name, str(value), reason)


def unlike(**values: tuple[object, object]) -> dict[str, object]:
    """``name=(value, default)``: what was given, None where it is the default; for ``no_use``."""
    return {name: None if value == default else value for name, (value, default) in values.items()}


def _option(help_: str, *names: str) -> Any:
    return typer.Option(*names, help=help_, rich_help_panel=_PANEL, show_default=False)


READING: dict[str, tuple[Any, Any]] = {
    "format": (
        Annotated[str, _option("auto (default), cer, long, wide or series; bills: monthly or steg.")],
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
    "identity": (
        Annotated[
            bool | None,
            _option(
                "steg: whether columns that name or describe the meter are used (default: yes).",
                "--identity/--no-identity",
            ),
        ],
        None,
    ),
    "cut_last": (
        Annotated[int | None, _option("steg: last invoices of each client to leave out (default: none).")],
        None,
    ),
    "audit": (
        Annotated[Path | None, _option("steg: file for the repairs (default: OUT.audit.csv).")],
        None,
    ),
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
        of_steg = {name: chosen.pop(name) for name in STEG_OPTIONS}
        if chosen["format"] != "steg":
            no_use({name.replace("_", "-"): v for name, v in of_steg.items()}, "is for --format steg only")
        if chosen["format"] in BILL_FORMATS:
            reading: ReadOptions | BillReading = _bills(chosen, columns, span, of_steg)
        else:
            reading = ReadOptions(column_map=columns, **chosen)
        command(*args, **values, **span, reading=reading)

    # typer reads the signature and the annotations, not the code.
    run.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in (*own, *shared)}
    return run


def _bills(
    chosen: Mapping[str, Any], columns: Mapping[str, str], span: Mapping[str, Any], of_steg: Mapping[str, Any]
) -> BillReading:
    """What was said about bills.

    Raises:
        OptionError: something was said that means nothing for them.
    """
    kind = chosen["format"]
    known = ("format",) if kind == "steg" else ("format", "dayfirst", "decimal")
    said = {name: value for name, value in chosen.items() if value != READING[name][1] and name not in known}
    beside = {"from" if name == "first" else "to": value for name, value in span.items()}
    no_use(beside | said, f"means nothing for {kind} bills")
    return BillReading(kind, columns, chosen["dayfirst"], chosen["decimal"], **of_steg)
