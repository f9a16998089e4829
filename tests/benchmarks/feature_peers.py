"""How else groups 1 to 3 can be computed: numpy, pandas, polars, DuckDB, tsfresh and tsfel.

Each peer takes ``LoadProfiles`` and returns ``(names, values)``. Those that claim the same numbers as
ours compute the columns of ``COMMON`` (groups 1 to 3 without the shape of the histogram's peak, trends
and day-to-day stability, which would be slower still for them); tsfresh and tsfel compute their own.
All start from the same arrays in memory; putting them into the peer's own table is part of its work.
"""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from loadprofile.features.kernels import BOX
from loadprofile.features.seasonal import LEAST_DAYS, SEASONS, season_numbers

BINS = 24
SHARES = (0.05, 0.95, 0.99, 0.999)
G1 = (
    *(f"g1.bin{b:02d}" for b in range(BINS)),
    "g1.under", "g1.over", "g1.zero_share", "g1.skew", "g1.kurtosis", "g1.q05_rel", "g1.q95_rel",
    "g1.peak_to_mean", "g1.near_peak_share",
)  # fmt: skip
G2 = tuple(f"g2.h{h:02d}.{name}" for h in range(24) for name in ("mean", "std"))
G3 = tuple(f"g3.{season}.h{h:02d}.{name}" for season in SEASONS for h in range(24) for name in BOX)
COMMON = (*G1, *G2, *G3)
EDGE = 1e-5
QUARTILES = {"q1": 0.25, "median": 0.5, "q3": 0.75}


def _sorted_quantiles(ordered, counts, shares):
    """Quantiles along the last axis of sorted arrays whose NaN stand at the end."""
    out = []
    for share in shares:
        place = share * np.maximum(counts - 1, 0)
        low = place.astype(np.int64)
        high = np.minimum(low + 1, np.maximum(counts - 1, 0))
        a = np.take_along_axis(ordered, low[..., None], -1)[..., 0].astype(np.float64)
        b = np.take_along_axis(ordered, high[..., None], -1)[..., 0].astype(np.float64)
        out.append(a + (b - a) * (place - low))
    return out


def numpy_cube(profiles):
    """Whole-array numpy, 50 meters at a time so that the temporaries stay in reach of the caches."""
    parts = [_numpy_batch(batch) for batch in profiles.batches(50)]
    return COMMON, np.concatenate(parts)


