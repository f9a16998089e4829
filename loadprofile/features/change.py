"""Before and after: one change of regime per meter, described so that its cause can be told.

Columns ``change.*`` are scale-free unless a unit is named; ``when.change*`` are moments in days since
the first day. What the peers did on the same days is divided out first, and a slope lets a meter
follow them more or less strongly, so that a year with seasons is as easy as a quarter. Where there are
no peers the season itself (a yearly cosine, coldest in late January or July) is the covariate.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadprofile.errors import ShapeError
from loadprofile.features import regimes
from loadprofile.features.aligned import MARKS, QUANTILES
from loadprofile.features.channels import WEIGHTS
from loadprofile.features.daily import DailyBlocks
from loadprofile.features.rational import nearest_rational
from loadprofile.features.shape_change import (
    clock_means,
    hour_changes,
    profile_changes,
    quantile_changes,
    row_mean,
    weighted_hours,
)
from loadprofile.features.table import FeatureTable
from loadprofile.features.weather import daily_weather, degree_days
from loadprofile.profiles import LoadProfiles

Array = NDArray[np.float64]

DIRECTLY = {
    "glr": "gain", "single_glr": "single_gain", "level_glr": "level_gain", "block_glr": "block_gain",
    "texture_glr": "texture_gain", "second_glr": "second_gain", "lag_glr": "lag_gain",
    "close_glr": "close_gain",
}  # fmt: skip
"""Gains that become columns as sqrt(2 gain): robust z-like numbers."""


HEATS_BELOW, COOLS_ABOVE = 15.5, 22.0
"""Degrees Celsius (15.5 is the base of British degree days)."""

FULL_NEED = 15.0
"""Kelvins that move the covariate as much as half a year moves the yearly cosine."""

KNOWN_WEATHER = 0.8


def change_features(
    profiles: LoadProfiles,
    blocks: DailyBlocks,
    expected: NDArray[np.float32] | None,
    *,
    weather: pd.DataFrame | None = None,
) -> FeatureTable:
    """The change of each meter of a batch: columns ``change.*`` and ``when.change*``.

    Args:
        profiles: the batch.
        blocks: its daily blocks.
        expected: ``(m, d, 8)`` movement of each meter's peers (``PeerGroups.expected``), all NaN for
            a meter without peers; None = nobody has peers.
        weather: ``timestamp, temperature_c``: for meters without peers the degrees of heating and cooling
            are the covariate, in place of the yearly cosine.

    Raises:
        ShapeError: when the three do not fit together.
    """
    m, d, s = profiles.kwh.shape
    if blocks.power.shape != (m, d, 8) or not np.array_equal(blocks.meter_ids, profiles.meter_ids):
        raise ShapeError("blocks", blocks.power.shape, (m, d, 8))
    if expected is None:
        expected = np.full((m, d, 8), np.nan, dtype=np.float32)
    if expected.shape != (m, d, 8):
        raise ShapeError("expected", expected.shape, (m, d, 8))
    numbers = np.zeros((m, len(regimes.NUMBERS)))
    numbers[:, :4] = np.nan
    clock = np.zeros((m, 2, 2, 24, 3))
    profile = np.full((m, 2, s), np.nan)
    quantiles = np.full((m, 2, len(QUANTILES)), np.nan)
    marks = np.zeros((m, 2, len(MARKS)))
    weekday = (profiles.days.astype(np.int64) + 3) % 7
    season = seasonal(profiles.days) if weather is None else by_temperature(profiles.days, weather)
    regimes.examine(
        profiles.kwh, blocks.power, expected, season, profiles.exists, weekday, WEIGHTS,
        numbers, clock, profile, quantiles, marks,
    )  # fmt: skip
    found = dict(zip(regimes.NUMBERS, numbers.T, strict=True))
    columns = _columns(found, clock, profile, quantiles, marks, days=d, slots=s)
    none = ~np.isfinite(found["onset"])
    values = np.stack(list(columns.values()), axis=1)
    values[~np.isfinite(values)] = np.nan
    values[none] = np.nan
    return FeatureTable(profiles.meter_ids, tuple(columns), values.astype(np.float32))


def seasonal(days: NDArray[np.datetime64]) -> Array:
    """Yearly cosine with its top on 25 January; centred on 0; zeros for spans under 120 days."""
    if len(days) < 120:
        return np.zeros(len(days))
    day = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.float64)
    wave: Array = np.cos(2 * np.pi * (day - 24) / 365.25)
    wave -= wave.mean()
    return wave


def by_temperature(days: NDArray[np.datetime64], weather: pd.DataFrame) -> Array:
    """``(d,)`` how strongly the day's temperature asks for heating or cooling, centred, about -1..1.

    Days of unknown temperature stand at the mean; the yearly cosine stands in where most are unknown.
    """
    air = daily_weather(weather, days).temperature
    known = np.isfinite(air)
    if known.mean() < KNOWN_WEATHER:
        return seasonal(days)
    need = (degree_days(air, HEATS_BELOW) + degree_days(air, COOLS_ABOVE, heating=False)) / FULL_NEED
    return np.asarray(np.where(known, need - need[known].mean(), 0.0))


def _columns(
    found: dict[str, Array],
    clock: Array,
    profile: Array,
    quantiles: Array,
    marks: Array,
    days: int,
    slots: int,
) -> dict[str, Array]:
    mean, error = clock_means(clock)
    hours, errors = weighted_hours(mean, error)
    level = row_mean(hours)
    before, after = level[:, 0], np.maximum(level[:, 1], 0)
    positive = before > 0
    ratio = np.divide(after, before, out=np.full(len(after), np.nan), where=positive)
    log_ratio = np.log(np.clip(ratio, 1e-4, 1e4))
    mark = {name: marks[:, :, k] for k, name in enumerate(MARKS)}
    raw = np.divide(mark["raw"], mark["present"], out=np.full_like(level, np.nan), where=mark["present"] > 0)
    raw_ratio = np.divide(raw[:, 1], raw[:, 0], out=np.full(len(after), np.nan), where=raw[:, 0] > 0)
    shape = hour_changes(hours, errors)
    curve = profile_changes(profile)
    spread = quantile_changes(quantiles)
    onset, end = found["onset"], found["end"]
    last = np.where(np.isfinite(end), end, float(days))
    out: dict[str, Array] = {"ratio": np.clip(ratio, 0, 1e4), "log_ratio": log_ratio}
    out["raw_ratio"] = np.clip(raw_ratio, 0, 1e4)
    for name, source in DIRECTLY.items():
        out[name] = np.sqrt(2 * np.maximum(found[source], 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        out["z"] = np.clip(found["step"] / found["step_se"], -1e3, 1e3)
        weekly = found["weekly_noise"] / np.sqrt(np.maximum((last - onset) / 7, 1))
        out["level_z"] = np.clip(log_ratio / np.sqrt(found["step_se"] ** 2 + weekly**2), -1e3, 1e3)
    out["log_ratio_se"] = found["step_se"]
    for name in ("sharpness", "ramp_days", "ramp_gain", "trend_r2"):
        out[name] = found[name]
    out["trend_vs_step"] = np.clip(found["trend_vs_step"], 0, 100)
    out["trend_per_30d"] = found["trend"]
    out["trend_total"] = found["trend"] * days / 30.0
    out["days_before"], out["days_after"] = onset, days - onset
    out["duration_days"] = last - onset
    out["returned"] = np.isfinite(end).astype(np.float64)
    out["weekly_noise"], out["level_noise"], out["follows"] = (
        found["weekly_noise"],
        found["noise"],
        found["slope"],
    )
    out |= shape | curve | spread
    for kind, name in enumerate(("weekday", "weekend")):
        sides = row_mean(mean[:, :, kind])
        out[f"{name}_log_ratio"] = _log_ratio(sides[:, 1], sides[:, 0], before)
    out["weekend_minus_weekday"] = out["weekend_log_ratio"] - out["weekday_log_ratio"]
    out["cv_log_ratio"] = _log_ratio(mark["level_sd"][:, 1], mark["level_sd"][:, 0], np.ones(len(after)))
    seen = np.where(mark["present"] > 0, mark["present"], np.nan)
    zero = mark["zero"] / seen
    out["zero_before"], out["zero_after"] = zero[:, 0], zero[:, 1]
    slots_seen = mark["present"] + mark["missing"]
    missing = mark["missing"] / np.where(slots_seen > 0, slots_seen, np.nan)
    out["missing_before"], out["missing_after"] = missing[:, 0], missing[:, 1]
    rough = mark["rough"] / np.where(mark["steps"] > 0, mark["steps"], np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        texture = rough / np.maximum(level, 0.02 * before[:, None])
        out["noise_log_ratio"] = np.log((texture[:, 1] + 0.01) / (texture[:, 0] + 0.01))
        out["flat_after"] = np.log((mark["day_cv"][:, 1] + 0.01) / (mark["day_cv"][:, 0] + 0.01))
        out["shape_per_level"] = curve["shape_distance"] * np.exp(-8.0 * np.abs(log_ratio))
    out["sum_conserved"] = out.pop("shape_per_level")
    out["outage_before"] = found["silence"]
    rational, misfit, scaled = nearest_rational(ratio, found["step_se"])
    out["rational"], out["rational_misfit"], out["rational_misfit_se"] = rational, misfit, scaled
    _, out["hour_rational_misfit"], _ = nearest_rational(
        np.exp(shape["hour_log_ratio"]), shape["hour_ratio_se"]
    )
    trio = np.stack([spread[f"{name}_log_ratio"] for name in ("base", "mid", "peak")], axis=1)
    out["quantile_spread"] = trio.std(axis=1)
    movement = mark["peers"][:, 1] / seen[:, 1]
    out["kwh_per_day_lost"] = (before - after) * slots * movement
    columns = {f"change.{name}": np.asarray(value, dtype=np.float64) for name, value in out.items()}
    columns["when.change"] = onset
    columns["when.change_low"], columns["when.change_high"] = found["low"], found["high"]
    columns["when.change_end"] = end
    return columns


def _log_ratio(after: Array, before: Array, scale: Array) -> Array:
    start = 0.02 * np.where(scale > 0, scale, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        out: Array = np.log((np.maximum(after, 0) + start) / (np.maximum(before, 0) + start))
    return out
