"""kill -9 of server and worker at random moments, in the middle of submissions and of a screening.

    python tests/soak/killing.py [--times 20] [--seed 0] [--only sqlite|postgresql]

After each kill the service starts again on the same record. Every submission that was acknowledged
must be there, whole and once; one that was not may be there whole or not at all. The screening that was at
work must come to its end, and at the end of all its list must be the one of a screening without a kill.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from serving_apart import ROOT, Apart
from together import DAYS, RECORDS, days_of, entry, record

sys.path.insert(0, str(ROOT))

from loadprofile.emulate.households import simulate_homes

WAIT_SECONDS = 600.0
COLUMNS = ("rank", "meter_id", "cause", "anomaly_score", "expected_recovery", "onset")


def homes() -> list[dict[str, Any]]:
    """Simulated homes to be screened, the third of them with a fall."""
    made = simulate_homes(60, 90, 60, np.random.default_rng(5), start=np.datetime64("2024-01-01"))
    kwh = made.kwh.copy()
    kwh[3, 45:] *= 0.2
    return [
        {"meter_id": f"S{name}", "start": "2024-01-01", "step_minutes": 60, "kwh": row.ravel().tolist()}
        for name, row in zip(made.meter_ids.tolist(), kwh, strict=True)
    ]


def screened(apart: Apart, screening: dict[str, int]) -> list[tuple[Any, ...]]:
    """The list of a screening, once its job is done."""
    until = time.monotonic() + WAIT_SECONDS
    state = ""
    while time.monotonic() < until:
        _, found = apart.ask("GET", f"/v1/jobs/{screening['job']}")
        state = found["state"]
        if state in {"done", "failed", "cancelled"}:
            break
        time.sleep(0.3)
    if state != "done":
        raise SystemExit(f"the screening is {state}: {found.get('error')}")
    _, page = apart.ask("GET", f"/v1/worklist?screening={screening['screening']}&limit=1000")
    return [tuple(row[name] for name in COLUMNS) for row in page["rows"]]


def run(kind: str, times: int, seed: int) -> None:
    """So many kills on one kind of record.

    Raises:
        SystemExit: something that was acknowledged is not there, or a list is another one.
    """
    drawn = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="lp") as folder, record(kind, Path(folder)) as url:
        apart = Apart(url, workers=1, variables={"LOADPROFILE_SILENCE": "3"})
        apart.start()
        if apart.ask("POST", "/v1/readings", {"readings": homes()})[0] != 200:
            raise SystemExit("the homes were not taken")
        ids = [home["meter_id"] for home in homes()]
        status, first = apart.ask("POST", "/v1/screenings", {"meters": ids})
        if status != 202:
            raise SystemExit(f"{status} {first}")
        expected = screened(apart, first)
        acknowledged: list[str] = []
        sent: list[str] = []
        same = 0
        for number in range(1, times + 1):
            _, screening = apart.ask("POST", "/v1/screenings", {"meters": ids})
            going = threading.Event()

            def write(client: int, number: int = number, going: threading.Event = going) -> None:
                at = 0
                while not going.is_set():
                    meter = f"K{number}-{client}-{at}"
                    sent.append(meter)
                    try:
                        status, _ = apart.ask(
                            "POST", "/v1/readings", entry(meter, at), **{"Idempotency-Key": meter}
                        )
                    except OSError:
                        return
                    if status == 200:
                        acknowledged.append(meter)
                    at += 1

            clients = [threading.Thread(target=write, args=(k,)) for k in range(3)]
            for client in clients:
                client.start()
            time.sleep(drawn.uniform(0.05, 6.0))
            apart.kill()
            going.set()
            for client in clients:
                client.join()
            apart.start()
            same += screened(apart, screening) == expected
            days = days_of(url)
            lost = [m for m in acknowledged if days.get(m) != DAYS]
            torn = [m for m in sent if days.get(m, DAYS) != DAYS]
            print(
                f"{kind}: kill {number}: {len(acknowledged):,} acknowledged, {len(lost)} lost, "
                f"{len(torn)} torn, {same} of {number} screenings finished with the same list",
                flush=True,
            )
            if lost or torn or same != number:
                raise SystemExit(1)
        apart.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=RECORDS)
    given = parser.parse_args()
    for kind in RECORDS if given.only is None else (given.only,):
        run(kind, given.times, given.seed)


if __name__ == "__main__":
    main()
