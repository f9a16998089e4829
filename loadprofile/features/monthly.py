"""What twelve monthly consumptions say by themselves: pure functions of one history, nothing learned.

Levels are taken as ``log(1 + kWh)``, so that a change of one half counts alike for a flat and for a factory.
Negative months (corrections) count as 0 and are counted apart; missing months are left out and counted.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from loadprofile.features.table import FeatureTable
from loadprofile.ingest.monthly_values import MONTHS, MonthlyHistories


@dataclass(frozen=True, slots=True)
class MonthlyFeature:
    """What one column is: ``unit`` ("" = none), ``meaning`` in one sentence, ``sign`` that it belongs to."""

    unit: str
    meaning: str
    sign: str


LEVEL, ZEROS, REPEATS, MISSING, ERRATIC, AMOUNT = "level", "zeros", "repeats", "missing", "erratic", "amount"

_OF: dict[str, tuple[str, str, str]] = {
    **{f"month.{k}": ("log kWh", f"Month {k} before the day.", AMOUNT) for k in range(MONTHS, 0, -1)},
    "use.mean": ("log kWh", "Mean of the logarithms.", AMOUNT),
    "use.median": ("log kWh", "Median of the logarithms.", AMOUNT),
    "use.least": ("log kWh", "Smallest month.", AMOUNT),
    "use.most": ("log kWh", "Largest month.", AMOUNT),
    "use.total": ("log kWh", "Logarithm of the mean month.", AMOUNT),
    "vary.std": ("log kWh", "Standard deviation of the logarithms.", ERRATIC),
    "vary.relative": ("", "Standard deviation over mean, in kWh.", ERRATIC),
    "vary.step": ("log kWh", "Mean size of the step from month to month.", ERRATIC),
    "vary.rise": ("log kWh", "Largest rise from a month to the next.", ERRATIC),
    "vary.drop": ("log kWh", "Largest drop from a month to the next (negative).", LEVEL),
    "vary.at_least": ("", "Which month is the smallest, 0 = oldest.", ERRATIC),
    "vary.at_most": ("", "Which month is the largest, 0 = oldest.", ERRATIC),
    **{
        f"{name}.last{k}": ("log kWh", f"Last {k} months against those before, {of}.", LEVEL)
        for k in (1, 2, 3, 6)
        for name, of in (("shape", "means of logarithms"), ("volume", "logarithms of means"))
    },
    "shape.slope": ("log kWh/month", "Straight line through the months.", LEVEL),
    "shape.over_least": ("log kWh", "Last month over the smallest.", LEVEL),
    "shape.under_most": ("log kWh", "Last month over the largest.", LEVEL),
    "split.change": ("log kWh", "Level after the best split over level before it.", LEVEL),
    "split.month": ("", "First month after the best split, 0 = oldest.", LEVEL),
    "split.share": ("", "Part of the variance that the split explains.", LEVEL),
    "zero.months": ("months", "Months of nothing.", ZEROS),
    "zero.recent": ("months", "Months of nothing among the last three.", ZEROS),
    "zero.last": ("months", "Months of nothing at the end.", ZEROS),
    "zero.first": ("months", "Months of nothing at the beginning.", ZEROS),
    "zero.longest": ("months", "Longest run of months of nothing.", ZEROS),
    "repeat.months": (
        "months",
        "Months with exactly the amount of the month before, above nothing.",
        REPEATS,
    ),
    "repeat.longest": ("months", "Longest run of one and the same amount above nothing.", REPEATS),
    "repeat.distinct": ("", "Different amounts.", REPEATS),
    "repeat.tens": ("", "Share of the months above nothing whose amount ends in 0.", REPEATS),
    "missing.months": ("months", "Months without an amount.", MISSING),
    "missing.negative": ("months", "Months with a negative amount.", MISSING),
}
MONTHLY_FEATURES: Mapping[str, MonthlyFeature] = MappingProxyType(
    {name: MonthlyFeature(*said) for name, said in _OF.items()}
)
"""Name -> unit, meaning and sign; the names stand in the order of the columns."""

SHORTEST_SIDE = 2
"""Months that a level needs on either side of a split."""


def logs(kwh: NDArray[np.float64]) -> NDArray[np.float64]:
    """``log(1 + kWh)`` with negative months as 0; NaN stays."""
    return np.asarray(np.log1p(np.maximum(kwh, 0.0)))


def monthly_features(histories: MonthlyHistories) -> FeatureTable:
    """``(n, len(MONTHLY_FEATURES))`` features; NaN where the months needed are missing."""
    kwh = histories.kwh
    level = logs(kwh)
    found: dict[str, NDArray[np.generic]] = {f"month.{MONTHS - at}": level[:, at] for at in range(MONTHS)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # means of nothing are NaN, which is what they are
        with np.errstate(invalid="ignore", divide="ignore"):
            found |= _use(level, kwh) | _change(level, kwh) | _runs(kwh)
    values = np.column_stack([found[name] for name in MONTHLY_FEATURES]).astype(np.float32)
    return FeatureTable(histories.ids, tuple(MONTHLY_FEATURES), values)


def _use(level: NDArray[np.float64], kwh: NDArray[np.float64]) -> dict[str, NDArray[np.generic]]:
    amount = np.maximum(kwh, 0.0)
    mean = np.nanmean(amount, axis=1)
    step = np.diff(level, axis=1)
    empty = np.isnan(level).all(axis=1)
    floor, top = np.where(np.isnan(level), np.inf, level), np.where(np.isnan(level), -np.inf, level)
    return {
        "use.mean": np.nanmean(level, axis=1),
        "use.median": np.nanmedian(level, axis=1),
        "use.least": _extreme(level, np.fmin),
        "use.most": _extreme(level, np.fmax),
        "use.total": np.log1p(mean),
        "vary.std": np.nanstd(level, axis=1),
        "vary.relative": np.nanstd(amount, axis=1) / (mean + 1.0),
        "vary.step": np.nanmean(np.abs(step), axis=1),
        "vary.rise": _extreme(step, np.fmax),
        "vary.drop": _extreme(step, np.fmin),
        "vary.at_least": np.where(empty, np.nan, floor.argmin(axis=1)),
        "vary.at_most": np.where(empty, np.nan, top.argmax(axis=1)),
    }


def _extreme(values: NDArray[np.float64], pick: np.ufunc) -> NDArray[np.float64]:
    """Largest or smallest of each row, NaN where there is none."""
    out: NDArray[np.float64] = pick.reduce(values, axis=1)
    return out


def _change(level: NDArray[np.float64], kwh: NDArray[np.float64]) -> dict[str, NDArray[np.generic]]:
    amount = np.maximum(kwh, 0.0)
    found: dict[str, NDArray[np.generic]] = {}
    for k in (1, 2, 3, 6):
        found[f"shape.last{k}"] = np.nanmean(level[:, -k:], axis=1) - np.nanmean(level[:, :-k], axis=1)
        found[f"volume.last{k}"] = np.log1p(np.nanmean(amount[:, -k:], axis=1)) - np.log1p(
            np.nanmean(amount[:, :-k], axis=1)
        )
    time = np.arange(MONTHS) - (MONTHS - 1) / 2
    known = ~np.isnan(level)
    centre = np.where(known, time, 0.0).sum(axis=1) / known.sum(axis=1)
    away = np.where(known, time - centre[:, None], 0.0)
    found["shape.slope"] = (away * np.nan_to_num(level)).sum(axis=1) / (away**2).sum(axis=1)
    found["shape.slope"] = np.where(known.sum(axis=1) < 3, np.nan, found["shape.slope"])
    found["shape.over_least"] = level[:, -1] - _extreme(level, np.fmin)
    found["shape.under_most"] = level[:, -1] - _extreme(level, np.fmax)
    change, at, share = best_split(level)
    return found | {"split.change": change, "split.month": at, "split.share": share}


def best_split(
    level: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The one split into two levels that leaves the least squared error.

    Args:
        level: ``(n, m)``, NaN = missing.

    Returns:
        ``(n,)`` level after minus level before, first month after the split, and the part of the variance
        that it explains (0 for a flat history); NaN where no split has ``SHORTEST_SIDE`` months on both
        sides.
    """
    n, months = level.shape
    known = ~np.isnan(level)
    filled = np.where(known, level, 0.0)
    count, total = known.cumsum(axis=1), filled.cumsum(axis=1)
    all_count, all_total = count[:, -1:], total[:, -1:]
    before, after = count[:, :-1], all_count - count[:, :-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = (all_total - total[:, :-1]) / after - total[:, :-1] / before
        gain = before * after / all_count * gap**2
        gain = np.where((before < SHORTEST_SIDE) | (after < SHORTEST_SIDE), -1.0, gain)
        mean = all_total[:, 0] / all_count[:, 0]
        spread = (np.where(known, level - mean[:, None], 0.0) ** 2).sum(axis=1)
    best = gain.argmax(axis=1) if months > 1 else np.zeros(n, dtype=np.intp)
    rows = np.arange(n)
    none = gain[rows, best] < 0
    # Of a flat history every split explains nothing: rounding is no variance.
    share = np.where(spread > 1e-9, gain[rows, best] / np.maximum(spread, 1e-9), 0.0)
    return (
        np.where(none, np.nan, gap[rows, best]),
        np.where(none, np.nan, best + 1.0),
        np.where(none, np.nan, share),
    )


def _runs(kwh: NDArray[np.float64]) -> dict[str, NDArray[np.generic]]:
    zero = kwh == 0
    above = kwh > 0
    same = (kwh[:, 1:] == kwh[:, :-1]) & above[:, 1:]
    ordered = np.sort(kwh, axis=1)  # NaN last
    new = (ordered[:, 1:] != ordered[:, :-1]) & ~np.isnan(ordered[:, 1:])
    some = above.sum(axis=1)
    return {
        "zero.months": zero.sum(axis=1),
        "zero.recent": zero[:, -3:].sum(axis=1),
        "zero.last": np.cumprod(zero[:, ::-1], axis=1).sum(axis=1),
        "zero.first": np.cumprod(zero, axis=1).sum(axis=1),
        "zero.longest": longest_run(zero),
        "repeat.months": same.sum(axis=1),
        "repeat.longest": np.where(same.any(axis=1), longest_run(same) + 1, 0),
        "repeat.distinct": np.where(np.isnan(ordered[:, 0]), 0, 1 + new.sum(axis=1)),
        "repeat.tens": np.where(
            some > 0, (above & (kwh % 10 == 0)).sum(axis=1) / np.maximum(some, 1), np.nan
        ),
        "missing.months": np.isnan(kwh).sum(axis=1),
        "missing.negative": (kwh < 0).sum(axis=1),
    }


def longest_run(marks: NDArray[np.bool_]) -> NDArray[np.int64]:
    """``(n,)`` length of the longest run of true marks in each row."""
    longest = np.zeros(len(marks), dtype=np.int64)
    running = np.zeros(len(marks), dtype=np.int64)
    for at in range(marks.shape[1]):
        running = np.where(marks[:, at], running + 1, 0)
        longest = np.maximum(longest, running)
    return longest
