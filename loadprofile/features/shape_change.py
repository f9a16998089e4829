"""How the daily shape differs after a change: from sums on both sides to scale-free numbers.

Everything works on ``aligned.gather``'s arrays of a batch. The logarithms of ratios are started: 2 %
of the level before is added to both sides, so that an empty night gives -4 and not minus infinity.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from loadprofile.features.aligned import QUANTILES

KIND_WEIGHTS = np.array([5.0, 2.0])
"""Weekdays and weekend days in a week."""

START = 0.02
Array = NDArray[np.float64]


def clock_means(clock: Array) -> tuple[Array, Array]:
    """Mean kWh per slot by side, kind of day and hour, and its standard error, ``(n, 2, 2, 24)``.

    Only cells known on both sides are kept: a cell of one side alone cannot be compared.
    """
    count = clock[..., 2]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = clock[..., 0] / count
        variance = np.maximum(clock[..., 1] / count - mean**2, 0.0)
        error = np.sqrt(variance / np.maximum(count - 1, 1))
    both = (count >= 2).all(axis=1, keepdims=True)
    hidden = ~np.broadcast_to(both, mean.shape)
    mean[hidden] = np.nan
    error[hidden] = np.nan
    return mean, error


def weighted_hours(mean: Array, error: Array) -> tuple[Array, Array]:
    """Hour profile of an average week and its standard error, ``(n, 2, 24)``."""
    weight = np.where(np.isfinite(mean), KIND_WEIGHTS[None, None, :, None], 0.0)
    total = weight.sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        hours = np.where(weight > 0, mean * weight, 0.0).sum(axis=2) / total
        errors = np.sqrt(np.where(weight > 0, (error * weight) ** 2, 0.0).sum(axis=2)) / total
    return hours, errors


def row_mean(values: Array, axis: int = -1) -> Array:
    """Mean of the finite values along an axis, NaN where there is none (numpy's warns)."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    out: Array = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return out


def started_log(after: Array, before: Array, start: Array) -> Array:
    """log((after + start) / (before + start)); negative energies count as zero."""
    with np.errstate(invalid="ignore", divide="ignore"):
        out: Array = np.log((np.maximum(after, 0) + start) / (np.maximum(before, 0) + start))
    out[~np.isfinite(out)] = np.nan
    return out


def hour_changes(hours: Array, errors: Array) -> dict[str, Array]:
    """Per-block, per-part-of-day and spread of the log ratios, from ``(n, 2, 24)`` profiles."""
    level = row_mean(hours[:, 0])
    start = START * np.where(level > 0, level, np.nan)
    out: dict[str, Array] = {}
    blocks = hours.reshape(len(hours), 2, 8, 3)
    block = started_log(row_mean(blocks[:, 1]), row_mean(blocks[:, 0]), start[:, None])
    for k in range(8):
        out[f"b{k}"] = block[:, k]
    share = row_mean(blocks[:, 0])
    share = np.where(np.isfinite(block) & np.isfinite(share), np.maximum(share, 0), 0.0)
    out["block_spread"] = _weighted_spread(block, share)
    hour = started_log(hours[:, 1], hours[:, 0], start[:, None])
    weight = np.where(np.isfinite(hour), np.maximum(np.nan_to_num(hours[:, 0]), 0.0), 0.0)
    out["hour_spread"] = _weighted_spread(hour, weight)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = (errors[:, 0] / (np.maximum(hours[:, 0], 0) + start[:, None])) ** 2 + (
            errors[:, 1] / (np.maximum(hours[:, 1], 0) + start[:, None])
        ) ** 2
        precision = np.where(np.isfinite(hour) & np.isfinite(variance), 1 / (variance + 0.02**2), 0.0)
        centre = (np.nan_to_num(hour) * precision).sum(axis=1) / precision.sum(axis=1)
        out["hour_misfit"] = np.sqrt(
            (np.nan_to_num(hour - centre[:, None]) ** 2 * precision).sum(axis=1) / (precision > 0).sum(axis=1)
        )
        out["hour_ratio_se"] = np.sqrt(1 / precision.sum(axis=1))
    out["hour_log_ratio"] = centre
    for name, part in (("night", slice(0, 6)), ("day", slice(9, 17)), ("evening", slice(17, 22))):
        out[f"{name}_log_ratio"] = started_log(
            row_mean(hours[:, 1, part]), row_mean(hours[:, 0, part]), start
        )
    out |= _window(hours)
    return out


def _weighted_spread(values: Array, weights: Array) -> Array:
    total = weights.sum(axis=1)
    safe = np.where(weights > 0, values, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (safe * weights).sum(axis=1) / total
        out: Array = np.sqrt(((safe - mean[:, None]) ** 2 * weights).sum(axis=1) / total)
    return out


def _window(hours: Array) -> dict[str, Array]:
    """Best six neighbouring hours: what share of all differences they hold, signed, and where they begin."""
    difference = hours[:, 1] - hours[:, 0]
    known = np.isfinite(difference).all(axis=1)
    difference = np.nan_to_num(difference)
    doubled = np.concatenate([difference, difference[:, :5]], axis=1)
    running = np.cumsum(np.pad(doubled, ((0, 0), (1, 0))), axis=1)
    windows = running[:, 6:] - running[:, :-6]
    best = np.argmax(np.abs(windows), axis=1)
    held = windows[np.arange(len(hours)), best]
    total = np.abs(difference).sum(axis=1)
    share = np.divide(held, total, out=np.full(len(hours), np.nan), where=known & (total > 0))
    return {"window_share": share, "window_hour": np.where(np.isfinite(share), best, np.nan)}


def profile_changes(profile: Array) -> dict[str, Array]:
    """Shift, reversal, flattening and distance of the daily profile, from ``(n, 2, s)``."""
    s = profile.shape[2]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = profile / profile.sum(axis=2, keepdims=True)
    share[~np.isfinite(share)] = np.nan
    before, after = share[:, 0], share[:, 1]
    out = {"shape_distance": np.abs(after - before).sum(axis=1)}
    straight = _correlation(before, after)
    lags = np.arange(-s // 4, s // 4 + 1)
    moved = np.stack([_correlation(np.roll(before, lag, axis=1), after) for lag in lags], axis=1)
    best = np.argmax(np.nan_to_num(moved, nan=-2.0), axis=1)
    gain = moved[np.arange(len(profile)), best] - straight
    out["shift_hours"] = np.where(np.isfinite(gain), lags[best] * 24.0 / s, np.nan)
    out["shift_gain"] = gain
    out["mirror_gain"] = _correlation(before[:, ::-1], after) - straight
    out["profile_correlation"] = straight
    with np.errstate(invalid="ignore", divide="ignore"):
        out["profile_flatter"] = np.log((after.std(axis=1) + 1e-4) / (before.std(axis=1) + 1e-4))
    return out


def _correlation(a: Array, b: Array) -> Array:
    a = a - a.mean(axis=1, keepdims=True)
    b = b - b.mean(axis=1, keepdims=True)
    scale = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    out: Array = np.divide((a * b).sum(axis=1), scale, out=np.full(len(a), np.nan), where=scale > 1e-12)
    return out


def quantile_changes(quantiles: Array) -> dict[str, Array]:
    """Best ``after = gain * before + offset`` over quantiles 5..95 %, and log ratios of single quantiles."""
    at = {q: k for k, q in enumerate(QUANTILES)}
    before, after = quantiles[:, 0], quantiles[:, 1]
    x, y = before[:, at[0.05] : at[0.98]], after[:, at[0.05] : at[0.98]]
    mx, my = x.mean(axis=1, keepdims=True), y.mean(axis=1, keepdims=True)
    sxx = ((x - mx) ** 2).sum(axis=1)
    sxy = ((x - mx) * (y - my)).sum(axis=1)
    syy = ((y - my) ** 2).sum(axis=1)
    gain = np.divide(sxy, sxx, out=np.full(len(x), np.nan), where=sxx > 0)
    level = before.mean(axis=1)
    level = np.where(level > 0, level, np.nan)
    out = {
        "gain": np.clip(gain, -5.0, 1000.0),
        "offset_rel": np.clip((my[:, 0] - gain * mx[:, 0]) / level, -50.0, 1000.0),
        "gain_r2": np.divide(sxy**2, sxx * syy, out=np.full(len(x), np.nan), where=(sxx > 0) & (syy > 0)),
    }
    start = START * level
    out["peak_log_ratio"] = started_log(after[:, at[0.98]], before[:, at[0.98]], start)
    out["mid_log_ratio"] = started_log(after[:, at[0.5]], before[:, at[0.5]], start)
    low = [at[0.05], at[0.1]]
    out["base_log_ratio"] = started_log(after[:, low].mean(axis=1), before[:, low].mean(axis=1), start)

    def top(side: Array) -> Array:
        """How far the last 2 % reach beyond the rest: about 0 under a cap."""
        with np.errstate(invalid="ignore", divide="ignore"):
            reach: Array = (side[:, at[0.995]] - side[:, at[0.95]]) / (side[:, at[0.995]] - side[:, at[0.1]])
        return np.where(np.isfinite(reach), reach, np.nan)

    out["top_reach"] = top(after)
    out["top_reach_diff"] = top(after) - top(before)
    with np.errstate(invalid="ignore", divide="ignore"):
        out["span_log_ratio"] = np.log((after[:, at[0.95]] - after[:, at[0.05]] + start)
                                       / (before[:, at[0.95]] - before[:, at[0.05]] + start))  # fmt: skip
        out["after_over_base"] = np.log((np.maximum(after[:, at[0.5]], 0) + start)
                                        / (np.maximum(before[:, low].mean(axis=1), 0) + start))  # fmt: skip
    return out
