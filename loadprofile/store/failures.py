"""What a database driver complains of, said as errors of ours that carry values."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from loadprofile.errors import (
    AppendOnlyError,
    DamagedStoreError,
    FullStoreError,
    LockedStoreError,
    ReadOnlyStoreError,
    StoreError,
    UnreachableStoreError,
)

_APPEND_ONLY = re.compile(r"append-only table (\w+)")

_SQLITE = {
    sqlite3.SQLITE_READONLY: ReadOnlyStoreError,
    sqlite3.SQLITE_FULL: FullStoreError,
    sqlite3.SQLITE_BUSY: LockedStoreError,
    sqlite3.SQLITE_LOCKED: LockedStoreError,
}
_SQLITE_SAYING_WHY = {
    sqlite3.SQLITE_CANTOPEN: UnreachableStoreError,
    sqlite3.SQLITE_IOERR: UnreachableStoreError,
    sqlite3.SQLITE_NOTADB: DamagedStoreError,
    sqlite3.SQLITE_CORRUPT: DamagedStoreError,
}
_POSTGRES = {
    "25006": ReadOnlyStoreError,  # read_only_sql_transaction
    "53100": FullStoreError,  # disk_full
    "55P03": LockedStoreError,  # lock_not_available
    "40P01": LockedStoreError,  # deadlock_detected
    "40001": LockedStoreError,  # serialization_failure
}
_POSTGRES_SAYING_WHY = {
    "08": UnreachableStoreError,  # connection exceptions
    "57": UnreachableStoreError,  # the server shuts down
    "28": UnreachableStoreError,  # may not log in
    "3D": UnreachableStoreError,  # no such database
    "53": UnreachableStoreError,  # too many connections, out of memory
    "XX": DamagedStoreError,
}


def store_error(place: str, error: BaseException) -> StoreError | None:
    """The error of ours for a driver's, None where it is none of the expected ones (a mistake of ours)."""
    cause = error.orig if isinstance(error, exc.DBAPIError) and error.orig is not None else error
    text = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
    altered = _APPEND_ONLY.search(text)
    if altered:
        return AppendOnlyError(altered.group(1))
    if isinstance(cause, sqlite3.Error):
        # the extended codes keep the plain one in their lowest byte
        code = (getattr(cause, "sqlite_errorcode", None) or 0) & 0xFF
        if code in _SQLITE:
            return _SQLITE[code](place)
        return _SQLITE_SAYING_WHY[code](place, text) if code in _SQLITE_SAYING_WHY else None
    state = getattr(cause, "sqlstate", None)
    if state in _POSTGRES:
        return _POSTGRES[state](place)
    if isinstance(state, str):
        return _POSTGRES_SAYING_WHY[state[:2]](place, text) if state[:2] in _POSTGRES_SAYING_WHY else None
    lost = isinstance(error, exc.OperationalError) or type(cause).__name__ == "OperationalError"
    return UnreachableStoreError(place, text) if lost or isinstance(error, exc.TimeoutError) else None


@contextmanager
def spoken(place: str) -> Iterator[None]:
    """Raise what drivers complain of as errors of ours; anything unexpected stays as it is."""
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        ours = store_error(place, error)
        if ours is None:
            raise
        raise ours from error
