"""Hostile uploads are refused as problems, in bounded memory, and the service goes on."""

# ruff: noqa: E501 - one case, one line

from __future__ import annotations

import gzip
import io
import resource
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from serving import Served, is_problem, served_on

from loadprofile.store.loading import load_profiles

CSV, ZIP, GZIP, JSON = "text/csv", "application/zip", "application/gzip", "application/json"
PARQUET, ARROW = "application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"
MOST_MEMORY = 400 * 1024  # KiB that a refusal may add to the peak


SETTINGS = {"max_unpacked": 24 << 20, "max_rows": 1_000_000, "max_json": 8 << 20}
"""Smaller than the defaults, so that bombs for tests are small too."""


@pytest.fixture(scope="module")
def served(blank_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    path = tmp_path_factory.mktemp("bombs") / "record.db"
    shutil.copy(blank_file, path)
    yield from served_on(str(path), **SETTINGS)


def zipped(name: str, data: bytes) -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return into.getvalue()


def zip_bomb() -> bytes:
    into = io.BytesIO()
    block = b"0" * (1 << 20)
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("b.csv", "w") as member:
        for _ in range(40):
            member.write(block)
    return into.getvalue()


def gzip_bomb() -> bytes:
    into = io.BytesIO()
    with gzip.GzipFile(fileobj=into, mode="wb") as stream:
        for _ in range(40):
            stream.write(b"0" * (1 << 20))
    return into.getvalue()


def table(columns: dict[str, Any], **options: Any) -> bytes:
    into = io.BytesIO()
    pq.write_table(pa.table(columns), into, **options)
    return into.getvalue()


def many_rows() -> bytes:
    n = 1_200_000
    return table({"meter_id": pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int8)), pa.array(["A"])),
                  "timestamp": pa.array(np.zeros(n, np.int64), pa.timestamp("ms")),
                  "kwh": pa.array(np.zeros(n, np.float32))}, compression="zstd")  # fmt: skip


def long_texts() -> bytes:
    """One text of 200,000 bytes stands once in a dictionary and 100,000 times in the column: 20 GB."""
    n = 100_000
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array(["x" * 200_000]))
    return table({"meter_id": texts, "timestamp": pa.array(np.zeros(n, np.int64), pa.timestamp("ms")),
                  "kwh": pa.array(np.zeros(n, np.float32))})  # fmt: skip


def long_cells() -> bytes:
    n, blob = 100, b"\0\0" * 200_000
    cells = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array([blob])).cast(
        pa.binary()
    )
    return table({"meter_id": [f"M{i}" for i in range(n)], "start": pa.array([0] * n, pa.date32()),
                  "step_minutes": [30] * n, "wh": cells})  # fmt: skip


def arrow(columns: dict[str, Any], **options: Any) -> bytes:
    into, made = io.BytesIO(), pa.table(columns)
    with pa.ipc.new_stream(into, made.schema, options=pa.ipc.IpcWriteOptions(**options)) as stream:
        stream.write_table(made)
    return into.getvalue()


def whole_arrow(meter_id: Any) -> bytes:
    """Arrow data that would be taken, were it not for what is done to its meters."""
    days = pa.array([1_704_067_200, 1_704_069_000], pa.timestamp("s"))
    return arrow({"meter_id": meter_id, "timestamp": days, "kwh": [1.0, 2.0]})


def bent_offsets() -> bytes:
    """Text that begins far outside of the buffer."""
    return whole_arrow(["AAAA", "BBBB"]).replace(
        struct.pack("<3i", 0, 4, 8), struct.pack("<3i", 0, 2**30, 2**30 + 4)
    )


def bent_index() -> bytes:
    """A word of a dictionary that has not so many."""
    words = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), pa.array(["A", "B"]))
    return whole_arrow(words).replace(struct.pack("<2i", 0, 1), struct.pack("<2i", 0, 99))


