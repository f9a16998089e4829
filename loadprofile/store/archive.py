"""Backup and restore: one portable file, the same for SQLite and PostgreSQL.

A backup is a zip of one Parquet file per table and ``manifest.json`` with the version of the tables, the rows
and the SHA-256 of each. It is taken from one consistent view while others go on writing. Restoring goes
into an empty record only, of either kind, all or nothing; a backup of older tables is restored as what it
was and then migrated. It holds everything, hashes of passwords and keys too: guard it like the record.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from loadprofile.errors import ArchiveError, ConflictError, SchemaVersionError
from loadprofile.store import access_tables, meter_tables, work_tables
from loadprofile.store.columns import METADATA, UtcDateTime, json_text, now
from loadprofile.store.database import Database, insert_rows, open_database
from loadprofile.store.migrating import known_versions, migrate, newest_version, version_of

LAYOUT = 1
ROWS = 20_000
"""Rows held in memory at a time."""

MANIFEST = "manifest.json"
TABLES = (access_tables, meter_tables, work_tables)
"""Importing them is what fills METADATA."""


def _arrow_type(column: sa.Column[Any]) -> pa.DataType:
    kind = column.type
    if isinstance(kind, UtcDateTime):
        return pa.timestamp("us", tz="UTC")
    for sort, arrow in (
        (sa.Boolean, pa.bool_()),
        (sa.Integer, pa.int64()),
        (sa.Float, pa.float64()),
        (sa.Date, pa.date32()),
        (sa.LargeBinary, pa.large_binary()),
    ):
        if isinstance(kind, sort):
            return arrow
    return pa.large_string()  # texts, and JSON as text


def _batches(
    connection: sa.Connection, chosen: Sequence[sa.Column[Any]], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    json_columns = [i for i, column in enumerate(chosen) if isinstance(column.type, sa.JSON)]
    ordered = sa.select(*chosen).order_by(*chosen[0].table.primary_key)
    asked = ordered.execution_options(yield_per=ROWS)
    for rows in connection.execute(asked).partitions():
        columns = [list(values) for values in zip(*rows, strict=True)]
        for i in json_columns:
            columns[i] = [None if value is None else json_text(value) for value in columns[i]]
        yield pa.RecordBatch.from_arrays(
            [pa.array(values, kind.type) for values, kind in zip(columns, schema, strict=True)], schema=schema
        )


def backup(database: Database, path: str | Path, *, at: datetime | None = None) -> dict[str, int]:
    """Write everything to a file, whole or not at all; rows of each table.

    Raises:
        SchemaVersionError: there are no tables at all.
        ArchiveError: the file cannot be written.
    """
    target = Path(path)
    facts: dict[str, dict[str, Any]] = {}
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        os.close(handle)
        unfinished = Path(name)
    except OSError as reason:
        raise ArchiveError(path, f"cannot be written: {reason.strerror}") from reason
    try:
        with (
            database.reading() as connection,
            zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as archive,
        ):
            version = version_of(connection)
            if version is None:
                raise SchemaVersionError(database.place, None, "any")
            there = sa.inspect(connection)
            for table in METADATA.sorted_tables:
                if there.has_table(table.name):  # an older record has fewer, and fewer columns
                    names = {str(column["name"]) for column in there.get_columns(table.name)}
                    columns = [column for column in table.columns if column.name in names]
                    facts[table.name] = _write_table(connection, columns, archive)
            manifest = {
                "layout": LAYOUT, "version": version, "created_at": now(at).isoformat(), "tables": facts,
            }  # fmt: skip
            archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(target)
    except OSError as reason:
        raise ArchiveError(path, f"cannot be written: {reason.strerror}") from reason
    finally:
        unfinished.unlink(missing_ok=True)
    return {name: int(fact["rows"]) for name, fact in facts.items()}


def _write_table(
    connection: sa.Connection, chosen: Sequence[sa.Column[Any]], archive: zipfile.ZipFile
) -> dict[str, Any]:
    schema = pa.schema([(column.name, _arrow_type(column)) for column in chosen])
    rows = 0
    with tempfile.TemporaryFile() as spool:
        with pq.ParquetWriter(spool, schema, compression="zstd") as writer:
            for batch in _batches(connection, chosen, schema):
                writer.write_batch(batch)
                rows += batch.num_rows
        spool.seek(0)
        digest, size = hashlib.sha256(), 0
        with archive.open(f"{chosen[0].table.name}.parquet", "w", force_zip64=True) as member:
            while part := spool.read(1 << 20):
                digest.update(part)
                size += len(part)
                member.write(part)
    return {"rows": rows, "bytes": size, "sha256": digest.hexdigest()}


def restore(path: str | Path, url: str | Path) -> dict[str, int]:
    """Fill an empty record from a backup; a SQLite file that is not there is made. Rows of each table.

    Raises:
        ArchiveError: damaged, altered, or not a backup.
        ConflictError: the record is not empty.
        SchemaVersionError: the backup is of a newer program.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as reason:
        raise ArchiveError(path, f"is no backup: {reason}") from reason
    with archive:
        manifest = _manifest(path, archive)
        if manifest["version"] not in known_versions():
            raise SchemaVersionError(str(path), manifest["version"], newest_version())
        for name, fact in manifest["tables"].items():
            _check(path, archive, name, fact)
        database = open_database(url, create=True)
        try:
            _refuse_filled(database)
            migrate(database, manifest["version"])
            with database.writing() as connection:
                if not database.is_sqlite:
                    connection.execute(sa.text("SET CONSTRAINTS ALL DEFERRED"))
                for table in METADATA.sorted_tables:
                    if table.name in manifest["tables"]:
                        _fill(connection, table, path, archive)
                _continue_numbers(connection)
            migrate(database)
        finally:
            database.close()
    return {name: int(fact["rows"]) for name, fact in manifest["tables"].items()}


