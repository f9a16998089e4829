"""What can go wrong, and what each error carries.

    LoadProfileError                    exit code
    |-- InputError                      3   a file or frame that cannot be read as what it should be
    |   |-- UnreadableFileError             path, reason (line when known)
    |   |-- MissingColumnsError             path, missing, found
    |   `-- WrongTableError                 path, wanted, missing, found
    |-- OptionError                     2   a setting that makes no sense, or two that contradict
    |-- NothingToJudgeError             4   readable input, but no meter with enough data to say anything
    |-- ModelFileError                  3   a model file that is damaged, altered or from another layout
    `-- ShapeError                          arrays that do not fit together: a mistake in the calling code

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
    """A table of another kind than the one asked for: ``path``, ``wanted``, ``missing``, ``found``."""

    def __init__(self, path: str | Path, wanted: str, missing: Iterable[str], found: Iterable[str]) -> None:
        self.path = str(path)
        self.wanted = wanted
        self.missing = tuple(missing)
        self.found = tuple(str(name) for name in found)
        shown = ", ".join(self.found[:8]) + (", ..." if len(self.found) > 8 else "")
        lacks = ", ".join(self.missing)
        super().__init__(f"{self.path}: not {wanted}: it lacks {lacks} (its columns: {shown or 'none'})")


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

    def __init__(self, meters: int, reason: str) -> None:
        self.meters = meters
        self.reason = reason
        super().__init__(f"none of {meters} meters could be judged: {reason}")


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
