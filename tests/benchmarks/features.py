# ruff: noqa: E402 - thread limits must be set before the first import
"""Benchmark of the feature groups 1 to 3: ours beside other ways, and the memory of a streamed fleet.

    python tests/benchmarks/features.py [--seconds 8] [--meters 400] [--only numpy,polars]
    python tests/benchmarks/features.py --memory [--meters 10000]

Needs the extra ``bench``. Everything runs on one thread, on the same simulated homes (a year of half
hours, 2 % missing), and is measured in CPU seconds of this process, compilation and imports left out.
Each way gets as many meters as it can do in about ``--seconds``. What a peer says it computes like we
do is compared with ours.
"""

from __future__ import annotations

import os

for _name in (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS", "ARROW_NUM_THREADS",
):  # fmt: skip
    os.environ[_name] = "1"  # before the first import of any of them

import argparse
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import feature_peers as peers  # this folder is the script's own
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from loadprofile.features import kernels
from loadprofile.features.distribution import distribution_features
from loadprofile.features.extract import describe
from loadprofile.features.hourly import hourly_features
from loadprofile.features.seasonal import seasonal_features
from loadprofile.features.table import below, beside
from loadprofile.profiles import LoadProfiles

DAYS = np.datetime64("2013-01-01") + np.arange(365)
ROW_GROUP = 250


def homes(n: int, seed: int) -> LoadProfiles:
    """Simulated homes: two peaks a day, seasons, weekends, appliances, 1 Wh registers, 2 % gaps."""
    rng = np.random.default_rng(seed)
    hour = np.arange(48) / 2
    morning, evening = rng.uniform(6, 9, (n, 1, 1)), rng.uniform(17, 21, (n, 1, 1))
    shape = 0.25 + np.exp(-((hour - morning) ** 2) / 3) + 1.8 * np.exp(-((hour - evening) ** 2) / 6)
    season = 1 + 0.35 * np.cos(2 * np.pi * (np.arange(365) - 15) / 365)
    weekend = 1 + 0.15 * ((np.arange(365) + 1) % 7 >= 5)
    size = rng.lognormal(-1.6, 0.6, (n, 1, 1))
    noise = rng.gamma(1.4, 1 / 1.4, (n, 365, 48))
    kwh = np.round(size * (season * weekend)[:, None] * shape * noise, 3).astype(np.float32)
    kwh[rng.random(kwh.shape, dtype=np.float32) < 0.02] = np.nan
    return LoadProfiles(np.array([f"m{seed}-{i}" for i in range(n)]), DAYS, kwh, 30)


def ours(profiles: LoadProfiles) -> tuple[tuple[str, ...], np.ndarray]:
    """Groups 1 to 3 as ``describe`` computes them."""
    parts = []
    for batch in profiles.batches(256):
        power = kernels.hourly_power(batch.kwh)
        parts.append(
            beside(
                [
                    distribution_features(batch),
                    hourly_features(batch, power),
                    seasonal_features(batch, power=power),
                ]
            )
        )
    table = below(parts)
    return table.names, table.values


WAYS = {
    "ours": ours,
    "numpy on the cube": peers.numpy_cube,
    "DuckDB": peers.duckdb_sql,
    "polars": peers.polars_lazy,
    "pandas, one long groupby": peers.pandas_long,
    "pandas, naive": peers.pandas_naive,
    "tsfresh, minimal": peers.tsfresh_minimal,
    "tsfel": peers.tsfel_all,
    "tsfresh, efficient": peers.tsfresh_efficient,
}


def timed(way, profiles):
    start = time.process_time()
    names, values = way(profiles)
    return names, values, time.process_time() - start


def measure(way, profiles, seconds):
    """``(names, values, meters per CPU second)``; a small run chooses the number of meters."""
    way(profiles.take(slice(0, 1)))  # imports, compilation
    names, values, spent = timed(way, profiles.take(slice(0, 1)))
    if spent > seconds / 4:
        return names, values, 1 / spent
    few = 2 if spent > seconds / 10 else 16
    names, values, spent = timed(way, profiles.take(slice(0, few)))
    n = int(np.clip(few * seconds / max(spent, 1e-4) * 0.8, few, len(profiles)))
    if n <= few * 1.5:
        return names, values, few / spent
    rates: list[float] = []
    while len(rates) < 3 and len(rates) * n / max(rates, default=1e9) < seconds:
        names, values, spent = timed(way, profiles.take(slice(0, n)))
        rates.append(n / spent)
    return names, values, max(rates)


