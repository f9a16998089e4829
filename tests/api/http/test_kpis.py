"""Key figures over HTTP are those of the record, and say so where there are none."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from recorded import NOON, made_worklist, screened
from serving import Served, is_problem

from loadprofile.profiles import LoadProfiles
from loadprofile.store.cases import open_for_finding
from loadprofile.store.feedback import Visit, record_feedback
from loadprofile.store.readings import record_readings
from loadprofile.store.visits import propose_visits, record_visits

LIST = made_worklist(["fraud", "fraud", "maintenance", "normal", "normal", "fraud"])
TODAY = date(2024, 5, 1)


@pytest.fixture(scope="module")
def worked(served: Served) -> Served:
    with served.service.database.writing() as connection:
        key = screened(connection, LIST)
        open_for_finding(connection, "M000", who="ann", at=NOON)
        chosen = propose_visits(LIST, 4, 0.25, 1)
        record_visits(connection, key, chosen, who="ann", share=0.25, seed=1, at=NOON)
        for visit in (
            Visit("M000", "fraud_confirmed", TODAY, "bob", kind="bypass", kwh_recovered=90.0,
                  money_recovered=30.0, currency="EUR"),
            Visit("M001", "nothing_found", TODAY, "bob"),
            Visit("M005", "no_access", TODAY, "bob"),
        ):  # fmt: skip
            record_feedback(connection, visit, who="ann", at=NOON + timedelta(hours=1))
        days = np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-01-21"))
        kwh = np.random.default_rng(3).random((6, 20, 24)).astype(np.float32)
        kwh[:, 10:] *= 3.0
        record_readings(connection, LoadProfiles(np.array([f"M{i:03d}" for i in range(6)]), days, kwh, 60))
    return served


def asked(served: Served, path: str) -> dict[str, object]:
    response = served.get(f"/v1/kpis/{path}")
    assert response.status_code == 200, response.text
    found: dict[str, object] = response.json()
    return found


def test_an_empty_record_has_empty_figures(served_on_both: Served) -> None:
    for path, name in (
        ("hit-rates", "rates"), ("recovery", "months"), ("backlog", "cases"), ("onset-to-case", "causes"),
        ("calibration", "bins"), ("exploration", "screenings"),
    ):  # fmt: skip
        assert asked(served_on_both, path)[name] == []
    assert asked(served_on_both, "inspected") == {"meters": 0, "inspected": 0, "share": None}
    spans = "before_from=2024-01-01&before_to=2024-01-10&after_from=2024-01-11&after_to=2024-01-20"
    assert [row["psi"] for row in asked(served_on_both, f"drift?{spans}")["quantities"]] == [None, None]  # type: ignore[attr-defined]


def test_hit_rates_come_with_their_intervals(worked: Served) -> None:
    (fraud,) = asked(worked, "hit-rates")["rates"]  # type: ignore[misc]
    assert (fraud["group"], fraud["visits"], fraud["judged"], fraud["hits"]) == ("fraud", 3, 2, 1)
    assert fraud["low"] < fraud["share"] == 0.5 < fraud["high"]
    (month,) = asked(worked, "hit-rates?by=month")["rates"]  # type: ignore[misc]
    assert month["group"] == "2024-05"
    assert asked(worked, "hit-rates?as_of=2024-05-01T12:00:00Z")["rates"] == [], "nothing was told yet"
    is_problem(worked.get("/v1/kpis/hit-rates?by=weather"), 422)
    is_problem(worked.get("/v1/kpis/hit-rates?as_of=2024-05-01"), 422)


def test_recovery_backlog_and_delay(worked: Served) -> None:
    months = {row["currency"]: row for row in asked(worked, "recovery")["months"]}  # type: ignore[attr-defined]
    assert (months["EUR"]["kwh_per_visit"], months["EUR"]["money_per_visit"]) == (30.0, 10.0)
    assert months[""]["visits"] == 2
    (waiting,) = asked(worked, "backlog?at=2024-05-04T12:00:00Z")["cases"]  # type: ignore[misc]
    assert (waiting["queue"], waiting["cases"], waiting["oldest_days"]) == ("field inspection", 1, 3.0)
    (delay,) = asked(worked, "onset-to-case")["causes"]  # type: ignore[misc]
    assert delay["median"] == pytest.approx(30 + 5.5 / 24)


def test_calibration_exploration_and_the_never_inspected(worked: Served) -> None:
    (found,) = asked(worked, "calibration")["bins"]  # type: ignore[misc]
    assert (found["from"], found["visits"], found["confirmed"]) == (0.7, 2, 1)
    assert found["stated"] == pytest.approx(0.75)
    assert asked(worked, "calibration?cause=maintenance&bins=2")["cause"] == "maintenance"
    (drawn,) = asked(worked, "exploration")["screenings"]  # type: ignore[misc]
    assert (drawn["exploration"], drawn["visits"], drawn["wanted"]) == (1, 4, 0.25)
    assert asked(worked, "inspected") == {"meters": 6, "inspected": 2, "share": pytest.approx(4 / 6)}
    is_problem(worked.get("/v1/kpis/calibration?cause=undecided"), 422)
    is_problem(worked.get("/v1/kpis/calibration?bins=0"), 422)


def test_drift_of_the_readings(worked: Served) -> None:
    spans = "before_from=2024-01-01&before_to=2024-01-10&after_from=2024-01-11&after_to=2024-01-20"
    use, known = asked(worked, f"drift?{spans}")["quantities"]  # type: ignore[misc]
    assert use["psi"] > 1.0
    assert known["psi"] == pytest.approx(0.0)
    is_problem(worked.get("/v1/kpis/drift?before_from=2024-01-01"), 422)
    backwards = spans.replace("before_to=2024-01-10", "before_to=2023-01-10")
    is_problem(worked.get(f"/v1/kpis/drift?{backwards}"), 422)
