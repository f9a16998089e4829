"""Clients beside their peers: a slow twin of the walk through the bills, and a drop that all share."""

from __future__ import annotations

import numpy as np
import pytest
from steg_bills import MadeUtility
from steg_layout import invoices_of, made_clients

from loadprofile.bills.steg import StegBills, StegView, steg_bills
from loadprofile.bills.steg_peers import YEAR, StegPeers, steg_peers
from loadprofile.features.billing.periods import DAYS_A_MONTH
from loadprofile.ingest.steg.values import ELEC


def by_hand(bills: StegBills, peers: StegPeers, client: int) -> tuple[float, float, float]:
    """What the peers did, what was billed in the last year, and since the change."""
    invoices, periods = bills.invoices, bills.periods
    rows = [r for r in range(invoices.starts[client], invoices.starts[client + 1])
            if invoices.energy[r] == ELEC]  # fmt: skip
    known = [r for r in rows if np.isfinite(periods.per_day[r])]
    last = max(int(invoices.date[r]) for r in rows)
    recent = [r for r in known if invoices.date[r] > last - YEAR]
    late = [r for r in recent if invoices.date[r] > peers.date[client]]
    month = peers.month[peers.group[client]]
    sums: dict[tuple[int, bool], list[float]] = {}
    for r in known:
        at = invoices.date[r].astype("datetime64[D]").astype("datetime64[M]")
        index = month[int(at.astype(int)) - int(month[0]) + 1]
        quarter = int(str(at)[5:7]) % 12 // 3
        days = invoices.months[r] * DAYS_A_MONTH if periods.days[r] < 0 else float(periods.days[r])
        cell = sums.setdefault((quarter, bool(invoices.date[r] > peers.date[client])), [0.0, 0.0])
        cell[0] += index * days
        cell[1] += days
    both = [q for q in range(4) if (q, False) in sums and (q, True) in sums]
    before = sum(sums[q, False][0] / sums[q, False][1] * sums[q, True][1] for q in both)
    now = sum(sums[q, True][0] for q in both)
    amounts = (float(sum(periods.billed[r] for r in part)) for part in (recent, late))
    return (now / before if before else 1.0, *amounts)


def test_the_walk_is_that_of_its_slow_twin(steg_utility: MadeUtility) -> None:
    bills = steg_utility.bills()
    peers = steg_peers(bills)
    drop = np.flatnonzero(steg_utility.of("level_drop"))
    told = 0
    for client in drop[:25].tolist():
        if not peers.count[client]:
            continue
        moved, billed, since = by_hand(bills, peers, client)
        assert peers.moved[client] == pytest.approx(moved, rel=1e-4)
        assert peers.seen.billed[client] == billed
        assert peers.seen.since[client] == since
        told += 1
    assert told > 15
    assert peers.dropped[drop].mean() > 0.7
    ordinary = ~np.isin(np.arange(len(bills)), np.flatnonzero(bills.clients.target == 1))
    assert peers.dropped[ordinary].mean() < 0.05


def test_a_drop_that_all_share_is_not_theirs() -> None:
    """Forty clients of one tariff and district; in 2013 all fall to a third, and one of them in 2012 too."""
    rows = []
    for client in range(40):
        end = 0
        for k in range(18):
            year, month = 2009 + k // 3, 1 + 4 * (k % 3)
            used = 300 + 3 * ((client * 7 + k * 5) % 5)
            used = used // 3 if year >= 2013 else used
            used = used // 3 if client == 0 and year >= 2012 else used
            rows.append({"client": client, "date": f"{year}-{month:02d}-10", "levels": [used, 0, 0, 0],
                         "old_index": end, "new_index": end + used})  # fmt: skip
            end += used
    clients = made_clients(40)
    same = type(clients)(clients.client_ids, clients.district * 0 + 60, clients.region, clients.category,
                         clients.created, clients.target)  # fmt: skip
    peers = steg_peers(steg_bills(same, invoices_of(rows, 40), StegView()))
    assert (peers.count == 39).all()
    assert peers.ratio[1:] == pytest.approx(1 / 3, abs=0.02)
    assert peers.moved[1:] == pytest.approx(1 / 3, abs=0.03)
    assert peers.dropped.tolist() == [True] + [False] * 39
