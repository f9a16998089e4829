"""Broken arithmetic as evidence: what speaks for a fault in the data or in the meter, and how much.

Each check (``features/billing/checks.py``) is the work of one office. Its odds move by a likelihood ratio:
how often a client with such a fault breaks the check that often, over how often any client does. The latter
is counted on the training clients. The former is not known, since no open table says which client had such a
fault; it is taken as one in as many as there are checks of that office, and the ratio is bounded by ``MOST``.
Fraud keeps the probability that visits taught: only what is not fraud is shared anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from loadprofile.bills.steg import StegBills
from loadprofile.features.billing.checks import CHECKS, BillChecks
from loadprofile.ingest.steg.values import ELEC, ENERGIES
from loadprofile.verdicts import CAUSES, SPOKEN, Cause, Evidence

_DATA, _METER = Cause.DATA_MISMATCH, Cause.MAINTENANCE
OFFICE: Mapping[str, Cause] = MappingProxyType(
    {
        "sum": _DATA, "coefficient": _DATA, "index_gap": _DATA, "index_overlap": _DATA,
        "index_restart": _DATA, "negative": _DATA, "below_zero": _DATA, "period_gap": _DATA,
        "period_overlap": _DATA, "same_day": _DATA, "both_energies": _DATA, "billed_still": _METER,
        "stall": _METER,
    }
)  # fmt: skip
"""Whose work a broken check is. A wrap-around is no fault: it explains itself."""

STEPS = (1, 2, 3, 5, 8, 13, 21)
"""Numbers of broken bills that the shares of clients are kept for."""

MOST = 50.0
"""Largest likelihood ratio: how often a fault leads to a broken check is an assumption."""

UNBILLED: Mapping[str, float] = MappingProxyType(
    {"coefficient": 1.0, "index_gap": 1.0, "index_overlap": -1.0, "sum": -1.0}
)
"""Checks whose amount is energy used and not billed (+) or billed and not used (-)."""

_SAID: Mapping[str, str] = MappingProxyType(
    {
        "sum": "the price levels of {n} do not sum to what the register shows: {amount:+,.0f} {unit} billed "
        "beyond it",
        "coefficient": "{n} leave out the coefficient of the meter: {amount:,.0f} {unit} not billed for it",
        "index_gap": "{n} begin above the end of the bill before: {amount:,.0f} {unit} between them were "
        "never billed",
        "index_overlap": "{n} begin below the end of the bill before: {amount:,.0f} {unit} billed twice",
        "index_restart": "{n} begin below the beginning of the bill before, under the same meter number",
        "negative": "{n} end below where they begin, and no register that passed its last digit explains it",
        "below_zero": "{n} have an index below zero",
        "period_gap": "{n} leave {amount:,.0f} days without a bill",
        "period_overlap": "{n} cover {amount:,.0f} days that another bill covers too",
        "same_day": "{n} of one meter and day, with other values",
        "both_energies": "{n} carry a meter number that stands for electricity and for gas",
        "billed_still": "{n} bill {amount:,.0f} {unit} while the register stands still",
        "stall": "the register stands still in {n} after it had moved",
    }
)


@dataclass(frozen=True, eq=False, slots=True)
class Arithmetic:
    """What broken checks say of ``n`` clients.

    Attributes:
        ratio: ``(n, 6)`` by which the odds of each cause move against normal; 1 = no evidence.
        onset: ``(n, 6)`` datetime64[m], earliest broken bill that speaks; NaT = none.
        unbilled: ``(n,)`` kWh used and not billed, as the numbers themselves say; NaN = they do not.
        says: row -> statements, those of the likelier cause first.
    """

    ratio: NDArray[np.float64]
    onset: NDArray[np.datetime64]
    unbilled: NDArray[np.float64]
    says: Callable[[int], tuple[Evidence, ...]]


def check_shares(checks: BillChecks) -> NDArray[np.float64]:
    """``(2, k, len(STEPS))`` share of the clients that break a check in at least so many bills.

    One client more than there are is counted as breaking it: who is the first to do so is no miracle.
    """
    out = np.empty((2, len(CHECKS), len(STEPS)))
    for energy in range(2):
        some = checks.bills[:, energy] > 0
        counts = checks.count[some, energy]
        for at, step in enumerate(STEPS):
            out[energy, :, at] = ((counts >= step).sum(axis=0) + 1.0) / (len(counts) + 1.0)
    return out


def arithmetic(bills: StegBills, shares: NDArray[np.float64]) -> Arithmetic:
    """Hold every client against the training clients.

    Args:
        bills: with their checks.
        shares: from ``check_shares`` of the training clients.
    """
    checks, n = bills.checks, len(bills)
    each = _ratios(checks, shares)
    ratio = np.ones((n, len(CAUSES)))
    onset = np.full((n, len(CAUSES)), np.datetime64("NaT", "m"))
    for cause in (_DATA, _METER):
        mine = [at for at, name in enumerate(CHECKS) if OFFICE.get(name) == cause]
        own = each[:, :, mine].reshape(n, -1)
        ratio[:, CAUSES.index(cause)] = own.max(axis=1)
        spoken = own >= _least()
        rows = checks.first[:, :, mine].reshape(n, -1)
        days = np.where(spoken, bills.invoices.date[np.maximum(rows, 0)], np.iinfo(np.int32).max).min(axis=1)
        some = spoken.any(axis=1)
        onset[some, CAUSES.index(cause)] = days[some].astype("datetime64[D]").astype("datetime64[m]")

    def says(row: int) -> tuple[Evidence, ...]:
        found = [
            (float(each[row, energy, at]), energy, at)
            for energy, at in np.argwhere(each[row] >= _least()).tolist()
        ]
        found.sort(key=lambda item: -item[0])
        return tuple(_evidence(bills, shares, row, energy, at, by) for by, energy, at in found)

    return Arithmetic(ratio, onset, _unbilled(checks, each), says)


def _least() -> float:
    """Ratio from which a check is spoken of: its strength is ``1 - 1 / ratio``."""
    return 1.0 / (1.0 - SPOKEN)


def _ratios(checks: BillChecks, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(n, 2, k)`` likelihood ratio of each check, 1 where it is not broken or says nothing."""
    of = {cause: sum(owner == cause for owner in OFFICE.values()) for cause in (_DATA, _METER)}
    step = np.searchsorted(np.array(STEPS), checks.count, side="right") - 1
    out = np.ones(checks.count.shape)
    for at, name in enumerate(CHECKS):
        if name not in OFFICE:
            continue
        for energy in range(2):
            broken = step[:, energy, at] >= 0
            usual = shares[energy, at, np.maximum(step[:, energy, at], 0)]
            found = np.clip(1.0 / of[OFFICE[name]] / usual, 1.0, MOST)
            out[:, energy, at] = np.where(broken, found, 1.0)
    return out


