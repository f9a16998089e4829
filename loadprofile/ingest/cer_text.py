"""CER text to numbers: one pass over the bytes, and a careful second look at the lines that it does not take.

Everything that depends on how a line is written stands here; what the numbers mean is in ``cer``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.ingest.cells import number
from loadprofile.ingest.textfile import count_lines

LINE = re.compile(rb"[ \t]*\d{1,18}([ \t]+|,|;)\d{3,5}\1[ \t]*[-+]?[\d.]+([eE][-+]?\d+)?[ \t]*\r?")
"""What a line of the trial looks like, generously."""

_POWERS: NDArray[np.float64] = np.power(10.0, np.arange(16), dtype=np.float64)


@dataclass(frozen=True, eq=False, slots=True)
class CerLines:
    """Parsed lines: meter int64, daycode int32, value float64, line int64 (0-based, in the block).

    ``bad`` holds line, reason and text of lines that are not three numbers.
    """

    meter: NDArray[np.int64]
    daycode: NDArray[np.int32]
    value: NDArray[np.float64]
    line: NDArray[np.int64]
    bad: list[tuple[int, str, str]]


def parse_cer_text(block: bytes) -> CerLines:
    """Parse whole lines of CER text: the one place where this layout's text becomes numbers.

    The compiled scan takes lines written as in the trial (one blank between the fields, up to 15 digits in
    the value). If it leaves many over, the block is tidied (tabs, commas, several blanks) and scanned again;
    what it still leaves is read line by line, so that each bad line gets its own reason.
    """
    lines, over = _scan(block)
    if len(over) * 20 > len(lines.line):
        block = _tidy(block)
        lines, over = _scan(block)
    if not over:
        return lines
    found: list[tuple[int, int, float, int]] = []
    bad: list[tuple[int, str, str]] = []
    for at, start in over:
        end = block.find(b"\n", start)
        text = block[start:] if end < 0 else block[start:end]
        if not text.strip():
            continue
        try:
            found.append((*_fields(text), at))
        except ValueError as error:
            bad.append((at, str(error), text.decode(errors="replace")))
    if not found:
        return CerLines(lines.meter, lines.daycode, lines.value, lines.line, bad)
    meter, code, value, line = (np.array(column) for column in zip(*found, strict=True))
    whole = np.concatenate([lines.line, line])
    order = np.argsort(whole, kind="stable")
    return CerLines(
        meter=np.concatenate([lines.meter, meter])[order],
        daycode=np.concatenate([lines.daycode, code.astype(np.int32)])[order],
        value=np.concatenate([lines.value, value])[order],
        line=whole[order],
        bad=bad,
    )


def _scan(block: bytes) -> tuple[CerLines, list[tuple[int, int]]]:
    """Lines that the compiled scan takes, and number and offset of those it leaves over."""
    size = count_lines(block) + 1
    meter, code = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int32)
    value, line = np.empty(size, dtype=np.float64), np.empty(size, dtype=np.int64)
    over = np.empty((size, 2), dtype=np.int64)
    raw = np.frombuffer(block, dtype=np.uint8)
    good, odd = scan(raw, _POWERS, meter, code, value, line, over)
    lines = CerLines(meter[:good], code[:good], value[:good], line[:good], [])
    return lines, [(at, start) for at, start in over[:odd].tolist()]


@njit(cache=True, nogil=True)
def scan(
    raw: NDArray[np.uint8],
    powers: NDArray[np.float64],
    meter: NDArray[np.int64],
    code: NDArray[np.int32],
    value: NDArray[np.float64],
    line: NDArray[np.int64],
    over: NDArray[np.int64],
) -> tuple[int, int]:
    """One pass over the bytes; returns how many lines it took and how many it left over (empty: neither).

    Values are exact: a whole number below 2^53 over a power of ten up to 10^15 is correctly rounded.
    """
    n, i, number_, good, odd = len(raw), 0, 0, 0, 0
    while i < n:
        start = i
        who, digits = np.int64(0), 0
        while i < n and 48 <= raw[i] <= 57:
            who = who * 10 + (raw[i] - 48)
            i += 1
            digits += 1
        taken = 1 <= digits <= 18 and i < n and raw[i] == 32
        if taken:
            i += 1
            when, digits = np.int64(0), 0
            while i < n and 48 <= raw[i] <= 57 and digits < 10:
                when = when * 10 + (raw[i] - 48)
                i += 1
                digits += 1
            taken = 1 <= digits <= 9 and i < n and raw[i] == 32
        if taken:
            i += 1
            negative = i < n and raw[i] == 45
            if negative:
                i += 1
            whole, digits, decimals = np.int64(0), 0, 0
            while i < n and 48 <= raw[i] <= 57:
                whole = whole * 10 + (raw[i] - 48)
                i += 1
                digits += 1
            if i < n and raw[i] == 46:
                i += 1
                while i < n and 48 <= raw[i] <= 57:
                    whole = whole * 10 + (raw[i] - 48)
                    i += 1
                    digits += 1
                    decimals += 1
            if i < n and raw[i] == 13:
                i += 1
            taken = 1 <= digits <= 15 and (i == n or raw[i] == 10)
        if taken:
            amount = whole / powers[decimals]
            meter[good], code[good], line[good] = who, when, number_
            value[good] = -amount if negative else amount
            good += 1
        else:
            while i < n and raw[i] != 10:
                i += 1
            if i > start and not (i == start + 1 and raw[start] == 13):
                over[odd, 0], over[odd, 1] = number_, start
                odd += 1
        i += 1
        number_ += 1
    return good, odd


def _tidy(block: bytes) -> bytes:
    """One blank between the fields, none at the ends; other separators turned into blanks."""
    first = block[:4096].splitlines()[0] if block else b""
    if b" " not in first.strip() and b"\t" not in first:
        for mark in (b",", b";"):
            if first.count(mark) == 2:
                block = block.replace(mark, b" ")
    block = re.sub(rb"[ \t]+", b" ", block)
    return re.sub(rb"(?m)^ | (?=\r?$)", b"", block)


def _fields(text: bytes) -> tuple[int, int, float]:
    fields = text.decode(errors="replace").split()
    if len(fields) != 3:
        raise ValueError(f"{len(fields)} fields in place of 3")
    if not re.fullmatch(r"[0-9]{1,18}", fields[0]):
        raise ValueError("the meter is not a number")
    if not re.fullmatch(r"[0-9]{1,9}", fields[1]):
        raise ValueError("the day code is not a number")
    return int(fields[0]), int(fields[1]), number(fields[2])
