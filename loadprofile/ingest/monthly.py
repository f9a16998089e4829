"""Monthly consumption: one row per customer (or visit) with twelve months, or one row per customer and month.

The layout of the Energizados set (Uruguay, real inspections) is recognised by its names: ``12_anterior``
(oldest) to ``1_anterior``, ``fecha_inspeccion``, ``target``, five categories, ``row_id``. For other tables a
map says which column is which (``ROLES``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from loadprofile.errors import MissingColumnsError, NothingToJudgeError, OptionError, UnreadableFileError
from loadprofile.ingest.clock import clock_of
from loadprofile.ingest.columns import ALIASES, cell_text, distinct, number_column, time_column
from loadprofile.ingest.monthly_values import MONTHS, UNKNOWN, MonthlyCounts, MonthlyHistories
from loadprofile.ingest.readings import Reject, RejectLog, rejects_file, shorten
from loadprofile.ingest.stamps import StampReader
from loadprofile.ingest.tables import Table, dayfirst, open_tables

ROLES: Mapping[str, tuple[str, ...]] = {
    "meter_id": ("row_id", *ALIASES["meter_id"]),
    "as_of": ("as_of", "fecha_inspeccion", "inspection_date", "visit_date"),
    "target": ("target", "fraud"),
    "month": ("month", "period"),
    "kwh": ALIASES["kwh"],
    **{f"month_{k}": (f"month_{k}", f"{k}_anterior") for k in range(1, MONTHS + 1)},
}
"""What a column can be, and names under which it is known without a map. ``month_1`` is the month before the
day ``as_of``, ``month_12`` the oldest; ``month`` and ``kwh`` are the long layout."""

CATEGORIES = ("zona", "actividad", "tipo_tarifa", "nivel_tension", "material_instalacion")
"""Categories of the known layout; other tables name theirs with ``categories=a,b,c``."""

_WIDE = tuple(f"month_{k}" for k in range(MONTHS, 0, -1))


@dataclass(frozen=True, eq=False, slots=True)
class MonthlyIntake:
    """Everything that came of one reading.

    Attributes:
        histories: the usable ones.
        counts: what became of the rows.
        rejects: rows that could not be used (the first of them, see ``RejectLog``).
    """

    histories: MonthlyHistories
    counts: MonthlyCounts
    rejects: RejectLog


@dataclass(frozen=True, slots=True)
class MonthlyOptions:
    """How to read.

    Attributes:
        column_map: role (a key of ``ROLES``, or ``categories``) -> column, for ``categories`` several with
            commas between.
        dayfirst: how to read 03/04/2013; None = found out from the file.
        decimal: ``"."`` or ``","``; None = found out.

    Raises:
        OptionError: a role that does not exist.
    """

    column_map: Mapping[str, str] = field(default_factory=dict)
    dayfirst: bool | None = None
    decimal: str | None = None

    def __post_init__(self) -> None:
        unknown = sorted(set(self.column_map) - set(ROLES) - {"categories"})
        if unknown:
            raise OptionError("map", unknown, f"choose among {', '.join([*ROLES, 'categories'])}")


def read_monthly(
    paths: Sequence[Path], options: MonthlyOptions | None = None, rejects: Path | None = None
) -> MonthlyIntake:
    """Read monthly tables, CSV (plain, gzip, zip) or Parquet; all in one layout.

    Args:
        paths: files.
        options: how to read.
        rejects: file for the rejected rows (``file, line, reason, text``); written only if there are any.

    Raises:
        UnreadableFileError: not there, no table, or neither layout.
        MissingColumnsError: a column is missing.
        NothingToJudgeError: no row can be used.
    """
    chosen = options or MonthlyOptions()
    log = RejectLog()
    frames, layouts, read = [], set(), 0
    for path in paths:
        if not path.is_file():
            raise UnreadableFileError(path, "no such file")
        for table in open_tables(path, chosen.decimal):
            columns = _columns(table, chosen)
            layouts.add("month" in columns.roles)
            frame, rows = _read(table, columns, chosen, log)
            frames.append(frame)
            read += rows
    if len(layouts) > 1:
        raise UnreadableFileError(paths[0], "rows of twelve months and rows of one month cannot be mixed")
    frame = pd.concat(frames, ignore_index=True)
    categories = [name for name in frame.columns if name.startswith("category.")]
    if layouts == {True} and len(frame):
        frame, outside, twice = _long_to_wide(frame, categories, log)
        used = read - outside - twice - log.rejected
    else:
        again = frame.duplicated(["meter_id", *(["as_of"] if "as_of" in frame else [])]).to_numpy()
        twice, outside = 0, 0
        for row in np.flatnonzero(again):
            _reject(log, frame, row, "this customer has a row of this day already")
        frame = frame[~again]
        used = len(frame)
    if rejects is not None and log.kept:
        with rejects_file(rejects) as write:
            for reject in log.kept:
                write(reject)
    if not len(frame):
        raise NothingToJudgeError(read, "no row of monthly consumption could be read")
    histories = MonthlyHistories(
        ids=frame["meter_id"].to_numpy(dtype=np.str_),
        kwh=frame[list(_WIDE)].to_numpy(dtype=np.float64, copy=True),
        as_of=frame["as_of"].to_numpy().astype("datetime64[D]"),
        categories={
            name.removeprefix("category."): frame[name].to_numpy(dtype=np.str_) for name in categories
        },
        target=frame["target"].to_numpy(dtype=np.int8, copy=True),
    )
    counts = MonthlyCounts(read, used, outside, twice, log.rejected)
    return MonthlyIntake(histories, counts, log)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Position of each role, and of each category by its name."""

    roles: Mapping[str, int]
    categories: Mapping[str, int]


