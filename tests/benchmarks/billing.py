# ruff: noqa: E402 - thread limits must be set before the first import
"""Benchmark of the features of bills: ours beside pandas, polars and DuckDB, on made invoices of full size.

    python tests/benchmarks/billing.py --clients ../shared/data/steg/client_train.parquet
    python tests/benchmarks/billing.py --clients CLIENTS --invoices 300000 --only pandas

Needs the extra ``bench`` for polars and DuckDB. The invoices are made (the figures say how fast, not how
good). The peers do what the public entries do: eight statistics of sixteen columns per client (128 columns);
ours does these too (``ours: the same 128``) and everything else (``ours: all``). Each way runs in a
process of its own, from columns in memory to columns in memory, without compilation and reading.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "ARROW_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("POLARS_MAX_THREADS", "2")

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from loadprofile.emulate.invoices import make_invoices
from loadprofile.features.billing.describe import billing_features, fit_yardsticks
from loadprofile.features.billing.periods import bill_periods
from loadprofile.features.billing.spread import SPREAD_OF, STATISTICS, spreads
from loadprofile.ingest.readings import RejectLog
from loadprofile.ingest.steg.audit import RepairLog
from loadprofile.ingest.steg.clients import read_clients
from loadprofile.ingest.steg.layout import CLIENT_COLUMNS, StegTable, find_columns
from loadprofile.ingest.steg.reader import StegIntake, read_steg
from loadprofile.ingest.steg.values import Invoices
from loadprofile.ingest.tables import open_tables


def frame_of(invoices: Invoices) -> pd.DataFrame:
    """The sixteen columns as one frame; unknown values are missing."""
    periods = bill_periods(invoices)
    own = {"billed": periods.billed, "days": periods.days, "moved": invoices.new_index - invoices.old_index}
    own |= {f"level_{k + 1}": invoices.levels[:, k] for k in range(4)}
    columns = {name: own.get(name, getattr(invoices, name, None)) for name in SPREAD_OF}
    frame = pd.DataFrame({"client": invoices.client} | columns)
    for name in ("tariff", "counter", "status", "code", "remark", "months", "days"):
        if (frame[name] < 0).any():
            frame[name] = frame[name].where(frame[name] >= 0)
    return frame


def with_pandas(frame: pd.DataFrame) -> pd.DataFrame:
    """One groupby, eight statistics."""
    groups = frame.groupby("client")
    found = groups.agg(["mean", "std", "min", "max", "median", "sum", "nunique"])
    ranges = groups.max() - groups.min()
    return pd.concat([found, pd.concat({"range": ranges}, axis=1).swaplevel(axis=1)], axis=1)


def with_polars(frame: pd.DataFrame) -> pd.DataFrame:
    """Polars, one aggregation."""
    import polars as pl

    table = pl.from_pandas(frame).lazy()
    every = []
    for name in SPREAD_OF:
        column = pl.col(name)
        told = (
            column.mean(), column.std(), column.min(), column.max(), column.median(),
            column.max() - column.min(), column.sum(), column.drop_nulls().n_unique(),
        )  # fmt: skip
        every += [e.alias(f"{name}.{s}") for e, s in zip(told, STATISTICS, strict=True)]
    return table.group_by("client").agg(every).collect().to_pandas().set_index("client").sort_index()


def with_duckdb(frame: pd.DataFrame) -> pd.DataFrame:
    """DuckDB, one SELECT."""
    import duckdb

    made = {
        "mean": "avg({0})", "std": "stddev_samp({0})", "min": "min({0})", "max": "max({0})",
        "median": "median({0})", "range": "max({0}) - min({0})", "sum": "sum({0})",
        "values": "count(DISTINCT {0})",
    }  # fmt: skip
    terms = ", ".join(f'{made[s].format(n)} AS "{n}.{s}"' for n in SPREAD_OF for s in STATISTICS)
    link = duckdb.connect()
    link.execute("SET threads = 2")
    link.register("bills", frame)
    query = f"SELECT client, {terms} FROM bills GROUP BY client ORDER BY client"
    return link.execute(query).df().set_index("client")


def agreement(found: pd.DataFrame, right: np.ndarray, invoices: Invoices) -> str:
    """Share of the values that are those of ours."""
    if isinstance(found.columns, pd.MultiIndex):
        found.columns = [f"{n}.{'values' if s == 'nunique' else s}" for n, s in found.columns]
    names = [f"{n}.{s}" for n in SPREAD_OF for s in STATISTICS]
    theirs = found[names].to_numpy(dtype=np.float64)
    some = np.diff(invoices.starts) > 0
    mine = right[some].reshape(len(theirs), -1)
    known = ~np.isnan(mine)  # sums and counts of nothing are 0 or missing by taste
    return f"{np.isclose(theirs[known], mine[known], rtol=1e-4, atol=1e-3).mean():.3%}"


def peak_memory() -> float:
    """Largest resident size of this process in GiB (Linux; ``ru_maxrss`` would count the parent's too)."""
    (line,) = [text for text in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in text]
    return int(line.split()[1]) / 2**20


def run(way: str, files: list[Path]) -> None:
    """Read, do it once on a few clients, do it, print one row of the table."""
    start, cpu = time.perf_counter(), time.process_time()
    intake = read_steg(files)
    reading = time.perf_counter() - start, time.process_time() - cpu
    before = peak_memory()
    few = np.arange(min(100, len(intake.clients)))
    do(way, StegIntake(intake.clients.take(few), intake.invoices.of_clients(few), intake.client_rows,
                       intake.invoice_rows, intake.repairs, intake.rejects, intake.files))  # fmt: skip
    wall, cpu, columns, said = do(way, intake)
    peak = peak_memory()
    if way == "ours: all":
        rows = len(intake.invoices)
        took = f"{reading[0]:.1f} | {reading[1]:.1f}"
        print(f"| reading {rows:,} invoices (CSV) | 16 | {took} | {before:.2f} | - |")
    print(f"| {way} | {columns} | {wall:.1f} | {cpu:.1f} | {peak:.2f} | {said} |", flush=True)


def do(way: str, intake: StegIntake) -> tuple[float, float, int, str]:
    """``(wall s, CPU s, columns, agreement)`` of one way."""
    invoices = intake.invoices
    peers = {"pandas groupby": with_pandas, "polars": with_polars, "DuckDB": with_duckdb}
    frame = frame_of(invoices) if way in peers else None
    start, cpu = time.perf_counter(), time.process_time()
    if frame is not None:
        found = peers[way](frame)
        columns = found.shape[1]
    elif way == "ours: all":
        yardsticks = fit_yardsticks(intake.clients, invoices)
        columns = len(billing_features(intake.clients, invoices, yardsticks=yardsticks).names)
    else:
        columns = spreads(invoices, bill_periods(invoices))[0].size
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    said = "-"
    if frame is not None:
        right = spreads(invoices, bill_periods(invoices))
        said = agreement(found, right.reshape(len(right), -1), invoices)
    return wall, cpu, columns, said


def main() -> None:
    """Read the options, make the invoices, run each way in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=Path, required=True, help="client table, real or made")
    parser.add_argument(
        "--invoices", type=int, default=None, help="how many to make; default as in the real file"
    )
    parser.add_argument("--only", default="", help="comma-separated parts of the names of the ways to run")
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run(options.run[0], [options.clients, Path(options.run[1])])
        return
    ways = ("ours: all", "ours: the same 128", "pandas groupby", "polars", "DuckDB")
    wanted = [part for part in options.only.split(",") if part]
    (table,) = open_tables(options.clients)
    found = StegTable(table, find_columns(table.header, CLIENT_COLUMNS), ())
    clients, _ = read_clients([found], RepairLog(), RejectLog())
    with tempfile.TemporaryDirectory() as folder:
        start, cpu = time.perf_counter(), time.process_time()
        made = make_invoices(clients, np.random.default_rng(0), invoices=options.invoices)
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        path = Path(folder) / "invoices.csv"
        pa.csv.write_csv(made.table, path)
        print("| way | columns | wall s | CPU s | peak GiB | same values as ours |")
        print("|---|---:|---:|---:|---:|---:|")
        print(
            f"| making {made.table.num_rows:,} invoices | 16 | {wall:.1f} | {cpu:.1f} | - | - |", flush=True
        )
        del made
        for way in ways:
            if not wanted or any(part in way for part in wanted):
                subprocess.run(
                    [sys.executable, __file__, "--clients", options.clients, "--run", way, path], check=True
                )


if __name__ == "__main__":
    main()
