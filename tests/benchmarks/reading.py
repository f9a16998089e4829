"""Reading CER text: ours from text to cube, beside the parsers of others that only parse.

    python tests/benchmarks/reading.py                 # 20 million rows, all readers, a Markdown table
    python tests/benchmarks/reading.py --rows 5000000
    python tests/benchmarks/reading.py --whole-trial   # 157 million rows in six files, ours only

Each reader runs in a process of its own with one thread. Rows per CPU-second is the figure to compare (a
busy machine stretches the wall clock, not the work). Peak memory is that of the whole process.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

DAYS = range(195, 731)
PER_METER = 25_730  # readings of a complete meter, both long days and the short day
WHOLE_TRIAL = 157_000_000
WINDOW = 1_000_000  # rows are shuffled within windows of this size: the trial files are unsorted, not random


def day_codes() -> np.ndarray:
    """All day codes of a complete meter, as in the trial."""
    codes = []
    for day in DAYS:
        numbers = range(1, 51) if day in (298, 669) else [1, *range(4, 49)] if day == 452 else range(1, 49)
        codes += [day * 100 + number for number in numbers]
    assert len(codes) == PER_METER
    return np.array(codes, dtype=np.int64)


def make(folder: Path, rows: int, files: int) -> int:
    """Write simulated meters as CER text, half-hours out of order and some rows twice; returns the rows."""
    import pyarrow as pa
    from pyarrow import csv

    rng = np.random.default_rng(7)
    codes = day_codes()
    values = pa.array([f"{v / 1000:.3f}".rstrip("0").rstrip(".") or "0" for v in range(8000)])
    meters = max(1, round(rows / PER_METER))
    written = 0
    shown = csv.WriteOptions(include_header=False, delimiter=" ", quoting_style="none")
    for number, members in enumerate(np.array_split(np.arange(1000, 1000 + meters), files), start=1):
        with (folder / f"File{number}.txt").open("wb") as stream:
            for part in np.array_split(members, max(1, len(members) * PER_METER // WINDOW)):
                meter = np.repeat(part, PER_METER)
                code = np.tile(codes, len(part))
                watt_hours = np.minimum(rng.gamma(0.8, 300.0, len(meter)), 7999).astype(np.int32)
                order = rng.permutation(len(meter))
                order = np.append(order, order[: len(order) // 10_000])
                table = pa.table(
                    {
                        "meter": meter[order],
                        "code": code[order],
                        "kwh": values.take(pa.array(watt_hours[order])),
                    }
                )
                csv.write_csv(table, stream, shown)
                written += len(order)
    return written


def ours(folder: Path) -> int:
    """Text to the population cube, with the account of every row."""
    from loadprofile.cube import ReadOptions, read_profiles

    return read_profiles([folder], ReadOptions(format="cer")).counts.read


def with_pandas(folder: Path) -> int:
    """pandas, C parser, declared types, one file at a time."""
    import pandas as pd

    types = {"meter": np.int32, "code": np.int32, "kwh": np.float32}
    return sum(
        len(pd.read_csv(f, sep=" ", header=None, names=list(types), dtype=types)) for f in texts(folder)
    )


def with_pyarrow(folder: Path) -> int:
    """pyarrow's CSV reader, declared types, one thread."""
    import pyarrow as pa
    from pyarrow import csv

    types = {"meter": pa.int32(), "code": pa.int32(), "kwh": pa.float32()}
    return sum(
        csv.read_csv(
            f,
            csv.ReadOptions(use_threads=False, column_names=list(types)),
            csv.ParseOptions(delimiter=" "),
            csv.ConvertOptions(column_types=types),
        ).num_rows
        for f in texts(folder)
    )


def with_polars(folder: Path) -> int:
    """polars, declared types, one thread."""
    import polars as pl

    types = {"meter": pl.Int32, "code": pl.Int32, "kwh": pl.Float32}
    return sum(pl.read_csv(f, has_header=False, separator=" ", schema=types).height for f in texts(folder))


def with_duckdb(folder: Path) -> int:
    """DuckDB in memory, declared types, one thread, into a table."""
    import duckdb

    base = duckdb.connect()
    base.execute("SET threads=1")
    base.execute(
        "CREATE TABLE t AS SELECT * FROM read_csv(?, delim=' ', header=false, auto_detect=false, "
        "columns={'meter': 'INTEGER', 'code': 'INTEGER', 'kwh': 'FLOAT'})",
        [str(folder / "File*.txt")],
    )
    return int(base.execute("SELECT count(*) FROM t").fetchall()[0][0])


READERS: dict[str, tuple[str, Callable[[Path], int]]] = {
    "ours": ("ours, text to cube", ours),
    "pandas": ("pandas, parse only", with_pandas),
    "pyarrow": ("pyarrow, parse only", with_pyarrow),
    "polars": ("polars, parse only", with_polars),
    "duckdb": ("DuckDB, parse only", with_duckdb),
}


def texts(folder: Path) -> list[Path]:
    """The files of the trial."""
    return sorted(folder.glob("File*.txt"))


def measure(name: str, folder: Path) -> None:
    """Run one reader here, first on a crumb (to load and compile), and print what it took as JSON."""
    with tempfile.TemporaryDirectory() as crumb:
        (Path(crumb) / "File1.txt").write_text("1000 19501 0.5\n1000 19502 0.25\n1000 29803 0.5\n")
        READERS[name][1](Path(crumb))
    wall, cpu = time.perf_counter(), time.process_time()
    rows = READERS[name][1](folder)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": rows, "wall": wall, "cpu": cpu, "peak_mb": peak}))


def in_own_process(name: str, folder: Path) -> dict[str, float]:
    """Figures of one reader, single-threaded, in a fresh process."""
    one = ("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    env = os.environ | dict.fromkeys(one, "1")
    done = subprocess.run(
        [sys.executable, __file__, "--measure", name, str(folder)],
        env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    """Make the text, run the readers, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--whole-trial", action="store_true", help="157 million rows, ours only")
    parser.add_argument("--measure", nargs=2, metavar=("READER", "FOLDER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        measure(asked.measure[0], Path(asked.measure[1]))
        return
    rows, names = (WHOLE_TRIAL, ["ours"]) if asked.whole_trial else (asked.rows, list(READERS))
    with tempfile.TemporaryDirectory() as folder:
        written = make(Path(folder), rows, 6 if asked.whole_trial else 1)
        size = sum(text.stat().st_size for text in texts(Path(folder))) / 1e6
        print(f"{written:,} rows, {size:,.0f} MB of text\n")
        print("| reader | M rows per CPU-second | CPU s | wall s | peak MB | ours is |")
        print("|---|---:|---:|---:|---:|---:|")
        own = 0.0
        for name in names:
            got = in_own_process(name, Path(folder))
            assert got["rows"] == written, (name, got["rows"], written)
            speed = got["rows"] / got["cpu"] / 1e6
            own = own or speed
            ratio = "" if name == "ours" else f"{own / speed:.2f} x"
            print(
                f"| {READERS[name][0]} | {speed:.1f} | {got['cpu']:.1f} | {got['wall']:.1f} "
                f"| {got['peak_mb']:,.0f} | {ratio} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
