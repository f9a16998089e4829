"""The worklist: filters, pages, visits with their reasons, tables that run nowhere."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import openpyxl
import pytest
from recorded import made_worklist, screened
from serving import Served, is_problem
from worked import opened, with_screening

from loadprofile.worklist import COLUMNS


def rows(served: Served, query: str = "") -> list[dict[str, Any]]:
    answer = served.get(f"/v1/worklist{query}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["rows"])


def names(served: Served, query: str = "") -> list[str]:
    return [row["meter_id"][1:] for row in rows(served, query)]


def test_filters_and_pages(served_on_both: Served) -> None:
    served = served_on_both
    is_problem(served.get("/v1/worklist"), 404)
    key = with_screening(served)
    found, cursor = [], ""
    while True:
        page = served.get(f"/v1/worklist?limit=3{cursor}").json()
        assert page["screening"] == key
        found += page["rows"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert [row["rank"] for row in found] == list(range(1, 11))
    assert set(COLUMNS) <= set(found[0])
    assert found[0]["evidence"][0]["sentence"] == "über 0"
    assert (found[0]["lost_kwh_low"], found[0]["incident_id"], found[7]["onset"]) == (None, None, None)
    assert names(served, "?cause=fraud&cause=maintenance") == ["000", "001", "002", "006"]
    assert names(served, "?queue=analyst review") == ["005"]
    assert names(served, "?incident=I00001") == ["003", "004"]
    assert names(served, "?min_score=0.8") == ["000", "001", "002"]
    assert names(served, "?min_recovery=95") == ["000"]
    assert names(served, "?min_age_days=27") == ["000", "001", "002", "003"]
    assert names(served, "?max_age_days=26&min_age_days=25") == ["004", "005"]
    assert names(served, "?sort=anomaly_score&limit=2") == ["000", "001"]
    assert names(served, "?feeder=F1") == []
    case = opened(served, "M002")
    assert names(served, "?with_case=true") == ["002"]
    assert rows(served, "?with_case=true")[0]["case_key"] == case["case_key"]
    with served.service.database.writing() as connection:
        connection.exec_driver_sql("update cases set assignee = 'ada'")
    assert names(served, "?assignee=ada") == ["002"]
    assert served.get("/v1/findings/M005").json()["cause"] == "undecided"
    is_problem(served.get("/v1/findings/none"), 404)
    for wrong in ("cause=x", "queue=x", "min_score=nan", "limit=0", "cursor=x", "sort=x", "visits=0"):
        is_problem(served.get(f"/v1/worklist?{wrong}"), 422)
    is_problem(served.get("/v1/worklist?screening=99"), 404)


def test_tables_to_take_away_run_nothing(served_on_both: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served = served_on_both
    frame = made_worklist(["fraud"] * 1200)
    frame.loc[0, "meter_id"] = "=cmd|' /C calc'!A0"
    frame.loc[1, "lost_kwh"] = -5.5
    with served.service.database.writing() as connection:
        screened(connection, frame)
    got = served.get("/v1/worklist/export")
    assert got.headers["content-type"].startswith("text/csv")
    table = list(csv.DictReader(io.StringIO(got.text)))
    assert len(table) == 1200
    assert table[0]["meter_id"] == "'=cmd|' /C calc'!A0"
    assert float(table[1]["lost_kwh"]) == -5.5
    assert set(COLUMNS) <= set(table[0])
    sheet = served.get("/v1/worklist/export?format=xlsx&rows=7&sort=anomaly_score")
    assert "worklist-" in sheet.headers["content-disposition"]
    book = openpyxl.load_workbook(io.BytesIO(sheet.content))
    cells = list(book["worklist"].values)
    assert len(cells) == 8
    assert cells[1][1] == "'=cmd|' /C calc'!A0"
    assert cells[1][cells[0].index("evidence")] == "über 0"
    monkeypatch.setattr("api.http.routes.worklist.MOST_IN_SHEET", 1199)
    is_problem(served.get("/v1/worklist/export?format=xlsx"), 413, "too-large")
    assert served.get("/v1/worklist/export?format=xlsx&min_recovery=50").status_code == 200, "these are few"
    none = served.get("/v1/worklist/export?cause=maintenance")
    assert len(none.text.strip().splitlines()) == 1
    assert np.isfinite(cells[1][2])
