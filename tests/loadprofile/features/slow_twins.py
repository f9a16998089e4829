"""Slow, obvious twins of the feature kernels: one meter, one number at a time, in plain numpy."""

from __future__ import annotations

import math

import numpy as np

NAN = math.nan
CLOSE = 1e-5  # boundaries are moved by this much, so that rounding never decides


def quantile(values, share):
    return float(np.quantile(np.asarray(values, dtype=np.float64), share))


def hourly_power(kwh):
    """(d, s) -> (d, 24)"""
    days, slots = kwh.shape
    wide = slots // 24
    out = np.full((days, 24), np.nan)
    for t in range(days):
        for h in range(24):
            there = [float(v) for v in kwh[t, h * wide : (h + 1) * wide] if np.isfinite(v)]
            if len(there) >= wide / 2:
                out[t, h] = sum(there) / len(there) * wide
    return out


def prominence(heights, at):
    """Height above the higher of the two saddles towards a higher neighbour; all of it if there is none."""
    saddles = [0.0]
    for side in (range(at - 1, -1, -1), range(at + 1, len(heights))):
        way = [heights[at]]
        for j in side:
            way.append(heights[j])
            if heights[j] > heights[at] or (heights[j] == heights[at] and j < at):
                saddles.append(min(way))
                break
    return heights[at] - max(saddles)


def half_width(heights):
    """On a grid of 1e-4 bins: from the top both ways to the first place that is not above half of it."""
    top = int(np.argmax(heights))
    step = 1e-4

    def way(end):
        places = np.arange(0, abs(end - top), step)
        line = np.interp(top + np.sign(end - top) * places, np.arange(len(heights)), heights)
        below = np.flatnonzero(line <= heights[top] / 2)
        return step * (below[0] if len(below) else len(places))

    return way(-0.5) + way(len(heights) - 0.5)


def distribution(kwh, bins, least):
    """All readings of one meter -> features without the group's prefix."""
    values = [float(v) for v in kwh.ravel() if np.isfinite(v)]
    out = {f"bin{b:02d}": NAN for b in range(bins)}
    for name in (
        "peak_height", "half_height_width", "height_to_width", "rule1", "modes", "skew", "kurtosis",
        "entropy", "zero_share", "near_peak_share", "peak_to_mean", "q05_rel", "q95_rel", "under", "over",
    ):  # fmt: skip
        out[name] = NAN
    n = len(values)
    if n < least:
        return out
    out["zero_share"] = sum(v == 0 for v in values) / n
    mean = sum(values) / n
    if max(values) > min(values):
        second, third, fourth = (sum((v - mean) ** k for v in values) / n for k in (2, 3, 4))
        out["skew"] = third / second**1.5
        out["kurtosis"] = fourth / second**2 - 3
    own = sum(abs(v) for v in values) / n
    peak = quantile(values, 0.999)
    if own > 0:
        out["peak_to_mean"] = peak / own
        out["q05_rel"] = quantile(values, 0.05) / own
        out["q95_rel"] = quantile(values, 0.95) / own
    top = quantile(values, 0.99)
    if top <= 0:
        top = max(values)
    if top <= 0:
        return out
    if peak > 0:
        out["near_peak_share"] = sum(v >= 0.9 * peak * (1 - CLOSE) for v in values) / n
    counts, under, over = [0] * bins, 0, 0
    for v in values:
        place = v / top * bins + CLOSE
        if place < 0:
            under += 1
        elif place > bins + 2 * CLOSE:
            over += 1
        else:
            counts[min(math.floor(place), bins - 1)] += 1
    for b in range(bins):
        out[f"bin{b:02d}"] = counts[b] / n
    out["under"], out["over"] = under / n, over / n
    shares = [c / n for c in [*counts, under, over] if c > 0]
    out["entropy"] = -sum(p * math.log(p) for p in shares) / math.log(bins + 2)
    smooth = []
    for b in range(bins):
        near = [(w, counts[b + k]) for k, w in ((-1, 1), (0, 2), (1, 1)) if 0 <= b + k < bins]
        smooth.append(sum(w * c for w, c in near) / sum(w for w, _ in near))
    if max(smooth) == 0:
        return out
    out["peak_height"] = max(counts) / n
    out["half_height_width"] = half_width(smooth) / bins
    out["height_to_width"] = out["peak_height"] / out["half_height_width"]
    out["rule1"] = math.log(out["height_to_width"])
    out["modes"] = sum(smooth[b] > 0 and prominence(smooth, b) >= 0.1 * max(smooth) for b in range(bins))
    return out