def _numpy_batch(profiles):
    n, days = len(profiles), len(profiles.days)
    x = profiles.kwh.reshape(n, -1)
    ordered = np.sort(x, axis=1)
    count = np.isfinite(x).sum(axis=1)
    q05, q95, top, peak = _sorted_quantiles(ordered, count, SHARES)
    own = np.nanmean(np.abs(x), axis=1, dtype=np.float64)
    place = x / top[:, None] * BINS + EDGE
    at = np.clip(np.where(np.isfinite(place), place, 0).astype(np.int64), 0, BINS - 1)
    at[place < 0] = BINS
    at[place > BINS + 2 * EDGE] = BINS + 1
    at[~np.isfinite(x)] = BINS + 2
    flat = (at + (BINS + 3) * np.arange(n)[:, None]).ravel()
    bins = np.bincount(flat, minlength=n * (BINS + 3)).reshape(n, -1)[:, : BINS + 2] / count[:, None]
    centred = x - np.nanmean(x, axis=1, dtype=np.float64)[:, None]
    square = centred * centred
    second = np.nanmean(square, axis=1)
    skew = np.nanmean(square * centred, axis=1) / second**1.5
    kurtosis = np.nanmean(square * square, axis=1) / second**2 - 3
    near = (x >= 0.9 * peak[:, None] * (1 - EDGE)).sum(axis=1) / count
    zero = (x == 0).sum(axis=1) / count
    g1 = np.column_stack([bins, zero, skew, kurtosis, q05 / own, q95 / own, peak / own, near])

    power = np.nanmean(profiles.kwh.reshape(n, days, 24, -1), axis=3) * (profiles.slots_per_day // 24)
    scale = np.nanmean(np.abs(power), axis=(1, 2), dtype=np.float64)[:, None]
    mean = np.nanmean(power, axis=1, dtype=np.float64) / scale
    std = np.nanstd(power, axis=1, dtype=np.float64) / scale
    g2 = np.stack([mean, std], axis=2).reshape(n, -1)

    season = season_numbers(profiles.days)
    boxes = np.full((n, len(SEASONS), 24, len(BOX)), np.nan)
    for which in range(len(SEASONS)):
        y = np.sort(power[:, season == which].swapaxes(1, 2), axis=2)
        c = np.isfinite(y).sum(axis=2)
        q1, q2, q3 = _sorted_quantiles(y, c, (0.25, 0.5, 0.75))
        slack = EDGE * (abs(q1) + abs(q3))
        low, high = q1 - 1.5 * (q3 - q1) - slack, q3 + 1.5 * (q3 - q1) + slack
        inside = (y >= low[..., None]) & (y <= high[..., None])
        box = [
            np.where(inside, y, np.inf).min(axis=2), q1, q2, q3, np.where(inside, y, -np.inf).max(axis=2),
        ]  # fmt: skip
        boxes[:, which] = np.stack([*(v / scale for v in box), 1 - inside.sum(axis=2) / c], axis=2)
        boxes[:, which][c < LEAST_DAYS] = np.nan
    return np.concatenate([g1, g2, boxes.reshape(n, -1)], axis=1)


def _long(profiles):
    """One row per reading: meter, season, hour, kwh and ``cell``, the number of its meter, day and hour."""
    n, d, s = profiles.kwh.shape
    season = season_numbers(profiles.days)
    return {
        "meter": np.repeat(np.arange(n, dtype=np.int32), d * s),
        "cell": np.repeat(np.arange(n * d * 24, dtype=np.int32), s // 24),
        "season": np.tile(np.repeat(season, s), n),
        "hour": np.tile(np.arange(s, dtype=np.int8) // (s // 24), n * d),
        "kwh": profiles.kwh.ravel(),
    }


def pandas_naive(profiles):
    """What one writes first: a loop over meters, a loop over groups."""
    rows = []
    for m in range(len(profiles)):
        frame = pd.DataFrame(_long(profiles.take(slice(m, m + 1)))).dropna()
        row = dict(zip(G1, _histogram(frame["kwh"]), strict=True))
        per_hour = profiles.slots_per_day // 24
        power = frame.groupby(["cell", "season", "hour"], as_index=False)["kwh"].mean()
        power["kw"] = power["kwh"] * per_hour
        scale = power["kw"].abs().mean()
        for h, group in power.groupby("hour"):
            row[f"g2.h{h:02d}.mean"] = group["kw"].mean() / scale
            row[f"g2.h{h:02d}.std"] = group["kw"].std(ddof=0) / scale
        for (season, h), group in power.groupby(["season", "hour"]):
            kw = group["kw"]
            q1, q2, q3 = kw.quantile([0.25, 0.5, 0.75])
            slack = EDGE * (abs(q1) + abs(q3))
            inside = kw[kw.between(q1 - 1.5 * (q3 - q1) - slack, q3 + 1.5 * (q3 - q1) + slack)]
            box = [v / scale for v in (inside.min(), q1, q2, q3, inside.max())]
            for name, value in zip(BOX, [*box, 1 - len(inside) / len(kw)], strict=True):
                row[f"g3.{SEASONS[season]}.h{h:02d}.{name}"] = value if len(kw) >= LEAST_DAYS else np.nan
        rows.append(row)
    return COMMON, pd.DataFrame(rows).reindex(columns=list(COMMON)).to_numpy()


def _histogram(kwh):
    q05, q95, top, peak = kwh.astype(np.float64).quantile(list(SHARES))
    place = kwh / top * BINS + EDGE
    at = np.clip(place.to_numpy(), 0, BINS - 1).astype(int)
    at[place < 0] = BINS
    at[place > BINS + 2 * EDGE] = BINS + 1
    own = kwh.abs().mean()
    e = kwh.astype(np.float64) - kwh.mean()
    second = (e**2).mean()
    return [
        *(np.bincount(at, minlength=BINS + 2) / len(kwh)), (kwh == 0).mean(), (e**3).mean() / second**1.5,
        (e**4).mean() / second**2 - 3, q05 / own, q95 / own, peak / own,
        (kwh >= 0.9 * peak * (1 - EDGE)).mean(),
    ]  # fmt: skip


def _with_bins(g1, bins):
    """Counts per ``meter, bin`` as the normalised columns of the histogram."""
    counts = np.zeros((g1["meter"].max() + 1, BINS + 2))
    counts[bins["meter"], bins["bin"].astype(int)] = bins["n"]
    shares = counts[g1["meter"]] / counts[g1["meter"]].sum(axis=1, keepdims=True)
    return pd.concat([g1, pd.DataFrame(shares, columns=list(G1[: BINS + 2]))], axis=1)


def _assemble(n, g1, g2, g3):
    """Frames keyed by meter; meter, hour; meter, season, hour -> ``(n, len(COMMON))``."""
    out = np.full((n, len(COMMON)), np.nan)
    out[g1["meter"], : len(G1)] = g1[list(G1)].to_numpy()
    for i, name in enumerate(("mean", "std")):
        out[g2["meter"], len(G1) + 2 * g2["hour"] + i] = g2[name]
    g3 = g3[g3["count"] >= LEAST_DAYS]
    start = len(G1) + len(G2) + len(BOX) * (24 * g3["season"].astype(int) + g3["hour"])
    for i, name in enumerate(BOX):
        out[g3["meter"], start + i] = g3[name]
    return COMMON, out


def pandas_long(profiles):
    """One long table, every statistic by one groupby over all meters."""
    n, per_hour = len(profiles), profiles.slots_per_day // 24
    frame = pd.DataFrame(_long(profiles)).dropna()
    frame["kwh"] = frame["kwh"].astype(np.float64)
    by = frame.groupby("meter")["kwh"]
    q = by.quantile(list(SHARES)).unstack()  # noqa: PD010
    own = frame["kwh"].abs().groupby(frame["meter"]).mean()
    place = frame["kwh"] / frame["meter"].map(q[0.99]) * BINS + EDGE
    at = place.clip(0, BINS - 1).astype(int)
    at = at.mask(place < 0, BINS).mask(place > BINS + 2 * EDGE, BINS + 1)
    shares = pd.crosstab(frame["meter"], at, normalize="index").reindex(columns=range(BINS + 2), fill_value=0)
    e = frame["kwh"] - by.transform("mean")
    second, third, fourth = ((e**k).groupby(frame["meter"]).mean() for k in (2, 3, 4))
    near = frame["kwh"] >= 0.9 * frame["meter"].map(q[0.999]) * (1 - EDGE)
    g1 = pd.concat(
        [
            shares, (frame["kwh"] == 0).groupby(frame["meter"]).mean(), third / second**1.5,
            fourth / second**2 - 3, q[0.05] / own, q[0.95] / own, q[0.999] / own,
            near.groupby(frame["meter"]).mean(),
        ],
        axis=1,
    )  # fmt: skip
    g1.columns = list(G1)
    cells = frame.groupby("cell", sort=False)
    power = cells[["meter", "season", "hour"]].first()
    power["kw"] = cells["kwh"].mean() * per_hour
    power["kw"] /= power["kw"].abs().groupby(power["meter"]).transform("mean")
    hours = power.groupby(["meter", "hour"])["kw"]
    g2 = pd.DataFrame({"mean": hours.mean(), "std": hours.std(ddof=0)}).reset_index()
    key = ["meter", "season", "hour"]
    quartiles = power.groupby(key)["kw"].quantile([0.25, 0.5, 0.75]).unstack()  # noqa: PD010
    quartiles = quartiles.reset_index()
    quartiles.columns = [*key, "q1", "median", "q3"]
    power = power.merge(quartiles, on=key)
    slack = EDGE * (power["q1"].abs() + power["q3"].abs())
    reach = 1.5 * (power["q3"] - power["q1"]) + slack
    power["inside"] = power["kw"].where(power["kw"].between(power["q1"] - reach, power["q3"] + reach))
    boxes = power.groupby(key).agg(
        low=("inside", "min"), high=("inside", "max"), kept=("inside", "count"), count=("kw", "count")
    )
    g3 = boxes.reset_index().merge(quartiles, on=key)
    g3["outliers"] = 1 - g3["kept"] / g3["count"]
    return _assemble(n, g1.reset_index(), g2, g3)


def polars_lazy(profiles):
    """polars, one lazy query for each group."""
    import polars as pl

    frame = pl.DataFrame(_long(profiles)).lazy().filter(pl.col("kwh").is_finite())
    frame = frame.with_columns(pl.col("kwh").cast(pl.Float64))
    x = pl.col("kwh")
    q05, q95, top, peak = (pl.col(f"q{i}") for i in range(len(SHARES)))
    own = pl.col("own")
    stats = frame.group_by("meter").agg(
        *(x.quantile(share, interpolation="linear").alias(f"q{i}") for i, share in enumerate(SHARES)),
        own=x.abs().mean(), mu=x.mean(),
    )  # fmt: skip
    place, e = x / top * BINS + EDGE, x - pl.col("mu")
    at = pl.when(place < 0).then(BINS).when(place > BINS + 2 * EDGE).then(BINS + 1)
    at = at.otherwise(place.clip(0, BINS - 1).cast(pl.Int32))
    each = frame.join(stats, on="meter").with_columns(
        bin=at, e=e, second=e * e, near=x >= 0.9 * peak * (1 - EDGE)
    )  # fmt: skip
    bins = each.group_by("meter", "bin").agg(n=pl.len())
    e, second = pl.col("e"), pl.col("second")
    rest = (x == 0).mean(), (second * e).mean() / second.mean() ** 1.5
    rest += (second * second).mean() / second.mean() ** 2 - 3, (q05 / own).first(), (q95 / own).first()
    rest += (peak / own).first(), pl.col("near").mean()
    g1 = each.group_by("meter").agg(c.alias(name) for c, name in zip(rest, G1[BINS + 2 :], strict=True))
    power = frame.group_by("cell").agg(
        pl.col("meter", "season", "hour").first(), kw=x.mean() * (profiles.slots_per_day // 24)
    )
    power = power.with_columns(kw=pl.col("kw") / pl.col("kw").abs().mean().over("meter"))
    y = pl.col("kw")
    g2 = power.group_by("meter", "hour").agg(mean=y.mean(), std=y.std(ddof=0))
    key = ["meter", "season", "hour"]
    boxes = power.group_by(key).agg(
        *(y.quantile(share, interpolation="linear").alias(name) for name, share in QUARTILES.items()),
        count=pl.len(),
    )  # fmt: skip
    q1, q3 = pl.col("q1"), pl.col("q3")
    reach = 1.5 * (q3 - q1) + EDGE * (q1.abs() + q3.abs())
    inside = power.join(boxes, on=key).filter((y >= q1 - reach) & (y <= q3 + reach))
    ends = inside.group_by(key).agg(low=y.min(), high=y.max(), kept=pl.len())
    g3 = boxes.join(ends, on=key).with_columns(outliers=1 - pl.col("kept") / pl.col("count"))
    bins, g1, g2, g3 = (f.to_pandas() for f in pl.collect_all([bins, g1, g2, g3]))
    return _assemble(len(profiles), _with_bins(g1, bins), g2, g3)


def duckdb_sql(profiles):
    """DuckDB over Arrow arrays, one statement for each group."""
    import duckdb
    import pyarrow as pa

    readings = pa.table(_long(profiles))
    per_hour = profiles.slots_per_day // 24
    with duckdb.connect() as db:
        db.execute("SET threads = 1")
        db.register("readings", readings)
        db.execute(
            "CREATE TEMP TABLE r AS SELECT * REPLACE (kwh::DOUBLE AS kwh) FROM readings WHERE NOT isnan(kwh)"
        )
        db.execute(
            "CREATE TEMP TABLE s AS SELECT meter, quantile_cont(kwh, [0.05, 0.95, 0.99, 0.999]) q,"
            " avg(kwh) mu, avg(abs(kwh)) own FROM r GROUP BY meter"
        )
        place = f"kwh / q[3] * {BINS} + {EDGE}"
        db.execute(
            f"""CREATE TEMP TABLE e AS
             SELECT meter, kwh, kwh - mu AS e, (kwh >= 0.9 * q[4] * (1 - {EDGE}))::INT AS near,
               CASE WHEN {place} < 0 THEN {BINS} WHEN {place} > {BINS} + 2 * {EDGE} THEN {BINS + 1}
                 ELSE least(floor({place}), {BINS - 1}) END AS bin
             FROM r JOIN s USING (meter)"""
        )
        bins = db.execute("SELECT meter, bin, count(*) AS n FROM e GROUP BY meter, bin").df()
        g1 = db.execute(
            """WITH m AS (
                 SELECT meter, avg((kwh = 0)::INT) AS zero, avg(e * e) AS e2, avg(e * e * e) AS e3,
                   avg(e * e * e * e) AS e4, avg(near) AS near FROM e GROUP BY meter)
             SELECT meter, zero AS "g1.zero_share", e3 / e2 ** 1.5 AS "g1.skew",
               e4 / e2 ** 2 - 3 AS "g1.kurtosis", q[1] / own AS "g1.q05_rel", q[2] / own AS "g1.q95_rel",
               q[4] / own AS "g1.peak_to_mean", near AS "g1.near_peak_share" FROM m JOIN s USING (meter)"""
        ).df()
        g1 = _with_bins(g1, bins)
        db.execute(
            f"""CREATE TEMP TABLE power AS WITH h AS (
                 SELECT first(meter) AS meter, first(season) AS season, first(hour) AS hour,
                   avg(kwh) * {per_hour} AS kw FROM r GROUP BY cell)
             SELECT meter, season, hour, kw / own AS kw FROM h JOIN
               (SELECT meter, avg(abs(kw)) AS own FROM h GROUP BY meter) USING (meter)"""
        )
        g2 = db.execute(
            "SELECT meter, hour, avg(kw) AS mean, stddev_pop(kw) AS std FROM power GROUP BY meter, hour"
        ).df()
        inside = "FILTER (kw BETWEEN q[1] - reach AND q[3] + reach)"
        g3 = db.execute(
            f"""WITH b AS (
                 SELECT meter, season, hour, quantile_cont(kw, [0.25, 0.5, 0.75]) AS q, count(*) AS n
                 FROM power GROUP BY meter, season, hour),
               f AS (SELECT *, 1.5 * (q[3] - q[1]) + {EDGE} * (abs(q[1]) + abs(q[3])) AS reach FROM b)
             SELECT meter, season, hour, any_value(q[1]) AS q1, any_value(q[2]) AS median,
               any_value(q[3]) AS q3, min(kw) {inside} AS low, max(kw) {inside} AS high,
               any_value(n) AS count, 1 - count(*) {inside} / any_value(n) AS outliers
             FROM power JOIN f USING (meter, season, hour) GROUP BY meter, season, hour"""
        ).df()
    return _assemble(len(profiles), g1, g2, g3)


def tsfresh_set(profiles, which):
    """tsfresh's own feature set (``MinimalFCParameters`` or ``EfficientFCParameters``), readings present."""
    from tsfresh import extract_features
    from tsfresh.feature_extraction import settings

    frame = pd.DataFrame(_long(profiles))[["meter", "kwh"]].dropna()
    frame["time"] = np.arange(len(frame))
    found = extract_features(
        frame, column_id="meter", column_sort="time", n_jobs=0, disable_progressbar=True,
        default_fc_parameters=getattr(settings, which)(),
    )  # fmt: skip
    return tuple(found.columns), found.to_numpy()


tsfresh_minimal = functools.partial(tsfresh_set, which="MinimalFCParameters")
tsfresh_efficient = functools.partial(tsfresh_set, which="EfficientFCParameters")


def tsfel_all(profiles):
    """tsfel with all its domains, each meter as one window of the readings present."""
    import tsfel

    settings = tsfel.get_features_by_domain()
    rows = []
    for m in range(len(profiles)):
        x = profiles.kwh[m].ravel()
        x = x[np.isfinite(x)].astype(np.float64)
        rows.append(tsfel.time_series_features_extractor(settings, x, fs=48, verbose=0))
    found = pd.concat(rows)
    return tuple(found.columns), found.to_numpy()
