from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.errors import ShapeError
from loadprofile.verdicts import CAUSES, Cause, Evidence, Verdicts
from loadprofile.worklist import COLUMNS, QUEUES, for_crew, iso, only_row, rounded_to_one, worklist


def verdicts(p_fraud: list[float], lost: list[float], cause: list[str] | None = None) -> Verdicts:
    n = len(p_fraud)
    fraud = CAUSES.index(Cause.FRAUD)
    probabilities = np.zeros((n, 6))
    probabilities[:, fraud] = p_fraud
    probabilities[:, 0] = 1 - probabilities[:, fraud]
    nat = np.full(n, np.datetime64("NaT", "m"))
    onset = nat.copy()
    onset[0] = np.datetime64("2013-05-02T14:30")
    evidence = (
        Evidence("fraud.drop", "Use fell by 60 %.", "after / before", 0.4, 1.0, "1"),
        Evidence("fraud.cap", "unknown", "cap", float("nan"), 1.0, "kW"),
    )
    return Verdicts(
        np.array([f"m{i}" for i in range(n)]),
        probabilities,
        np.array(p_fraud),
        np.array(cause or ["fraud"] * n),
        onset, nat, nat, nat,
        np.array(lost), np.array(lost) * 0.8, np.array(lost) * 1.2,
        np.arange(n) - 1,
        ("",) * n,
        (evidence,) + ((),) * (n - 1),
    )  # fmt: skip


def test_columns_are_the_contract() -> None:
    assert tuple(worklist(verdicts([0.5], [10.0])).columns) == COLUMNS
    assert COLUMNS[:4] == ("rank", "meter_id", "anomaly_score", "cause")
    assert COLUMNS[4:10] == tuple(
        f"p_{c}"
        for c in ("normal", "data_mismatch", "maintenance", "cyber_attack", "super_consumption", "fraud")
    )


def test_rank_is_by_expected_recovery_then_score() -> None:
    frame = worklist(verdicts([0.9, 0.5, 0.2, 0.1], [10.0, 100.0, 0.0, np.nan]))
    assert frame["meter_id"].tolist() == ["m1", "m0", "m2", "m3"]
    assert frame["expected_recovery"].tolist() == [50.0, 9.0, 0.0, 0.0]
    assert frame["rank"].tolist() == [1, 2, 3, 4]


def test_energy_of_another_cause_sends_no_crew() -> None:
    made = verdicts([0.05, 0.5], [32_000.0, 100.0], ["data_mismatch", "fraud"])
    frame = worklist(replace(made, lost_if_fraud=np.array([200.0, 100.0])))
    assert frame["meter_id"].tolist() == ["m1", "m0"]
    assert frame["expected_recovery"].tolist() == [50.0, 10.0]
    assert frame["lost_kwh"].tolist() == [100.0, 32_000.0]


def test_evidence_is_json_without_nan() -> None:
    frame = worklist(verdicts([0.9], [10.0]))
    said = json.loads(frame.loc[0, "evidence"])
    assert said[0]["sentence"] == "Use fell by 60 %."
    assert said[1]["found"] is None


def test_incidents_and_moments_are_text() -> None:
    frame = worklist(verdicts([0.9, 0.8], [10.0, 1.0]))
    assert frame["incident_id"].tolist() == ["", "I00000"]
    assert frame["onset"].tolist() == ["2013-05-02T14:30", ""]
    assert iso(np.array(["2013-05-02T00:00", "NaT"], dtype="datetime64[m]")) == ["2013-05-02", ""]


def test_a_crew_gets_only_its_own_queue() -> None:
    frame = worklist(verdicts([0.9, 0.8, 0.7], [5.0, 9.0, 1.0], ["fraud", "maintenance", "fraud"]))
    assert for_crew(frame, 2)["meter_id"].tolist() == ["m0", "m2"]
    assert set(frame["queue"]) == {QUEUES["fraud"], QUEUES["maintenance"]}


def test_negative_loss_recovers_nothing() -> None:
    assert worklist(verdicts([0.9], [-50.0]))["expected_recovery"].tolist() == [0.0]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.floats(1e-9, 1.0), min_size=6, max_size=6), min_size=1, max_size=5))
def test_printed_probabilities_sum_to_one(rows: list[list[float]]) -> None:
    p = np.array(rows)
    p /= p.sum(axis=1, keepdims=True)
    shown = rounded_to_one(p)
    assert shown.sum(axis=1) == pytest.approx(1.0, abs=1e-9)
    assert np.abs(shown - p).max() < 1e-5


def test_the_row_of_a_single_meter_is_that_of_the_list() -> None:
    (row,) = worklist(verdicts([0.4], [12.34567])).drop(columns="rank").to_dict("records")
    found = only_row(verdicts([0.4], [12.34567]))
    assert found == row
    assert list(found) == list(row)
    assert [type(value) for value in found.values()] == [type(value) for value in row.values()]
    with pytest.raises(ShapeError):
        only_row(verdicts([0.4, 0.5], [1.0, 2.0]))
