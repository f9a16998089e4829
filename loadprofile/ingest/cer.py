"""Half-hourly files of the Irish CER trial (ISSDA study 0012-00): ``meter daycode value``.

A line's day code is three digits of day (1 = 2009-01-01) and two of half-hour (1 = 00:00 to 00:29). The
codes count the half-hours of the local day in Ireland, so:

- the long day (clock back at 02:00; days 298 and 669) has codes 1 to 50: codes 3 and 4 are the first pass
  of the hour 01:00 to 02:00, codes 5 and 6 its second pass, and later codes are shifted by two;
- the short day (clock forward at 01:00; day 452) has 46 half-hours and the files lack codes **2 and 3**.
  Read as starts of intervals this cannot be: 00:30 (code 2) exists and 01:30 (code 4) does not. It follows
  if the logger wrote local *end* times: the interval 00:30 to 01:00 ended when the clock already showed
  02:00, which is the end of code 4. So on a short day **code 4 is 00:30**; the slots 01:00 and 01:30 do
  not exist. Code 2, should a file have it, names 00:30 too (a second value for it is then a duplicate or a
  conflict); code 3 names nothing and is rejected.

Unit: the manifest says kWh per half-hour, but so read an average home uses 8,600 kWh a year, twice the
Irish figure. ``unit="kW"`` reads the values as mean power.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from loadprofile.errors import UnreadableFileError
from loadprofile.ingest.cells import number
from loadprofile.ingest.clock import clock_of
from loadprofile.ingest.readings import (
    FIRST_PASS,
    ORDINARY,
    SECOND_PASS,
    Readings,
    Reject,
    RejectLog,
    Vocabulary,
    shorten,
)  # fmt: skip
from loadprofile.ingest.textfile import TextSource, count_lines, filled_lines, line_chunks, text_sources

ZONE = "Europe/Dublin"
FIRST_DAY = int(np.datetime64("2009-01-01").astype(np.int64)) - 1
"""Day 0 of the day codes, days since 1970-01-01."""

LINE = re.compile(rb"[ \t]*\d{1,18}([ \t]+|,|;)\d{3,5}\1[ \t]*[-+]?[\d.]+([eE][-+]?\d+)?[ \t]*\r?")
DOUBLED_KWH = 7_000
"""A median home above this many kWh a year hints that mean power was read as energy."""

_CHUNK_BYTES = 4 << 20  # a quarter of a million lines: their arrays stay in the cache
_SLOW_BYTES = 1 << 16
_DIRECT_IDS = 1 << 24


@dataclass(frozen=True, eq=False, slots=True)
class CerLines:
    """Parsed lines: meter int64, daycode int32, value float64 (NaN = blank), line (0-based, in the block).

    ``bad`` holds line, reason and text of lines that are not three numbers.
    """

    meter: NDArray[np.int64]
    daycode: NDArray[np.int32]
    value: NDArray[np.float64]
    line: NDArray[np.int64]
    bad: list[tuple[int, str, str]]


def parse_cer_text(block: bytes) -> CerLines:
    """Parse whole lines of CER text: the one place where this layout's text becomes numbers.

    pyarrow's reader with declared types takes the block; where it stumbles the block is halved until the
    lines at fault stand alone in a small piece, which is then read line by line.
    """
    try:
        pieces = [_parse_fast(block, 0)]
        clean = not pieces[0].bad
    except pa.ArrowInvalid:
        clean = False
    if not clean:
        pieces = list(_pieces(_tidy(block), 0))
    if len(pieces) == 1:
        return pieces[0]
    return CerLines(
        np.concatenate([p.meter for p in pieces]), np.concatenate([p.daycode for p in pieces]),
        np.concatenate([p.value for p in pieces]), np.concatenate([p.line for p in pieces]),
        [bad for p in pieces for bad in p.bad],
    )  # fmt: skip


def _tidy(block: bytes) -> bytes:
    """One blank between the fields, none at the ends; other separators turned into blanks."""
    first = block[:4096].splitlines()[0] if block else b""
    if b" " not in first.strip() and b"\t" not in first:
        for mark in (b",", b";"):
            if first.count(mark) == 2:
                block = block.replace(mark, b" ")
    block = re.sub(rb"[ \t]+", b" ", block)
    return re.sub(rb"(?m)^ | (?=\r?$)", b"", block)


def _pieces(block: bytes, first: int) -> Iterator[CerLines]:
    try:
        yield _parse_fast(block, first)
    except pa.ArrowInvalid:
        cut = block.find(b"\n", len(block) // 2) + 1
        if len(block) <= _SLOW_BYTES or cut in (0, len(block)):
            yield _parse_slowly(block, first)
        else:
            yield from _pieces(block[:cut], first)
            yield from _pieces(block[cut:], first + block.count(b"\n", 0, cut))


_TYPES = {"meter": pa.int64(), "code": pa.int32(), "value": pa.float64()}


def _parse_fast(block: bytes, first: int) -> CerLines:
    odd: list[int] = []

    def skip(row: pa.csv.InvalidRow) -> str:
        odd.append(row.number - 1)
        return "skip"

    table = pa.csv.read_csv(
        pa.BufferReader(block),
        read_options=pa.csv.ReadOptions(
            use_threads=False, block_size=max(len(block), 1), column_names=list(_TYPES)
        ),
        parse_options=pa.csv.ParseOptions(delimiter=" ", quote_char=False, invalid_row_handler=skip),
        convert_options=pa.csv.ConvertOptions(column_types=_TYPES, null_values=[""]),
    ) if block.strip() else pa.table({k: pa.array([], t) for k, t in _TYPES.items()})  # fmt: skip
    if len(odd) > 1000 or table["meter"].null_count or table["code"].null_count:
        raise pa.ArrowInvalid("to be read line by line")
    values = table["value"].to_numpy()
    if np.isinf(values).any():
        raise pa.ArrowInvalid("to be read line by line")
    rows = table.num_rows
    filled = count_lines(block) + (not block.endswith(b"\n")) if block else 0
    if not odd and filled == rows:
        line = np.arange(first, first + rows, dtype=np.int64)
        bad = []
    else:
        lines = filled_lines(block)
        if len(lines) != rows + len(odd):
            raise pa.ArrowInvalid("to be read line by line")
        bad_lines = lines[odd]
        line = np.delete(lines, odd) + first
        text = block.split(b"\n")
        bad = [(first + int(at), *_complaint(text[at])) for at in bad_lines]
    return CerLines(table["meter"].to_numpy(), table["code"].to_numpy(), values, line, bad)


def _parse_slowly(block: bytes, first: int) -> CerLines:
    meter: list[int] = []
    code: list[int] = []
    value: list[float] = []
    line: list[int] = []
    bad: list[tuple[int, str, str]] = []
    for at, text in enumerate(block.split(b"\n")):
        if not text.strip():
            continue
        try:
            parsed = _fields(text)
        except ValueError as error:
            bad.append((first + at, str(error), text.decode(errors="replace")))
            continue
        meter.append(parsed[0])
        code.append(parsed[1])
        value.append(parsed[2])
        line.append(first + at)
    return CerLines(
        np.array(meter, dtype=np.int64), np.array(code, dtype=np.int32), np.array(value, dtype=np.float64),
        np.array(line, dtype=np.int64), bad,
    )  # fmt: skip


def _fields(text: bytes) -> tuple[int, int, float]:
    fields = text.decode(errors="replace").rstrip("\r").split(" ")
    if len(fields) != 3:
        raise ValueError(f"{len(fields)} fields in place of 3")
    if not re.fullmatch(r"\d{1,18}", fields[0]):
        raise ValueError("the meter is not a number")
    if not re.fullmatch(r"\d{1,9}", fields[1]):
        raise ValueError("the day code is not a number")
    return int(fields[0]), int(fields[1]), number(fields[2])


def _complaint(text: bytes) -> tuple[str, str]:
    try:
        _fields(text)
    except ValueError as error:
        return str(error), text.decode(errors="replace")
    return "not three numbers", text.decode(errors="replace")


@lru_cache(maxsize=1)
def code_table() -> tuple[NDArray[np.int32], NDArray[np.int16], NDArray[np.int8]]:
    """For every day code 0..99999: the day (days since 1970, -1 = no such half-hour), minute and fold."""
    clock = clock_of(ZONE)
    day = np.full(100_000, -1, dtype=np.int32)
    minute = np.zeros(100_000, dtype=np.int16)
    fold = np.full(100_000, ORDINARY, dtype=np.int8)
    usual = np.arange(48)
    for number_ in range(1, 1000):
        date, codes, slots = FIRST_DAY + number_, usual + 1, usual
        exists = clock.exists(date, 1, 30)[0]
        twice = clock.localize(date * 1440 + usual.astype(np.int64) * 30)[0] != ORDINARY
        passes = np.full(48, ORDINARY)
        if twice.any():  # codes 1..50 run through the day in order of time
            begin, end = int(np.argmax(twice)), int(np.argmax(twice)) + int(twice.sum())
            slots = np.concatenate([usual[:end], usual[begin:]])
            codes = np.arange(1, len(slots) + 1)
            passes = np.full(len(slots), ORDINARY)
            passes[begin:end], passes[end : end + (end - begin)] = FIRST_PASS, SECOND_PASS
        elif not exists.all():  # see the top of the file: the last skipped code names the slot before the gap
            gone = np.flatnonzero(~exists)
            slots = usual.copy()
            slots[gone[-1]] = gone[0] - 1
            keep = ~np.isin(usual, gone[:-1])
            codes, slots, passes = codes[keep], slots[keep], passes[keep]
        at = number_ * 100 + codes
        day[at], minute[at], fold[at] = date, slots * 30, passes
    return day, minute, fold


class MeterCodes:
    """Codes of whole-number meter ids, by a direct table for small numbers."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._table = np.full(1 << 14, -1, dtype=np.int32)

    def __call__(self, meters: NDArray[np.int64]) -> NDArray[np.int32]:
        """Code of each reading's meter."""
        top = int(meters.max(initial=0))
        if top >= _DIRECT_IDS:
            position, names = pd.factorize(meters)
            codes = self.vocabulary.codes(str(name) for name in names)
            return codes[position]
        if top >= len(self._table):
            table = np.full(max(top + 1, 2 * len(self._table)), -1, dtype=np.int32)
            table[: len(self._table)] = self._table
            self._table = table
        codes = self._table[meters]
        new = codes < 0
        if new.any():
            for meter in pd.unique(meters[new]).tolist():
                self._table[meter] = self.vocabulary.code(str(meter))
            codes = self._table[meters]
        return codes


