"""Models at rest: one file that holds only what we allow, says where it is from, and shows damage.

A model file (suffix ``.lpm``) is a zip archive: ``manifest.json``, then one skops archive for each
part. No pickle is written or read. Every part has its SHA-256 in the manifest and the manifest is
sealed with its own: that shows damage and careless edits. It is no signature: whoever can write the
file can write new sums, so a file from elsewhere is to be compared with a sum that came another way
(``expected_sha256``); and even then it can only hold the types in ``loadprofile.models.trusted``.

The bytes depend on the parts, the manifest and the versions of the libraries, and on nothing else.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import re
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from loadprofile.errors import ModelFileError
from loadprofile.models.trusted import TRUSTED, broken_tree, untrusted

SUFFIX = ".lpm"
STORE_LAYOUT = 1
"""Layout of the archive; the layout of the parts is their owner's business."""

MOST_BYTES = 512 * 1024 * 1024
"""Largest unpacked size that is read: a small file may not fill the memory."""

MANIFEST_KEYS = ("name", "data", "seed", "attribution", "created_as_of")
"""What the manifest of a model that is passed on has to record; versions and sums are added here."""

LIBRARIES = ("numpy", "scipy", "scikit-learn", "skops")
MANIFEST = "manifest.json"
LONG_AGO = (1980, 1, 1, 0, 0, 0)
PART_NAME = re.compile(r"[a-z][a-z0-9_]*")


