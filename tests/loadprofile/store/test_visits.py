"""Visits are chosen by rank and by chance, with the probability that is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import made_worklist, screened

from loadprofile.errors import MissingColumnsError, OptionError
from loadprofile.store.cases import open_for_finding
from loadprofile.store.database import Database
from loadprofile.store.visits import draw, propose_visits, proposed_visits, record_visits

LIST = made_worklist(
    ["fraud", "normal", "fraud", "undecided", "fraud", "maintenance", "fraud", "normal", "fraud"]
)


@pytest.mark.parametrize(("visits", "share"), [(3, 0.2), (4, 0.5), (8, 0.3), (2, 0.0), (3, 1.0), (30, 0.5)])
def test_meters_are_visited_as_often_as_their_propensity_says(visits: int, share: float) -> None:
    draws, n = 2000, len(LIST)
    field = np.flatnonzero(LIST["cause"] == "fraud")
    counts = np.zeros(n)
    for seed in range(draws):
        ranked, drawn, propensity = draw(n, field, visits, share, seed)
        counts[np.concatenate([ranked, drawn])] += 1.0
    error = np.sqrt(propensity * (1 - propensity) / draws)
    assert (np.abs(counts / draws - propensity) <= 5 * error + 1e-12).all()
    chosen = propose_visits(LIST, visits, share, seed)
    rows = [int(name[1:]) for name in chosen["meter_id"]]
    assert rows == [*ranked.tolist(), *drawn.tolist()]
    assert np.array_equal(chosen["propensity"], propensity[rows])


@settings(max_examples=30, deadline=None)
@given(
    causes=st.lists(st.sampled_from(["fraud", "normal", "undecided"]), max_size=12),
    visits=st.integers(0, 15),
    share=st.floats(0, 1),
    seed=st.integers(0, 1000),
)
def test_nobody_is_chosen_twice_or_in_place_of_an_empty_queue(causes, visits, share, seed) -> None:
    frame = made_worklist(causes) if causes else LIST.iloc[:0]
    chosen = propose_visits(frame, visits, share, seed)
    assert chosen["meter_id"].is_unique
    assert len(chosen) <= min(visits, len(frame))
    ranked = chosen[chosen["reason"] == "ranked"]
    assert (ranked["cause"] == "fraud").all()
    field = frame.loc[frame["cause"] == "fraud", "meter_id"].tolist()
    assert ranked["meter_id"].tolist() == field[: len(ranked)]
    drawn = (chosen["reason"] == "exploration").sum()
    assert abs(drawn - min(share * visits, len(frame))) < 1 or drawn == len(frame) - len(ranked)
    assert ((chosen["propensity"] > 0) & (chosen["propensity"] <= 1 + 1e-12)).all()
    pd.testing.assert_frame_equal(chosen, propose_visits(frame, visits, share, seed))


def test_settings_that_make_no_sense_are_refused() -> None:
    for visits, share in ((-1, 0.1), (3, 1.5), (3, float("nan"))):
        with pytest.raises(OptionError):
            propose_visits(LIST, visits, share)
    with pytest.raises(MissingColumnsError):
        propose_visits(LIST.drop(columns="queue"), 3)


def test_proposals_are_kept_once_with_their_case(database: Database) -> None:
    chosen = propose_visits(LIST, 4, 0.5, 7)
    with database.writing() as connection:
        key = screened(connection, LIST)
        case_key, _ = open_for_finding(connection, "M000", who="ann")
        keys = record_visits(connection, key, chosen, who="ann", share=0.5, seed=7)
        assert record_visits(connection, key, chosen, who="bob", share=0.5, seed=7) == keys
        got = proposed_visits(connection, key).set_index("visit_key").loc[keys]
    assert got["meter_id"].tolist() == chosen["meter_id"].tolist()
    assert got["reason"].tolist() == chosen["reason"].tolist()
    assert np.allclose(got["propensity"].astype(float), chosen["propensity"])
    assert got["proposed_by"].tolist() == ["ann"] * 4
    assert got["case_key"].iloc[0] == case_key
