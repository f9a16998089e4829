"""Energy lost by clients with invoices: errors learned from thefts planted in bills that nobody suspects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadprofile.bills.energy import DROP, energy_lost, fit_energy
from loadprofile.bills.losses import ALPHA, BYPASSED, WHOLE_YEAR, BillLosses
from loadprofile.bills.steg import StegBills
from loadprofile.bills.steg_peers import NO_DAY, YEAR, StegPeers, steg_peers
from loadprofile.classify.spreads import SpreadTable
from loadprofile.errors import NothingToLearnError
from loadprofile.features.billing.periods import bill_periods
from loadprofile.ingest.steg.values import ELEC

MOST_PLANTED = 6000
LEAST_BILLS = 6


@dataclass(frozen=True, eq=False, slots=True)
class PlantedBills:
    """Bills with theft put into them.

    Attributes:
        rows: ``(m,)`` places of the clients.
        bills: of these clients, as billed.
        onset: ``(m,)`` day from which theft goes on; ``NO_DAY`` = from before the first bill.
        lost: ``(m,)`` kWh of the last year used and not billed.
    """

    rows: NDArray[np.intp]
    bills: StegBills
    onset: NDArray[np.int64]
    lost: NDArray[np.float64]


def plant_in_bills(bills: StegBills, rng: np.random.Generator) -> PlantedBills:
    """Put theft into the electricity of some clients who were not found to be frauds.

    Raises:
        NothingToLearnError: nobody has enough bills.
    """
    invoices, periods = bills.invoices, bills.periods
    told = (invoices.energy == ELEC) & np.isfinite(periods.per_day)
    count = np.bincount(invoices.client[told & (periods.billed > 0)], minlength=len(bills))
    rows = np.flatnonzero((count >= LEAST_BILLS) & (bills.clients.target != 1))
    if not len(rows):
        raise NothingToLearnError(len(bills), f"no ordinary client with {LEAST_BILLS} electricity bills")
    rows = np.sort(rng.permutation(rows)[:MOST_PLANTED])
    m = len(rows)
    own = bills.of(rows)
    elec = own.invoices.energy == ELEC
    first, last = np.full(m, np.iinfo(np.int64).max), np.full(m, NO_DAY)
    np.minimum.at(first, own.invoices.client[elec], own.invoices.date[elec])
    np.maximum.at(last, own.invoices.client[elec], own.invoices.date[elec])
    # a theft of the last years: one that began long ago has no before in the bills
    length = np.minimum(last - first, 4 * YEAR)
    onset = last - (length * rng.uniform(0.05, 0.9, m)).astype(np.int64)
    onset = np.where(rng.random(m) < WHOLE_YEAR, NO_DAY, onset)
    kept = np.where(rng.random(m) < BYPASSED, 0.0, rng.uniform(*ALPHA, m))
    client = own.invoices.client
    stolen = elec & (own.invoices.date > onset[client])
    share = np.where(stolen, kept[client], 1.0)
    levels = np.rint(own.invoices.levels * share[:, None]).astype(np.int32)
    touched = replace(own.invoices, levels=levels)
    periods = bill_periods(touched)
    recent = elec & np.isfinite(periods.per_day) & (touched.date > last[client] - YEAR)
    gap = np.where(recent, own.periods.billed - periods.billed, 0)
    lost = np.bincount(client, weights=gap, minlength=m).astype(np.float64)
    return PlantedBills(rows, replace(own, invoices=touched, periods=periods), onset, lost)


def fit_steg_losses(bills: StegBills, peers: StegPeers, seed: int = 0) -> dict[str, Any]:
    """The parts that ``steg_losses`` needs.

    Args:
        bills: of the clients that may be learned from.
        peers: as ``steg_peers`` gives it for them.
        seed: of what is planted.

    Raises:
        NothingToLearnError: too few ordinary clients.
    """
    planted = plant_in_bills(bills, np.random.default_rng(seed))
    found = steg_peers(planted.bills, peers, planted.rows)
    seen = found.seen
    parts = fit_energy(seen, planted.lost + seen.since, planted.lost + seen.billed)
    late = np.where(seen.dropped & (planted.onset != NO_DAY), found.date - planted.onset, np.nan)
    if not np.isfinite(late).any():
        raise NothingToLearnError(len(bills), "too few ordinary clients to learn errors from")
    return {**parts, "onset_spread": SpreadTable(bins=3).fit(np.full(len(late), DROP), seen.sure, late)}


def steg_losses(peers: StegPeers, parts: Mapping[str, Any]) -> BillLosses:
    """Onset, and energy of the last year, of each client, if it is fraud."""
    seen = peers.seen
    reach = np.ceil(parts["onset_spread"].predict(np.full(len(seen.sure), DROP), seen.sure)).astype(np.int64)
    nat = np.datetime64("NaT", "m")
    day = np.where(seen.dropped, peers.date, 0)

    def moment(at: NDArray[np.int64]) -> NDArray[np.datetime64]:
        return np.where(seen.dropped, at.astype("datetime64[D]").astype("datetime64[m]"), nat)

    return BillLosses(moment(day), moment(day - reach), moment(day + reach), *energy_lost(seen, parts))