def save_model(
    path: str | Path,
    parts: Mapping[str, object],
    manifest: Mapping[str, Any],
    also_trusted: Iterable[str] = (),
) -> str:
    """Write parts and manifest to one file, whole or not at all; the same input gives the same bytes.

    Args:
        path: the file; one that is there is replaced in one step.
        parts: name (lower case, digits, underscore) -> estimator, array, or nest of plain values.
        manifest: plain JSON values; see ``MANIFEST_KEYS``. The key ``store`` is ours and is replaced.
        also_trusted: dotted types beyond our list that the caller answers for; loading needs them again.

    Returns:
        SHA-256 of the file.

    Raises:
        ModelFileError: a part holds a type that is not on the list or cannot be stored, the manifest
            is not plain JSON, or the file cannot be written.
    """
    also = tuple(also_trusted)
    packed: dict[str, bytes] = {}
    for name in sorted(parts):
        if not PART_NAME.fullmatch(name):
            raise ModelFileError(path, f"part name {name!r} is not of lower-case letters, digits and _")
        packed[name] = _packed(path, name, parts[name], also)
    body = {
        "store": {
            "layout": STORE_LAYOUT,
            "parts": {name: {"bytes": len(data), "sha256": _sha256(data)} for name, data in packed.items()},
            "versions": {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
        },
        "manifest": {key: value for key, value in manifest.items() if key != "store"},
    }
    try:
        text = _json({**body, "seal": _sha256(_json(body))})
    except (TypeError, ValueError) as reason:
        raise ModelFileError(path, f"manifest is not plain JSON: {reason}") from reason
    archive = _zipped(
        {MANIFEST: text} | {f"{name}.skops": data for name, data in packed.items()}, zipfile.ZIP_DEFLATED
    )
    _replace(Path(path), archive)
    return _sha256(archive)


def load_model(
    path: str | Path, expected_sha256: str | None = None, also_trusted: Iterable[str] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parts and manifest of a model file, after every check that can be made.

    Args:
        path: the file.
        expected_sha256: sum of the whole file as it is known from elsewhere (None = not compared).
        also_trusted: dotted types beyond our list that the caller answers for.

    Returns:
        ``(parts, manifest)``; the manifest's key ``store`` has layout, versions, sizes and sums.

    Raises:
        ModelFileError: not there, not a model file, damaged, altered, of another layout, or with a
            type or a tree that may not be loaded. Nothing is built before its types are checked.
    """
    also = tuple(also_trusted)
    try:
        raw = Path(path).read_bytes()
    except OSError as reason:
        raise ModelFileError(path, f"cannot be read: {reason.strerror or reason}") from reason
    if expected_sha256 is not None and _sha256(raw) != expected_sha256.lower():
        raise ModelFileError(path, f"SHA-256 is {_sha256(raw)}, expected {expected_sha256}")
    members = _members(path, raw, "not a model file")
    body = _manifest(path, members)
    listed = body["store"]["parts"]
    if set(members) != {MANIFEST} | {f"{name}.skops" for name in listed}:
        raise ModelFileError(path, "holds other files than its manifest lists")
    parts: dict[str, Any] = {}
    for name, facts in listed.items():
        data = members[f"{name}.skops"]
        if _sha256(data) != facts["sha256"]:
            raise ModelFileError(path, f"part {name!r} was altered: its SHA-256 is not that of the manifest")
        parts[name] = _unpacked(path, name, data, also)
    return parts, {**body["manifest"], "store": body["store"]}


def unrecorded(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Which of ``MANIFEST_KEYS`` a manifest does not tell."""
    return tuple(key for key in MANIFEST_KEYS if not manifest.get(key) and manifest.get(key) != 0)


def _manifest(path: str | Path, members: Mapping[str, bytes]) -> dict[str, Any]:
    if MANIFEST not in members:
        raise ModelFileError(path, f"not a model file: it has no {MANIFEST}")
    try:
        body = json.loads(members[MANIFEST])
        seal = body.pop("seal")
        layout, intact = body["store"]["layout"], seal == _sha256(_json(body))
        sums = [facts["sha256"] for facts in body["store"]["parts"].values()]
        readable = isinstance(body["manifest"], dict) and all(isinstance(value, str) for value in sums)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as reason:
        raise ModelFileError(path, f"its manifest cannot be read: {reason!r}") from reason
    if layout != STORE_LAYOUT:
        raise ModelFileError(path, f"layout {layout}, this version reads {STORE_LAYOUT}")
    if not intact or not readable:
        raise ModelFileError(path, "its manifest was altered: the seal does not fit")
    return dict(body)


def _packed(path: str | Path, name: str, part: object, also: tuple[str, ...]) -> bytes:
    """One part as a skops archive in canonical form."""
    import skops.io  # late: it loads every module of scikit-learn, which takes seconds

    try:
        data = skops.io.dumps(part)
    except Exception as reason:
        raise ModelFileError(path, f"part {name!r} cannot be stored: {reason}") from reason
    members = _members(path, data, f"part {name!r} is too large")
    members = _canonical(members)
    _refuse_untrusted(path, name, members["schema.json"], also)
    wrong = broken_tree(part)
    if wrong:
        raise ModelFileError(path, f"part {name!r}: {wrong}")
    return _zipped(members, zipfile.ZIP_STORED)


def _unpacked(path: str | Path, name: str, data: bytes, also: tuple[str, ...]) -> Any:
    members = _members(path, data, f"part {name!r} is not a skops archive")
    if "schema.json" not in members:
        raise ModelFileError(path, f"part {name!r} has no schema")
    import skops.io

    _refuse_untrusted(path, name, members["schema.json"], also)
    try:
        part = skops.io.loads(data, trusted=sorted(TRUSTED | set(also)))
    except Exception as reason:
        raise ModelFileError(path, f"part {name!r} cannot be loaded: {reason!r}") from reason
    wrong = broken_tree(part)
    if wrong:
        raise ModelFileError(path, f"part {name!r}: {wrong}")
    return part


def _refuse_untrusted(path: str | Path, name: str, schema: bytes, also: tuple[str, ...]) -> None:
    try:
        found = untrusted(schema, also)
    except (ValueError, RecursionError) as reason:
        raise ModelFileError(path, f"part {name!r} has a schema that cannot be read: {reason!r}") from reason
    if found:
        raise ModelFileError(path, f"part {name!r} holds what is not on our list: {', '.join(found)}")


def _canonical(members: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same skops archive with object numbers 1, 2, 3 in place of memory addresses."""
    schema = json.loads(members["schema.json"])
    numbers: dict[int, int] = {}
    files: dict[str, str] = {}
    left: list[Any] = [schema]
    while left:
        at = left.pop()
        if isinstance(at, list):
            left.extend(reversed(at))
        elif isinstance(at, dict):
            if isinstance(at.get("__id__"), int):
                at["__id__"] = numbers.setdefault(at["__id__"], len(numbers) + 1)
            if at.get("__loader__") == "NdArrayNode" and at.get("type") == "numpy":
                at["file"] = files.setdefault(at["file"], f"{len(files) + 1}.npy")
            left.extend(reversed(list(at.values())))
    renamed = {"schema.json": json.dumps(schema, separators=(",", ":")).encode()}
    return renamed | {new: members[old] for old, new in files.items()}


def _members(path: str | Path, raw: bytes, otherwise: str) -> dict[str, bytes]:
    """Names and contents of an archive, within bounds."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            listed = archive.infolist()
            unpacked = sum(entry.file_size for entry in listed)
            found = {entry.filename: archive.read(entry) for entry in listed if unpacked <= MOST_BYTES}
    except zipfile.BadZipFile as reason:
        raise ModelFileError(path, f"{otherwise}: {reason}") from reason
    except Exception as reason:  # a damaged stream can raise zlib.error and a dozen others
        raise ModelFileError(path, f"damaged: {reason!r}") from reason
    if unpacked > MOST_BYTES:
        raise ModelFileError(path, f"unpacks to more than {MOST_BYTES:,} bytes")
    if len(found) != len(listed):
        raise ModelFileError(path, "two files of one name in the archive")
    return found


def _zipped(members: Mapping[str, bytes], compression: int) -> bytes:
    """An archive whose bytes depend on its contents alone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.compress_type, entry.create_system, entry.external_attr = compression, 3, 0o644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def _replace(path: Path, data: bytes) -> None:
    """Write beside the file, then take its place: a reader sees the old one or the new one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(beside).chmod(0o644)
            Path(beside).replace(path)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
    except OSError as reason:
        raise ModelFileError(path, f"cannot be written: {reason.strerror or reason}") from reason


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False).encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