def _columns(table: Table, options: MonthlyOptions) -> _Columns:
    plain = [name.strip().casefold() for name in table.header]
    asked = {role: name.strip() for role, name in options.column_map.items() if role != "categories"}
    wanted = [c.strip() for c in options.column_map.get("categories", "").split(",") if c.strip()]
    absent = [name for name in [*asked.values(), *wanted] if name.casefold() not in plain]
    if absent:
        raise MissingColumnsError(table.name, absent, table.header)
    roles: dict[str, int] = {}
    for role, names in ROLES.items():
        known = (asked[role].casefold(),) if role in asked else names
        at = next((plain.index(name) for name in known if name in plain), None)
        if at is not None:
            roles[role] = at
    wide = [role for role in _WIDE if role in roles]
    if len(wide) == MONTHS:
        roles = {role: at for role, at in roles.items() if role not in ("month", "kwh")}
        need = ["as_of"]
    elif not wide and {"month", "kwh"} <= set(roles):
        need = ["meter_id"]
    else:
        lacks = f"months {', '.join(sorted(set(_WIDE) - set(wide)))}" if wide else "month_1 to month_12"
        raise UnreadableFileError(
            table.name,
            f"not a table of monthly consumption: neither {lacks} (or 1_anterior to 12_anterior) nor the "
            "columns month and kwh (name others with --map)",
        )
    missing = [role for role in need if role not in roles]
    if missing:
        raise MissingColumnsError(table.name, missing, table.header)
    chosen = wanted or [name for name in CATEGORIES if name in plain]
    return _Columns(roles, {name: plain.index(name.casefold()) for name in chosen})


def _read(
    table: Table, columns: _Columns, options: MonthlyOptions, log: RejectLog
) -> tuple[pd.DataFrame, int]:
    """Good rows of a table, and how many rows it has."""
    roles = columns.roles
    times = [roles[role] for role in ("as_of", "month") if role in roles]
    by_day = dayfirst(table, times[0], options.dayfirst) if times else None
    reader = StampReader(clock_of("UTC"), by_day)
    words = {"meter_id", "as_of", "month"}
    texts = frozenset([*(at for role, at in roles.items() if role in words), *columns.categories.values()])
    wanted = tuple(sorted({*roles.values(), *columns.categories.values()}))
    frames, rows = [], 0
    for block, _ in table.blocks(texts, wanted):
        for line, why, text in block.bad:
            log.add(Reject(table.name, line, why, shorten(text)))
        n = len(block.line)
        rows += n + len(block.bad)
        out: dict[str, object] = {"_file": table.name, "_line": block.line}
        out["meter_id"] = block.line.astype(np.str_).astype(object)
        out["target"] = np.full(n, UNKNOWN)
        reason: NDArray[np.object_] = np.full(n, "", dtype=object)
        for role, at in roles.items():
            column = block.table.column(str(at))
            values, wrong = _cells(role, column, table, reader)
            out[role] = values
            reason = np.where(reason == "", wrong, reason)
        for name, at in columns.categories.items():
            out[f"category.{name}"] = _words(block.table.column(str(at)))
        for row in np.flatnonzero(reason != ""):
            text = ",".join(cell_text(block.table.column(str(at)), row) for at in wanted)
            log.add(Reject(table.name, int(block.line[row]), str(reason[row]), shorten(text)))
        frames.append(pd.DataFrame(out)[reason == ""])
    if not frames:
        raise UnreadableFileError(table.name, "the table has no rows")
    return pd.concat(frames, ignore_index=True), rows


