"""Contributions as sentences that an inspector understands.

Columns are gathered into signs (the level, zeros, repeats, each category, ...): what a sign adds to the log
odds is the sum of its columns. The strongest that speak for fraud are worded with this customer's numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadprofile.bills.cases import BillCases
from loadprofile.bills.comparison import SEEN_DROP, PeerComparison
from loadprofile.bills.encoding import GLUE
from loadprofile.features.monthly import (
    AMOUNT,
    ERRATIC,
    LEVEL,
    MISSING,
    MONTHLY_FEATURES,
    REPEATS,
    ZEROS,
    best_split,
    logs,
    longest_run,
)
from loadprofile.features.table import FeatureTable
from loadprofile.ingest.monthly_values import MONTHS, MonthlyHistories
from loadprofile.verdicts import Cause, Evidence

LEAST_ADDED = 0.05
"""Log odds that a sign has to add before it is put in a sentence (they grow by a twentieth)."""

MOST_SAID = 4
LEAST_ZEROS = 2
"""Months of nothing in a row from which they, and not the level, are what an inspector is told of."""

ORDINARY = 0.8
"""Share of the rows, in the middle, in which a single column is nothing that an inspector is told of."""

CLEAR_DROP, CLEAR_SHARE = 2 * SEEN_DROP, 0.7
"""Fall of the months that bill something, beside months that do not, from which it stays a fall."""

WORDS: Mapping[str, str] = {
    "zona": "district", "actividad": "activity", "tipo_tarifa": "tariff", "nivel_tension": "voltage level",
    "material_instalacion": "installation material", "category": "client category",
}  # fmt: skip
"""What the categories of the known layout are called."""

Says = Callable[[str, int], Evidence | None]
"""Sign and row -> statement, or None where the sign has nothing to show for itself."""


@dataclass(frozen=True, eq=False, slots=True)
class SignTable:
    """What each sign adds to the log odds.

    Attributes:
        names: of the signs.
        added: ``(n, s)`` log odds; with ``base`` they sum to the score.
        base: what all rows have in common.
    """

    names: tuple[str, ...]
    added: NDArray[np.float64]
    base: float


def signs_of(
    contributions: NDArray[np.float64], base: float, columns: Sequence[str], sign_of: Mapping[str, str]
) -> SignTable:
    """Columns gathered into signs; a code of two categories counts half for each.

    Args:
        contributions: ``(n, k)``, from ``BillModel.explain``.
        base: of the same.
        columns: their names.
        sign_of: feature -> sign, for the features of the layout; others are a sign of their own.
    """
    shares: list[tuple[str, int, float]] = []
    for at, column in enumerate(columns):
        group, _, rest = column.partition(".")
        if column in sign_of:
            shares.append((sign_of[column], at, 1.0))
        elif group in ("rate", "count", "code"):
            parts = rest.split(GLUE)
            shares += [(f"category.{name}", at, 1.0 / len(parts)) for name in parts]
        else:
            shares.append((column, at, 1.0))
    names = tuple(dict.fromkeys(name for name, _, _ in shares))
    place = {name: i for i, name in enumerate(names)}
    weights = np.zeros((len(columns), len(names)))
    for name, at, part in shares:
        weights[at, place[name]] += part
    return SignTable(names, contributions @ weights, base)


def credited(signs: SignTable, histories: MonthlyHistories, compared: PeerComparison) -> SignTable:
    """Variation and level credited to what they are made of, sums stay.

    A history that fell by half also varies more than others, and trees may ask for either; to an inspector
    they are one thing. So variation counts for months of nothing, else for a drop that is seen; and a level
    that fell only by months of nothing counts for these.
    """
    if not {ERRATIC, ZEROS, LEVEL} <= set(signs.names):
        return signs
    place = {name: signs.names.index(name) for name in (ERRATIC, ZEROS, LEVEL)}
    zeros = longest_run(histories.kwh == 0) >= LEAST_ZEROS
    drop = compared.dropped & ~zeros
    rest = logs(np.where(histories.kwh == 0, np.nan, histories.kwh)) - compared.index
    change, _, share = best_split(rest)
    # of few months left a chance split is soon found: a fall beside zeros has to be a clear one
    fell = (change <= CLEAR_DROP) & (share >= CLEAR_SHARE)
    added = signs.added.copy()
    for rows, source, sign in (
        (zeros, ERRATIC, ZEROS),
        (drop, ERRATIC, LEVEL),
        (zeros & ~fell, LEVEL, ZEROS),
    ):
        added[rows, place[sign]] += added[rows, place[source]]
        added[rows, place[source]] = 0.0
    return replace(signs, added=added)


def spoken(signs: SignTable, says: Sequence[Says], most: int = MOST_SAID) -> tuple[tuple[Evidence, ...], ...]:
    """For each row the statements of the signs that speak most for fraud, strongest first.

    ``strength`` is the part of the odds that the sign accounts for: ``1 - exp(-added)``.
    """
    out = []
    order = np.argsort(-signs.added, axis=1, kind="stable")
    for row in range(len(signs.added)):
        said: list[Evidence] = []
        for at in order[row]:
            added = float(signs.added[row, at])
            if added < LEAST_ADDED or len(said) == most:
                break
            found = next((e for say in says if (e := say(signs.names[at], row)) is not None), None)
            if found is not None:
                said.append(replace(found, strength=1.0 - math.exp(-added)))
        out.append(tuple(said))
    return tuple(out)


def category_words(model: Any, cases: BillCases) -> Says:
    """Sentences on categories: how often fraud was found there. Verdicts of client tables have no day."""
    until = str(model.manifest.get("created_as_of", ""))[:10]
    dated = model.reads == "monthly"
    base = float(model.encoder.base_)
    known: dict[tuple[str, str], tuple[float, int]] = {}

    def say(sign: str, row: int) -> Evidence | None:
        group, _, name = sign.partition(".")
        if group != "category" or name not in cases.categories:
            return None
        value = str(cases.categories[name][row])
        if (name, value) not in known:
            known[name, value] = model.encoder.said_of(name, value)
        rate, visits = known[name, value]
        if not visits:
            return None
        word = WORDS.get(name, name)
        where = f"{word} {value}" if value else f"{word} left blank"
        asked = (
            f"of {visits:,} visits to {where} up to {until} {rate:.1%} found fraud, {base:.1%} of all visits"
        )
        if not dated:
            asked = (
                f"of {visits:,} clients of {where} with a verdict {rate:.1%} were fraud, {base:.1%} of all"
            )
        return Evidence(
            name=f"{Cause.FRAUD}.{word.replace(' ', '_')}",
            sentence=asked, quantity=f"share of visits that found fraud, {where}", found=rate, expected=base,
            unit="1", last=until if dated else "", source="earlier visits",
        )  # fmt: skip

    return say


def feature_words(
    table: FeatureTable, phrases: Mapping[str, str], units: Mapping[str, str], sign_of: Mapping[str, str]
) -> Says:
    """Sentences on single columns, for signs that have no better ones.

    Of the columns of the sign that lie outside the middle ``ORDINARY`` of all rows the farthest from the
    median is told, in standard deviations; None where there is none.

    Args:
        table: of all rows.
        phrases: column -> template with ``value`` and ``middle`` (the median), ``signed`` (the value with its
            sign), ``share`` and ``usual`` (both as percentages); other columns are not told.
        units: of the same columns.
        sign_of: column -> sign.
    """
    columns: dict[str, list[int]] = {}
    for i, name in enumerate(table.names):
        if name in phrases:
            columns.setdefault(sign_of.get(name, name), []).append(i)
    told: dict[str, tuple[NDArray[np.intp], NDArray[np.float64]]] = {}
    middle: dict[int, float] = {}
    tail = (1.0 - ORDINARY) / 2.0

    def farthest(sign: str) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Column of each row, and how far it lies from the median; 0 = nowhere outside the middle."""
        far = np.zeros((len(table.values), len(columns[sign])))
        for k, i in enumerate(columns[sign]):
            values = table.values[:, i].astype(np.float64)
            known = values[np.isfinite(values)]
            if not len(known):
                continue
            low, middle[i], high = np.quantile(known, [tail, 0.5, 1.0 - tail])
            outside = (values < low) | (values > high)
            far[outside, k] = np.abs(values[outside] - middle[i]) / float(np.std(known))
        best = far.argmax(axis=1)
        return np.array(columns[sign])[best], far[np.arange(len(far)), best]

    def say(sign: str, row: int) -> Evidence | None:
        if sign not in columns:
            return None
        if sign not in told:
            told[sign] = farthest(sign)
        i, distance = int(told[sign][0][row]), float(told[sign][1][row])
        if distance <= 0:
            return None
        name, value = table.names[i], float(table.values[row, i])
        sentence = phrases[name].format(
            value=shown(value), middle=shown(middle[i]), signed=f"{'+' if value > 0 else ''}{shown(value)}",
            share=f"{value:.0%}", usual=f"{middle[i]:.0%}",
        )  # fmt: skip
        return Evidence(
            name=f"{Cause.FRAUD}.{name}", sentence=sentence, quantity=name, found=value, expected=middle[i],
            unit=units[name], source="bills",
        )  # fmt: skip

    return say


