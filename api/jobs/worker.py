"""The worker process, and the server's side of it: workers that end with the server.

A worker takes keys of jobs from the queue, one at a time. It stops when it is asked to (SIGTERM, after the
batch that it is at; its job goes back) or when whoever started it is gone, which it notices by the end of its
standard input.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import structlog
from huey import Huey
from huey.consumer import Consumer

from api.http.settings import Settings
from api.jobs.queue import Queue
from api.jobs.running import Kind, run_job
from api.jobs.tending import tend
from loadprofile.errors import StoreError
from loadprofile.store.database import Database, open_database
from loadprofile.store.migrating import check_version

TENDED_EVERY = 3.0
"""Seconds between looks for jobs of dead workers."""

STOP_SECONDS = 25
RESTART_AFTER = 1.0
LONGEST_PAUSE = 60.0
"""Seconds before a worker is started again: one that ends by itself, on a full disk say, will do so again."""

log = structlog.get_logger("loadprofile.jobs")


def work(settings: Settings, *, parent_bound: bool = False) -> None:
    """Do jobs until the process is told to stop.

    Args:
        settings: which record.
        parent_bound: end when standard input ends, as it does when the server that started this is gone.

    Raises:
        StoreError: the record is not there or of another version.
    """
    from api.jobs.kinds import KINDS

    database = open_database(settings.database)
    check_version(database)
    queue = Queue(settings.database)
    stopping = threading.Event()
    huey = queue.handled_by(lambda key: run_job(database, settings, key, KINDS, stopping))
    consumer = _Consumer(
        huey, stopping, workers=1, periodic=False, scheduler_interval=60, max_delay=0.5,
        graceful_signal="TERM", shutdown_timeout=STOP_SECONDS,
    )  # fmt: skip
    if parent_bound:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    tending = threading.Thread(
        target=_tend_for_ever, args=(database, settings, queue, KINDS, stopping), daemon=True
    )
    tending.start()
    log.info("worker begins", pid=os.getpid())
    consumer.run()
    stopping.set()
    tending.join(TENDED_EVERY + 1)
    queue.close()
    database.close()


class _Consumer(Consumer):  # type: ignore[misc]
    """Huey's consumer; the job hears of a signal at once, before its worker is waited for."""

    def __init__(self, huey: Huey, stopping: threading.Event, **options: Any) -> None:
        super().__init__(huey, **options)
        self._stopping = stopping
        self._signal_actions.pop(getattr(signal, "SIGHUP", None), None)

    def _handle_signal(self, signum: int, frame: object) -> None:
        self._stopping.set()
        super()._handle_signal(signum, frame)


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _tend_for_ever(
    database: Database, settings: Settings, queue: Queue, kinds: Mapping[str, Kind], stopping: threading.Event
) -> None:
    while True:
        try:
            tend(database, settings, queue, kinds)
        except StoreError as error:
            log.warning("record", reason=str(error))  # it may be back in a moment
        except Exception:  # the drivers' own, of the queue
            log.exception("tending failed")
        if stopping.wait(min(TENDED_EVERY, settings.silence / 2)):
            return


def pause_before(status: int, last: float, lived: float) -> float:
    """Seconds before the next worker, after one ended with a status: killed ones have no fault to wait for.

    Args:
        status: of the process; below 0 = a signal ended it.
        last: seconds that were waited before the one that ended now.
        lived: seconds that it worked.
    """
    return RESTART_AFTER if status < 0 or lived > LONGEST_PAUSE else min(2 * last, LONGEST_PAUSE)


class Workers:
    """Worker processes of a server: as many as wished, started again when they die, ended with it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._processes: list[subprocess.Popen[bytes]] = []
        self._over = threading.Event()
        self._watch: threading.Thread | None = None

    def start(self) -> None:
        """Start them, and watch over them."""
        self._processes = [self._one() for _ in range(self.settings.workers)]
        self._watch = threading.Thread(target=self._watch_over, name="workers", daemon=True)
        self._watch.start()

    def _one(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "api.jobs.worker"],
            stdin=subprocess.PIPE,
            env=os.environ | self.settings.as_variables(),
        )

    def _watch_over(self) -> None:
        pauses = [RESTART_AFTER] * len(self._processes)
        begun, due = [time.monotonic()] * len(self._processes), dict[int, float]()
        while not self._over.wait(RESTART_AFTER):
            for at, process in enumerate(self._processes):
                if process.poll() is None:
                    continue
                now = time.monotonic()
                if at not in due:
                    pauses[at] = pause_before(process.returncode, pauses[at], now - begun[at])
                    due[at] = now + pauses[at] - RESTART_AFTER  # it died that long ago at most
                    log.warning("worker died", pid=process.pid, status=process.returncode, again=pauses[at])
                    if process.stdin is not None:
                        process.stdin.close()
                if now >= due[at] and not self._over.is_set():
                    del due[at]
                    self._processes[at], begun[at] = self._one(), now

    def stop(self) -> None:
        """Ask all of them to stop, and wait; who takes too long is ended."""
        self._over.set()
        if self._watch is not None:
            self._watch.join()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(STOP_SECONDS + 5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin is not None:
                process.stdin.close()


def main() -> None:
    """The process that a server starts; its settings come from variables."""
    from api.http.serving import log_in_lines

    log_in_lines()
    try:
        work(Settings(), parent_bound=True)
    except Exception:  # whatever it is: in one line of the log, and the server starts another
        log.exception("worker cannot work")
        sys.exit(1)


if __name__ == "__main__":
    main()
