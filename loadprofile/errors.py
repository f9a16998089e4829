"""What can go wrong, and what each error carries.

    LoadProfileError                    exit code
    |-- InputError                      3   a file or frame that cannot be read as what it should be
    |   |-- UnreadableFileError             path, reason (line when known)
    |   |-- MissingColumnsError             path, missing, found
    |   `-- WrongTableError                 path, wanted, missing, found
    |-- OptionError                     2   a setting that makes no sense, or two that contradict
    |-- NothingToJudgeError             4   readable input, but no meter with enough data to say anything
    |-- ModelFileError                  3   a model file that is damaged, altered or from another layout
    |-- ShapeError                          arrays that do not fit together: a mistake in the calling code
    `-- StoreError                      1   the system of record could not do what it was asked
        |-- UnreachableStoreError           place, reason: no such file or server
        |-- ReadOnlyStoreError              place
        |-- FullStoreError                  place
        |-- LockedStoreError                place: somebody else writes; to be tried again
        |-- DamagedStoreError               place, reason: not a database, or a broken one
        |-- SchemaVersionError              place, found, expected: migrate first
        |-- AppendOnlyError                 table: what is recorded there is never altered
        |-- NotFoundError                   kind, key
        |-- StaleError                      kind, key, expected, found: somebody else was faster
        |-- TransitionError                 kind, key, found, wanted, allowed
        |-- ConflictError                   kind, key, reason: contradicts what is recorded
        |-- RefusedError                    what, value, reason: may not be recorded
        `-- ArchiveError                    path, reason: a backup that may not be used

Errors carry values, so that a caller can act on them; the words are made from the values.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class LoadProfileError(Exception):
    """Root of every error this project raises on purpose."""

    exit_code = 1


class InputError(LoadProfileError):
    """Input that cannot be read as what it should be."""

    exit_code = 3


class UnreadableFileError(InputError):
    """A file that is empty, cut off, binary, or simply something else.

    ``path``, ``reason`` and, where it is known, the 1-based ``line``.
    """

    def __init__(self, path: str | Path, reason: str, line: int | None = None) -> None:
        self.path = str(path)
        self.reason = reason
        self.line = line
        where = self.path if line is None else f"{self.path}, line {line}"
        super().__init__(f"{where}: {reason}")


class MissingColumnsError(InputError):
    """A table without the columns its layout needs: ``path``, ``missing``, ``found``."""

    def __init__(self, path: str | Path, missing: Iterable[str], found: Iterable[str]) -> None:
        self.path = str(path)
        self.missing = tuple(missing)
        self.found = tuple(str(name) for name in found)
        shown = ", ".join(self.found[:12]) + (", ..." if len(self.found) > 12 else "")
        super().__init__(
            f"{self.path}: no column {' and no column '.join(repr(m) for m in self.missing)}; "
            f"found: {shown or 'none'} (name other columns with --map {self.missing[0]}=NAME)"
        )


class WrongTableError(InputError):
    """A table of another kind than the one asked for: ``path``, ``wanted``, ``missing``, ``found``.

    ``hint``: what may help, at the end of the sentence.
    """

    def __init__(
        self, path: str | Path, wanted: str, missing: Iterable[str], found: Iterable[str], hint: str = ""
    ) -> None:
        self.path = str(path)
        self.wanted = wanted
        self.missing = tuple(missing)
        self.found = tuple(str(name) for name in found)
        shown = ", ".join(self.found[:16]) + (", ..." if len(self.found) > 16 else "")
        lacks, also = ", ".join(self.missing), f"; {hint}" if hint else ""
        super().__init__(
            f"{self.path}: not {wanted}: it lacks {lacks} (its columns: {shown or 'none'}){also}"
        )


class OptionError(LoadProfileError):
    """A setting out of range or two settings that contradict: ``option``, ``value``, ``reason``."""

    exit_code = 2

    def __init__(self, option: str, value: object, reason: str) -> None:
        self.option = option
        self.value = value
        self.reason = reason
        super().__init__(f"{option}={value!r}: {reason}")


class NothingToJudgeError(LoadProfileError):
    """Everything was read and nothing could be judged: ``meters``, ``reason``."""

    exit_code = 4
    said = "none of {:,} meters could be judged: {}"

    def __init__(self, meters: int, reason: str) -> None:
        self.meters = meters
        self.reason = reason
        super().__init__(self.said.format(meters, reason))


class NothingToLearnError(NothingToJudgeError):
    """Everything was read and nothing can be learned from it: ``meters`` (customers, visits), ``reason``."""

    said = "nothing can be learned from {:,} rows: {}"


class ModelFileError(LoadProfileError):
    """A model file that may not be used: ``path``, ``reason``."""

    exit_code = 3

    def __init__(self, path: str | Path, reason: str) -> None:
        self.path = str(path)
        self.reason = reason
        super().__init__(f"model {self.path}: {reason}")


class ShapeError(LoadProfileError, ValueError):
    """Arrays that do not fit together: ``name``, ``found``, ``expected``."""

    def __init__(self, name: str, found: object, expected: object) -> None:
        self.name = name
        self.found = found
        self.expected = expected
        super().__init__(f"{name}: found {found}, expected {expected}")


class StoreError(LoadProfileError):
    """The system of record could not do what it was asked."""


class UnreachableStoreError(StoreError):
    """No such database file or no answer from the server: ``place``, ``reason``."""

    def __init__(self, place: str, reason: str) -> None:
        self.place = place
        self.reason = reason
        super().__init__(f"record {place} cannot be reached: {reason}")


class ReadOnlyStoreError(StoreError):
    """Something was to be written to a record that may only be read: ``place``."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(f"record {place} is read-only")


