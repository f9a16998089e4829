"""Causes planted in made bills, one a client, each with the day from which it shows.

| cause | what is done | ``amount`` |
|---|---|---|
| level_drop | the register sees only a part from a bill on (as when a meter is bypassed) | the part left |
| index_stall | the register stands still, nothing is billed | bills |
| index_gap | the register moved between two bills, and nobody billed it | units |
| overlap | a bill begins below the end of the one before: units billed twice | units |
| coefficient_error | the meter has a coefficient; the amounts were billed without it | the coefficient |
| sum_error | the levels bill more than the register shows | kWh a bill |
| estimated | the same round amount again and again | kWh a bill |
| wrap_around | the register passed its last digit | digits |
| months_error | one bill says it covers 12 months | months |
"""

from __future__ import annotations

import numpy as np

from loadprofile.emulate.bill_rows import BillRows, Whole
from loadprofile.ingest.steg.values import ELEC

CAUSES = ("level_drop", "index_stall", "index_gap", "overlap", "coefficient_error", "sum_error", "estimated",
          "wrap_around", "months_error")  # fmt: skip
CAUSE_COLUMNS = ("client", "energy", "cause", "date", "amount")
LEAST_BILLS = 12
Told = tuple[int, int, str, int, float]


def plant_causes(rows: BillRows, rng: np.random.Generator, clients: int, share: float) -> list[Told]:
    """Plant every cause in about ``share`` of the clients (electricity), in place; returns the ledger.

    Only streams with ``LEAST_BILLS`` bills and one meter are taken, so that there is a before and an after.
    """
    starts = rows.starts()
    whole = np.flatnonzero((rows.energy[starts] == ELEC) & (rows.bills >= LEAST_BILLS))
    renewed = np.unique(rows.stream[rows.second])
    whole = np.setdiff1d(whole, renewed)
    each = round(share * clients)
    if share > 0 and each * len(CAUSES) > len(whole):
        each = len(whole) // len(CAUSES)
    chosen = rng.permutation(whole)[: each * len(CAUSES)]
    told: list[Told] = []
    for place, stream in enumerate(chosen.tolist()):
        cause = CAUSES[place % len(CAUSES)]
        first, count = int(starts[stream]), int(rows.bills[stream])
        at = first + int(rng.integers(5, count - 5))
        bills = np.arange(at, first + count)
        amount = _plant(cause, rows, stream, first, bills, rng)
        day = rows.date[first] if cause in ("coefficient_error", "sum_error") else rows.date[at]
        told.append((int(rows.owner[stream]), ELEC, cause, int(day), amount))
    return told


def _plant(
    cause: str, rows: BillRows, stream: int, first: int, bills: Whole, rng: np.random.Generator
) -> float:
    at, every = int(bills[0]), np.arange(first, int(bills[-1]) + 1)
    typical = max(int(np.median(rows.kwh[every])), 50)
    if cause == "level_drop":
        part = float(rng.uniform(0.15, 0.6))
        rows.kwh[bills] = np.round(rows.kwh[bills] * part)
        return part
    if cause == "index_stall":
        length = int(rng.integers(3, len(bills) + 1))
        rows.kwh[bills[:length]] = 0
        return float(length)
    if cause == "index_gap":
        rows.jump[at] = units = int(typical * rng.uniform(1, 3))
        return float(units)
    if cause == "overlap":
        rows.begin[stream] += typical  # so that the register stays above zero
        least = min(typical, int(rows.kwh[at]), int(rows.kwh[at - 1]))
        units = max(1, int(least * rng.uniform(0.3, 0.9)))
        rows.jump[at] = -units
        return float(units)
    if cause == "coefficient_error":
        factor = int(rng.choice([10, 20, 40]))
        rows.coefficient[every] = factor
        rows.kwh[every] = (rows.kwh[every] + factor) // factor * factor
        rows.unapplied[every] = True
        return float(factor)
    if cause == "sum_error":
        rows.extra[every] = extra = int(rng.integers(20, 200))
        return float(extra)
    if cause == "estimated":
        rows.kwh[bills] = amount = max(100, typical // 100 * 100)
        return float(amount)
    if cause == "wrap_around":
        before = int(rows.kwh[first:at].sum())
        size = 10 ** (5 if before < 60_000 else 7)
        # the register passes its last digit in the middle of this bill
        rows.kwh[at] = max(int(rows.kwh[at]), 2)
        rows.begin[stream] = size - before - int(rows.kwh[at]) // 2
        rows.digits[stream] = len(str(size)) - 1
        return float(rows.digits[stream])
    rows.months[at] = 12
    return 12.0