def own_mean(power):
    known = [abs(v) for v in power.ravel() if np.isfinite(v)]
    return sum(known) / len(known) if known and sum(known) > 0 else NAN


def lag_of(span):
    if span < 28:
        return 0
    if span < 420:
        return (span // 2) - (span // 2) % 7
    return 364 * max(1, (span // 2) // 364)


def correlation(a, b):
    return float(np.corrcoef(a, b)[0, 1])


def hourly(power, weekend, least_days, least_hours):
    """(d, 24) hourly powers of one meter -> features without the group's prefix."""
    power = np.asarray(power, dtype=np.float64)
    days = len(power)
    out = {f"h{h:02d}.{k}": NAN for h in range(24) for k in ("mean", "std", "slope")}
    for name in ("stability", "level_kw", "night_share", "evening_share", "load_factor", "weekend_ratio"):
        out[name] = NAN
    known = np.isfinite(power)
    per_hour = [[power[t, h] for t in range(days) if known[t, h]] for h in range(24)]
    if max(len(series) for series in per_hour) >= least_days:
        out["level_kw"] = float(power[known].mean())
    scale = own_mean(power)
    if math.isnan(scale):
        return out
    seen = [t for t in range(days) if known[t].any()]
    lag = lag_of(seen[-1] - seen[0] + 1)
    mean, centre = [NAN] * 24, [NAN] * 24
    for h, series in enumerate(per_hour):
        if len(series) >= least_days:
            mean[h], centre[h] = float(np.mean(series)), float(np.median(series))
            out[f"h{h:02d}.mean"] = mean[h] / scale
            out[f"h{h:02d}.std"] = float(np.std(series)) / scale
        pairs = [(t, t + lag) for t in range(days - lag)] if lag else []
        steps = [power[b, h] - power[a, h] for a, b in pairs if known[a, h] and known[b, h]]
        if len(steps) >= least_days:
            out[f"h{h:02d}.slope"] = float(np.median(steps)) / lag * 30 / scale
    if all(np.isfinite(mean)) and sum(mean) > 0:
        out["night_share"] = sum(mean[h] for h in (0, 1, 2, 3, 4, 5)) / sum(mean)
        out["evening_share"] = sum(mean[h] for h in (17, 18, 19, 20, 21)) / sum(mean)
    whole = [t for t in range(days) if known[t].sum() >= least_hours]
    loads = [
        power[t, known[t]].mean() / power[t, known[t]].max() for t in whole if power[t, known[t]].max() > 0
    ]
    if len(loads) >= least_days:
        out["load_factor"] = float(np.median(loads))
    alike = []
    for t in whole:
        both = [h for h in range(24) if known[t, h] and np.isfinite(centre[h])]
        a, b = np.array([power[t, h] for h in both]), np.array([centre[h] for h in both])
        if len(both) < least_hours:
            continue
        if a.std() > CLOSE * abs(a.mean()) and b.std() > CLOSE * abs(b.mean()):
            alike.append(correlation(a, b))
    if len(alike) >= least_days:
        out["stability"] = float(np.median(alike))
    rest = [power[t, known[t]].mean() for t in whole if weekend[t]]
    work = [power[t, known[t]].mean() for t in whole if not weekend[t]]
    if len(rest) >= 2 and len(work) >= 5 and np.mean(work) > 0:
        out["weekend_ratio"] = float(np.mean(rest) / np.mean(work))
    return out


def boxplots(power, season, seasons, least):
    """(d, 24) hourly powers of one meter -> {(season number, hour): six numbers}."""
    power = np.asarray(power, dtype=np.float64)
    scale = own_mean(power)
    out = {}
    for which in range(seasons):
        for h in range(24):
            values = [v for v, s in zip(power[:, h], season, strict=True) if s == which and np.isfinite(v)]
            if len(values) < least or math.isnan(scale):
                out[which, h] = [NAN] * 6
                continue
            q1, median, q3 = (quantile(values, share) for share in (0.25, 0.5, 0.75))
            slack = CLOSE * (abs(q1) + abs(q3))
            low, high = q1 - 1.5 * (q3 - q1) - slack, q3 + 1.5 * (q3 - q1) + slack
            inside = [v for v in values if low <= v <= high]
            ends = [min(inside), q1, median, q3, max(inside)]
            out[which, h] = [v / scale for v in ends] + [1 - len(inside) / len(values)]
    return out
