"""Submissions a second of one meter-year each, and the screening of one meter, against a server of its own.

    python tests/benchmarks/service.py [--seconds 10] [--clients 4] [--database URL] [--processes 1]

Starts `loadprofile serve` on 127.0.0.1 with a record in a temporary folder (or on the given, empty database),
asks for a bounded time, and ends it. Clients are threads with one connection each; they run on the same
machine and take their share of it. "CPU ms" is what the server itself spent on an answer, which a busy
machine stretches less than the clock. Every meter is new, so every submission writes 365 days. The meters
that are screened one by one, with one client, are simulated; a screening of them all is made before.
"""

from __future__ import annotations

import argparse
import http.client
import io
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from loadprofile.emulate.households import simulate_homes

ROOT = Path(__file__).resolve().parents[2]
DAYS, STEP = 365, 30
ARROW, PARQUET = "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"

Body = Callable[[str], bytes]
Ask = Callable[[int, int], tuple[str, str, bytes, str]]
"""Method, path, body and its type, for a client and the number of its request."""


def meter_year() -> np.ndarray:
    """A year of half-hours in whole watt-hours, as kWh."""
    rng = np.random.default_rng(0)
    return np.round(rng.gamma(1.0, 0.3, DAYS * 1440 // STEP), 3)


def as_json(kwh: np.ndarray) -> Body:
    """One entry with its column of values."""
    values = orjson.dumps(kwh.tolist())
    return lambda meter: (
        b'{"readings":[{"meter_id":"%b","start":"2023-01-01","step_minutes":30,"kwh":%b}]}'
        % (meter.encode(), values)
    )


def as_table(kwh: np.ndarray, kind: str) -> Body:
    """One row of the series layout."""

    def made(meter: str) -> bytes:
        table = pa.table(
            {
                "meter_id": [meter],
                "start": pa.array([np.datetime64("2023-01-01", "D").item()], pa.date32()),
                "step_minutes": pa.array([STEP], pa.int32()),
                "kwh": pa.array([kwh], pa.list_(pa.float32())),
            }
        )
        into = io.BytesIO()
        if kind == PARQUET:
            pq.write_table(table, into, compression="zstd")
        else:
            with pa.ipc.new_stream(into, table.schema) as stream:
                stream.write_table(table)
        return into.getvalue()

    return made


@contextmanager
def server(database: str, processes: int) -> Iterator[tuple[int, int, str]]:
    """Port, process and operator key of a running server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [
        "serve",
        "--port",
        str(port),
        "--database",
        database,
        "--processes",
        str(processes),
        "--workers",
        "1",
    ]
    environment = os.environ | {
        "PYTHONPATH": str(ROOT), "LOADPROFILE_RATE": "10000000/minute", "OMP_NUM_THREADS": "1",
        "LOADPROFILE_SIGN_IN_RATE": "10000/minute",
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli", *words],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        process.stdout.readline()
        key = process.stdout.readline().strip()
        for _ in range(600):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    break
            except OSError:
                time.sleep(0.1)
        yield port, process.pid, key
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def cpu_seconds(process: int) -> float:
    """CPU time of a process and of those that it started (Linux)."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(stat.parent.name) == process or int(fields[1]) == process:
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def measure(
    port: int, process: int, key: str, seconds: float, clients: int, ask: Ask
) -> tuple[float, float, np.ndarray]:
    """Answers a second, CPU seconds of the server for each, and the time of each."""
    times: list[list[float]] = [[] for _ in range(clients)]
    made = [[ask(client, number) for number in range(8)] for client in range(clients)]
    begin, worked = time.perf_counter(), cpu_seconds(process)
    until = begin + seconds

    def run(client: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        number = 0
        while time.perf_counter() < until:
            method, path, body, kind = made[client][number] if number < 8 else ask(client, number)
            number += 1
            headers = {"Authorization": f"Bearer {key}", "Content-Type": kind}
            started = time.perf_counter()
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            text = answer.read()
            times[client].append(time.perf_counter() - started)
            if answer.status != 200:
                raise SystemExit(f"{answer.status}: {text[:300]!r}")

    threads = [threading.Thread(target=run, args=(client,)) for client in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every = np.concatenate([np.array(t) for t in times])
    return len(every) / (time.perf_counter() - begin), (cpu_seconds(process) - worked) / len(every), every


def main() -> None:
    """Print one line for each kind of request."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=10.0)
    options.add_argument("--clients", type=int, default=4)
    options.add_argument("--processes", type=int, default=1)
    options.add_argument("--database", default="")
    given = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server is ended with us
    kwh = meter_year()
    kinds: dict[str, tuple[Body, str]] = {
        "JSON": (as_json(kwh), "application/json"),
        "Parquet": (as_table(kwh, PARQUET), PARQUET),
        "Arrow": (as_table(kwh, ARROW), ARROW),
    }
    with tempfile.TemporaryDirectory() as folder:
        database = given.database or f"sqlite:///{folder}/record.db"
        with server(database, given.processes) as (port, process, key):
            print(f"{'request':>28} {'a second':>9} {'CPU ms':>7} {'p50 ms':>8} {'p99 ms':>8}  answers")
            for name, path in (("empty reply", "/healthz"), ("who am I (key checked)", "/v1/session")):
                asked = repeated("GET", path)
                line(name, *measure(port, process, key, given.seconds, given.clients, asked))
            for name, (body, kind) in kinds.items():
                measure(port, process, key, 0.5, 1, submitted(f"warm {name}", body, kind))
                for clients in sorted({1, given.clients}):
                    asked = submitted(f"{name} {clients}", body, kind)
                    line(
                        f"meter-year as {name}, {clients} clients",
                        *measure(port, process, key, given.seconds, clients, asked),
                    )
            names = screened(port, key)
            for name, meters in (("one meter screened", names[:1]), ("one of 60 meters screened", names)):
                asked = one_by_one(meters)
                measure(port, process, key, 1.0, 1, asked)
                line(name, *measure(port, process, key, given.seconds, 1, asked))


def screened(port: int, key: str, homes: int = 60) -> list[str]:
    """Names of simulated homes, after a year of each was submitted and all were screened."""
    made = simulate_homes(homes, DAYS, STEP, np.random.default_rng(5), start=np.datetime64("2023-01-01"))

    def ask(method: str, path: str, body: object = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else orjson.dumps(body), headers)
        answer = connection.getresponse()
        found: dict[str, Any] = orjson.loads(answer.read())
        if answer.status >= 300:
            raise SystemExit(f"{answer.status}: {found}")
        return found

    names = [f"home {name}" for name in made.meter_ids.tolist()]
    for name, kwh in zip(names, made.kwh, strict=True):
        entry = {
            "meter_id": name,
            "start": "2023-01-01",
            "step_minutes": STEP,
            "kwh": kwh.ravel().round(3).tolist(),
        }
        ask("POST", "/v1/readings", {"readings": [entry]})
    job = ask("POST", "/v1/screenings", {"meters": names})["job"]
    while (state := ask("GET", f"/v1/jobs/{job}")["state"]) not in {"done", "failed", "cancelled"}:
        time.sleep(0.5)
    if state != "done":
        raise SystemExit(f"the screening is {state}")
    return names


def repeated(method: str, path: str) -> Ask:
    """The same request again and again."""
    return lambda _client, _number: (method, path, b"", "")


def one_by_one(meters: list[str]) -> Ask:
    """Screening of one meter after the other."""
    paths = [f"/v1/meters/{quote(meter)}/screen" for meter in meters]
    return lambda _client, number: ("POST", paths[number % len(paths)], b"", "")


def submitted(name: str, body: Body, kind: str) -> Ask:
    """A new meter each time."""
    return lambda client, number: ("POST", "/v1/readings", body(f"{name} {client} {number}"), kind)


def line(name: str, rate: float, cpu: float, times: np.ndarray) -> None:
    """One row of the table."""
    p50, p99 = np.percentile(times * 1000, [50, 99])
    print(f"{name:>28} {rate:9.1f} {cpu * 1000:7.2f} {p50:8.2f} {p99:8.2f}  {len(times)}", flush=True)


if __name__ == "__main__":
    main()
