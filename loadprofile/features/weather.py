"""What the outdoor temperature and the sun explain of a meter's use.

Daily mean power is fitted as ``level + step + weekend + heating x max(base - T, 0) + cooling x max(T - base,
0)`` (the change-point models of building energy analysis: Fels 1986, Kissock et al. 2003) by robust least
squares with a prior on the slopes. The step of the meter's change is part of the fit, so that the slopes come
from warm and cold days on the same side of it, and what they explain of the difference between the sides is
no circular answer. Days on which temperature or use is unknown are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]

NAMES = (
    "context.heating_slope", "context.cooling_slope", "context.weather_r2", "context.weather_explains",
    "context.weather_log_ratio", "context.weather_step_z", "context.heating_change",
    "context.sun_before", "context.sun_after", "context.sun_change_z",
)  # fmt: skip
"""``heating_slope``, ``cooling_slope``: use per kelvin of the day's degrees / mean use. ``weather_r2``: share
of the variance within the sides that temperature explains. ``weather_explains``: share of the difference
between the sides that it explains (clipped to -2..3). ``weather_log_ratio``: log ratio of the levels that is
left, ``weather_step_z`` over its error. ``heating_change``: log ratio of the heating slopes after and before.
``sun_before``, ``sun_after``: change of midday use (9 to 15 h) per 100 W/m2 / midday use, on each side;
``sun_change_z`` of their difference over its error. NaN without a change where both sides are compared."""

HEATING = (10.0, 12.0, 14.0, 16.0, 18.0)
COOLING = (18.0, 20.0, 22.0, 24.0)
"""Base temperatures that are tried, in degrees Celsius."""

PRIOR = 0.05
"""Prior scale of a slope: use per kelvin / mean use (a well heated home with electric heat reaches 0.1)."""

LEAST_DAYS = 21
LEAST_SIDE = 7
DULL = 20.0
"""W/m2: an irradiance that never varies by more says nothing."""

COVERED = 0.75
"""Share of a day's rows that must be there to know the day's mean."""


@dataclass(frozen=True, eq=False, slots=True)
class DailyWeather:
    """``temperature`` (degrees Celsius) and ``irradiance`` (W/m2), day means ``(d,)``, NaN = unknown."""

    temperature: Floats
    irradiance: Floats


def daily_weather(weather: pd.DataFrame, days: Days) -> DailyWeather:
    """Day means of a weather table of any step up to a day; a day with too many rows missing is unknown."""
    moments = pd.to_datetime(weather["timestamp"]).to_numpy().astype("datetime64[m]")
    first = days[0].astype("datetime64[D]")
    at = (moments.astype("datetime64[D]") - first).astype(np.int64)
    steps = np.diff(np.unique(moments).astype(np.int64))
    step = float(np.median(steps)) if len(steps) else 1440.0
    needed = max(1.0, COVERED * 1440.0 / max(step, 1.0))
    inside = (at >= 0) & (at < len(days))
    out = []
    for name in ("temperature_c", "irradiance"):
        values = (
            weather[name].to_numpy(dtype=np.float64)
            if name in weather.columns
            else np.full(len(weather), np.nan)
        )
        known = inside & np.isfinite(values)
        count = np.bincount(at[known], minlength=len(days)).astype(np.float64)
        total = np.bincount(at[known], weights=values[known], minlength=len(days))
        out.append(np.where(count >= min(needed, 1440.0 / step), total / np.maximum(count, 1), np.nan))
    return DailyWeather(*out)


def degree_days(temperature: Floats, base: float, *, heating: bool = True) -> Floats:
    """Kelvins below (heating) or above (cooling) the base; NaN where the temperature is unknown."""
    return np.maximum(base - temperature if heating else temperature - base, 0.0)


def weather_features(
    power: NDArray[np.float32], daily: NDArray[np.float32], weather: DailyWeather, onset: Floats, end: Floats,
    weekend: NDArray[np.bool_],
) -> Floats:  # fmt: skip
    """Columns ``NAMES``.

    Args:
        power: ``(m, d, 8)`` kW of the 3-hour blocks.
        daily: ``(m, d)`` kW, NaN = unknown.
        weather: of the same days.
        onset: ``(m,)`` of each meter's change in days since the first, NaN = none.
        end: the same of its end.
        weekend: ``(d,)`` days on which people are at home.
    """
    use = daily.astype(np.float64)
    m, d = use.shape
    out = np.full((m, len(NAMES)), np.nan)
    after, known = sides(d, onset, end)
    known &= np.isfinite(use) & np.isfinite(weather.temperature)
    enough = known.sum(axis=1) >= LEAST_DAYS
    if enough.any():
        out[:, :7] = np.where(
            enough[:, None], _thermal(use, weather.temperature, after, known, weekend), np.nan
        )
    light = weather.irradiance[np.isfinite(weather.irradiance)]
    if len(light) and np.ptp(light) > DULL:
        middle = power[:, :, 3:5].astype(np.float64).mean(axis=2)
        out[:, 7:] = _sun(middle, weather.irradiance, *sides(d, onset, end))
    return out


def sides(d: int, onset: Floats, end: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """``(m, d)`` days inside each meter's change, and days that lie on one side of it as a whole."""
    day = np.arange(d)[None, :]
    begin = np.where(np.isfinite(onset), onset, d)[:, None]
    stop = np.where(np.isfinite(end), end, d + 1)[:, None]
    after = (day >= begin) & (day < stop)
    cut = ((day < begin) & (day + 1 > begin)) | ((day < stop) & (day + 1 > stop))
    return after, ~cut


