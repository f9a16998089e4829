"""One week by itself: what seven days of readings show without any other week of the meter.

For the protocols of the literature on the Irish CER data, where a window of 7 days is all that is seen
(MFFTD, IEEE TIM 2025). Everything is relative to the window itself: scale, unit and interval length do not
matter. ``against_own_past`` adds what Jokar et al. 2016 (IEEE Trans. Smart Grid 7) use: the same customer's
earlier weeks.

Works on ``(w, 7, s)`` blocks of windows; a window's numbers do not depend on the block it comes in.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from loadprofile.errors import ShapeError

DAYS = 7
HOURS = 24
QUANTILES = (0.0, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98)
NIGHT_HOURS = 6
"""Length of the quietest stretch of the week's mean day, wherever it lies: standby use."""
CLOSE = 1e-4
"""Readings closer than this share of the window's mean are equal: registers that round differ by no less."""

Windows = NDArray[np.float64]


class _Columns:
    """Named columns, collected."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.values: list[NDArray[np.float64]] = []

    def add(self, name: str, value: NDArray[np.float64]) -> None:
        self.names.append(name)
        self.values.append(value)

    def spread(self, name: str, daily: NDArray[np.float64]) -> None:
        """Middle, extremes and spread over the days of a daily figure ``(w, 7)``."""
        ordered = np.sort(daily, axis=1)  # NaN last
        known = np.isfinite(daily).sum(axis=1)
        rows = np.arange(len(daily))
        top = np.maximum(known - 1, 0)
        for tag, value in (
            ("min", ordered[:, 0]),
            ("low", ordered[rows, np.minimum(1, top)]),
            ("mid", ordered[rows, top // 2]),
            ("high", ordered[rows, np.maximum(top - 1, 0)]),
            ("max", ordered[rows, top]),
        ):
            self.add(f"{name}.{tag}", np.where(known > 0, value, np.nan))


def weekly_features(windows: Windows) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Features of each window by itself.

    Args:
        windows: ``(w, 7, s)`` kWh, NaN = missing.

    Returns:
        Names ``(k,)`` and values ``(w, k)``; NaN where a figure cannot be told.

    Raises:
        ShapeError: not seven days, or slots that are no whole number an hour.
    """
    if windows.ndim != 3 or windows.shape[1] != DAYS or windows.shape[2] % HOURS:
        raise ShapeError("windows", windows.shape, f"(w, {DAYS}, a multiple of {HOURS})")
    x = np.asarray(windows, dtype=np.float64)
    columns = _Columns()
    with np.errstate(all="ignore"):
        mean = _mean(x.reshape(len(x), -1))[:, None, None]
        x = x / np.where(mean > 0, mean, np.nan)  # of an all-zero week nothing can be told but its zeros
        _levels(columns, x)
        _profile(columns, x)
        _likeness(columns, x)
        _texture(columns, x)
        _ties(columns, x)
        _edges(columns, x)
    columns.add("week.all_zero", (mean[:, 0, 0] == 0).astype(np.float64))
    values = np.stack(columns.values, axis=1).astype(np.float32)
    values[~np.isfinite(values)] = np.nan  # divided by nothing, or the top of nothing
    return tuple(columns.names), values


