"""A flagged meter is nobody's example of an ordinary one, until somebody closed what was flagged."""

from __future__ import annotations

from datetime import date

from recorded import DAY, HOUR, NOON, made_worklist, screened

from loadprofile.store.case_work import close
from loadprofile.store.cases import open_for_finding
from loadprofile.store.database import Database
from loadprofile.store.feedback import Visit, record_feedback
from loadprofile.store.ordinary import not_ordinary

LIST = made_worklist(["fraud", "maintenance", "normal", "undecided", "fraud", "normal"])
TODAY = date(2024, 5, 1)


def test_flagged_meters_are_left_out_until_they_are_closed(database: Database) -> None:
    with database.writing() as connection:
        screened(connection, LIST)
        assert set(not_ordinary(connection, NOON)) == {"M000", "M001", "M003", "M004"}
        assert not_ordinary(connection, NOON - DAY) == {}, "nothing was known yet"
        case, _ = open_for_finding(connection, "M000", who="ann", at=NOON)
        record_feedback(connection, Visit("M003", "nothing_found", TODAY, "bob"), who="ann", at=NOON + HOUR)
        record_feedback(
            connection, Visit("M005", "other_cause_confirmed", TODAY, "bob", cause="maintenance"), who="ann",
            at=NOON + HOUR,
        )  # fmt: skip
        now = not_ordinary(connection, NOON + HOUR)
        assert now["M000"] == "a case of it is open"
        assert now["M005"] == "a visit found something", "whatever the screening said"
        assert "M003" not in now, "a visit found nothing"
        close(connection, case, "a holiday home", who="ann", at=NOON + 2 * HOUR)
        assert "M000" not in not_ordinary(connection, NOON + 2 * HOUR)
        assert "M000" in not_ordinary(connection, NOON + HOUR), "it was not closed then"
        screened(connection, LIST, NOON + DAY)
        again = not_ordinary(connection, NOON + DAY)
        assert {"M000", "M003"} <= set(again), "flagged anew"