def _thermal(
    use: Floats,
    temperature: Floats,
    after: NDArray[np.bool_],
    known: NDArray[np.bool_],
    weekend: NDArray[np.bool_],
) -> Floats:
    m, _ = use.shape
    level = np.maximum(_mean(use, known), 1e-9)
    y = np.where(known, use / level[:, None], 0.0)
    air = np.nan_to_num(temperature, nan=18.0)
    best = np.full(m, np.inf)
    kept: list[Floats] = [np.zeros((m, 5)), np.zeros((m, 5)), np.full(m, HEATING[-1]), np.full(m, COOLING[0])]
    scale = np.full(m, np.nan)
    for hot in HEATING:
        for cold in COOLING:
            shared = np.stack(
                [weekend.astype(np.float64), np.maximum(hot - air, 0), np.maximum(air - cold, 0)]
            )
            found, error, loss, sigma = _fit(y, shared, after, known)
            better = loss < best
            best = np.where(better, loss, best)
            scale = np.where(better, sigma, scale)
            for at, value in enumerate((found, error)):
                kept[at] = np.where(better[:, None], value, kept[at])
            kept[2], kept[3] = np.where(better, hot, kept[2]), np.where(better, cold, kept[3])
    found, error, hot_base, cold_base = kept
    warm = np.maximum(hot_base[:, None] - air, 0), np.maximum(air - cold_base[:, None], 0)
    thermal = found[:, 3, None] * warm[0] + found[:, 4, None] * warm[1]
    before = known & ~after
    inside = known & after
    both = (before.sum(axis=1) >= LEAST_SIDE) & (inside.sum(axis=1) >= LEAST_SIDE)
    gap = _mean(y, inside) - _mean(y, before)
    moved = _mean(thermal, inside) - _mean(thermal, before)
    out = np.full((m, 7), np.nan)
    out[:, 0], out[:, 1] = found[:, 3], found[:, 4]
    calm = y - found[:, 1, None] * after - found[:, 2, None] * weekend
    out[:, 2] = np.clip(
        1.0 - _variance(calm - thermal, known) / np.maximum(_variance(calm, known), 1e-12), 0, 1
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        out[:, 3] = np.where(both & (np.abs(gap) > 0.03), np.clip(moved / gap, -2, 3), np.nan)
        old = np.maximum(_mean(y, before), 0.02)
        out[:, 4] = np.where(both, np.log(np.maximum(1.0 + found[:, 1] / old, 0.02)), np.nan)
        out[:, 5] = np.where(both, np.clip(found[:, 1] / error[:, 1], -100, 100), np.nan)
    slopes = [
        _fit_slope(y, weekend, warm[0], side) for side in (before, inside)
    ]  # the heating alone, on each side for itself
    sure = both & (slopes[0][0] > 3 * slopes[0][1]) & (slopes[1][1] < slopes[0][0])
    with np.errstate(invalid="ignore", divide="ignore"):
        change = np.log(np.maximum(slopes[1][0], 0.05 * slopes[0][0]) / slopes[0][0])
    out[:, 6] = np.where(sure, change, np.nan)
    return out


def _mean(values: Floats, which: NDArray[np.bool_]) -> Floats:
    count = which.sum(axis=1)
    total = np.where(which, values, 0.0).sum(axis=1)
    out: Floats = np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)
    return out


def _variance(values: Floats, which: NDArray[np.bool_]) -> Floats:
    return _mean((values - np.nan_to_num(_mean(values, which))[:, None]) ** 2, which)