def _words(column: pa.ChunkedArray) -> NDArray[np.object_]:
    words, at = distinct(column)
    out: NDArray[np.object_] = np.array([(word or "").strip() for word in words], dtype=object)[at]
    return out


def _cells(
    role: str, column: pa.ChunkedArray, table: Table, reader: StampReader
) -> tuple[NDArray[np.generic] | NDArray[np.object_], NDArray[np.object_]]:
    """Values of one column, and for each row what is wrong with it."""
    if role == "meter_id":
        ids = _words(column)
        if pa.types.is_floating(column.type):
            ids = np.array([re.sub(r"\.0+$", "", name) for name in ids.tolist()], dtype=object)
        return ids, np.where(ids == "", "no id", "").astype(object)
    if role in ("as_of", "month"):
        if role == "month":
            column = _first_of_month(column)
        stamps = time_column(column, reader, table.name)
        days = np.where(stamps.good, stamps.wall // 1440, np.iinfo(np.int64).min).astype("datetime64[D]")
        return days.astype("datetime64[s]"), stamps.reason.astype(object)
    values, wrong = number_column(column, table.decimal)
    reasons = np.full(len(values), "", dtype=object) if wrong is None else wrong.astype(object)
    reasons = np.where(reasons == "", "", f"{role}: " + reasons)
    if role != "target":
        return values, reasons
    known = np.where(np.isnan(values), UNKNOWN, values)
    odd = ~np.isin(known, (UNKNOWN, 0, 1)) | (values == UNKNOWN)
    return np.where(odd, UNKNOWN, known), np.where(
        (reasons == "") & odd, "target is neither 0 nor 1", reasons
    )


def _first_of_month(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """Months such as 2016-03 as the first of that month; anything else as it is."""
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return column
    words, at = distinct(column)
    full = [f"{word}-01" if word and re.fullmatch(r"\d{4}-\d\d", word.strip()) else word for word in words]
    return pa.array([full[i] for i in at.tolist()], type=pa.string())


def _long_to_wide(
    frame: pd.DataFrame, categories: list[str], log: RejectLog
) -> tuple[pd.DataFrame, int, int]:
    """Rows of one month as histories; also how many lie outside the twelve months and how many are double.

    Without a day ``as_of`` every history ends with the last month of the whole input: who has no bill of it
    shows a gap there, which is evidence.
    """
    month = frame["month"].to_numpy().astype("datetime64[M]").astype(np.int64)
    if "as_of" not in frame and len(frame):
        frame = frame.assign(as_of=np.datetime64(int(month.max()) + 1, "M").astype("datetime64[s]"))
    end = frame["as_of"].to_numpy().astype("datetime64[M]").astype(np.int64)
    back = end - month
    inside = (back >= 1) & (back <= MONTHS)
    frame = frame.assign(_back=back)[inside]
    keys = ["meter_id", "as_of", "_back"]
    first = frame.groupby(keys)["kwh"].transform("first")
    again = frame.duplicated(keys).to_numpy()
    same = ((frame["kwh"] == first) | (frame["kwh"].isna() & first.isna())).to_numpy()
    for row in np.flatnonzero(again & ~same):
        _reject(log, frame, row, "another value for this customer and month")
    frame = frame[~again]
    # keys are unique by now; a pivot that keeps blanks would make room for every customer on every day
    grid = frame.set_index(keys)["kwh"].unstack("_back")  # noqa: PD010
    grid = grid.reindex(columns=range(MONTHS, 0, -1))
    grid.columns = list(_WIDE)
    said = frame.groupby(["meter_id", "as_of"])[["target", *categories]].agg("max")
    wide = grid.join(said, how="inner").reset_index()
    return wide, int((~inside).sum()), int((again & same).sum())


def _reject(log: RejectLog, frame: pd.DataFrame, row: int | np.integer, reason: str) -> None:
    at = frame.iloc[int(row)]
    text = f"{at['meter_id']},{str(at['as_of'])[:10]}"
    log.add(Reject(str(at["_file"]), int(at["_line"]), reason, text, str(at["meter_id"])))
