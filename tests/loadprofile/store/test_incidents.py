"""Incidents as one line each, on both databases, against sums by hand."""

from __future__ import annotations

import pandas as pd
import pytest
from recorded import made_worklist, screened

from loadprofile.store.database import Database
from loadprofile.store.findings import Filters, findings_page
from loadprofile.store.incidents import COLUMNS, incidents

CAUSES = ["fraud", "maintenance", "data_mismatch", "data_mismatch", "maintenance", "data_mismatch", "normal"]
OF = {1: "I1", 2: "I2", 3: "I2", 4: "I1", 5: "I2"}
LOST = [10.0, 1.0, 2.0, 3.0, 4.0, 5.0, 0.0]


def meters(database: Database, key: int, **given: object) -> list[str]:
    """All meters of a list, two rows a page."""
    found: list[str] = []
    cursor = None
    with database.reading() as connection:
        while True:
            page = findings_page(connection, key, Filters(**given), limit=2, cursor=cursor)  # type: ignore[arg-type]
            found += page.frame["meter_id"].tolist()
            cursor = page.cursor
            if cursor is None:
                return found


def test_folded_lists_hold_each_incident_once(database: Database) -> None:
    frame = made_worklist(CAUSES, lost=LOST, incidents=OF)
    with database.writing() as connection:
        old = screened(connection, frame)  # another screening has incidents of the same names
        key = screened(connection, frame)
    assert old != key
    assert meters(database, key, folded=True) == ["M000", "M001", "M002", "M006"]
    assert meters(database, key) == frame["meter_id"].tolist()
    assert meters(database, key, folded=True, causes=("data_mismatch",)) == ["M002"]
    assert meters(database, key, folded=True, meter_ids=("M004", "M005", "M003")) == ["M003", "M004"]


@pytest.mark.parametrize("filters", [Filters(), Filters(causes=("maintenance",)), Filters(least_score=0.5)])
def test_sums_are_over_the_wanted_rows(database: Database, filters: Filters) -> None:
    frame = made_worklist(CAUSES, lost=LOST, incidents=OF)
    with database.writing() as connection:
        key = screened(connection, frame)
    with database.reading() as connection:
        found = incidents(connection, key, ["I2", "I1", "none-such"], filters)
    assert list(found) == list(COLUMNS)
    rows = frame[frame["incident_id"] != ""]
    if filters.causes:
        rows = rows[rows["cause"].isin(filters.causes)]
    if filters.least_score is not None:
        rows = rows[rows["anomaly_score"] >= filters.least_score]
    for name, part in rows.groupby("incident_id"):
        one = found[found["incident_id"] == name].iloc[0]
        assert one["meters"] == len(part)
        assert one["expected_recovery"] == pytest.approx(part["expected_recovery"].sum())
        assert one["lost_kwh"] == pytest.approx(part["lost_kwh"].sum())
        assert (one["first_onset"], one["last_onset"]) == (part["onset"].min(), part["onset"].max())
    assert len(found) == rows["incident_id"].nunique()


def test_no_incident_asked_for(database: Database) -> None:
    with database.writing() as connection:
        key = screened(connection, made_worklist(CAUSES))
    with database.reading() as connection:
        assert isinstance(incidents(connection, key, []), pd.DataFrame)
