"""Cells of exports for spreadsheets: what a client wrote must not run where an analyst opens it."""

from __future__ import annotations

import pandas as pd

_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters that make a spreadsheet take a text for a formula, full-width ones too (OWASP)."""


def harmless(value: object) -> object:
    """The value; a text that a spreadsheet would take for a formula is led by an apostrophe.

    Numbers stay numbers, and so do texts that are nothing but a number, such as ``-3.5``.
    """
    if not isinstance(value, str) or not value.lstrip(" ").startswith(_STARTS):
        return value
    try:
        float(value)
    except ValueError:
        return "'" + value
    return value


def harmless_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """A table for CSV or XLSX: every text in it harmless, names of columns too; the input stays as it is."""
    out = frame.copy()
    for name in out.columns:
        if not pd.api.types.is_numeric_dtype(out[name]) and not pd.api.types.is_datetime64_any_dtype(
            out[name]
        ):
            out[name] = out[name].map(harmless)
    out.columns = pd.Index([harmless(name) for name in out.columns])
    return out
