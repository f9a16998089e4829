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
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadprofile.errors import UnreadableFileError
from loadprofile.ingest.cer_text import parse_cer_text
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
from loadprofile.ingest.textfile import TextSource, line_chunks, text_sources

ZONE = "Europe/Dublin"
FIRST_DAY = int(np.datetime64("2009-01-01").astype(np.int64)) - 1
"""Day 0 of the day codes, days since 1970-01-01."""

DOUBLED_KWH = 7_000
"""A median home above this many kWh a year hints that mean power was read as energy."""

_CHUNK_BYTES = 4 << 20  # a quarter of a million lines: their arrays stay in the cache
_DIRECT_IDS = 1 << 24


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
