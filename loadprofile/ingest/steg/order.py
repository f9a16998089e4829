"""The order of invoices (client, energy, counter, date, index), and which of them are exact duplicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[np.signedinteger]]


def sorted_rows(columns: Columns) -> NDArray[np.intp]:
    """Row numbers in the order client, energy, counter, date, old index, new index, place in the file."""
    at, words = pd.factorize(columns["counter"])
    rank = np.empty(len(words), dtype=np.int64)
    rank[np.argsort(np.asarray(words), kind="stable")] = np.arange(len(words))
    client, energy = columns["client"].astype(np.int64), columns["energy"].astype(np.int64)
    date = columns["date"].astype(np.int64)
    first = int(date.min(initial=0))
    days = int(date.max(initial=0)) - first + 1
    if (int(client.max(initial=0)) + 1) * 2 * max(len(words), 1) * days < 2**62:
        key = ((client * 2 + energy) * max(len(words), 1) + rank[at]) * days + (date - first)
        order = np.argsort(key, kind="stable")
        tied = key[order]
        same = tied[1:] == tied[:-1]
    else:
        order = np.lexsort((date, rank[at], energy, client))
        same = np.ones(max(len(order) - 1, 0), dtype=np.bool_)
        for name in ("client", "energy", "counter", "date"):
            values = columns[name][order]
            same &= values[1:] == values[:-1]
    # Rows of the same counter and day are few: only they are ordered by index.
    group = np.concatenate([[0], np.cumsum(~same)]) if len(order) else np.zeros(0, dtype=np.int64)
    member = np.zeros(len(order), dtype=np.bool_)
    member[1:] |= same
    member[:-1] |= same
    place = np.flatnonzero(member)
    rows = order[place]
    inner = np.lexsort((rows, columns["new_index"][rows], columns["old_index"][rows], group[place]))
    order[place] = rows[inner]
    return order


def duplicates(
    columns: Columns, order: NDArray[np.intp], names: Sequence[str]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """``(repeated rows, the earlier row that each repeats)``: the same in all the named columns.

    Only rows of the same client, energy, counter and date are compared; the first in the file stays.
    """
    same = np.ones(max(len(order) - 1, 0), dtype=np.bool_)
    for name in ("client", "energy", "counter", "date", "old_index", "new_index"):
        values = columns[name][order]
        same &= values[1:] == values[:-1]
    close = np.zeros(len(order), dtype=np.bool_)
    close[1:] |= same
    close[:-1] |= same
    rows = order[close]
    if not len(rows):
        return rows, rows
    table = pd.DataFrame({name: columns[name][rows] for name in ("client", "date", *names)}, index=rows)
    table = table.loc[:, ~table.columns.duplicated()].sort_index()
    groups = table.groupby(list(table.columns), sort=False).ngroup().to_numpy()
    first = np.full(int(groups.max()) + 1, -1, dtype=np.intp)
    places = np.asarray(table.index, dtype=np.intp)
    first[groups[::-1]] = places[::-1]
    earlier = first[groups]
    again = earlier != places
    return places[again], earlier[again]
