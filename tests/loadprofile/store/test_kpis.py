"""What the work comes to, counted by hand on a small record."""

from __future__ import annotations

from datetime import date

import pytest
from recorded import DAY, HOUR, NOON, made_worklist, screened

from loadprofile.classify.proportions import wilson
from loadprofile.errors import OptionError
from loadprofile.store.case_work import assign, close, snooze, suppress
from loadprofile.store.cases import open_for_finding
from loadprofile.store.database import Database
from loadprofile.store.feedback import Visit, record_feedback
from loadprofile.store.kpis import (
    GROUPS,
    backlog,
    calibration,
    exploration,
    hit_rates,
    never_inspected,
    onset_to_case,
    recovered,
)
from loadprofile.store.visits import propose_visits, record_visits

LIST = made_worklist(["fraud", "fraud", "fraud", "maintenance", "normal", "normal", "fraud", "data_mismatch"])
APRIL, MAY = date(2024, 4, 30), date(2024, 5, 1)


def filled(database: Database) -> None:
    with database.writing() as connection:
        key = screened(connection, LIST)
        for meter in ("M000", "M001", "M003", "M007"):
            open_for_finding(connection, meter, who="ann", at=NOON)
        # chance draws M004, M006 with this seed; the others come by rank
        chosen = propose_visits(LIST, 5, 0.4, 4)
        record_visits(connection, key, chosen, who="ann", share=0.4, seed=4, at=NOON - DAY)
        entry, _ = record_feedback(connection, Visit("M000", "nothing_found", APRIL, "bob"), who="a", at=NOON)
        for visit, amends in (
            (Visit("M000", "fraud_confirmed", APRIL, "bob", kind="bypass", kwh_recovered=100.0,
                   money_recovered=30.0, currency="EUR"), entry),
            (Visit("M001", "nothing_found", MAY, "bob"), None),
            (Visit("M002", "right_to_raise", MAY, "bob", kwh_recovered=20.0, money_recovered=8.0,
                   currency="EUR"), None),
            (Visit("M003", "other_cause_confirmed", MAY, "eve", cause="maintenance"), None),
            (Visit("M006", "no_access", MAY, "eve"), None),
            (Visit("M007", "nothing_found", APRIL, "eve"), None),
        ):  # fmt: skip
            record_feedback(connection, visit, who="ann", amends=amends, at=NOON + HOUR)


def test_hit_rates_count_judged_visits_only(database: Database) -> None:
    filled(database)
    with database.reading() as connection:
        by = {name: hit_rates(connection, name).set_index(name) for name in GROUPS}
        then = hit_rates(connection, "cause", as_of=NOON).set_index("cause")
        with pytest.raises(OptionError):
            hit_rates(connection, "weather")
    fraud = by["cause"].loc["fraud"]
    assert (fraud.visits, fraud.judged, fraud.hits, fraud.right_to_raise) == (4, 3, 1, 1)
    assert (fraud.share, fraud.low, fraud.high) == (1 / 3, *wilson(1, 3))
    assert by["cause"].loc["maintenance"].hits == 1
    assert by["queue"].loc["field inspection"].judged == 3
    assert by["month"]["hits"].to_dict() == {"2024-04": 1, "2024-05": 1}
    assert by["reason"].loc["ranked"].visits == 3
    assert by["reason"]["found"].to_dict() == {"": 1, "exploration": 0, "ranked": 1}
    assert then["hits"].to_dict() == {"fraud": 0}  # before the amendment


def test_recovery_backlog_and_waiting_times(database: Database) -> None:
    filled(database)
    with database.writing() as connection:
        assign(connection, 1, "bob", who="ann", at=NOON)
        snooze(connection, 2, NOON + 9 * DAY, "later", who="ann", at=NOON)
        suppress(connection, 3, "known", who="ann", at=NOON)
        close(connection, 4, "done", who="ann", at=NOON)
        money = recovered(connection)
        waiting = backlog(connection, at=NOON + 3 * DAY)
        onset = onset_to_case(connection).set_index("cause")
    rows = money.set_index(["month", "currency"])
    # a visit that found nothing was driven too
    assert rows.loc["2024-04", "EUR"].tolist() == [2, 100.0, 30.0, 50.0, 15.0]
    assert rows.loc["2024-05", "EUR"].tolist() == [4, 20.0, 8.0, 5.0, 2.0]
    assert waiting["cases"].sum() == 3
    assert (waiting["snoozed"].sum(), waiting["suppressed"].sum()) == (1, 1)
    assert waiting["oldest_days"].max() == pytest.approx(3.0)
    assert onset.loc["fraud", "cases"] == 2
    assert onset.loc["fraud", "median"] == pytest.approx(29.5 + 5.5 / 24)


def test_currencies_are_never_added(database: Database) -> None:
    with database.writing() as connection:
        screened(connection, LIST)
        for meter, money, currency in (("M000", 10.0, "SEK"), ("M001", 4.0, "EUR"), ("M002", 6.0, "EUR")):
            visit = Visit(meter, "right_to_raise", MAY, "bob", kwh_recovered=1.0, money_recovered=money,
                          currency=currency)  # fmt: skip
            record_feedback(connection, visit, who="ann", at=NOON)
        unpaid = Visit("M003", "right_to_raise", MAY, "bob", kwh_recovered=5.0)
        record_feedback(connection, unpaid, who="ann", at=NOON)
        rows = recovered(connection).set_index("currency")
    assert rows.loc["EUR"].tolist() == ["2024-05", 4, 7.0, 10.0, 1.75, 2.5]
    assert rows.loc["SEK"].tolist() == ["2024-05", 4, 1.0, 10.0, 0.25, 2.5]


def test_stated_probabilities_stand_beside_what_was_found(database: Database) -> None:
    filled(database)
    with database.reading() as connection:
        fraud = calibration(connection)
        maintenance = calibration(connection, "maintenance", bins=2)
        with pytest.raises(OptionError):
            calibration(connection, "undecided")
    assert fraud["visits"].tolist() == [2, 3]
    assert fraud["confirmed"].tolist() == [0, 1]
    assert fraud["stated"].tolist() == pytest.approx([0.05, 0.75])
    assert fraud["from"].tolist() == pytest.approx([0.0, 0.7])
    assert (maintenance["confirmed"].tolist(), maintenance["to"].tolist()) == ([0, 1], [0.5, 1.0])


def test_exploration_and_the_never_inspected_are_counted(database: Database) -> None:
    filled(database)
    with database.reading() as connection:
        drawn = exploration(connection)
        seen = never_inspected(connection)
    assert (drawn["visits"].tolist(), drawn["exploration"].tolist()) == ([5], [2])
    assert drawn["share"].tolist() == pytest.approx([0.4])
    assert seen == {"meters": 8, "inspected": 5, "share": 0.375}


def test_an_empty_record_has_empty_figures(database: Database) -> None:
    with database.reading() as connection:
        for name in GROUPS:
            assert hit_rates(connection, name).empty
        for figure in (recovered, backlog, onset_to_case, calibration, exploration):
            assert figure(connection).empty
        assert never_inspected(connection)["meters"] == 0