def _unbilled(checks: BillChecks, each: NDArray[np.float64]) -> NDArray[np.float64]:
    """Electricity that the broken checks themselves count; NaN where none that counts it speaks."""
    total, some = np.zeros(len(each)), np.zeros(len(each), dtype=np.bool_)
    for name, side in UNBILLED.items():
        at = CHECKS.index(name)
        spoken = each[:, ELEC, at] >= _least()
        total += np.where(spoken, side * checks.amount[:, ELEC, at], 0.0)
        some |= spoken
    return np.where(some, total, np.nan)


def _or_more(count: int) -> str:
    return "any bill" if count == 1 else f"{count} bills or more"


def _evidence(
    bills: StegBills, shares: NDArray[np.float64], row: int, energy: int, at: int, by: float
) -> Evidence:
    checks, name = bills.checks, CHECKS[at]
    count, total = int(checks.count[row, energy, at]), int(checks.bills[row, energy])
    amount = float(checks.amount[row, energy, at])
    first, worst = int(checks.first[row, energy, at]), int(checks.worst[row, energy, at])
    step = int(np.searchsorted(np.array(STEPS), count, side="right")) - 1
    word = "electricity" if energy == ELEC else "gas"
    said = _SAID[name].format(
        n=f"{count} of {total} {word} bills", amount=amount, unit="kWh" if energy == ELEC else "gas units"
    )
    day, line = str(bills.invoices.date[worst].astype("datetime64[D]")), int(bills.invoices.line[worst])
    return Evidence(
        name=f"{OFFICE[name]}.{name}",
        sentence=f"{said} (look at the bill of {day}, line {line}); {shares[energy, at, step]:.2%} of "
        f"the training clients break this in {_or_more(STEPS[step])}",
        quantity=f"{ENERGIES[energy]} bills that break the check {name}", found=float(count), expected=0.0,
        unit="invoices", first=str(bills.invoices.date[first].astype("datetime64[D]")), last=day,
        source="arithmetic of the bills", strength=1.0 - 1.0 / by,
    )  # fmt: skip
