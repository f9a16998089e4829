"""Numbers as people write them in tables: blanks, decimal commas, thousands, and text that is no number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

BLANKS = (
    "", "-", "--", "na", "NA", "n/a", "N/A", "#N/A", "nan", "NaN", "NAN", "null", "Null", "NULL",
    "none", "None", "NONE", "nil", "<NA>",
)  # fmt: skip
"""Cells that mean "no reading"."""

_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+\.\d+")
_GROUPED_POINTS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+")
_SPACES = re.compile("[\\s\u00a0\u2009\u202f']+")


def number(text: str, decimal: str = ".") -> float:
    """The number that a cell holds; NaN for a blank.

    Raises:
        ValueError: with a phrase that says what is wrong.
    """
    clean = text.strip().strip('"').strip()
    if clean in BLANKS:
        return float("nan")
    clean = _SPACES.sub("", clean)
    if decimal == ",":
        if "." in clean and not _GROUPED_POINTS.fullmatch(clean):
            raise ValueError("not a number (a decimal point among decimal commas)")
        clean = clean.replace(".", "").replace(",", ".")
    elif _GROUPED.fullmatch(clean):
        clean = clean.replace(",", "")
    if not _PLAIN.fullmatch(clean):
        if decimal == "." and re.fullmatch(r"[+-]?\d+,\d+", clean):
            raise ValueError("not a number (a decimal comma? say decimal=',')")
        raise ValueError("not a number")
    value = float(clean)
    if not np.isfinite(np.float32(value)):
        raise ValueError("not a finite number")
    return value


def numbers(texts: Iterable[str | None], decimal: str = ".") -> tuple[NDArray[np.float64], list[str]]:
    """Numbers of many cells, and for each the reason why it is none (empty where it is one)."""
    values: list[float] = []
    reasons: list[str] = []
    for text in texts:
        try:
            values.append(number(text or "", decimal))
            reasons.append("")
        except ValueError as error:
            values.append(float("nan"))
            reasons.append(str(error))
    return np.array(values, dtype=np.float64), reasons


def decimal_of(cells: Sequence[str]) -> str:
    """``","`` when the cells show decimal commas and no decimal points, else ``"."``."""
    commas = sum(bool(re.fullmatch(r"\s*[+-]?\d+,\d+\s*", cell)) for cell in cells)
    points = sum(bool(re.fullmatch(r"\s*[+-]?\d*\.\d+\s*", cell)) for cell in cells)
    return "," if commas > points else "."
