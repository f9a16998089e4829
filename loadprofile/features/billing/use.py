"""What the amounts say: use per day, seasons, the one change of level, runs of nothing, estimated bills.

Everything is per client and energy, in order of time, on amounts per day, so that a bill of two months
and one of four can be compared. The compiled loop is one pass over the bills of a client.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.features.billing.periods import DAYS_A_MONTH, BillPeriods
from loadprofile.ingest.steg.values import Invoices

USE = ("bills", "per_day", "per_day_std", "per_day_variation", "per_day_max", "recent_ratio", "trend",
       "days")  # fmt: skip
SEASON = ("winter", "spring", "summer", "autumn", "strength")
LEVEL = ("ratio", "strength", "before", "after", "age", "date")
RUN = ("zero_longest", "zero_days", "zero_share", "zero_last", "low_longest", "stall_bills", "stall_longest",
       "unread_bills")  # fmt: skip
ESTIMATE = ("repeated_share", "repeated_longest", "hundreds_share", "tens_share")
COLUMNS = (
    *(f"use.{name}" for name in USE),
    *(f"season.{name}" for name in SEASON),
    *(f"level.{name}" for name in LEVEL),
    *(f"run.{name}" for name in RUN),
    *(f"estimate.{name}" for name in ESTIMATE),
)
"""Columns of ``use_of_bills``, of one energy."""

LEAST_BILLS = 6
"""A change of level needs this many bills with an amount per day, half of them on either side."""
LOW = 0.1
"""A bill below this share of the client's own median use per day is low."""
YEAR = 365.25
SHRINK = 2.0
FLOOR = 0.05
_U, _S, _L, _R, _E = 0, len(USE), len(USE) + 5, len(USE) + 11, len(USE) + 19