def _mean(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the last axis of what is known; NaN where nothing is."""
    known = np.isfinite(x)
    count = known.sum(axis=-1)
    return np.asarray(
        np.where(count > 0, np.where(known, x, 0.0).sum(axis=-1) / np.maximum(count, 1), np.nan)
    )


def _middle(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median over the last axis of what is known, NaN where nothing is; of an even number the upper one."""
    return _sorted_quantiles(x, (0.5,))[0]


def _spread(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation over the last axis of what is known."""
    return np.asarray(np.sqrt(_mean((x - _mean(x)[..., None]) ** 2)))


def _log(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm with a floor of 1e-4 of the window's mean."""
    return np.asarray(np.log(np.maximum(x, 1e-4)))


def _sorted_quantiles(x: NDArray[np.float64], shares: tuple[float, ...]) -> list[NDArray[np.float64]]:
    """Quantiles over the last axis by nearest rank among the known values."""
    ordered = np.sort(x, axis=-1)
    known = np.isfinite(x).sum(axis=-1)
    found = []
    for share in shares:
        rank = np.minimum((share * known).astype(np.intp), np.maximum(known - 1, 0))
        value = np.take_along_axis(ordered, rank[..., None], axis=-1)[..., 0]
        found.append(np.where(known > 0, value, np.nan))
    return found


def _levels(columns: _Columns, x: Windows) -> None:
    """Level, base and top of each day and of the week: a factor a day moves all three together."""
    flat = x.reshape(len(x), -1)
    for share, value in zip(QUANTILES, _sorted_quantiles(flat, QUANTILES), strict=True):
        columns.add(f"week.q{100 * share:g}", value)
    columns.add("week.top", np.nanmax(flat, axis=1, initial=-np.inf))
    daily = _mean(x)
    low, base, mid, top = _sorted_quantiles(x, (0.0, 0.15, 0.5, 0.999))
    columns.spread("day.level", _log(daily))
    columns.spread("day.base", _log(base))
    columns.spread("day.lowest", _log(low))
    columns.spread("day.top_over_level", top / daily)
    columns.spread("day.base_over_level", base / daily)
    columns.spread("day.lowest_over_base", low / base)
    columns.spread("day.middle_over_level", mid / daily)
    columns.add("day.level_sd", _spread(_log(daily)))
    columns.add("day.base_sd", _spread(_log(base)))
    # a factor on the whole day moves base and level as one; life moves the level and leaves the base
    columns.add("day.base_follows_level", _correlation(_log(base), _log(daily)))
    columns.add("day.base_on_level_sd", _spread(_log(base) - _log(daily)))
    columns.add("day.top_on_level_sd", _spread(_log(top) - _log(daily)))
    columns.add("day.base_on_top_sd", _spread(_log(base) - _log(top)))
    weekend = np.abs(_log(daily) - _middle(_log(daily))[:, None])
    columns.spread("day.level_off_middle", weekend)


def _hourly(x: Windows) -> NDArray[np.float64]:
    """``(w, 7, 24)`` mean of each hour."""
    return _mean(x.reshape(*x.shape[:2], HOURS, -1))


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation over the last axis where both are known; NaN without spread."""
    known = np.isfinite(a) & np.isfinite(b)
    a, b = np.where(known, a, np.nan), np.where(known, b, np.nan)
    a, b = a - _mean(a)[..., None], b - _mean(b)[..., None]
    both = np.nansum(a * b, axis=-1)
    power = np.nansum(a * a, axis=-1) * np.nansum(b * b, axis=-1)
    return np.asarray(np.where(power > 1e-18, both / np.sqrt(np.maximum(power, 1e-18)), np.nan))


def _profile(columns: _Columns, x: Windows) -> None:
    """The mean day by the clock: a reversed day wakes in the evening."""
    hourly = _hourly(x)
    mean_day = _mean(np.swapaxes(hourly, 1, 2))
    median_day = _middle(np.swapaxes(np.sqrt(np.maximum(hourly, 0)), 1, 2))
    for hour in range(HOURS):
        columns.add(f"hour.{hour:02d}", mean_day[:, hour])
        columns.add(f"hour.{hour:02d}.root_median", median_day[:, hour])
    turned = hourly[..., ::-1]
    for lag in (0, 1, 2):
        columns.add(
            f"hour.own_reverse_{lag}", _correlation(mean_day, np.roll(mean_day[:, ::-1], lag, axis=1))
        )
    columns.add("hour.day_reverse", _mean(_correlation(hourly, turned)))
    # hours of the quietest stretch: nights are quiet, wherever they stand in the record
    summed = sum(np.roll(mean_day, -k, axis=1) for k in range(NIGHT_HOURS))
    quiet = np.argmin(np.where(np.isfinite(summed), summed, np.inf), axis=1)
    columns.add("hour.quiet_start", quiet.astype(np.float64))
    columns.add(
        "hour.quiet_level", np.take_along_axis(np.asarray(summed), quiet[:, None], axis=1)[:, 0] / NIGHT_HOURS
    )
    columns.add(
        "hour.peak", np.argmax(np.where(np.isfinite(mean_day), mean_day, -np.inf), axis=1).astype(np.float64)
    )
    turn = 2 * np.pi * (np.arange(HOURS) + 0.5) / HOURS
    for k in (1, 2, 3):
        for tag, wave in (("cos", np.cos(k * turn)), ("sin", np.sin(k * turn))):
            columns.add(f"hour.{tag}{k}", np.nansum(mean_day * wave, axis=1))
            columns.add(f"hour.{tag}{k}.root", np.nansum(median_day * wave, axis=1))
    per_day = {tag: np.nansum(np.sqrt(np.maximum(hourly, 0)) * wave, axis=2) for tag, wave in
               (("sin1", np.sin(turn)), ("cos1", np.cos(turn)))}  # fmt: skip
    for tag, value in per_day.items():
        columns.spread(f"day.{tag}", value)


def _likeness(columns: _Columns, x: Windows) -> None:
    """How alike the days are: day to day, to the mean of the others, and to that mean reversed."""
    hourly = np.sqrt(np.maximum(_hourly(x), 0))
    total = np.nansum(hourly, axis=1, keepdims=True)
    count = np.isfinite(hourly).sum(axis=1, keepdims=True)
    others = (total - np.nan_to_num(hourly)) / np.maximum(count - np.isfinite(hourly), 1)
    alike = _correlation(hourly, others)
    columns.spread("day.alike", alike)
    columns.spread("day.alike_reversed", _correlation(hourly, others[..., ::-1]) - alike)
    columns.add("day.next_alike", _mean(_correlation(hourly[:, 1:], hourly[:, :-1])))
    slots = np.sqrt(np.maximum(x, 0))
    columns.add("day.next_alike_slots", _mean(_correlation(slots[:, 1:], slots[:, :-1])))


def _texture(columns: _Columns, x: Windows) -> None:
    """Noise from slot to slot: a random factor in each slot roughens what a fridge keeps smooth."""
    logs = _log(x)
    step = np.diff(logs, axis=2)
    columns.spread("day.jitter", _middle(np.abs(step)))
    columns.spread("day.jitter_high", _sorted_quantiles(np.abs(step), (0.9,))[0])
    bend = np.abs(logs[:, :, 2:] - 2 * logs[:, :, 1:-1] + logs[:, :, :-2])
    columns.spread("day.bend", _middle(bend))
    a, b = x[:, :, 1:], x[:, :, :-1]
    for lag in (1, 2, 4):
        columns.spread(f"day.lag{lag}", _correlation(logs[:, :, lag:], logs[:, :, :-lag]))
    columns.add("week.lag1", _mean(_correlation(a, b)))
    # the quiet third of the day: standby, smooth in any home
    base = _sorted_quantiles(x, (0.33,))[0][..., None]
    quiet = (x[:, :, 1:] <= base) & (x[:, :, :-1] <= base)
    columns.spread("day.quiet_jitter", _middle(np.where(quiet, np.abs(step), np.nan)))
    quiet_level = np.where(x <= base, logs, np.nan)
    columns.spread("day.quiet_sd", _spread(quiet_level))
    # loads switch on at once and fade: rises and falls differ, and change places in a reversed day
    change = np.diff(x, axis=2)
    up, down = np.where(change > 0, change, 0), np.where(change < 0, -change, 0)
    scale = np.nansum(np.abs(change), axis=2)
    skew = (np.nansum(up**2, axis=2) - np.nansum(down**2, axis=2)) / (np.nansum(change**2, axis=2) + 1e-12)
    columns.spread("day.rise_skew", skew)
    columns.add("week.rise_skew", _mean(skew))
    cubes = np.nansum(change**3, axis=(1, 2)) / (np.nansum(np.abs(change) ** 3, axis=(1, 2)) + 1e-12)
    columns.add("week.rise_skew3", cubes)
    columns.add("week.rise_count", _mean(np.sign(change).reshape(len(x), -1)))
    columns.spread("day.roughness", scale / np.maximum(np.nansum(x, axis=2), 1e-9))
    # a uniform factor leaves a uniform spread: shape of the readings within the day
    daily = x / _mean(x)[..., None]
    centre = daily - 1
    sd = np.sqrt(_mean(centre**2))
    columns.spread("day.cv", sd)
    columns.spread("day.skew", _mean(centre**3) / np.maximum(sd**3, 1e-9))
    columns.spread("day.kurtosis", _mean(centre**4) / np.maximum(sd**4, 1e-9))


def _longest(flags: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Longest run of true along the last axis."""
    run = np.zeros(flags.shape[:-1])
    best = np.zeros(flags.shape[:-1])
    for at in range(flags.shape[-1]):
        run = np.where(flags[..., at], run + 1, 0)
        best = np.maximum(best, run)
    return best


def _ties(columns: _Columns, x: Windows) -> None:
    """Zeros, repeated values and ceilings."""
    slots = x.shape[2]
    zero = x == 0
    columns.spread("day.zero_share", zero.mean(axis=2))
    columns.spread("day.zero_run", _longest(zero) / slots)
    begins = zero[:, :, 1:] & ~zero[:, :, :-1]
    columns.spread("day.zero_starts", begins.sum(axis=2).astype(np.float64) + zero[:, :, 0])
    same = np.abs(np.diff(x, axis=2)) <= CLOSE
    columns.spread("day.same_share", same.mean(axis=2))
    columns.spread("day.same_run", _longest(same) / slots)
    top = np.nanmax(x, axis=2, initial=-np.inf)[..., None]
    columns.spread("day.at_top", (x >= top - CLOSE).mean(axis=2))
    columns.spread("day.near_top", (x >= 0.97 * top).mean(axis=2))
    columns.spread("day.run_at_top", _longest(x >= top - CLOSE) / slots)
    low = np.nanmin(x, axis=2, initial=np.inf)[..., None]
    columns.spread("day.at_bottom", (x <= low + CLOSE).mean(axis=2))
    columns.spread("day.off_zero_low", _log(_sorted_quantiles(np.where(x > 0, x, np.nan), (0.05,))[0]))


def _edges(columns: _Columns, x: Windows) -> None:
    """Midnight: life goes on across it, but not where days were reversed or made up."""
    logs = _log(x)
    across = np.abs(logs[:, 1:, 0] - logs[:, :-1, -1])
    within = np.abs(np.diff(logs, axis=2))
    usual = _middle(within.reshape(len(x), -1))
    columns.add("edge.jump", _middle(across))
    columns.add("edge.jump_over_usual", _middle(across) / np.maximum(usual, 1e-3))
    # if each day were turned back, its first slot would meet the last of the next
    turned = np.abs(logs[:, :-1, 0] - logs[:, 1:, -1])
    columns.add("edge.turned_gain", _mean(across) - _mean(turned))
    later = np.abs(logs[:, :-2, 0] - logs[:, 2:, -1])
    columns.add("edge.turned_two_gain", _mean(across) - _mean(later))
    head, tail = _mean(logs[:, 1:, :4]), _mean(logs[:, :-1, -4:])
    columns.add("edge.level_step", _mean(np.abs(head - tail)))
    columns.add("edge.level_turned", _mean(np.abs(_mean(logs[:, :-1, :4]) - _mean(logs[:, 1:, -4:]))))


def raw_level(windows: Windows) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """What only makes sense beside the meter's other weeks: logarithms of mean, base, top and lowest kWh."""
    x = np.asarray(windows, dtype=np.float64)
    flat = x.reshape(len(x), -1)
    low, base, mid, top = _sorted_quantiles(flat, (0.02, 0.15, 0.5, 0.98))
    with np.errstate(all="ignore"):
        values = [np.log(np.maximum(v, 1e-5)) for v in (_mean(flat), low, base, mid, top)]
        daily = np.log(np.maximum(_mean(x), 1e-5))
        lowest, highest = _sorted_quantiles(daily, (0.0, 1.0))
    names = ("mean", "lowest", "base", "middle", "top", "lowest_day", "highest_day")
    stacked = np.stack([*values, lowest, highest], axis=1)
    return tuple(f"log_kwh.{n}" for n in names), stacked.astype(np.float32)


def against_own_past(
    seen: NDArray[np.float32], recorded: NDArray[np.float32], homes: NDArray[np.int64], least: int = 2
) -> NDArray[np.float32]:
    """Each window's figures less their mean over the home's earlier windows, and the same in spreads.

    Args:
        seen: ``(w, k)`` figures of the windows that are judged.
        recorded: ``(w, k)`` figures of the windows as they stand in the record (the past may be tampered
            with too); row i is the same home and week as row i of ``seen``.
        homes: ``(w,)`` home of each row; rows of a home in the order of time, all together.
        least: earlier windows needed.

    Returns:
        ``(w, 2 k)``: differences, then differences over the spread of the earlier windows; NaN where there
        are too few of them.
    """
    w, k = seen.shape
    if recorded.shape != seen.shape or homes.shape != (w,):
        raise ShapeError("recorded, homes", (recorded.shape, homes.shape), ((w, k), (w,)))
    past = np.nan_to_num(recorded, nan=0.0).astype(np.float64)
    known = np.isfinite(recorded).astype(np.float64)
    first = np.concatenate([[True], homes[1:] != homes[:-1]]) if w else np.zeros(0, dtype=np.bool_)
    begin = np.maximum.accumulate(np.where(first, np.arange(w), 0))

    def before(values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sums over the earlier rows of the same home."""
        passed = np.concatenate([np.zeros((1, k)), np.cumsum(values, axis=0)])
        return np.asarray(passed[np.arange(w)] - passed[begin])

    count = before(known)
    with np.errstate(all="ignore"):
        mean = before(past) / count
        spread = np.sqrt(np.maximum(before(past**2) / count - mean**2, 0.0))
        gap = np.where(count >= least, seen - mean, np.nan)
        scaled = np.where(count >= max(least, 3), gap / (spread + 0.02 + 0.05 * np.abs(mean)), np.nan)
    return np.concatenate([gap, scaled], axis=1).astype(np.float32)
