"""A client's electricity beside that of the clients of the same tariff and district.

What the peers did in a month is the mean of their amounts per day over their own usual amount, so large and
small clients count alike. A drop that all shared is a season or a policy, not theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.bills.energy import Foreseen
from loadprofile.bills.steg import StegBills
from loadprofile.features.billing.periods import DAYS_A_MONTH
from loadprofile.features.billing.use import COLUMNS, use_of_bills
from loadprofile.ingest.steg.values import ELEC

LEAST_PEERS = 12
YEAR = 365
"""Energy is told of the last year that was billed: what is older cannot be billed any more."""

SEEN_RATIO = 0.78
SEEN_STRENGTH = 4.0
"""A drop is spoken of from 22 % on and from so many standard errors."""

NO_DAY = np.iinfo(np.int64).min


@dataclass(frozen=True, eq=False, slots=True)
class StegPeers:
    """Each client's electricity against its peers.

    Attributes:
        count: ``(c,)`` other clients of the same tariff and district; 0 = too few to say anything.
        ratio: ``(c,)`` own use after the change over before it, in like seasons; NaN = no change found.
        moved: ``(c,)`` what the peers' use did over the same bills; 1 where there are too few.
        strength: ``(c,)`` of the own change, in standard errors.
        date: ``(c,)`` day of the change, days since 1970-01-01; ``NO_DAY`` = none.
        lit: ``(c,)`` level of the bills after the change that bill something at all over that before it, the
            peers taken out; NaN = there are none.
        seen: what was billed in the last year and what should have been.
        month: ``(g, m)`` the peers' index of each month, as used for ``moved``.
        group: ``(c,)`` row of ``month``.
        usual: ``(c,)`` own mean amount per day, kWh.
        middle: ``(g,)`` median of these.
    """

    count: NDArray[np.int64]
    ratio: NDArray[np.float64]
    moved: NDArray[np.float64]
    strength: NDArray[np.float64]
    date: NDArray[np.int64]
    lit: NDArray[np.float64]
    seen: Foreseen
    month: NDArray[np.float64]
    group: NDArray[np.int64]
    usual: NDArray[np.float64]
    middle: NDArray[np.float64]

    @property
    def dropped(self) -> NDArray[np.bool_]:
        """``(c,)`` whether a drop against the peers is seen."""
        return self.seen.dropped


def steg_peers(
    bills: StegBills, like: StegPeers | None = None, rows: NDArray[np.intp] | None = None
) -> StegPeers:
    """Compare every client with its peers.

    Args:
        bills: of all clients.
        like: take groups, months and medians from an earlier comparison instead of from these bills.
        rows: places of these clients in ``like``.
    """
    c = len(bills)
    use = dict(zip(COLUMNS, use_of_bills(bills.invoices, bills.periods)[:, ELEC].T, strict=True))
    usual = np.asarray(use["use.per_day"], dtype=np.float64)
    month = (bills.invoices.date.astype("datetime64[D]")).astype("datetime64[M]").astype(np.int64)
    if like is None or rows is None:
        group, count = _groups(bills)
        index, first = _months(bills, group, usual, month)
        middle = np.array([_median(usual[group == g]) for g in range(int(group.max(initial=-1)) + 1)])
        index = np.concatenate([np.full((len(index), 1), float(first)), index], axis=1)
    else:
        group, count, index, middle = like.group[rows], like.count[rows], like.month, like.middle
    date = np.where(np.isfinite(use["level.date"]), use["level.date"], 0).astype(np.int64)
    date = np.where(np.isfinite(use["level.date"]), date, NO_DAY)
    moved = np.ones(c)
    window = np.zeros((c, 6))
    _walk(
        bills.invoices.starts, bills.invoices.energy, bills.invoices.date, bills.invoices.months,
        bills.periods.days, bills.periods.billed, bills.periods.per_day, month, group, index, date, moved,
        window,
    )  # fmt: skip
    moved = np.where((count >= LEAST_PEERS) & np.isfinite(moved) & (moved > 0), moved, 1.0)
    ratio = np.asarray(use["level.ratio"], dtype=np.float64)
    strength = np.nan_to_num(np.asarray(use["level.strength"], dtype=np.float64))
    billed, days, since, since_days, lit, lit_days = window.T
    with np.errstate(invalid="ignore", divide="ignore"):
        own = ratio / moved
        dropped = (own <= SEEN_RATIO) & (strength >= SEEN_STRENGTH) & (since_days > 0)
        before = np.asarray(use["level.before"], dtype=np.float64)
        by_drop = np.where(own > 0.05, since / own, before * moved * since_days)
        bright = np.where(lit_days > 0, lit / lit_days / (before * moved), np.nan)
        typical = np.where(count >= LEAST_PEERS, middle[group], usual) * days
    seen = Foreseen(
        dropped=np.asarray(dropped),
        sure=strength,
        by_drop=np.where(dropped, by_drop, np.nan),
        since=since,
        billed=np.where(days > 0, billed, np.nan),
        typical=np.nan_to_num(typical),
        highest=np.nan_to_num(np.asarray(use["use.per_day_max"], dtype=np.float64)) * days,
    )
    return StegPeers(
        count=np.where(count >= LEAST_PEERS, count, 0), ratio=ratio, moved=moved, strength=strength,
        date=date, lit=np.asarray(bright), seen=seen, month=index, group=group, usual=usual, middle=middle,
    )  # fmt: skip


def _groups(bills: StegBills) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Group of each client by district and the tariff of its last electricity bill; others in its group."""
    c = len(bills)
    tariff = np.full(c, -1, dtype=np.int64)
    elec = np.flatnonzero(bills.invoices.energy == ELEC)
    order = elec[np.argsort(bills.invoices.date[elec], kind="stable")]
    tariff[bills.invoices.client[order]] = bills.invoices.tariff[order]
    keys = np.stack([bills.clients.district.astype(np.int64), tariff], axis=1)
    _, group = np.unique(keys, axis=0, return_inverse=True)
    group = np.asarray(group, dtype=np.int64).ravel()
    return group, (np.bincount(group)[group] - 1).astype(np.int64)


