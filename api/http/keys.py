"""Which key is whose, without a question to the record at every request."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

from api.http.callers import OPERATOR, Caller
from api.http.writing import Writer
from loadprofile.errors import StoreError
from loadprofile.store.access import caller_of, issue_key, list_keys, note_use, sha256
from loadprofile.store.database import Database

FRESH_SECONDS = 5.0
"""How long a key is believed without asking: as long may one live on that another process revoked."""

USE_NOTED_EVERY = 900.0
MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class _Remembered:
    caller: Caller
    prefix: str
    asked: float


class KeyRing:
    """Knows keys by their hashes, each for a few seconds after it was asked about."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self.database = database
        self.writer = writer
        self._known: dict[str, _Remembered] = {}
        self._noted: dict[str, float] = {}
        self._notes: set[asyncio.Future[None]] = set()
        self._lock = threading.Lock()

    def remembered(self, secret: str) -> Caller | None:
        """The caller, if this key was asked about lately. Takes no time."""
        found = self._known.get(sha256(secret))
        if found is None or time.monotonic() - found.asked > FRESH_SECONDS:
            return None
        return found.caller

    def ask(self, secret: str) -> Caller | None:
        """The caller, from the record; None for a key that is unknown, revoked or past its end."""
        if not secret.isascii() or not secret.isprintable() or len(secret) > 200:
            return None
        with self.database.reading() as connection:
            row = caller_of(connection, secret)
        if row is None:
            return None
        mark = f"lp_{row.id}"
        caller = Caller(row.name, row.role, f"key {mark}", mark)
        with self._lock:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[sha256(secret)] = _Remembered(caller, row.id, time.monotonic())
        return caller

    def forget(self, prefix: str) -> None:
        """Ask the record again at the next call."""
        with self._lock:
            self._known = {sha: found for sha, found in self._known.items() if found.prefix != prefix}

    def use_is_news(self, caller: Caller) -> bool:
        """Whether the use of a key should be noted again."""
        last, this = self._noted.get(caller.mark), time.monotonic()
        if last is not None and this - last < USE_NOTED_EVERY:
            return False
        if len(self._noted) >= MOST_REMEMBERED:
            self._noted.clear()
        self._noted[caller.mark] = this
        return True

    def note_beside(self, caller: Caller) -> None:
        """Note the use beside the request: the record may be busy, and nobody waits for this."""
        note = asyncio.get_running_loop().run_in_executor(None, self.note_use, caller)
        self._notes.add(note)
        note.add_done_callback(self._notes.discard)

    async def settled(self) -> None:
        """Wait until all that was to be noted is."""
        await asyncio.gather(*self._notes, return_exceptions=True)

    def note_use(self, caller: Caller) -> None:
        """Write that a key was used; a record that cannot be written now does without."""
        with suppress(StoreError):
            self.writer.run(lambda connection: note_use(connection, caller.mark.removeprefix("lp_")))


def first_key(database: Database) -> str | None:
    """An operator key for a record that never had a key; None where there was one."""
    with database.writing() as connection:
        if len(list_keys(connection, limit=1)):
            return None
        return issue_key(connection, "first operator", OPERATOR, who="first start")
