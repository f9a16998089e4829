"""The features of report 002 on STEG-style tables, learned from training clients and from nobody else.

The report counts 28; FACTS (section 5) names their kinds, not each one, so the columns here are those kinds
and their number depends on the codes in the file. Fraud rates, group means, the codes of the one-hot columns
and the scaling are all learned on the training clients; a district or region never seen there is low risk.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadprofile.errors import NothingToLearnError, ShapeError
from loadprofile.features.billing.peers import FULL, BillMeans, deviations
from loadprofile.ingest.steg.values import Clients, Invoices

ONE_HOT = ("district", "category", "region")
RISKS = ("region", "district")
VARIETIES = ("status", "tariff", "remark")
LOW_VARIETY, HIGH_VARIETY = 1, 3


@dataclass(frozen=True, eq=False, slots=True)
class ReportTable:
    """``names`` and ``(c, k)`` float64 values; no NaN."""

    names: tuple[str, ...]
    values: NDArray[np.float64]


def report_features(clients: Clients, invoices: Invoices, train: NDArray[np.intp]) -> ReportTable:
    """Features of all clients, everything learned from the clients at ``train`` (rows, ascending).

    The targets of other clients are not looked at.

    Raises:
        NothingToLearnError: no training client with a known target has an invoice.
    """
    target = clients.target[train].astype(np.float64)
    own = invoices.of_clients(train)
    if not len(own) or not np.isfinite(target).any():
        raise NothingToLearnError(len(clients), "no training client with a target and an invoice")
    names: list[str] = []
    columns: list[NDArray[np.floating]] = []

    def add(name: str, values: NDArray[np.generic]) -> None:
        names.append(name)
        columns.append(values.astype(np.float64))

    for name in RISKS:
        codes = getattr(clients, name)
        add(f"high_risk_{name}", np.isin(codes, risky(codes[train], target)))
    for name in VARIETIES:
        different = _variety(invoices, getattr(invoices, name))
        add(f"{name}_one", different == LOW_VARIETY)
        add(f"{name}_many", different >= HIGH_VARIETY)
    level = invoices.levels[:, 0].astype(np.float64)
    means = BillMeans(least=1, keys=(FULL,)).fit(
        clients.take(train), own, own.levels[:, :1].astype(np.float64)
    )
    for which, values in zip(
        ("max", "min", "mean"),
        deviations(invoices, level, means.expected(clients, invoices)[:, 0]).T,
        strict=True,
    ):
        add(f"difference_{which}", _standard(np.nan_to_num(values), train))
    for name in ONE_HOT:
        codes = getattr(clients, name)
        for code in np.unique(codes[train]).tolist():
            add(f"{name}_{code}", codes == code)
    count = np.maximum(np.diff(invoices.starts), 1)
    for k in range(4):
        total = np.bincount(invoices.client, weights=invoices.levels[:, k], minlength=len(clients))
        add(f"level_{k + 1}", _standard(total / count, train))
    return ReportTable(tuple(names), np.stack(columns, axis=1))


def risky(codes: NDArray[np.integer], target: NDArray[np.floating]) -> NDArray[np.integer]:
    """Codes whose rate of fraud is above the mean, from ``(t,)`` codes and targets of training clients."""
    if codes.shape != target.shape:
        raise ShapeError("target", target.shape, codes.shape)
    known = np.isfinite(target)
    words, at = np.unique(codes[known], return_inverse=True)
    rate = np.bincount(at, weights=target[known]) / np.bincount(at)
    return np.asarray(words[rate > target[known].mean()])


def _variety(invoices: Invoices, values: NDArray[np.integer]) -> NDArray[np.intp]:
    """``(c,)`` different known values of a column of each client."""
    known = values >= 0
    room = int(values.max(initial=0)) + 1
    pairs = np.unique(invoices.client[known].astype(np.int64) * room + values[known])
    return np.bincount(pairs // room, minlength=len(invoices.starts) - 1)


def _standard(values: NDArray[np.floating], train: NDArray[np.intp]) -> NDArray[np.float64]:
    """Mean 0 and standard deviation 1 on the training clients."""
    own = values[train].astype(np.float64)
    return np.asarray((values - own.mean()) / (own.std() or 1.0), dtype=np.float64)
