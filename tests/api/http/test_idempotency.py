"""The same write twice changes nothing and is answered as the first time; atomic with the write itself."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from serving import Served, is_problem

from loadprofile.store.access_tables import IDEMPOTENCY
from loadprofile.store.meter_tables import READING_DAYS, RECEIPTS


def body(meter: str, value: float = 0.1) -> dict[str, Any]:
    return {"readings": [{"meter_id": meter, "start": "2024-01-01", "step_minutes": 30, "kwh": [value] * 48}]}


def submit(served: Served, key: str, meter: str, value: float = 0.1, role: str = "analyst") -> Any:
    headers = {"Idempotency-Key": key}
    return served.post("/v1/readings", role, json=body(meter, value), headers=headers)


def count(served: Served, table: sa.Table) -> int:
    with served.service.database.reading() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def test_the_second_call_is_answered_as_the_first(served_on_both: Served) -> None:
    served = served_on_both
    first, second = submit(served, "a", "A"), submit(served, "a", "A")
    assert first.json() == second.json()
    assert first.json()["accepted"] == 48
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert (count(served, READING_DAYS), count(served, RECEIPTS)) == (1, 1)


def test_another_request_under_the_key_is_refused(served: Served) -> None:
    submit(served, "b", "B")
    is_problem(submit(served, "b", "B", 0.2), 409, "idempotency-key")
    headers = {"Idempotency-Key": "b"}
    is_problem(
        served.post("/v1/readings?correct=true", json=body("B"), headers=headers), 409, "idempotency-key"
    )


def test_another_caller_has_keys_of_its_own(served: Served) -> None:
    submit(served, "c", "C")
    other = submit(served, "c", "C2", role="operator")
    assert other.json()["accepted"] == 48


def test_a_refused_write_may_be_mended_under_the_same_key(served: Served) -> None:
    headers = {"Idempotency-Key": "d"}
    is_problem(served.post("/v1/readings", json={"readings": []}, headers=headers), 422)
    assert submit(served, "d", "D").json()["accepted"] == 48


@pytest.mark.parametrize("key", ["", "x" * 201, "a b", "a\tb"])
def test_what_is_no_key(served: Served, key: str) -> None:
    is_problem(submit(served, key, "E"), 422)


def test_a_call_at_work_is_told_to_wait(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, go_on = threading.Event(), threading.Event()
    from api.http.routes import readings

    cubes_in = readings.cubes_in

    def slow(*given: Any) -> Any:
        inside.set()
        go_on.wait(10)
        return cubes_in(*given)

    monkeypatch.setattr(readings, "cubes_in", slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(submit, served, "f", "F")
        inside.wait(10)
        second = submit(served, "f", "F")
        go_on.set()
        assert first.result().json()["accepted"] == 48
    is_problem(second, 409, "in-progress")
    assert second.headers["retry-after"] == "1"
    assert submit(served, "f", "F").headers["idempotent-replayed"] == "true"


def test_many_at_once_write_once(served_on_both: Served) -> None:
    served = served_on_both
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: submit(served, "g", "G"), range(12)))
    assert {a.status_code for a in answers} <= {200, 409}
    assert len({a.text for a in answers if a.status_code == 200}) == 1
    assert (count(served, READING_DAYS), count(served, RECEIPTS)) == (1, 1)


def test_a_write_that_fails_leaves_no_key(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from api.http import idempotency

    before = count(served, IDEMPOTENCY)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "answered", fail)
        is_problem(submit(served, "h", "H"), 500)
    assert count(served, IDEMPOTENCY) == before
    assert served.get("/v1/meters/H").status_code == 404
    assert submit(served, "h", "H").json()["accepted"] == 48


def test_old_answers_are_dropped_when_the_service_starts(tmp_path: Path, blank_file: Path) -> None:
    import shutil
    import time
    from datetime import UTC, datetime, timedelta

    from serving import served_on

    from loadprofile.store.access_tables import IDEMPOTENCY
    from loadprofile.store.database import open_database
    from loadprofile.store.idempotency import Answer, answered, once

    shutil.copy(blank_file, tmp_path / "r.db")
    database = open_database(tmp_path / "r.db")
    with database.writing() as connection:
        for key, days in (("old", 4), ("young", 1)):
            once(connection, key, "ann", "h", at=datetime.now(UTC) - timedelta(days=days))
            answered(connection, key, "ann", Answer(200, "application/json", b"{}"))
    for _ in served_on(str(tmp_path / "r.db"), replay_days=2.0):
        left: list[str] = []
        for _ in range(100):
            with database.reading() as connection:
                left = [row.key for row in connection.execute(IDEMPOTENCY.select())]
            if left == ["young"]:
                break
            time.sleep(0.02)
        assert left == ["young"]
    database.close()
