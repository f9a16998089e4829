"""A worklist comes back as it went in, and page by page without losing a row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from recorded import NOON, made_worklist, screened

from loadprofile.errors import ConflictError, MissingColumnsError, NotFoundError, OptionError
from loadprofile.store.cases import open_for_finding
from loadprofile.store.database import Database
from loadprofile.store.facts import record_facts
from loadprofile.store.findings import (
    SORTS,
    Filters,
    discard_findings,
    finding,
    findings_page,
    finish_screening,
    record_findings,
    screening,
    start_screening,
    whole_worklist,
)

CAUSES = ["fraud", "maintenance", "undecided", "fraud", "normal", "data_mismatch", "fraud", "normal", "fraud"]
LIST = made_worklist(CAUSES, lost=[10.0, np.nan, 3.0, 10.0, 0.0, np.nan, 7.0, 0.0, 10.0])


def test_a_worklist_comes_back_as_it_was(database: Database) -> None:
    with database.writing() as connection:
        key = screened(connection, LIST)
    with database.reading() as connection:
        got = whole_worklist(connection)
        row = screening(connection)
        one = finding(connection, "M003")
    pd.testing.assert_frame_equal(got, LIST, check_dtype=False)
    assert (row["screening_key"], row["state"], row["meters"]) == (key, "done", 9)
    assert (row["as_of"], row["settings"]) == (NOON, {"engine": "local"})
    assert one["evidence"] == [{"name": "fraud.sign", "sentence": "über 3", "found": None}]


@pytest.mark.parametrize("sort", SORTS)
def test_pages_hold_every_row_once_in_order(database: Database, sort: str) -> None:
    with database.writing() as connection:
        screened(connection, LIST)
    frames, cursor = [], None
    with database.reading() as connection:
        while True:
            page = findings_page(connection, sort=sort, limit=2, cursor=cursor)
            frames.append(page.frame)
            cursor = page.cursor
            if cursor is None:
                break
        whole = findings_page(connection, sort=sort).frame
    turned = pd.concat(frames, ignore_index=True)
    assert turned["meter_id"].tolist() == whole["meter_id"].tolist()
    assert sorted(turned["meter_id"]) == sorted(LIST["meter_id"])
    if sort == "onset":
        values = turned["onset"].where(turned["onset"] != "", "9999").tolist()
        assert values == sorted(values)
    else:
        values = turned[sort].fillna(-np.inf).tolist()
        assert values == sorted(values, reverse=sort != "rank")


def test_filters_choose_rows(database: Database) -> None:
    with database.writing() as connection:
        lines = pd.DataFrame({"meter_id": ["M000", "M003"], "feeder_id": ["F1", "F1"]})
        record_facts(connection, "topology", lines, NOON)
        screened(connection, made_worklist(CAUSES, incidents={1: "I00001", 2: "I00001"}))
        open_for_finding(connection, "M006", who="ann")
    expected = {
        Filters(causes=("fraud",)): [0, 3, 6, 8],
        Filters(queues=("field inspection", "analyst review")): [0, 2, 3, 6, 8],
        Filters(feeder_id="F1"): [0, 3],
        Filters(incident_id="I00001"): [1, 2],
        Filters(least_score=0.7): [0, 1, 2, 3],
        Filters(least_recovery=88.0, causes=("maintenance", "fraud")): [0, 1],
        Filters(onset_from="2024-04-06", onset_to="2024-04-07"): [5, 6],
        Filters(with_case=True): [6],
        Filters(with_case=False, causes=("fraud",)): [0, 3, 8],
        Filters(assignee="ann"): [],
        Filters(meter_ids=("M004", "M008", "X")): [4, 8],
    }
    with database.reading() as connection:
        for filters, rows in expected.items():
            page = findings_page(connection, filters=filters)
            assert page.frame["meter_id"].tolist() == [f"M{i:03d}" for i in rows], filters
        shown = findings_page(connection, filters=Filters(with_case=True)).frame
    assert shown["case_state"].tolist() == ["new"]


def test_what_is_asked_wrongly_is_said(database: Database) -> None:
    with database.writing() as connection:
        with pytest.raises(NotFoundError):
            findings_page(connection)
        screened(connection, LIST)
        cursor = findings_page(connection, limit=2).cursor
        other = screened(connection, LIST)
        for wrong in (
            {"sort": "meter_id"}, {"limit": 0}, {"limit": 1001}, {"cursor": "???"}, {"cursor": "WzFd"},
            {"cursor": cursor}, {"screening_key": other, "cursor": cursor},
        ):  # fmt: skip
            with pytest.raises(OptionError):
                findings_page(connection, **wrong)
        with pytest.raises(MissingColumnsError):
            record_findings(connection, other, LIST.drop(columns="queue"))
        with pytest.raises(NotFoundError):
            finding(connection, "nobody")
        with pytest.raises(NotFoundError):
            record_findings(connection, other, LIST.replace({"meter_id": {"M000": "nobody"}}))


def test_a_screening_that_broke_off_begins_again(database: Database) -> None:
    with database.writing() as connection:
        done = screened(connection, LIST)
        key = start_screening(connection, who="ann", model_name="m", at=NOON)
        record_findings(connection, key, LIST.iloc[:4])
        assert screening(connection)["screening_key"] == done  # the running one is not the last word
        assert discard_findings(connection, key) == 4
        record_findings(connection, key, LIST)
        finish_screening(connection, key)
        some = start_screening(connection, who="ann", model_name="m", settings={"listed": 4}, at=NOON)
        record_findings(connection, some, LIST.iloc[:4])
        finish_screening(connection, some)
        assert screening(connection)["screening_key"] == key  # one of listed meters is no new worklist
        assert finding(connection, "M000")["screening_key"] == some
        for ended in (discard_findings, finish_screening):
            with pytest.raises(ConflictError):
                ended(connection, key)
        assert len(whole_worklist(connection, key)) == 9
