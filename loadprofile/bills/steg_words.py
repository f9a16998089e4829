"""Signs of invoices, and their sentences for an inspector."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from loadprofile.bills.steg import StegBills
from loadprofile.bills.steg_peers import NO_DAY, SEEN_RATIO, StegPeers
from loadprofile.bills.steg_phrases import TOGETHER
from loadprofile.bills.words import Says, SignTable, longest_of, moved_by
from loadprofile.features.billing.names import BILL_FEATURES, ENERGY_NAMES
from loadprofile.features.table import FeatureTable
from loadprofile.verdicts import Cause, Evidence

LEAST_ZEROS = 2
"""Bills of nothing in a row from which they are what an inspector is told of."""

_METER = ("counter", "status", "code", "coefficient", "old_index", "new_index")
_USE = {"recent_ratio": "level", "trend": "level", "per_day_std": "erratic", "per_day_variation": "erratic",
        "per_day_max": "erratic"}  # fmt: skip
_RUN = {"zero": "zeros", "low": "zeros", "stall": "stall", "unread": "stall"}


def sign_of_bill_feature(name: str) -> str:
    """The sign that a column belongs to: ``level.elec``, ``zeros.gaz``, ``meter``, ``tariff``, ..."""
    group, second, rest = (*name.split(".", 2), "")[:3]
    if group == "use":
        return f"{_USE.get(rest, 'amount')}.{second}"
    if rest in ("stall", "billed_still"):
        return f"stall.{second}"
    if group in ("level", "season", "check"):
        return f"{'erratic' if group == 'season' else group}.{second}"
    if group == "run":
        return f"{_RUN[rest.split('_')[0]]}.{second}"
    if group == "estimate":
        return f"estimated.{second}"
    if group == "history":
        if rest.startswith(("tariff", "last_tariff")):
            return "tariff"
        return "remarks" if rest.startswith("remark") else "meter"
    if group == "spread":
        if second in _METER:
            return "meter"
        return {"tariff": "tariff", "remark": "remarks", "months": "contract", "days": "contract"}.get(
            second, "amount.both"
        )
    return group


STEG_SIGN_OF: Mapping[str, str] = {name: sign_of_bill_feature(name) for name in BILL_FEATURES}


def steg_words(bills: StegBills, peers: StegPeers, table: FeatureTable) -> Says:
    """Sentences on what the bills of a client show.

    Args:
        bills: of the clients.
        peers: of the same.
        table: their features (``bill_table``).
    """
    columns = {name: table.values[:, at] for at, name in enumerate(table.names)}
    energies = dict(zip(ENERGY_NAMES, ("electricity", "gas"), strict=True))
    units = dict(zip(ENERGY_NAMES, ("kWh", "gas units"), strict=True))

    def others(row: int) -> str:
        return f"the {peers.count[row]:,} clients of the same tariff and district"

    def value(row: int, name: str) -> float:
        return float(columns[name][row]) if name in columns else math.nan

    last = _last_days(bills)

    def evidence(
        row: int, name: str, text: str, found: float, expected: float, unit: str, first: str
    ) -> Evidence:
        return Evidence(
            name=f"{Cause.FRAUD}.{name}", sentence=text, quantity=name.replace("_", " "), found=found,
            expected=expected, unit=unit, first=first, last=last[row], source="invoices",
        )  # fmt: skip

    def level(row: int, energy: str) -> Evidence | None:
        ratio, age = value(row, f"level.{energy}.ratio"), value(row, f"level.{energy}.age")
        day = peers.date[row] if energy == "elec" else _day(value(row, f"when.{energy}.level"))
        if math.isnan(ratio) or ratio == 1.0 or day == NO_DAY or math.isnan(age):
            return None
        since = _iso(day)
        side = "below" if ratio < 1.0 else "above"
        text = (
            f"{energies[energy]} billed {abs(1 - ratio):.0%} {side} the same seasons before since {since[:7]}"
        )
        moved = 1.0
        if energy == "elec" and peers.count[row]:
            moved = float(peers.moved[row])
            text += f", while {others(row)} {moved_by(moved - 1)}"
        return evidence(row, f"level_{energy}", text, ratio, moved, "1", since)

    def in_time(row: int, energy: str) -> NDArray[np.int64]:
        """Rows of the client's bills of one energy, in order of time."""
        starts = bills.invoices.starts
        rows = bills.periods.by_time[starts[row] : starts[row + 1]]
        return np.asarray(rows[bills.invoices.energy[rows] == ENERGY_NAMES.index(energy)])

    def run(row: int, name: str, text: str, rows: NDArray[np.int64], expected: float) -> Evidence:
        """``text`` is told with the bills of the run, ``rows``, where it says ``{bills}``."""
        first, end = _iso(bills.invoices.date[rows[0]]), _iso(bills.invoices.date[rows[-1]])
        which = f"from the bill of {first} to that of {end}" if len(rows) > 1 else f"the bill of {first}"
        told = evidence(row, name, text.format(bills=which), float(len(rows)), expected, "invoices", first)
        return replace(told, last=end)

    def zeros(row: int, energy: str) -> Evidence | None:
        rows = in_time(row, energy)
        billed, per_day = bills.periods.billed[rows], bills.periods.per_day[rows]
        length, at = longest_of(billed == 0)
        if length:
            others_of = per_day[(billed > 0) & np.isfinite(per_day)]
            text = f"{_counted(length, energies[energy])} nothing, {{bills}}"
            if len(others_of):
                text += f"; the other bills {np.median(others_of):,.1f} {units[energy]} a day in the median"
            return run(row, f"zeros_{energy}", text, rows[at : at + length], 0.0)
        low = value(row, f"run.{energy}.low_longest")
        if low >= 1:
            text = f"{_counted(int(low), energies[energy])} less than a tenth of the own median"
            return evidence(row, f"zeros_{energy}", text, low, 0.0, "invoices", "")
        return None

    def stall(row: int, energy: str) -> Evidence | None:
        rows = in_time(row, energy)
        stands = bills.invoices.new_index[rows] == bills.invoices.old_index[rows]
        length, at = longest_of(stands & np.logical_or.accumulate(~stands))
        if not length:
            return None
        through = f" through {length} bills" if length > 1 else ""
        text = f"the {energies[energy]} register stands still{through} after it had moved, {{bills}}"
        return run(row, f"stall_{energy}", text, rows[at : at + length], 0.0)

    def estimated(row: int, energy: str) -> Evidence | None:
        rows = in_time(row, energy)
        billed = bills.periods.billed[rows]
        length, at = longest_of(np.append(False, (billed[1:] == billed[:-1]) & (billed[1:] > 0)))
        if not length:
            return None
        text = f"{_counted(length + 1, energies[energy])} exactly {billed[at]:,} {units[energy]}, {{bills}}"
        return run(row, f"estimated_{energy}", text, rows[at - 1 : at + length], 1.0)

    def erratic(row: int, energy: str) -> Evidence | None:
        vary = value(row, f"use.{energy}.per_day_variation")
        if math.isnan(vary):
            return None
        mean = value(row, f"use.{energy}.per_day")
        text = (
            f"{energies[energy]} bills vary by {vary:.0%} of their mean of {mean:,.1f} {units[energy]} a day"
        )
        return evidence(row, f"erratic_{energy}", text, vary, math.nan, "1", "")

    def amount(row: int, energy: str) -> Evidence | None:
        mean = value(row, f"use.{energy}.per_day")
        if energy not in energies or math.isnan(mean):
            return None
        text, typical = f"{mean:,.1f} {units[energy]} of {energies[energy]} a day on average", math.nan
        if energy == "elec" and peers.count[row]:
            typical = float(peers.middle[peers.group[row]])
            text += f"; {others(row)} {typical:,.1f} in the median"
        return evidence(row, f"amount_{energy}", text, mean, typical, f"{units[energy]}/day", "")

    worded = {"level": level, "zeros": zeros, "stall": stall, "estimated": estimated, "erratic": erratic,
              "amount": amount}  # fmt: skip

    def say(sign: str, row: int) -> Evidence | None:
        group, _, energy = sign.partition(".")
        return worded[group](row, energy) if group in worded and energy in energies else None

    return say