def _fit(
    y: Floats, shared: Floats, after: NDArray[np.bool_], known: NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Level, step, weekend, heating, cooling ``(m, 5)``, their errors, the robust loss and the noise.

    Least squares, then once more with Huber's weights; slopes have the prior ``PRIOR``.
    """
    m, d = y.shape
    weight: Floats = known.astype(np.float64)
    sigma: Floats = np.sqrt(np.maximum(_variance(y, known), 1e-8))
    columns = np.vstack([np.ones(d), shared])  # without the step, which is each meter's own
    pairs = (columns[:, None, :] * columns[None, :, :]).reshape(16, d)
    own = np.array([0, 2, 3, 4])
    side = after.astype(np.float64)
    found: Floats = np.zeros((m, 5))
    matrix = np.zeros((m, 5, 5))
    rest: Floats = y
    bound: Floats = y
    for _ in range(2):
        matrix = np.zeros((m, 5, 5))
        matrix[np.ix_(np.arange(m), own, own)] = (weight @ pairs.T).reshape(m, 4, 4)
        cross = (weight * side) @ columns.T
        matrix[:, 1, own] = cross
        matrix[:, own, 1] = cross
        matrix[:, 1, 1] = cross[:, 0]
        right = np.zeros((m, 5))
        right[:, own] = (weight * y) @ columns.T
        right[:, 1] = (weight * side * y).sum(axis=1)
        ridge = np.zeros((m, 5))
        ridge[:, 3:] = (sigma[:, None] / PRIOR) ** 2
        ridge[:, :3] = 1e-6
        matrix[:, np.arange(5), np.arange(5)] += ridge
        found = np.asarray(np.linalg.solve(matrix, right[:, :, None])[:, :, 0], dtype=np.float64)
        rest = y - found[:, own] @ columns - found[:, 1, None] * side
        sigma = np.sqrt(np.maximum(_variance(rest, known), 1e-8))
        bound = 1.5 * np.maximum(sigma, 1e-6)[:, None]
        weight = np.where(known, np.minimum(1.0, bound / np.maximum(np.abs(rest), 1e-9)), 0.0)
    drift = _neighbours(rest, known)
    inflated = sigma * np.sqrt((1 + drift) / (1 - drift))
    diagonal = np.linalg.inv(matrix)[:, np.arange(5), np.arange(5)]
    error = inflated[:, None] * np.sqrt(np.maximum(diagonal, 1e-12))
    clipped = np.minimum(np.abs(rest), bound)
    loss = np.where(known, clipped * (2 * np.abs(rest) - clipped), 0.0).sum(axis=1)
    loss += sigma**2 * ((found[:, 3:] / PRIOR) ** 2).sum(axis=1)
    return found, error, loss, sigma


def _neighbours(rest: Floats, known: NDArray[np.bool_]) -> Floats:
    """``(m,)`` correlation of what is left on one day with the next, 0..0.9."""
    pair = known[:, 1:] & known[:, :-1]
    product = np.where(pair, rest[:, 1:] * rest[:, :-1], 0.0).sum(axis=1)
    square = np.where(pair, rest[:, 1:] ** 2 + rest[:, :-1] ** 2, 0.0).sum(axis=1) / 2
    out: Floats = np.clip(product / np.maximum(square, 1e-12), 0.0, 0.9)
    return out


def _fit_slope(
    y: Floats, weekend: NDArray[np.bool_], heat: Floats, which: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Heating slope and its error on the chosen days, each meter with its own degrees ``(m, d)``."""
    return _regress(y, [np.broadcast_to(weekend.astype(np.float64), y.shape), heat], which, 1)


def _regress(
    y: Floats, columns: list[Floats], which: NDArray[np.bool_], wanted: int
) -> tuple[Floats, Floats]:
    """One coefficient of an ordinary regression with a constant, and its error; rows of few days: NaN."""
    m, d = y.shape
    weight = which.astype(np.float64)
    x = np.stack([np.ones((m, d)), *(np.where(which, c, 0.0) for c in columns)], axis=2)
    matrix = np.einsum("md,mdi,mdj->mij", weight, x, x)
    size = x.shape[2]
    matrix[:, np.arange(size), np.arange(size)] += 1e-6
    right = np.einsum("md,mdi->mi", weight * np.where(which, y, 0.0), x)
    found = np.linalg.solve(matrix, right[:, :, None])[:, :, 0]
    rest = np.where(which, y - np.einsum("mdi,mi->md", x, found), 0.0)
    drift = _neighbours(rest, which)
    free = np.maximum(which.sum(axis=1) - size, 1)
    noise = (rest**2).sum(axis=1) / free * (1 + drift) / (1 - drift)
    error = np.sqrt(np.maximum(np.linalg.inv(matrix)[:, wanted + 1, wanted + 1] * noise, 1e-18))
    few = which.sum(axis=1) < 2 * LEAST_SIDE
    return np.where(few, np.nan, found[:, wanted + 1]), np.where(few, np.nan, error)


def _sun(middle: Floats, irradiance: Floats, after: NDArray[np.bool_], whole: NDArray[np.bool_]) -> Floats:
    """The three columns about the sun; a slow drift within each side is taken out."""
    m, d = middle.shape
    known = whole & np.isfinite(middle) & np.isfinite(irradiance)
    before = known & ~after
    usual = np.maximum(_mean(middle, before), 1e-9)
    y = np.where(known, middle, 0.0) / usual[:, None]
    light = np.broadcast_to(np.nan_to_num(irradiance) / 100.0, (m, d))
    day = np.broadcast_to(np.arange(d) / max(d, 1), (m, d))
    old, old_error = _regress(y, [light, day], before, 0)
    new, new_error = _regress(y, [light, day], known & after, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (new - old) / np.sqrt(old_error**2 + new_error**2)
    return np.stack([np.clip(old, -5, 5), np.clip(new, -5, 5), np.clip(z, -50, 50)], axis=1)