def bent_text() -> bytes:
    """Bytes in a text that are no letters."""
    return whole_arrow(["AAAA", "BBBB"]).replace(b"AAAABBBB", b"AA\xff\xfeBBBB")


HOSTILE: dict[str, tuple[Callable[[], bytes], str, int]] = {
    "zip bomb": (zip_bomb, ZIP, 413),
    "gzip bomb": (gzip_bomb, GZIP, 413),
    "no zip": (lambda: b"PK\x03\x04" + b"\0" * 100, ZIP, 422),
    "zip without a table": (lambda: zipped("../../etc/passwd", b"root"), ZIP, 422),
    "zip in zip": (lambda: zipped("a.csv", zipped("b.csv", b"x")), ZIP, 422),
    "encrypted zip": (lambda: zipped("a.csv", b"x").replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"), ZIP, 422),
    "cut gzip": (lambda: gzip.compress(b"meter_id,timestamp,kwh\n" * 100)[:-9], GZIP, 422),
    "rows without end": (many_rows, PARQUET, 413),
    "texts without end": (long_texts, PARQUET, 413),
    "cells without end": (long_cells, PARQUET, 413),
    "cut Parquet": (lambda: table({"meter_id": ["A"], "kwh": [1.0]})[:-20], PARQUET, 422),
    "Parquet with a torn footer": (lambda: b"PAR1" + b"\xff" * 200 + struct.pack("<I", 150) + b"PAR1", PARQUET, 422),
    "CSV as Parquet": (lambda: b"meter_id,timestamp,kwh\n", PARQUET, 422),
    "booleans for numbers": (lambda: table({"meter_id": ["A"], "timestamp": pa.array([0], pa.timestamp("s")), "kwh": [True]}), PARQUET, 422),
    "nested columns": (lambda: table({"meter_id": ["A"], "x": [{"y": [{"z": 1}]}], "kwh": [1.0]}), PARQUET, 422),
    "compressed Arrow": (lambda: arrow({"meter_id": ["A"] * 5000, "kwh": [1.0] * 5000}, compression="zstd"), ARROW, 415),
    "bent offsets": (bent_offsets, ARROW, 422),
    "bent index": (bent_index, ARROW, 422),
    "bent text": (bent_text, ARROW, 422),
    "no Arrow": (lambda: b"\xff\xff\xff\xff\xf0\xff\xff\x7f" + b"\0" * 64, ARROW, 422),
    "deep JSON": (lambda: b"[" * 8_000_000, JSON, 422),
    "deep JSON in its place": (lambda: b'{"readings":' + b'{"a":' * 1_500_000, JSON, 422),
    "a million names": (lambda: b'{"readings":[],' + b",".join(b'"%d":1' % i for i in range(600_000)) + b"}", JSON, 422),
    "long JSON": (lambda: b'{"readings":[' + b"0," * 5_000_000 + b"0]}", JSON, 413),
    "a million wrong values": (lambda: b'{"readings":[{"meter_id":"A","start":"2024-01-01","step_minutes":30,"kwh":[' + b'"a",' * 1_900_000 + b"0]}]}", JSON, 422),
    "not UTF-8": (lambda: b'{"readings":[{"meter_id":"\xff\xfe","start":"2024-01-01","step_minutes":30,"kwh":[1]}]}', JSON, 422),
    "lone surrogate": (lambda: b'{"readings":[{"meter_id":"\\ud800","start":"2024-01-01","step_minutes":30,"kwh":[1]}]}', JSON, 422),
    "a NUL in a name": (lambda: b'{"readings":[{"meter_id":"A\\u0000","start":"2024-01-01","step_minutes":30,"kwh":[1]}]}', JSON, 422),
    "a NUL in a table": (lambda: b"meter_id,timestamp,kwh\nA\0,2024-01-01T00:00,1\n", CSV, 422),
    "UTF-16 without its mark": (lambda: "meter_id,timestamp,kwh\n".encode("utf-16-le"), CSV, 422),
    "a line without end": (lambda: b"x" * (5 << 20), CSV, 422),
    "noise": (lambda: np.random.default_rng(1).bytes(50_000), CSV, 422),
    "a zip as CSV": (lambda: zipped("a.csv", b"x"), CSV, 422),
    "nothing": (lambda: b"", CSV, 422),
    "cells of nothing": (lambda: b"t" + b",a" * 50_000 + b"\n" + b"," * 5_000_000, CSV, 413),
    "more meters than there are": (lambda: b"meter_id,timestamp,kwh\n" + b"".join(b"M%d,2024-01-01T00:00,1\n" % i for i in range(60_000)), CSV, 422),
    "a meter a year": (lambda: b"meter_id,timestamp,kwh\n" + b"".join(b"M%d,%d-01-01T00:%02d,1\n" % (i, 1991 + i % 69, 15 * j) for i in range(2000) for j in range(4)), CSV, 422),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_it_is_refused_in_bounded_memory(served: Served, case: str) -> None:
    make, kind, status = HOSTILE[case]
    data = make()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    response = served.post("/v1/readings", content=data, headers={"content-type": kind})
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    body = is_problem(response, status)
    assert len(response.content) < 20_000
    assert "/tmp" not in response.text
    assert "unpacked-" not in body["detail"]
    # what points elsewhere is found before anything is read there
    assert not case.startswith("bent") or body["detail"].startswith("not whole Arrow data"), body["detail"]
    assert after - before < MOST_MEMORY
    assert served.client.get("/healthz").status_code == 200


def test_an_encoding_that_unfolds_to_much(served: Served) -> None:
    headers = {"content-type": JSON, "content-encoding": "gzip"}
    is_problem(served.post("/v1/readings", content=gzip_bomb(), headers=headers), 413)
    is_problem(served.post("/v1/readings", content=b"no gzip", headers=headers), 422)
    headers["content-encoding"] = "br"
    is_problem(served.post("/v1/readings", content=b"x", headers=headers), 415)


@pytest.mark.parametrize(
    "kind", ["", "application/octet-stream", "application/x-www-form-urlencoded", "x" * 300]
)
def test_other_kinds_of_bodies(served: Served, kind: str) -> None:
    detail = is_problem(served.post("/v1/readings", content=b"x", headers={"content-type": kind}), 415)[
        "detail"
    ]
    assert "text/csv" in detail


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_of_spreadsheets_are_read(served: Served, encoding: str) -> None:
    meter = f"Zähler {encoding}"
    text = "meter_id,timestamp,kwh\n" + "".join(f"{meter},2024-01-01T{h:02d}:00,0.5\n" for h in range(24))
    response = served.post("/v1/readings", content=text.encode(encoding), headers={"content-type": CSV})
    assert response.json()["accepted"] == 24, response.text
    with served.service.database.reading() as connection:
        assert len(load_profiles(connection, [meter])) == 1


def test_names_in_archives_lead_nowhere(served: Served, tmp_path: Any) -> None:
    text = b"meter_id,timestamp,kwh\n" + b"".join(b"ZP,2024-01-01T%02d:00,0.5\n" % h for h in range(24))
    target = tmp_path / "planted.csv"
    for name in (f"../../../../..{target}", str(target), "C:\\x.csv", "CON.csv"):
        response = served.post("/v1/readings", content=zipped(name, text), headers={"content-type": ZIP})
        assert response.status_code == 200, response.text
    assert not target.exists()


def test_a_slow_body_is_cut_off(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    def trickle() -> Any:
        for _ in range(50):
            time.sleep(0.02)
            yield b"a"

    object.__setattr__(
        served.service, "settings", served.service.settings.model_copy(update={"body_seconds": 0.05})
    )
    try:
        response = served.post("/v1/readings", content=trickle(), headers={"content-type": CSV})
    finally:
        object.__setattr__(
            served.service, "settings", served.service.settings.model_copy(update={"body_seconds": 120.0})
        )
    assert response.status_code in {408, 422}