class FullStoreError(StoreError):
    """No room left where the record lies; what was to be written is not there: ``place``."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(f"no room left for record {place}")


class LockedStoreError(StoreError):
    """Somebody else held what was needed for longer than is waited; trying again may help: ``place``."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(f"record {place} is locked by another writer; try again")


class DamagedStoreError(StoreError):
    """A file that is no database, or a broken one: ``place``, ``reason``."""

    def __init__(self, place: str, reason: str) -> None:
        self.place = place
        self.reason = reason
        super().__init__(f"record {place} is damaged or no database: {reason}")


class SchemaVersionError(StoreError):
    """A record with tables of another version: ``place``, ``found``, ``expected``."""

    def __init__(self, place: str, found: str | None, expected: str) -> None:
        self.place = place
        self.found = found
        self.expected = expected
        super().__init__(
            f"record {place} has tables of version {found or 'none'}, needed is {expected}: migrate it"
        )


class AppendOnlyError(StoreError):
    """An entry of an append-only table was to be altered or deleted: ``table``."""

    def __init__(self, table: str) -> None:
        self.table = table
        super().__init__(f"{table} is append-only: entries are neither altered nor deleted")


class NotFoundError(StoreError):
    """Nothing recorded under this key: ``kind``, ``key``."""

    def __init__(self, kind: str, key: object) -> None:
        self.kind = kind
        self.key = key
        super().__init__(f"no {kind} {key}")


class StaleError(StoreError):
    """The caller saw version ``expected``; by now it is ``found``: ``kind``, ``key``."""

    def __init__(self, kind: str, key: object, expected: int, found: int) -> None:
        self.kind = kind
        self.key = key
        self.expected = expected
        self.found = found
        super().__init__(f"{kind} {key} is at version {found}, not {expected}: somebody else changed it")


class TransitionError(StoreError):
    """A step that the present state does not allow: ``kind``, ``key``, ``found``, ``wanted``, ``allowed``."""

    def __init__(self, kind: str, key: object, found: str, wanted: str, allowed: Iterable[str]) -> None:
        self.kind = kind
        self.key = key
        self.found = found
        self.wanted = wanted
        self.allowed = tuple(allowed)
        may = ", ".join(self.allowed) or "none"
        super().__init__(f"{kind} {key} is {found} and cannot become {wanted}; allowed: {may}")


class ConflictError(StoreError):
    """Contradicts what is recorded: ``kind``, ``key``, ``reason``."""

    def __init__(self, kind: str, key: object, reason: str) -> None:
        self.kind = kind
        self.key = key
        self.reason = reason
        super().__init__(f"{kind} {key}: {reason}")


class RefusedError(StoreError):
    """Something that may not be recorded: ``what``, ``value``, ``reason``."""

    def __init__(self, what: str, value: object, reason: str) -> None:
        self.what = what
        self.value = value
        self.reason = reason
        super().__init__(f"{what}={value!r}: {reason}")


class ArchiveError(StoreError):
    """A backup that is damaged or may not be restored here: ``path``, ``reason``."""

    exit_code = 3

    def __init__(self, path: str | Path, reason: str) -> None:
        self.path = str(path)
        self.reason = reason
        super().__init__(f"backup {self.path}: {reason}")
