"""Columns of tables, text or Arrow, as arrays: meters, times, numbers, and what could not be read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from loadprofile.errors import MissingColumnsError, UnreadableFileError
from loadprofile.ingest.cells import BLANKS, numbers
from loadprofile.ingest.readings import Vocabulary
from loadprofile.ingest.stamps import UNREAD, StampReader, Stamps, place

ALIASES: dict[str, tuple[str, ...]] = {
    "meter_id": (
        "meter_id", "meterid", "meter", "meter_no", "meter_number", "mpan", "mprn", "nmi", "lclid",
        "customer_id", "household_id", "device_id", "id",
    ),
    "timestamp": (
        "timestamp", "datetime", "date_time", "date time", "time", "tstp", "start", "interval_start",
        "read_datetime", "reading_time", "utc_timestamp", "date",
    ),
    "kwh": (
        "kwh", "energy_kwh", "energy(kwh/hh)", "kwh/hh", "kwh/hh (per half hour)", "consumption_kwh",
        "energy", "consumption", "usage", "usage_kwh", "value", "reading",
    ),
}  # fmt: skip
"""Names under which the three columns of the long layout are known without a map (any case)."""


def resolve(
    header: Sequence[str],
    column_map: Mapping[str, str],
    path: object,
    need: Sequence[str] = ("meter_id", "timestamp", "kwh"),
) -> dict[str, int]:
    """Positions of the needed columns: by the map, else by name.

    Raises:
        MissingColumnsError: when a needed column is not there.
    """
    plain = [name.strip().casefold() for name in header]
    found: dict[str, int] = {}
    missing: list[str] = []
    for role in need:
        asked = column_map.get(role)
        names = (asked.strip().casefold(),) if asked is not None else ALIASES.get(role, (role,))
        at = next((plain.index(name) for name in names if name in plain), None)
        if at is None:
            missing.append(role if asked is None else asked)
        else:
            found[role] = at
    if missing:
        raise MissingColumnsError(str(path), missing, header)
    return found


def _single(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = column.unify_dictionaries().chunk(0) if column.num_chunks else pa.array([], column.type)
    return column


def is_text(kind: pa.DataType) -> bool:
    """Whether an Arrow type is one of the text types."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def distinct(column: pa.ChunkedArray | pa.Array) -> tuple[list[str | None], NDArray[np.int64]]:
    """Distinct texts of a column (None at the end, for empty cells) and for each row which one it is."""
    array = _single(column)
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    words = array.dictionary
    if not is_text(words.type):
        words = pc.cast(words, pa.string())
    at = array.indices.fill_null(len(words)).to_numpy(zero_copy_only=False).astype(np.int64)
    return [*words.to_pylist(), None], at


def meter_column(
    column: pa.ChunkedArray | pa.Array, vocabulary: Vocabulary, keep: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Codes of the meters; -1 where the cell is empty or not to be kept.

    Whole numbers stored as 1001.0 become "1001". Only ids in kept rows enter the vocabulary.
    """
    words, at = distinct(column)
    names = [(word or "").strip() for word in words]
    if pa.types.is_floating(column.type):
        names = [re.sub(r"\.0+$", "", name) for name in names]
    used = np.zeros(len(names), dtype=np.bool_)
    used[at[keep]] = True
    codes = np.array(
        [vocabulary.code(name) if seen and name else -1 for name, seen in zip(names, used, strict=True)],
        dtype=np.int32,
    )
    return np.where(keep, codes[at], np.int32(-1))


def time_column(column: pa.ChunkedArray | pa.Array, reader: StampReader, path: object) -> Stamps:
    """Time stamps of a column of text, dates or Arrow timestamps (with a zone = instants, without = local).

    Raises:
        UnreadableFileError: for a column that holds no times.
    """
    array = _single(column)
    kind = array.type
    if pa.types.is_date(kind):
        array, kind = array.cast(pa.timestamp("s")), pa.timestamp("s")
    if pa.types.is_timestamp(kind):
        seconds = array.cast(pa.timestamp("ms", kind.tz), safe=False).cast(pa.int64())
        empty = seconds.is_null().to_numpy(zero_copy_only=False)
        value = seconds.fill_null(0).to_numpy(zero_copy_only=False)
        minute = (value + 500) // 60_000  # half a second of rounding in spreadsheets
        off = np.abs(value - minute * 60_000) > 1500
        none = np.zeros(0, dtype=np.int64)
        stamps = place(none, minute, reader.clock)[1] if kind.tz else place(minute, none, reader.clock)[0]
        for wrong, reason in ((off, "not on a whole minute"), (empty, "no time stamp")):
            stamps.reason[wrong] = reason
            stamps.wall[wrong] = UNREAD
        return stamps
    if pa.types.is_dictionary(kind) or is_text(kind) or pa.types.is_null(kind):
        words, at = distinct(array)
        return reader.read(words).take(at)
    raise UnreadableFileError(str(path), f"the time column holds {kind} values, not times")


def number_column(
    column: pa.ChunkedArray | pa.Array, decimal: str
) -> tuple[NDArray[np.float64], NDArray[np.object_] | None]:
    """Numbers of a column (NaN = blank), and for each row the reason why it is none (None = all are)."""
    array = _single(column)
    kind = array.type
    if pa.types.is_null(kind):
        return np.full(len(array), np.nan), None
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        values = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return _finite(values)
    if is_text(kind) and decimal == ".":
        try:
            clean = pc.utf8_trim_whitespace(array.cast(pa.string()))
            blank = pc.is_in(clean, value_set=pa.array(BLANKS))
            values = pc.if_else(blank, None, clean).cast(pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            pass
        else:
            return _finite(values)
    words, at = distinct(array)
    read, reasons = numbers(words, decimal)
    values = read[at]
    wrong = np.array(reasons, dtype=object)
    return (values, wrong[at]) if any(reasons) else (values, None)


def _finite(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.object_] | None]:
    with np.errstate(over="ignore"):
        endless = np.isinf(values.astype(np.float32))
    if not endless.any():
        return values, None
    reasons = np.full(len(values), "", dtype=object)
    reasons[endless] = "not a finite number"
    return np.where(endless, np.nan, values), reasons


def cell_text(column: pa.ChunkedArray | pa.Array, row: int | np.integer) -> str:
    """A cell as it stood, for the rejects file."""
    value = column[int(row)].as_py()
    return "" if value is None else str(value)
