"""Cases: one open per meter and cause, nobody colliding, nothing lost."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from recorded import DAY, HOUR, NOON, made_worklist, screened

from loadprofile.errors import (
    ConflictError,
    NotFoundError,
    OptionError,
    RefusedError,
    StaleError,
    TransitionError,
)
from loadprofile.store.case_work import (
    assign,
    close,
    comment_on,
    move,
    snooze,
    suppress,
    take_next,
    unsuppress,
    wake,
)
from loadprofile.store.cases import (
    TRANSITIONS,
    CaseFilters,
    case,
    change,
    history,
    list_cases,
    open_case,
    open_for_finding,
)
from loadprofile.store.database import Database
from loadprofile.store.meters import ensure_meters


def opened(connection, *names: str, cause: str = "fraud", **others) -> int:
    ensure_meters(connection, names)
    key, new = open_case(connection, names, cause, who="ann", at=NOON, **others)
    assert new
    return key


def test_a_meter_has_one_open_case_for_a_cause(database: Database) -> None:
    with database.writing() as connection:
        key = opened(connection, "A")
        assert open_case(connection, ["A"], "fraud", who="bob") == (key, False)
        other = opened(connection, "A", cause="maintenance")
        assert other != key
        close(connection, key, "nothing found", who="ann", expected=1)
        again = opened(connection, "A")
        assert again not in {key, other}
        with pytest.raises(ConflictError):
            move(connection, key, "new", who="ann")


def test_an_incident_is_one_case_and_takes_in_its_meters(database: Database) -> None:
    causes = ["data_mismatch", "data_mismatch", "fraud", "data_mismatch"]
    with database.writing() as connection:
        key = screened(connection, made_worklist(causes, incidents={0: "I1", 1: "I1", 3: "I1"}))
        case_key, new = open_for_finding(connection, "M001", who="ann", at=NOON + HOUR)
        assert new
        found = case(connection, case_key)
        assert found["meter_ids"] == ["M000", "M001", "M003"]
        assert (found["incident_id"], found["screening_key"], found["queue"]) == (
            "I1",
            key,
            "data operations",
        )
        assert found["priority"] == pytest.approx(100 + 75 + 25)
        assert found["as_of"] == NOON  # what the screening knew, not what is known at opening
        assert open_for_finding(connection, "M003", who="bob") == (case_key, False)
        ensure_meters(connection, ["X"])
        assert open_case(connection, ["M000", "X"], "data_mismatch", who="bob") == (case_key, False)
        assert "X" in case(connection, case_key)["meter_ids"]
        assert history(connection, case_key)["what"].tolist() == ["opened", "joined"]


def test_unknown_meters_and_causes_are_refused(database: Database) -> None:
    with database.writing() as connection:
        with pytest.raises(NotFoundError):
            open_case(connection, ["nobody"], "fraud", who="ann")
        ensure_meters(connection, ["A"])
        with pytest.raises(OptionError):
            open_case(connection, ["A"], "witchcraft", who="ann")
        for missing in (case, history):
            with pytest.raises(NotFoundError):
                missing(connection, 99)
        with pytest.raises(NotFoundError):
            change(connection, 99, {}, "changed", who="ann")


def test_who_was_slower_is_told_and_overwrites_nothing(database: Database) -> None:
    with database.writing() as connection:
        key = opened(connection, "A")
        assert assign(connection, key, "bob", who="ann", expected=1) == 2
        with pytest.raises(StaleError) as caught:
            assign(connection, key, "eve", who="eve", expected=1)
        assert (caught.value.expected, caught.value.found) == (1, 2)
        assert case(connection, key)["assignee"] == "bob"


def test_states_move_only_along_the_allowed_steps(database: Database) -> None:
    walks = {
        "new": [], "assigned": ["assigned"], "in_field": ["assigned", "in_field"],
        "waiting_for_data": ["waiting_for_data"], "closed": ["closed"],
    }  # fmt: skip
    with database.writing() as connection:
        for at, (state, walk) in enumerate(walks.items()):
            for wanted in TRANSITIONS:
                key = opened(connection, f"{at}-{wanted}")
                for step in walk:
                    move(connection, key, step, who="ann")
                if wanted in TRANSITIONS[state] or wanted == state:
                    move(connection, key, wanted, who="ann")
                    assert case(connection, key)["state"] == wanted
                else:
                    with pytest.raises(TransitionError) as caught:
                        move(connection, key, wanted, who="ann")
                    assert caught.value.allowed == TRANSITIONS[state]


def test_history_tells_who_did_what(database: Database) -> None:
    with database.writing() as connection:
        key = opened(connection, "A")
        assign(connection, key, "bob", who="ann", at=NOON + HOUR)
        comment_on(connection, key, "  the seal is broken ", who="bob", at=NOON + 2 * HOUR)
        move(connection, key, "in_field", who="bob", comment="today", at=NOON + 3 * HOUR)
        close(connection, key, "fraud confirmed", who="bob", at=NOON + 4 * HOUR)
        log = history(connection, key)
        with pytest.raises(RefusedError):
            comment_on(connection, key, "  ", who="bob")
        with pytest.raises(ConflictError):
            assign(connection, key, "eve", who="ann")
    assert log["what"].tolist() == ["opened", "assigned", "commented", "moved", "closed"]
    assert log["who"].tolist() == ["ann", "ann", "bob", "bob", "bob"]
    assert log["before"].iloc[1] == {"assignee": None, "state": "new"}
    assert log["after"].iloc[1] == {"assignee": "bob", "state": "assigned"}
    assert log["comment"].tolist()[2:4] == ["the seal is broken", "today"]
    assert log["after"].iloc[4]["resolution"] == "fraud confirmed"


def test_a_snoozed_case_comes_back_by_itself(database: Database) -> None:
    with database.writing() as connection:
        key = opened(connection, "A")
        with pytest.raises(OptionError):
            snooze(connection, key, NOON, "past", who="ann", at=NOON)
        with pytest.raises(RefusedError):
            snooze(connection, key, NOON + DAY, " ", who="ann", at=NOON)
        snooze(connection, key, NOON + DAY, "register is read on Monday", who="ann", at=NOON)
        assert list_cases(connection, at=NOON + HOUR).empty
        assert take_next(connection, "bob", at=NOON + HOUR) is None
        assert len(list_cases(connection, CaseFilters(asleep=True), at=NOON + HOUR)) == 1
        assert len(list_cases(connection, at=NOON + DAY)) == 1
        wake(connection, key, who="ann", at=NOON + HOUR)
        assert len(list_cases(connection, at=NOON + HOUR)) == 1


def test_a_suppressed_case_stays_recorded_and_no_new_one_comes(database: Database) -> None:
    with database.writing() as connection:
        key = opened(connection, "A")
        suppress(connection, key, "known: a brewery", who="ann", at=NOON)
        assert list_cases(connection).empty
        assert take_next(connection, "bob") is None
        assert open_case(connection, ["A"], "fraud", who="ann") == (key, False)
        assert len(list_cases(connection, CaseFilters(suppressed=True))) == 1
        unsuppress(connection, key, who="ann")
        assert take_next(connection, "bob")["case_key"] == key


def test_lists_are_filtered_and_turned(database: Database) -> None:
    with database.writing() as connection:
        keys = [opened(connection, f"M{i}", priority=float(i % 3), feeder_id=f"F{i % 2}") for i in range(7)]
        assign(connection, keys[3], "bob", who="ann")
        opened(connection, "M0", cause="maintenance", priority=-1.0)
        order = sorted(keys, key=lambda key: (-(keys.index(key) % 3), key))
        pages, after = [], None
        while len(page := list_cases(connection, CaseFilters(causes=("fraud",)), limit=3, after=after)):
            pages += page["case_key"].tolist()
            after = (page["priority"].iloc[-1], page["case_key"].iloc[-1])
        assert pages == order
        for filters, count in (
            (CaseFilters(states=("assigned",)), 1), (CaseFilters(assignee="bob"), 1),
            (CaseFilters(meter_id="M0"), 2), (CaseFilters(feeder_id="F1"), 3),
            (CaseFilters(queues=("meter maintenance",)), 1), (CaseFilters(assignee="eve"), 0),
            (CaseFilters(opened_by_then=datetime.now(UTC)), 8), (CaseFilters(opened_by_then=NOON - DAY), 0),
        ):  # fmt: skip
            assert len(list_cases(connection, filters)) == count
        with pytest.raises(OptionError):
            list_cases(connection, limit=0)


def test_two_analysts_never_get_the_same_case(database: Database) -> None:
    with database.writing() as connection:
        for i in range(24):
            opened(connection, f"M{i}", priority=float(i))
    got: dict[str, list[int]] = {f"analyst {i}": [] for i in range(8)}
    failed: list[BaseException] = []

    def work(name: str) -> None:
        try:
            while True:
                with database.writing() as connection:
                    mine = take_next(connection, name)
                if mine is None:
                    return
                assert (mine["assignee"], mine["state"], mine["version"]) == (name, "assigned", 2)
                got[name].append(mine["case_key"])
        except BaseException as error:  # noqa: BLE001 - to be shown by the test
            failed.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in got]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    taken = [key for keys in got.values() for key in keys]
    assert len(taken) == len(set(taken)) == 24


def test_the_next_case_is_the_most_urgent_of_those_asked_for(database: Database) -> None:
    with database.writing() as connection:
        opened(connection, "A", priority=1.0)
        urgent = opened(connection, "B", priority=5.0)
        broken = opened(connection, "C", cause="maintenance", priority=9.0)
        assert take_next(connection, "ann", CaseFilters(causes=("fraud",)))["case_key"] == urgent
        assert take_next(connection, "bob", CaseFilters(assignee="ann"))["case_key"] == broken