def shown(value: float) -> str:
    """A number for a sentence: whole from 100 on, three figures below."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


SIGN_OF: Mapping[str, str] = {name: said.sign for name, said in MONTHLY_FEATURES.items()}


def monthly_words(histories: MonthlyHistories, compared: PeerComparison) -> Says:
    """Sentences on twelve months."""
    start = (histories.month - MONTHS).astype("datetime64[M]")
    peers_moved = np.expm1(compared.peers_change())

    def month(row: int, at: int) -> str:
        return str(start[row] + np.timedelta64(at, "M"))

    def evidence(
        row: int, name: str, text: str, found: float, expected: float, unit: str, at: int
    ) -> Evidence:
        return Evidence(
            name=f"{Cause.FRAUD}.{name}", sentence=text, quantity=name.replace("_", " "), found=found,
            expected=expected, unit=unit, first=month(row, at), last=month(row, MONTHS - 1),
            source="monthly consumption",
        )  # fmt: skip

    def level(row: int) -> Evidence | None:
        if math.isnan(compared.at[row]) or compared.change[row] >= 0.0:
            return None
        at, moved = int(compared.at[row]), float(peers_moved[row])
        own = math.expm1(compared.change[row] + math.log1p(moved))
        side = "less" if own < 0 else "more"
        text = f"billed {abs(own):.0%} {side} since {month(row, at)} than in the months before"
        if compared.grouping[row] >= 0:
            text += f", while {_peers(compared, row)} {moved_by(moved)}"
        return evidence(row, "level", text, 1 + own, 1 + moved, "1", at)

    def zeros(row: int) -> Evidence | None:
        zero = histories.kwh[row] == 0
        length, at = longest_of(zero)
        if not length:
            return None
        rest = histories.kwh[row][histories.kwh[row] > 0]
        usual = f", {np.median(rest):,.0f} kWh in the median of the others" if len(rest) else ""
        text = f"nothing billed for {length} months from {month(row, at)}{usual}"
        return evidence(row, "zeros", text, float(zero.sum()), 0.0, "months", at)

    def repeats(row: int) -> Evidence | None:
        kwh = histories.kwh[row]
        same = np.append(False, (kwh[1:] == kwh[:-1]) & (kwh[1:] > 0))
        length, at = longest_of(same)
        if not length:
            return None
        text = f"exactly {kwh[at]:,.0f} kWh billed {length + 1} months in a row from {month(row, at - 1)}"
        return evidence(row, "repeats", text, float(length + 1), 1.0, "months", at - 1)

    def missing(row: int) -> Evidence | None:
        gone, below = np.isnan(histories.kwh[row]), histories.kwh[row] < 0
        if not gone.any() and not below.any():
            return None
        parts = [f"{int(gone.sum())} of {MONTHS} months without a bill"] * bool(gone.any())
        parts += [f"{int(below.sum())} with a negative one"] * bool(below.any())
        return evidence(row, "missing", ", ".join(parts), float(gone.sum()), 0.0, "months",
                        int((gone | below).argmax()))  # fmt: skip

    def erratic(row: int) -> Evidence | None:
        kwh = histories.kwh[row]
        kwh = kwh[np.isfinite(kwh)]
        if len(kwh) < 2 or kwh.mean() <= 0:
            return None
        vary = float(kwh.std() / kwh.mean())
        between = f"between {kwh.min():,.0f} and {kwh.max():,.0f} kWh a month"
        text = f"bills vary by {vary:.0%} of their mean, {between}"
        return evidence(row, "erratic", text, vary, math.nan, "1", 0)

    def amount(row: int) -> Evidence | None:
        kwh = histories.kwh[row]
        if not np.isfinite(kwh).any():
            return None
        mean, text = float(np.nanmean(kwh)), f"{np.nanmean(kwh):,.0f} kWh a month on average"
        typical = float(np.expm1(compared.typical[row]))
        if compared.grouping[row] >= 0:
            text += f"; {_peers(compared, row)} {typical:,.0f} kWh in the median"
        return evidence(row, "amount", text, mean, typical, "kWh/month", 0)

    worded = {
        LEVEL: level,
        ZEROS: zeros,
        REPEATS: repeats,
        MISSING: missing,
        ERRATIC: erratic,
        AMOUNT: amount,
    }

    def say(sign: str, row: int) -> Evidence | None:
        return worded[sign](row) if sign in worded else None

    return say


def _peers(compared: PeerComparison, row: int) -> str:
    names = [WORDS.get(name, name) for name in compared.groupings[compared.grouping[row]]]
    of = f" of the same {' and '.join(names)}" if names else ""
    return f"the {compared.count[row]:,} customers{of}"


def moved_by(by: float) -> str:
    """What peers did, in words; ``by`` is a share, 0.03 = rose 3 %."""
    return "kept their level" if abs(by) < 0.005 else f"{'rose' if by > 0 else 'fell'} {abs(by):.0%}"


def longest_of(marks: NDArray[np.bool_]) -> tuple[int, int]:
    """Length and start of the longest run of marks (the first of equals)."""
    best, at, running = 0, 0, 0
    for i, mark in enumerate(marks.tolist()):
        running = running + 1 if mark else 0
        if running > best:
            best, at = running, i - running + 1
    return best, at