def _months(
    bills: StegBills, group: NDArray[np.int64], usual: NDArray[np.float64], month: NDArray[np.int64]
) -> tuple[NDArray[np.float64], int]:
    """``(g, m)`` mean of own amount per day over the usual one, NaN where nobody has a bill; first month."""
    invoices, per_day = bills.invoices, bills.periods.per_day
    mine = usual[invoices.client]
    rows = np.flatnonzero((invoices.energy == ELEC) & np.isfinite(per_day) & (mine > 0))
    if not len(rows):
        return np.full((int(group.max(initial=-1)) + 1, 1), np.nan), 0
    first = int(month[rows].min())
    span = int(month[rows].max()) - first + 1
    cell = group[invoices.client[rows]] * span + month[rows] - first
    room = (int(group.max()) + 1) * span
    count = np.bincount(cell, minlength=room)
    # a single bill of a hundred times the usual amount is no season
    total = np.bincount(cell, weights=np.minimum(per_day[rows] / mine[rows], 5.0), minlength=room)
    with np.errstate(invalid="ignore"):
        return (total / np.where(count > 0, count, np.nan)).reshape(-1, span), first


def _median(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _walk(  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN202
    starts, energy, date, months, days, billed, per_day, month, group, index, change, moved, window  # noqa: ANN001
):  # fmt: skip
    """``moved``: the peers' level after the change over before it, in like seasons, over the own bills.

    ``window``: billed and days of the last year, the same since the change, and of all bills since the change
    that bill something.
    """
    sums, lengths = np.zeros((4, 2)), np.zeros((4, 2))
    for client in range(len(starts) - 1):
        last = np.int64(NO_DAY)
        for row in range(starts[client], starts[client + 1]):
            if energy[row] == ELEC:
                last = max(last, np.int64(date[row]))
        sums[:], lengths[:] = 0.0, 0.0
        peers = index[group[client]]
        for row in range(starts[client], starts[client + 1]):
            if energy[row] != ELEC or not np.isfinite(per_day[row]):
                continue
            span = np.float64(days[row])
            if days[row] < 0:
                span = months[row] * DAYS_A_MONTH
            after = change[client] != NO_DAY and date[row] > change[client]
            if after and billed[row] > 0:
                window[client, 4] += billed[row]
                window[client, 5] += span
            if date[row] > last - YEAR:
                window[client, 0] += billed[row]
                window[client, 1] += span
                if after:
                    window[client, 2] += billed[row]
                    window[client, 3] += span
            at = month[row] - np.int64(peers[0]) + 1
            if at < 1 or at >= len(peers) or not np.isfinite(peers[at]):
                continue
            quarter = ((month[row] + 1) % 12) // 3
            side = 1 if after else 0
            sums[quarter, side] += peers[at] * span
            lengths[quarter, side] += span
        before, now = 0.0, 0.0
        for quarter in range(4):
            if lengths[quarter, 0] > 0 and lengths[quarter, 1] > 0:
                before += sums[quarter, 0] / lengths[quarter, 0] * lengths[quarter, 1]
                now += sums[quarter, 1]
        if before > 0:
            moved[client] = now / before