def cer_sources(path: Path) -> list[TextSource]:
    """The trial files in a folder, an archive or a file: ``File*.txt`` where there are any, else all texts.

    Raises:
        UnreadableFileError: when there is none.
    """
    if path.is_dir():
        named = sorted(p for p in path.rglob("*") if p.suffix.lower() in (".txt", ".zip", ".csv", ".gz"))
        texts = [source for found in named for source in text_sources(found) if found.is_file()]
    else:
        texts = text_sources(path)
    numbered = [t for t in texts if re.search(r"(?i)(^|[/\\])file\d+\.txt", t.name)]
    if path.is_dir() or zipfile.is_zipfile(path):
        texts = numbered or [t for t in texts if t.name.lower().endswith(".txt")]
    if not texts:
        raise UnreadableFileError(path, "no File*.txt in it")
    return texts


def read_cer(
    source: TextSource, vocabulary: Vocabulary, log: RejectLog, unit: str = "kWh"
) -> Iterator[Readings]:
    """Readings of one trial file, chunk by chunk; what is no reading goes to the log.

    Raises:
        UnreadableFileError: when the file is empty, binary, or has no readable line.
    """
    days, minutes, folds = code_table()
    meter_codes = MeterCodes(vocabulary)
    factor = {"kWh": 1.0, "kW": 0.5, "Wh": 0.001}[unit]
    good, worst = 0, ""
    for block, first_line, done in line_chunks(source, _CHUNK_BYTES):
        lines = parse_cer_text(block)
        for at, reason, text in lines.bad:
            worst = worst or f"line {first_line + at}: {reason}"
            log.add(Reject(source.name, first_line + at, reason, shorten(text), _meter_of(text)))
        code = lines.daycode
        inside = (code >= 0) & (code < len(days))
        safe = code if inside.all() else np.where(inside, code, 0)
        day = days[safe]
        keep = day >= 0
        line = lines.line + first_line
        meter, value = lines.meter, lines.value
        if not keep.all():
            for at in np.flatnonzero(~keep).tolist():
                reason, text = _why(int(code[at])), f"{meter[at]} {code[at]} {value[at]:g}"
                worst = worst or f"line {line[at]}: {reason}"
                log.add(Reject(source.name, int(line[at]), reason, text, str(meter[at])))
            meter, value, line, safe, day = meter[keep], value[keep], line[keep], safe[keep], day[keep]
        good += len(day)
        if factor != 1.0:
            value = value * factor
        yield Readings(
            vocabulary, meter_codes(meter), day, minutes[safe], folds[safe],
            value.astype(np.float32), line, source.name, done,
        )  # fmt: skip
    if not good:
        raise UnreadableFileError(
            source.name, f"no line reads 'meter daycode value' ({worst or 'the file is empty'})"
        )


def _why(code: int) -> str:
    day, half_hour = divmod(code, 100)
    if not 1 <= day <= 999:
        return f"day code {code}: no such day"
    if day * 100 + half_hour < 100_000 and 1 <= half_hour <= 48:
        return f"half-hour {half_hour} of day {day}: skipped by the clock change"
    return f"half-hour {half_hour} of day {day}: that day has no such half-hour"


def _meter_of(text: str) -> str:
    found = re.match(r"\s*(\d{1,18})\s", text)
    return str(int(found[1])) if found else ""
