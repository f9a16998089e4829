"""Invoice rows whose values stand one column too far to the right, recognised value by value.

In the files that circulate some rows carry a foreign number in ``counter_statue`` (46, 618, 769, ...),
and from there on every value stands in its right neighbour's column: the code in ``reading_remarque``,
the remark in ``counter_coefficient``, the new index in ``months_number``. No list of rows or of foreign
numbers is needed: a value is *at home on the left* when it is usual in the left neighbour's column and
far less usual in its own; what is usual, the file itself says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

USUAL = 1e-5
"""A value with at least this share of a column is usual in it."""
MUCH_MORE = 5.0
"""At home on the left: this many times more usual there than in its own column."""

Columns = Mapping[str, NDArray[np.signedinteger]]


@dataclass(frozen=True, eq=False, slots=True)
class Shifted:
    """The shifted rows.

    Attributes:
        rows: ``(r,)`` row numbers, ascending.
        from_counter: ``(r,)`` bool: the shift begins in ``counter`` (its number stands in ``status``);
            otherwise in ``status``.
    """

    rows: NDArray[np.intp]
    from_counter: NDArray[np.bool_]


def find_shifted(columns: Columns, client: NDArray[np.signedinteger]) -> Shifted:
    """Find the shifted rows.

    A row is shifted when the values in ``remark`` and ``coefficient`` are both at home on the left, those
    in ``code`` and ``level_1`` at least usual there. A single odd value never moves a row.

    Args:
        columns: our name -> ``(n,)`` whole numbers; -1 = unknown.
        client: ``(n,)`` client of each row.
    """
    # Few rows have an odd remark: only those are looked at more closely.
    remark = _Shares(columns["remark"])
    code = _Shares(columns["code"])
    found = np.flatnonzero(_at_home_left(remark, code)[remark.at])
    if not len(found):
        return Shifted(found, np.zeros(0, dtype=np.bool_))
    coefficient, status = _Shares(columns["coefficient"]), _Shares(columns["status"])
    home = _at_home_left(coefficient, remark)[coefficient.at]
    found = found[home[found]]
    fits = (status.of(columns["code"][found]) >= USUAL) & (coefficient.of(columns["level_1"][found]) >= USUAL)
    rows = found[fits]
    return Shifted(rows, _from_counter(columns, client, rows))


def shift_back(
    columns: Mapping[str, NDArray[np.signedinteger]], order: tuple[str, ...], shifted: Shifted
) -> None:
    """Move the values of shifted rows one column to the left, in place; the last column becomes -1 (unknown).

    Args:
        columns: writable arrays.
        order: names of the columns from the first that may be shifted to the last.
        shifted: the rows.
    """
    first, second = order[:2]
    moved = shifted.rows[shifted.from_counter]
    columns[first][moved] = columns[second][moved]
    for left, right in pairwise(order[1:]):
        columns[left][shifted.rows] = columns[right][shifted.rows]
    columns[order[-1]][shifted.rows] = -1


class _Shares:
    """How usual each value of a column is."""

    def __init__(self, values: NDArray[np.signedinteger]) -> None:
        self.at, words = pd.factorize(values)
        self.words: NDArray[np.int64] = np.asarray(words)
        self.rows = len(values)
        self.counts = np.bincount(self.at, minlength=len(self.words))
        self.shares = self.counts / max(len(values), 1)

    def of(self, values: NDArray[np.signedinteger]) -> NDArray[np.float64]:
        """Share of this column that holds each of the values; 0 for values it never holds."""
        place = pd.Index(self.words).get_indexer(pd.Index(values))
        return np.where(place >= 0, self.shares[place], 0.0)


def _at_home_left(own: _Shares, left: _Shares) -> NDArray[np.bool_]:
    """For each distinct value of a column: usual on the left, and much more so than here (one row less)."""
    there = left.of(own.words)
    here = (own.counts - 1) / max(own.rows - 1, 1)
    return (there >= USUAL) & (there >= MUCH_MORE * here) & (own.words >= 0)


def _from_counter(
    columns: Columns, client: NDArray[np.signedinteger], rows: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Whether the status holds a counter number that the same client has in rows that are not shifted."""
    out = np.zeros(len(rows), dtype=np.bool_)
    if not len(rows):
        return out
    near = np.isin(client, np.unique(client[rows]))
    near[rows] = False
    known = set(zip(client[near].tolist(), columns["counter"][near].tolist(), strict=True))
    for place, row in enumerate(rows.tolist()):
        owner = int(client[row])
        right = (owner, int(columns["status"][row])) in known
        out[place] = right and (owner, int(columns["counter"][row])) not in known
    return out