def use_of_bills(invoices: Invoices, periods: BillPeriods) -> NDArray[np.float32]:
    """``(clients, 2, len(COLUMNS))`` for ELEC and GAZ; NaN = cannot be told."""
    out = np.full((len(invoices.starts) - 1, 2, len(COLUMNS)), np.nan, dtype=np.float32)
    _use(
        invoices.starts, invoices.energy, invoices.date, invoices.old_index, invoices.new_index,
        invoices.months, periods.days, periods.billed, periods.per_day, periods.by_time, out,
    )  # fmt: skip
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _use(starts, energy, date, old, new, months, days, billed, per_day, by_time, out):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202
    longest = 0
    for client in range(len(starts) - 1):
        longest = max(longest, starts[client + 1] - starts[client])
    rows = np.empty(longest, dtype=np.int64)
    at = np.empty(longest, dtype=np.float64)
    use = np.empty(longest, dtype=np.float64)
    span = np.empty(longest, dtype=np.float64)
    season = np.empty(longest, dtype=np.int64)
    for client in range(len(starts) - 1):
        first = starts[client]
        while first < starts[client + 1]:
            kind = energy[by_time[first]]
            last = first
            while last < starts[client + 1] and energy[by_time[last]] == kind:
                last += 1
            found = out[client, kind]
            found[_U] = last - first
            _runs(by_time[first:last], old, new, billed, days, months, found)
            count = 0
            for place in range(first, last):
                row = by_time[place]
                if np.isfinite(per_day[row]):
                    length = np.float64(days[row])
                    if days[row] < 0:
                        length = months[row] * DAYS_A_MONTH
                    rows[count], span[count] = row, length
                    use[count] = per_day[row]
                    at[count] = date[row] - length / 2
                    season[count] = _season(at[count])
                    count += 1
            if count:
                _level_of_use(use[:count], span[:count], at[:count], date[rows[:count]], found)
                _seasons(use[:count], season[:count], found)
                _low_run(use[:count], found)
            if count >= LEAST_BILLS:
                _change(use[:count], span[:count], season[:count], date[rows[:count]], found)
            first = last


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _season(day):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202
    """0 winter (December to February) .. 3 autumn; the year's phase is enough, leap days shift it by one."""
    phase = ((day + 31) % YEAR) / YEAR
    return min(int(phase * 4), 3)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _level_of_use(use, span, at, date, found):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202
    n = len(use)
    total, length, mean, top = 0.0, 0.0, 0.0, 0.0
    recent, recent_days, past, past_days = 0.0, 0.0, 0.0, 0.0
    end = date[n - 1]
    for i in range(n):
        total += use[i] * span[i]
        length += span[i]
        mean += use[i] / n
        top = max(top, use[i])
        if date[i] > end - YEAR:
            recent += use[i] * span[i]
            recent_days += span[i]
        else:
            past += use[i] * span[i]
            past_days += span[i]
    spread, slope, times, centre = 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        centre += at[i] / n
    for i in range(n):
        spread += (use[i] - mean) ** 2
        slope += (at[i] - centre) * (use[i] - mean)
        times += (at[i] - centre) ** 2
    found[_U + 1] = total / length
    found[_U + 4] = top
    found[_U + 7] = length
    if n > 1:
        found[_U + 2] = np.sqrt(spread / (n - 1))
        if mean > 0:
            found[_U + 3] = found[_U + 2] / mean
    if past > 0 and recent_days > 0:
        found[_U + 5] = (recent / recent_days) / (past / past_days)
    if n > 2 and mean > 0 and times > 0:
        found[_U + 6] = slope / times * YEAR / mean


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _seasons(use, season, found):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202
    mean = use.mean()
    if mean <= 0:
        return
    low, high, seen = np.inf, -np.inf, 0
    for quarter in range(4):
        total, count = 0.0, 0
        for i in range(len(use)):
            if season[i] == quarter:
                total += use[i]
                count += 1
        if count:
            index = total / count / mean
            found[_S + quarter] = index
            low, high = min(low, index), max(high, index)
            seen += 1
    if seen > 1:
        found[_S + 4] = high - low


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _change(use, span, season, date, found):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202
    """The one split that separates the deseasonalised bills best; its ratio is over like seasons only."""
    n = len(use)
    mean = use.mean()
    if mean <= 0:
        return
    totals, counts = np.zeros(4), np.zeros(4)
    for i in range(n):
        totals[season[i]] += use[i] / mean
        counts[season[i]] += 1
    level = np.empty(n)
    whole, squares = 0.0, 0.0
    for i in range(n):
        factor = (totals[season[i]] + SHRINK) / (counts[season[i]] + SHRINK)
        level[i] = use[i] / mean / factor
        whole += level[i]
        squares += level[i] ** 2
    half = LEAST_BILLS // 2
    best, split = -1.0, 0
    left, left_squares = 0.0, 0.0
    for k in range(1, n):
        left += level[k - 1]
        left_squares += level[k - 1] ** 2
        if k < half or n - k < half:
            continue
        before, after = left / k, (whole - left) / (n - k)
        inside = left_squares - k * before**2 + squares - left_squares - (n - k) * after**2
        spread = np.sqrt(max(inside, 0.0) / (n - 2)) + FLOOR
        strength = abs(after - before) / (spread * np.sqrt(1 / k + 1 / (n - k)))
        if strength > best:
            best, split = strength, k
    before, before_days, after, after_days = 0.0, 0.0, 0.0, 0.0
    sums = np.zeros((4, 2))
    lengths = np.zeros((4, 2))
    for i in range(n):
        side = 1 if i >= split else 0
        sums[season[i], side] += use[i] * span[i]
        lengths[season[i], side] += span[i]
        if side:
            after += use[i] * span[i]
            after_days += span[i]
        else:
            before += use[i] * span[i]
            before_days += span[i]
    like_before, like_after = 0.0, 0.0
    for quarter in range(4):
        if lengths[quarter, 0] > 0 and lengths[quarter, 1] > 0:
            # both sides with the weights of the later one: what these seasons were before, and are now
            like_before += sums[quarter, 0] / lengths[quarter, 0] * lengths[quarter, 1]
            like_after += sums[quarter, 1]
    if like_before > 0:
        found[_L] = like_after / like_before
    elif before > 0:
        found[_L] = (after / after_days) / (before / before_days)
    begin = date[split] - span[split]
    found[_L + 1] = best
    found[_L + 2] = before / before_days
    found[_L + 3] = after / after_days
    found[_L + 4] = date[n - 1] - begin
    found[_L + 5] = begin


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _low_run(use, found):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202
    bound = np.median(use) * LOW
    run, longest = 0, 0
    for value in use:
        run = run + 1 if value < bound else 0
        longest = max(longest, run)
    found[_R + 4] = longest


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _runs(rows, old, new, billed, days, months, found):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202
    n = len(rows)
    zero, zero_run, zero_longest, run_days, zero_days = 0, 0, 0, 0.0, 0.0
    stalls, stall_run, stall_longest, unread, moved = 0, 0, 0, 0, False
    same, same_run, same_longest, hundreds, tens, filled = 0, 0, 0, 0, 0, 0
    for i in range(n):
        row = rows[i]
        if billed[row] == 0:
            zero += 1
            zero_run += 1
            run_days += days[row] if days[row] >= 0 else max(months[row], 0) * DAYS_A_MONTH
        else:
            zero_run, run_days = 0, 0.0
            filled += 1
            tens += billed[row] % 10 == 0
            hundreds += billed[row] % 100 == 0
        zero_longest, zero_days = max(zero_longest, zero_run), max(zero_days, run_days)
        stands = new[row] == old[row]
        if stands and moved:
            stalls += 1
            stall_run += 1
        else:
            stall_run = 0
        stall_longest = max(stall_longest, stall_run)
        moved = moved or not stands
        unread += stands and billed[row] > 0
        again = i > 0 and billed[row] > 0 and billed[row] == billed[rows[i - 1]]
        same += again
        same_run = same_run + 1 if again else 0
        same_longest = max(same_longest, same_run)
    found[_R], found[_R + 1], found[_R + 2], found[_R + 3] = zero_longest, zero_days, zero / n, zero_run
    found[_R + 5], found[_R + 6], found[_R + 7] = stalls, stall_longest, unread
    found[_E], found[_E + 1] = same / n, same_longest
    if filled:
        found[_E + 2], found[_E + 3] = hundreds / filled, tens / filled