def _manifest(path: str | Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        manifest = json.loads(archive.read(MANIFEST))
        tables = manifest["tables"]
        good = isinstance(manifest["version"], str) and all(
            isinstance(f["rows"], int) and isinstance(f["sha256"], str) for f in tables.values()
        )
    except (KeyError, ValueError, TypeError, AttributeError, zipfile.BadZipFile, OSError) as reason:
        raise ArchiveError(path, f"is no backup: its manifest cannot be read ({reason!r})") from reason
    if not good or manifest.get("layout") != LAYOUT:
        raise ArchiveError(path, f"layout {manifest.get('layout')}, this version reads {LAYOUT}")
    strangers = set(tables) - set(METADATA.tables)
    listed = {f"{name}.parquet" for name in tables} | {MANIFEST}
    if strangers or set(archive.namelist()) != listed:
        raise ArchiveError(path, "holds other files than its manifest lists, or tables that are not ours")
    return dict(manifest)


def _check(path: str | Path, archive: zipfile.ZipFile, name: str, fact: dict[str, Any]) -> None:
    digest = hashlib.sha256()
    try:
        with archive.open(f"{name}.parquet") as member:
            while part := member.read(1 << 20):
                digest.update(part)
    except (zipfile.BadZipFile, OSError) as reason:
        raise ArchiveError(path, f"{name} is damaged: {reason}") from reason
    if digest.hexdigest() != fact["sha256"]:
        raise ArchiveError(path, f"{name} was altered: its SHA-256 is not that of the manifest")


def _refuse_filled(database: Database) -> None:
    with database.reading() as connection:
        there = set(sa.inspect(connection).get_table_names())
        for name in sorted(there & set(METADATA.tables)):
            found = sa.select(sa.literal(1)).select_from(METADATA.tables[name]).limit(1)
            if connection.execute(found).first() is not None:
                raise ConflictError("record", database.place, f"is not empty: it has {name}")


def _fill(connection: sa.Connection, table: sa.Table, path: str | Path, archive: zipfile.ZipFile) -> None:
    with archive.open(f"{table.name}.parquet") as member:
        data: IO[bytes] = io.BytesIO(member.read()) if not member.seekable() else member
        parquet = pq.ParquetFile(data)
        names = parquet.schema_arrow.names
        unknown = set(names) - set(table.columns.keys())
        if unknown:
            raise ArchiveError(path, f"{table.name} has columns that are not ours: {sorted(unknown)}")
        for batch in parquet.iter_batches(batch_size=ROWS):
            columns = [_values(table.c[name], batch.column(name)) for name in names]
            insert_rows(connection, table, names, list(zip(*columns, strict=True)))


def _values(column: sa.Column[Any], array: pa.Array) -> list[Any]:
    values: list[Any] = array.to_pylist()
    if isinstance(column.type, sa.JSON):
        return [None if value is None else json.loads(value) for value in values]
    if isinstance(column.type, UtcDateTime):
        return [None if value is None else value.astimezone(UTC) for value in values]
    return values


def _continue_numbers(connection: sa.Connection) -> None:
    """Let the database give out keys after the highest that was restored (SQLite does by itself)."""
    if connection.dialect.name == "sqlite":
        return
    for table in METADATA.sorted_tables:
        key = table.autoincrement_column
        if key is None or len(table.primary_key.columns) > 1 or key.foreign_keys:
            continue
        sequence = sa.func.pg_get_serial_sequence(table.name, key.name)
        if connection.execute(sa.select(sequence)).scalar() is None:
            continue
        highest = sa.select(sa.func.max(key)).scalar_subquery()
        connection.execute(
            sa.select(sa.func.setval(sequence, sa.func.coalesce(highest, 1), highest.is_not(None)))
        )