def together(table: FeatureTable) -> Says:
    """What is said of a sign none of whose columns stands out: that its columns speak together."""
    known = Counter(STEG_SIGN_OF.get(name, name) for name in table.names)

    def say(sign: str, _: int) -> Evidence | None:
        if sign not in TOGETHER:
            return None
        return Evidence(
            name=f"{Cause.FRAUD}.{sign}", sentence=TOGETHER[sign], quantity=f"columns of {sign}",
            found=float(known[sign]), expected=math.nan, unit="1", source="bills",
        )  # fmt: skip

    return say


def _counted(length: int, word: str) -> str:
    return f"one {word} bill bills" if length == 1 else f"{length} {word} bills in a row bill"


def _iso(day: int | np.integer) -> str:
    return str(np.int64(day).astype("datetime64[D]"))


def _last_days(bills: StegBills) -> list[str]:
    """Day of the last invoice of each client, ISO; empty where there is none."""
    starts = bills.invoices.starts
    some = np.diff(starts) > 0
    out = np.full(len(some), "", dtype="<U10")
    if some.any():
        days = np.maximum.reduceat(bills.invoices.date, starts[:-1][some])
        out[some] = np.datetime_as_string(days.astype("datetime64[D]"))
    return [str(day) for day in out.tolist()]


def _day(value: float) -> int:
    return NO_DAY if math.isnan(value) else int(value)


def credited_bills(signs: SignTable, table: FeatureTable, peers: StegPeers) -> SignTable:
    """Variation and amounts credited to what they are made of, sums stay (as ``words.credited``).

    Bills of nothing, or a fall, also make the bills vary and lower their sums; to an inspector that is one
    thing.
    """
    at = {name: k for k, name in enumerate(signs.names)}
    if not {"zeros.elec", "level.elec"} <= set(at):
        return signs
    zeros = np.nan_to_num(table.column("run.elec.zero_longest")) >= LEAST_ZEROS
    added = signs.added.copy()
    blurred = ("erratic.elec", "amount.both", "deviation")
    # a level that fell only by bills of nothing: what is billed at all is billed as before
    only = zeros & ~(peers.lit <= SEEN_RATIO)
    for rows, sign, sources in (
        (zeros, "zeros.elec", blurred),
        (peers.dropped & ~zeros, "level.elec", blurred),
        (only, "zeros.elec", ("level.elec",)),
    ):
        for source in set(sources) & set(at):
            added[rows, at[sign]] += added[rows, at[source]]
            added[rows, at[source]] = 0.0
    return replace(signs, added=added)
