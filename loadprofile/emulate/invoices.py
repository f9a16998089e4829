"""Made invoices in the STEG layout, for a client table that may be real. Nothing in them is real.

They exercise reading, features and evaluation: the amounts follow no utility, and a figure of accuracy on
them means nothing. What is known of the files that circulate is kept: their columns, a bill about every
four months, prices in four levels, registers that go on from bill to bill, electricity and gas apart. The
causes planted in them (``bill_causes.py``) and the faults of the file (``invoice_faults.py``) are handed
back as ledgers, so that what is found can be compared with what is there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from loadprofile.emulate.bill_causes import CAUSE_COLUMNS, plant_causes
from loadprofile.emulate.bill_rows import BillRows
from loadprofile.emulate.invoice_faults import REAL_FAULTS, FileFaults, plant_faults
from loadprofile.errors import OptionError
from loadprofile.ingest.steg.layout import INVOICE_COLUMNS
from loadprofile.ingest.steg.values import ELEC, ENERGIES, GAZ, Clients

INVOICES_PER_CLIENT = 4_476_749 / 135_493
FIRST, LAST = np.datetime64("2005-01-10"), np.datetime64("2019-03-20")
DAYS_A_BILL = 121.75
GAS_SHARE = 0.4
CAPS = (300, 100, 100)
"""kWh a month billed at the first three levels; the rest is billed at the fourth."""
CODES = (203, 207, 413, 202, 420, 410, 433, 214, 10, 40, 204, 25)
CODE_SHARES = (0.52, 0.2, 0.07, 0.06, 0.05, 0.04, 0.02, 0.02, 0.008, 0.007, 0.003, 0.002)
GAS_CODE = 5
REMARKS, REMARK_SHARES = (6, 9, 8, 7), (0.498, 0.3214, 0.18, 0.0006)
STATUS_SHARES = {0: 0.97816, 1: 0.0169, 5: 0.0046, 4: 0.0003, 3: 0.00003, 2: 0.00001}
ELEC_TARIFFS = (11, 10, 15, 13, 12, 14, 8, 9, 29, 18, 21, 24, 27, 30, 42)
ELEC_SHARES = (0.9, 0.077, 0.01, 0.004, 0.003, 0.002, 0.001, 0.001) + (0.002 / 7,) * 7
GAS_TARIFFS, GAS_SHARES = (40, 45), (0.93, 0.07)


@dataclass(frozen=True, eq=False, slots=True)
class MadeInvoices:
    """Made invoices, and the truth about them.

    Attributes:
        table: the 16 columns, in the order of the file; row ``i`` is line ``i + 2`` of a CSV.
        causes: ``client_id, energy, cause, date, amount``: what is wrong with whom since when
            (``bill_causes.py`` says what ``amount`` is for each).
        faults: ``row, column, before, after, rule``: what the audit of a reading must hold, as of the CSV.
        rejects: ``line, reason`` of the rows that cannot be used.
    """

    table: pa.Table
    causes: pd.DataFrame
    faults: pd.DataFrame
    rejects: pd.DataFrame


def make_invoices(
    clients: Clients,
    rng: np.random.Generator,
    *,
    invoices: int | None = None,
    cause_share: float = 0.01,
    faults: FileFaults | None = None,
) -> MadeInvoices:
    """Make invoices for a client table.

    Args:
        clients: any client table; a client created late has few invoices or none.
        rng: source of all chance.
        invoices: about how many; None = as many per client as in the real file.
        cause_share: share of the clients with each of the causes.
        faults: how often each fault of the file occurs; None = at the rates of the real file.

    Raises:
        OptionError: a share outside 0..0.1, or fewer than one invoice.
    """
    if not 0 <= cause_share <= 0.1:
        raise OptionError("cause_share", cause_share, "must lie in 0..0.1")
    wanted = round(INVOICES_PER_CLIENT * len(clients)) if invoices is None else invoices
    if wanted < 1:
        raise OptionError("invoices", invoices, "must be at least 1")
    rows = _rows(clients, rng, wanted)
    causes = plant_causes(rows, rng, len(clients), cause_share)
    _bill(rows)
    order = np.lexsort((rng.random(len(rows.client)), rows.client))
    columns = _columns(rows, order)
    ledger = plant_faults(columns, rows.client[order], rng, faults or REAL_FAULTS)
    names = clients.client_ids.astype(object)
    told = pd.DataFrame(causes, columns=list(CAUSE_COLUMNS))
    told["client"] = names[told["client"].to_numpy(dtype=np.intp)]
    told["energy"] = [ENERGIES[code] for code in told["energy"]]
    told["date"] = pd.to_datetime(told["date"], unit="D")
    told = told.rename(columns={"client": "client_id"})
    table = _table(columns, ledger.client, names)
    return MadeInvoices(table, told, ledger.faults, ledger.rejects)


def _rows(clients: Clients, rng: np.random.Generator, wanted: int) -> BillRows:
    """Bills of every client in order of time, with consumption but not yet billed."""
    c = len(clients)
    created = np.where(np.isnat(clients.created), FIRST, clients.created)
    last = LAST - rng.integers(0, 120, c)
    life = (last - np.maximum(created, FIRST)).astype(np.int64)
    bills = np.maximum(life / DAYS_A_BILL, 0).astype(np.int64)
    # Gas for two in five clients, or for as many as it takes to reach the number; then thinned out to it.
    gas = rng.permutation(c)
    enough = int(np.searchsorted(np.cumsum(bills[gas]), wanted - bills.sum()))
    with_gas = np.sort(gas[: max(enough, round(GAS_SHARE * c))])
    stream_client, stream_bills = [np.arange(c), with_gas], [bills, bills[with_gas]]
    total = int(bills.sum() + bills[with_gas].sum())
    if total > wanted:
        stream_bills = [rng.binomial(own, wanted / total) for own in stream_bills]
    owner = np.concatenate(stream_client)
    count = np.concatenate(stream_bills)
    energy = np.concatenate([np.full(len(s), e) for e, s in zip((ELEC, GAZ), stream_client, strict=False)])
    keep = count > 0
    owner, count, energy = owner[keep], count[keep], energy[keep].astype(np.int8)
    stream = np.repeat(np.arange(len(owner)), count)
    number = np.arange(len(stream)) - np.repeat(np.cumsum(count) - count, count)
    back = (np.repeat(count, count) - 1 - number) * DAYS_A_BILL
    jitter = rng.integers(-9, 10, len(stream))
    date = last[owner[stream]].astype("datetime64[D]").astype(np.int64) - np.round(back).astype(int) + jitter
    level = np.where(energy == ELEC, rng.lognormal(4.6, 0.6, len(owner)), rng.lognormal(3.6, 0.7, len(owner)))
    season = 1 + np.where(energy == ELEC, 0.2, -0.5)[stream] * np.cos(
        2 * np.pi * ((date % 365.25) - 240) / 365.25
    )
    kwh = np.round(level[stream] * 4 * season * rng.gamma(20, 1 / 20, len(stream))).astype(np.int64)
    s = len(owner)
    replaced = np.where(rng.random(s) < 0.08, rng.integers(1, np.maximum(count, 2)), count + 1)
    second = number >= replaced[stream]
    counter = rng.integers(10_000, 9_999_999, (2, s))
    code = np.where(energy == ELEC, rng.choice(CODES, s, p=_normed(CODE_SHARES)), GAS_CODE)
    tariff = np.where(
        energy == ELEC,
        rng.choice(ELEC_TARIFFS, s, p=_normed(ELEC_SHARES)),
        rng.choice(GAS_TARIFFS, s, p=_normed(GAS_SHARES)),
    )
    n = len(stream)
    return BillRows(
        stream=stream, number=number, bills=count, owner=owner, client=owner[stream], energy=energy[stream],
        date=date, kwh=kwh,
        begin=rng.integers(0, 30_000, s), second=second,
        counter=np.where(second, counter[1][stream], counter[0][stream]),
        code=np.where(second & (energy[stream] == ELEC), 207, code[stream]),
        tariff=tariff[stream],
        status=rng.choice(list(STATUS_SHARES), n, p=_normed(tuple(STATUS_SHARES.values()))),
        remark=rng.choice(REMARKS, n, p=_normed(REMARK_SHARES)),
        coefficient=np.ones(n, dtype=np.int64), months=np.full(n, 4),
        old=np.zeros(n, dtype=np.int64), new=np.zeros(n, dtype=np.int64),
        billed=np.zeros(n, dtype=np.int64), levels=np.zeros((n, 4), dtype=np.int64),
        jump=np.zeros(n, dtype=np.int64), unapplied=np.zeros(n, dtype=np.bool_),
        extra=np.zeros(n, dtype=np.int64), digits=np.zeros(s, dtype=np.int64),
    )  # fmt: skip


def _normed(shares: tuple[float, ...]) -> NDArray[np.float64]:
    return np.array(shares) / sum(shares)


def _bill(rows: BillRows) -> None:
    """Registers and amounts from consumption: what a faultless utility with the planted causes bills."""
    units = rows.kwh // rows.coefficient
    # The register restarts at zero with a new meter and goes on from bill to bill otherwise.
    step = units + rows.jump
    total = np.cumsum(step)
    start = np.r_[True, (rows.stream[1:] != rows.stream[:-1]) | (rows.second[1:] & ~rows.second[:-1])]
    at = np.maximum.accumulate(np.where(start, np.arange(len(total)), 0))
    base = (total - step)[at]
    offset = np.where(rows.second, 0, rows.begin[rows.stream])
    rows.new[:] = total - base + offset
    rows.old[:] = rows.new - units
    rows.billed[:] = np.where(rows.unapplied, units, units * rows.coefficient) + rows.extra
    digits = rows.digits[rows.stream]
    size = 10 ** np.maximum(digits, 1)
    rows.old[:] = np.where(digits > 0, rows.old % size, rows.old)
    rows.new[:] = np.where(digits > 0, rows.new % size, rows.new)
    rest = rows.billed.copy()
    for level, cap in enumerate(CAPS):
        rows.levels[:, level] = np.minimum(rest, cap * rows.months)
        rest -= rows.levels[:, level]
    rows.levels[:, 3] = rest


def _columns(rows: BillRows, order: NDArray[np.intp]) -> dict[str, NDArray[np.generic]]:
    """Our column names -> values in the order of the file."""
    return {
        "date": rows.date[order], "tariff": rows.tariff[order], "counter": rows.counter[order],
        "status": rows.status[order], "code": rows.code[order], "remark": rows.remark[order],
        "coefficient": rows.coefficient[order],
        **{f"level_{k + 1}": rows.levels[order, k] for k in range(4)},
        "old_index": rows.old[order], "new_index": rows.new[order], "months": rows.months[order],
        "energy": rows.energy[order],
    }  # fmt: skip


def _table(
    columns: dict[str, NDArray[np.generic]], client: NDArray[np.intp], names: NDArray[np.object_]
) -> pa.Table:
    """The file: names as in the real one, faults included."""

    def words(codes: NDArray[np.generic], texts: list[str]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(texts, pa.string()))

    out = {}
    for role, spellings in INVOICE_COLUMNS.items():
        if role == "client_id":
            column = words(client.astype(np.int32), names.tolist())
        elif role == "date":
            days, at = np.unique(columns["date"], return_inverse=True)
            column = words(at.astype(np.int32), days.astype("datetime64[D]").astype(str).tolist())
        elif role == "energy":
            column = words(columns["energy"].astype(np.int32), list(ENERGIES))
        elif role == "status":
            texts, at = np.unique(columns["status"].astype(str), return_inverse=True)
            column = words(at.astype(np.int32), ["A" if text == "-1" else text for text in texts.tolist()])
        else:
            column = pa.array(columns[role])
        out[spellings[-1]] = column
    return pa.table(out)