def agreement(names, values, reference):
    """Share of the common values that agree with ours, on the meters this way has done."""
    at = {name: i for i, name in enumerate(names)}
    if peers.COMMON[0] not in at:
        return "its own features"
    theirs = values[:, [at[name] for name in peers.COMMON]]
    mine = reference[: len(theirs)]
    close = np.isclose(theirs, mine, rtol=1e-3, atol=1e-4, equal_nan=True)
    worst = peers.COMMON[int((~close).sum(axis=0).argmax())] if not close.all() else ""
    return f"{close.mean():.2%} of {close.size:,} values" + (f" (worst {worst})" if worst else "")


def compare(meters: int, seconds: float, only: list[str]) -> None:
    """Print the table of all ways."""
    profiles = homes(meters, seed=1)
    names, values = ours(profiles)
    at = {name: i for i, name in enumerate(names)}
    reference = values[:, [at[name] for name in peers.COMMON]]
    print("| way | features per meter | meters per CPU second | ours is faster by | same values as ours |")
    print("|---|---:|---:|---:|---|")
    own_rate = 0.0
    for label, way in WAYS.items():
        if only and label != "ours" and not any(part in label for part in only):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, values, rate = measure(way, profiles, seconds)
        own_rate = own_rate or rate
        said = "" if label == "ours" else agreement(found, values, reference)
        shown = f"{rate:,.0f}" if rate >= 10 else f"{rate:.2f}"
        ratio = own_rate / rate
        print(f"| {label} | {len(found)} | {shown} | {ratio:,.1f} | {said} |", flush=True)


def write_fleet(path: Path, meters: int) -> None:
    """One row per meter-year, the readings as a float32 blob, 250 meters in a row group."""
    schema = pa.schema([("meter_id", pa.string()), ("kwh", pa.binary())])
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=False) as writer:
        for seed in range(0, meters, ROW_GROUP):
            batch = homes(min(ROW_GROUP, meters - seed), seed)
            blobs = [batch.kwh[m].tobytes() for m in range(len(batch))]
            writer.write_table(pa.table({"meter_id": batch.meter_ids.tolist(), "kwh": blobs}, schema))


def stream(path: Path, out: Path) -> None:
    """File to features to file, one row group at a time; prints rate and peak memory of this process."""
    start, cpu, done, writer = time.perf_counter(), time.process_time(), 0, None
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, use_threads=False)
            kwh = np.stack([np.frombuffer(b.as_buffer(), np.float32) for b in table["kwh"]])
            ids = np.array(table["meter_id"].to_pylist())
            features = describe(LoadProfiles(ids, DAYS, kwh.reshape(len(ids), 365, 48), 30))
            frame = pa.Table.from_pandas(features.to_frame())
            writer = writer or pq.ParquetWriter(out, frame.schema, compression="zstd")
            writer.write_table(frame)
            done += len(ids)
    if writer is not None:
        writer.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2  # Linux counts in KiB
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    print("| meter-years | features each | wall s | CPU s | meters per CPU second | peak memory |")
    print("|---:|---:|---:|---:|---:|---:|")
    print(
        f"| {done:,} | {len(features.names)} | {wall:.1f} | {cpu:.1f} | {done / cpu:,.0f} | {peak:.2f} GiB |"
    )


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--meters", type=int, default=None)
    parser.add_argument("--only", default="", help="comma-separated parts of the names of the ways to run")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--stream", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stream:
        stream(*options.stream)
    elif options.memory:
        with tempfile.TemporaryDirectory() as folder:
            fleet, out = Path(folder) / "fleet.parquet", Path(folder) / "features.parquet"
            write_fleet(fleet, options.meters or 10_000)
            # a process of its own, so that making the data does not count
            subprocess.run([sys.executable, __file__, "--stream", fleet, out], check=True)
    else:
        compare(options.meters or 400, options.seconds, [p for p in options.only.split(",") if p])


if __name__ == "__main__":
    main()
