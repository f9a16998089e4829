"""Benchmark of ``screen`` on fleets: time and memory by number of meter-years, and a line through them.

    python tests/benchmarks/fleet.py [--sizes 1000,3000,10000] [--layout series|long] [--folder DIR] [--keep]

The fleet is made, not real: 400 simulated homes (a year of half hours) are copied with a level of their own,
some weeks' shift and 10 % noise on every reading, and 4 % of the copies get a phenomenon of the emulator. The
command runs as a user runs it, in a process of its own, with one BLAS thread; CPU seconds are of that process
and all that it starts, memory is the greatest sum over them, looked at ten times a second. Each size needs
about 15 kB (series) of disk a meter for the file and 35 kB while the command runs.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from loadprofile.emulate.households import simulate_homes
from loadprofile.emulate.scenario import draw
from loadprofile.profiles import LoadProfiles

DAYS, BATCH, TOUCHED = 365, 500, 0.04
SERIES = {"meter_id": pa.string(), "start": pa.date32(), "step_minutes": pa.int16(), "wh": pa.binary()}
LONG = {"meter_id": pa.string(), "timestamp": pa.timestamp("s"), "kwh": pa.float32()}


def copies(homes: LoadProfiles, first: int, n: int) -> LoadProfiles:
    """Copies of the homes with noise, some of them tampered with or faulty."""
    rng = np.random.default_rng([first, n])
    from_ = rng.integers(0, len(homes), n)
    kwh = homes.kwh[from_] * rng.lognormal(0.0, 0.3, (n, 1, 1)).astype(np.float32)
    for row, weeks in enumerate(rng.integers(-2, 3, n)):
        kwh[row] = np.roll(kwh[row], 7 * weeks, axis=0)
    kwh *= 1.0 + 0.1 * rng.standard_normal(kwh.shape, dtype=np.float32)
    kwh = np.round(np.maximum(kwh, 0.0), 3).astype(np.float32)
    ids = np.array([f"M{at:08d}" for at in range(first, first + n)])
    return draw(LoadProfiles(ids, homes.days, kwh, 30), rng, prevalence=TOUCHED).profiles


def write(path: Path, homes: LoadProfiles, meters: int, layout: str) -> None:
    """The fleet as one Parquet file."""
    schema = pa.schema(SERIES if layout == "series" else LONG)
    stamps = (homes.days.astype("datetime64[s]")[:, None] + np.arange(48) * np.timedelta64(1800, "s")).ravel()
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=["meter_id"]) as file:
        for first in range(0, meters, BATCH):
            some = copies(homes, first, min(BATCH, meters - first))
            n = len(some)
            flat = some.kwh.reshape(n, -1)
            if layout == "series":
                whole = np.rint(np.nan_to_num(np.clip(flat, 0.0, 65.0)) * 1000)
                hours = np.where(np.isnan(flat), 65535, whole).astype("<u2")
                cells = [row.tobytes() for row in hours]
                columns = [some.meter_ids, [some.days[0].astype(dt.date)] * n, [30] * n, cells]
            else:
                columns = [np.repeat(some.meter_ids, flat.shape[1]), np.tile(stamps, n), flat.ravel()]
            arrays = [pa.array(c, type=f.type) for c, f in zip(columns, schema, strict=True)]
            file.write_table(
                pa.table(arrays, schema=schema), row_group_size=250 if layout == "series" else 1 << 20
            )


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of the command took."""

    meters: int
    seconds: float
    cpu: float
    gigabytes: float
    largest: float


def screened(path: Path, meters: int, out: Path) -> Run:
    """Run the command and watch it."""
    command = [sys.executable, "-m", "api.cli", "screen", str(path), "--out", str(out), "--quiet"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"})
    most = 0.0
    while process.poll() is None:
        most = max(most, sum(map(resident, family(process.pid))))
        time.sleep(0.1)
    seconds = time.perf_counter() - begun
    if process.returncode:
        sys.exit(f"screen ended with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(meters, seconds, cpu, most, after.ru_maxrss / 1e6)


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except OSError:
                continue
    return found


def resident(pid: int) -> float:
    """Memory of a process in GB, what it shares with others divided among them."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1e6
    except OSError:
        return 0.0
    return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="1000,3000,10000")
    parser.add_argument("--layout", default="series", choices=["series", "long"])
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument(
        "--keep", action="store_true", help="keep the fleet files, and use those that are there"
    )
    chosen = parser.parse_args()
    sizes = [int(size) for size in chosen.sizes.split(",")]
    homes = simulate_homes(400, DAYS, 30, np.random.default_rng(11))
    runs = []
    with tempfile.TemporaryDirectory(dir=chosen.folder) as scratch:
        folder = chosen.folder if chosen.keep and chosen.folder else Path(scratch)
        for meters in sizes:
            path = folder / f"fleet-{chosen.layout}-{meters}.parquet"
            if not path.exists():
                write(path, homes, meters, chosen.layout)
            run = screened(path, meters, Path(scratch) / "worklist.parquet")
            runs.append(run)
            print(
                f"{meters:>9,} meter-years  {run.seconds:8.1f} s  {run.cpu:8.1f} CPU s  "
                f"{1e3 * run.cpu / meters:6.2f} ms each  {run.gigabytes:5.2f} GB in all, "
                f"{run.largest:5.2f} GB the largest process",
                flush=True,
            )
            if not chosen.keep:
                path.unlink()
    if len(runs) > 1:
        n = np.array([run.meters for run in runs], dtype=float)
        for name, unit in (("cpu", "CPU s"), ("seconds", "s"), ("gigabytes", "GB")):
            slope, start = np.polyfit(n, [getattr(run, name) for run in runs], 1)
            million = start + 1e6 * slope
            print(
                f"{name}: {start:.2f} + {1000 * slope:.4f} {unit} per 1,000; a million: {million:,.1f} {unit}"
            )


if __name__ == "__main__":
    main()
