"""Readings that are submitted are on record once, and the answer tells what became of each."""

from __future__ import annotations

import gzip
import io
import zipfile
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from serving import Served, is_problem

from api.http.routes.readings import EXAMPLE, EXAMPLE_CSV
from loadprofile.store.loading import load_profiles

PARTS = ("accepted", "corrected", "folded", "duplicate", "repeated", "conflicting", "missing", "rejected")
PARQUET = {"content-type": "application/vnd.apache.parquet"}
ARROW = {"content-type": "application/vnd.apache.arrow.stream"}
CSV = {"content-type": "text/csv"}


def adds_up(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["read"] == sum(answer[part] for part in PARTS)
    return answer


def submit(served: Served, **given: Any) -> dict[str, Any]:
    response = served.post("/v1/readings", **given)
    assert response.status_code == 200, response.text
    return adds_up(response.json())


def on_record(served: Served, meter: str) -> np.ndarray:
    with served.service.database.reading() as connection:
        (cube,) = load_profiles(connection, [meter])
    return cube.kwh[0].reshape(-1)


def long_frame(meter: str, values: list[float | None], start: str = "2024-01-01") -> pd.DataFrame:
    stamps = pd.date_range(start, periods=len(values), freq="30min")
    return pd.DataFrame({"meter_id": meter, "timestamp": stamps, "kwh": values})


def column(
    meter: str, values: list[float | None], start: str = "2024-01-01", step: int = 30
) -> dict[str, Any]:
    return {"readings": [{"meter_id": meter, "start": start, "step_minutes": step, "kwh": values}]}


def as_parquet(frame: pd.DataFrame | pa.Table) -> bytes:
    into = io.BytesIO()
    table = frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(frame, preserve_index=None)
    pq.write_table(table, into)
    return into.getvalue()


def as_arrow(table: pa.Table, *, file: bool = False, **options: Any) -> bytes:
    into = io.BytesIO()
    make = pa.ipc.new_file if file else pa.ipc.new_stream
    with make(into, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as stream:
        stream.write_table(table)
    return into.getvalue()


def series_table(meter: str, values: list[float]) -> pa.Table:
    return pa.table(
        {
            "meter_id": [meter],
            "start": pa.array([np.datetime64("2024-01-01", "D").item()], pa.date32()),
            "step_minutes": [30],
            "kwh": pa.array([values], pa.list_(pa.float32())),
        }
    )


def test_json_columns_are_on_record_as_they_were_sent(served_on_both: Served) -> None:
    served = served_on_both
    values = [0.1, 0.25, None, -0.5, 3, *[0.125] * 91]
    answer = submit(served, json=column("J1", values))
    assert (answer["accepted"], answer["missing"], answer["meters"]) == (95, 1, 1)
    found = on_record(served, "J1")
    assert found.tolist()[:2] == pytest.approx([0.1, 0.25])
    assert np.isnan(found[2])
    assert found[3:5].tolist() == [-0.5, 3.0]


def test_the_same_again_is_repeated_and_another_value_conflicts(served_on_both: Served) -> None:
    served = served_on_both
    submit(served, json=column("R1", [0.1] * 48))
    assert submit(served, json=column("R1", [0.1] * 48))["repeated"] == 48
    answer = submit(served, json=column("R1", [0.2, *[0.1] * 47]))
    assert (answer["repeated"], answer["conflicting"]) == (47, 1)
    assert answer["conflicts"] == [{"meter_id": "R1", "at": "2024-01-01T00:00", "known": 0.1, "given": 0.2}]
    assert on_record(served, "R1")[0] == pytest.approx(0.1)
    corrected = served.post("/v1/readings?correct=true", json=column("R1", [0.2, *[0.1] * 47])).json()
    assert (adds_up(corrected)["corrected"], corrected["repeated"]) == (1, 47)
    assert on_record(served, "R1")[0] == pytest.approx(0.2)


def test_thousands_of_meters_in_one_call(served: Served) -> None:
    entries = [
        {"meter_id": f"T{i}", "start": "2024-02-01", "step_minutes": 60, "kwh": [i / 1000] * 24}
        for i in range(1500)
    ]
    answer = submit(served, json={"readings": entries})
    assert (answer["meters"], answer["accepted"]) == (1500, 1500 * 24)
    assert on_record(served, "T1499")[5] == pytest.approx(1.499)


@pytest.mark.parametrize(
    "layout",
    [
        "long csv", "wide csv", "long parquet", "wide parquet", "series parquet", "series arrow",
        "arrow file", "long arrow", "zip", "gzip", "encoded",
    ],
)  # fmt: skip
def test_every_layout_gives_the_same_record(served: Served, layout: str) -> None:
    meter, values = f"L {layout}", [round(0.001 * i, 3) for i in range(96)]
    long = long_frame(meter, values)  # type: ignore[arg-type]
    wide = long.set_index("timestamp")[["kwh"]].rename(columns={"kwh": meter})
    text = long.to_csv(index=False).encode()
    series = series_table(meter, values)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../up/readings.csv", text)
    body, headers = {
        "long csv": (text, CSV),
        "wide csv": (wide.to_csv().encode(), CSV),
        "long parquet": (as_parquet(long), PARQUET),
        "wide parquet": (as_parquet(wide), PARQUET),
        "series parquet": (as_parquet(series), PARQUET),
        "series arrow": (as_arrow(series), ARROW),
        "arrow file": (as_arrow(series, file=True), {"content-type": "application/vnd.apache.arrow.file"}),
        "long arrow": (as_arrow(pa.Table.from_pandas(long, preserve_index=False)), ARROW),
        "zip": (packed.getvalue(), {"content-type": "application/zip"}),
        "gzip": (gzip.compress(text), {"content-type": "application/gzip"}),
        "encoded": (gzip.compress(text), CSV | {"content-encoding": "gzip"}),
    }[layout]
    answer = submit(served, content=body, headers=headers)
    assert (answer["read"], answer["accepted"]) == (96, 96), answer
    assert on_record(served, meter) == pytest.approx(np.array(values, dtype=np.float32))


def test_a_bad_row_is_listed_and_the_others_are_taken(served: Served) -> None:
    text = "meter_id,timestamp,kwh\n" + "".join(
        f"B1,2024-01-01T{h:02d}:{m:02d},0.{h:02d}\n" for h in range(24) for m in (0, 30)
    )
    text += "B1,2024-01-02T00:00,=cmd()\nB1,nonsense,0.1\n,2024-01-02T01:00,0.1\nB1,2024-01-02T01:30,inf\n"
    answer = submit(served, content=text, headers=CSV)
    assert (answer["accepted"], answer["rejected"]) == (48, 4)
    assert [r["line"] for r in answer["reasons"]] == [50, 51, 52, 53]
    assert all(r["reason"] for r in answer["reasons"])
    assert "/" not in answer["reasons"][0]["reason"]
    few = submit(served, content="meter_id,timestamp,kwh\nB2,2024-01-01T00:00,0.1\nB2,x,0.1\n", headers=CSV)
    assert few["warnings"] == ["50.0% of all readings were rejected; the first: line 3: not a time stamp"]


def test_a_meter_id_that_cannot_be_recorded_is_rejected_alone(served: Served) -> None:
    rows = [*((f"G{'x' * 300}", i) for i in range(48)), *(("G1", i) for i in range(48))]
    text = "meter_id,timestamp,kwh\n" + "".join(
        f"{m},2024-01-01T{i // 2:02d}:{30 * (i % 2):02d},0.1\n" for m, i in rows
    )
    answer = submit(served, content=text, headers=CSV)
    assert (answer["accepted"], answer["rejected"], answer["meters"]) == (48, 48, 1)


def test_options_of_the_command_line(served: Served) -> None:
    text = "mpan;when;use\n" + "".join(
        f"O1;{d:02d}/04/2013 {h:02d}:{m:02d};1,5\n" for d in (2, 3) for h in range(24) for m in (0, 30)
    )
    given = "unit=kW&decimal=,&dayfirst=true&map=meter_id=mpan&map=timestamp=when&map=kwh=use"
    response = served.post(
        f"/v1/readings?{given}&timezone=Europe/London&format=long", content=text, headers=CSV
    )
    assert adds_up(response.json())["accepted"] == 96
    with served.service.database.reading() as connection:
        (cube,) = load_profiles(connection, ["O1"])
    assert (str(cube.days[0]), cube.timezone, cube.kwh[0, 0, 0]) == ("2013-04-02", "Europe/London", 0.75)


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("timezone=../../etc/passwd", "timezone"), ("timezone=Mars", "timezone"), ("unit=MWh", "unit"),
        ("map=kwh", "map"), ("map=colour=x", "map"), ("start=tomorrow", "start"), ("step=7", "step"),
        ("format=cer", "format"), ("correct=perhaps", "correct"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense(served: Served, query: str, word: str) -> None:
    response = served.post(f"/v1/readings?{query}", content=EXAMPLE_CSV, headers=CSV)
    assert word in is_problem(response, 422, "invalid")["detail"]


def test_cer_files_are_not_for_the_api(served: Served) -> None:
    lines = "".join(f"1392 {195 + i // 48:03d}{1 + i % 48:02d} 0.14\n" for i in range(200))
    response = served.post("/v1/readings", content=lines, headers=CSV)
    assert "CER" in is_problem(response, 422)["detail"]


def test_feeders_are_kept_apart_from_customers(served: Served) -> None:
    assert served.post("/v1/readings?kind=feeder", json=column("F1", [9.0] * 48)).status_code == 200
    assert served.get("/v1/meters/F1").status_code == 404
    assert served.get("/v1/meters/F1?kind=feeder").json()["kind"] == "feeder"


def test_a_meter_stays_in_one_zone(served: Served) -> None:
    submit(served, json=column("Z1", [0.1] * 48))
    response = served.post("/v1/readings?timezone=Europe/Paris", json=column("Z1", [0.1] * 48))
    is_problem(response, 409, "conflict")


def test_the_long_day_is_folded_and_counted(served: Served) -> None:
    body = column("C1", [0.5] * 50, start="2013-10-27T00:00+01:00")
    answer = submit(served, json=body, params={"timezone": "Europe/London"})
    assert (answer["accepted"], answer["folded"]) == (48, 2)


def test_examples_are_taken(served: Served) -> None:
    assert submit(served, json=EXAMPLE)["accepted"] == 5
    assert submit(served, content=EXAMPLE_CSV, headers=CSV)["accepted"] == 3


def test_readings_are_counted_in_the_metrics(served: Served) -> None:
    def accepted() -> float:
        value = served.service.metrics.registry.get_sample_value(
            "loadprofile_readings_total", {"outcome": "accepted"}
        )
        return value or 0.0

    before = accepted()
    given = {"json": column("M1", [0.1] * 48), "headers": {"Idempotency-Key": "metrics-1"}}
    served.post("/v1/readings", **given)
    served.post("/v1/readings", **given)
    assert accepted() - before == 48
