"""The list: order, filters, folded incidents, taking a case before anybody else."""

from __future__ import annotations

import io
import re

import pandas as pd
from serving import is_problem
from town import Visitor

from loadprofile.store.cases import case, list_cases
from loadprofile.store.findings import Filters, findings_page
from loadprofile.store.incidents import incidents


def meters(text: str) -> list[str]:
    return re.findall(r'data-meter="([^"]+)"', text)


def test_rows_come_in_their_order(ada: Visitor) -> None:
    listed = meters(ada.see("/worklist?unfolded=1"))
    assert listed == [str(m) for m in ada.town.worklist["meter_id"].head(50)]


def test_filters(ada: Visitor) -> None:
    rows = ada.town.worklist
    fraud = rows.loc[rows["cause"] == "fraud", "meter_id"].tolist()
    assert meters(ada.see("/worklist?cause=fraud")) == fraud
    assert meters(ada.see(f"/worklist?meter={fraud[0]}")) == [fraud[0]]
    assert "No meter fits" in ada.see("/worklist?meter=none-such")
    assert meters(ada.see("/worklist?score=0.9&unfolded=1")) == rows.loc[
        rows["anomaly_score"] >= 0.9, "meter_id"
    ].tolist()  # fmt: skip
    assert ada.get("/worklist?since=1%27%20or%201").status_code == 422
    assert len(meters(ada.see("/worklist?score=nan&sort=nonsense"))) > 5, "what makes no sense is left out"


def test_what_is_shown_is_what_is_taken_away(ada: Visitor) -> None:
    for query in ("", "cause=fraud&score=0.5", "undone=1&since=2023-05-01&until=2023-12-01&sort=lost_kwh"):
        text = ada.see(f"/worklist?unfolded=1&{query}")
        (link,) = re.findall(r'href="(/v1/worklist/export\?format=csv[^"]*)"', text)
        table = pd.read_csv(io.StringIO(ada.see(link.replace("&amp;", "&"))))
        assert table["meter_id"].tolist() == meters(text) != [], query
        assert ("These meters as a table" in text) == bool(query)


def test_an_incident_is_one_row_that_unfolds(ada: Visitor) -> None:
    rows = ada.town.worklist
    name = rows.loc[rows["incident_id"] != "", "incident_id"].iloc[0]
    members = rows.loc[rows["incident_id"] == name, "meter_id"].tolist()
    assert len(members) > 1
    text = ada.see("/worklist")
    shown = [m for m in meters(text) if m in members]
    assert shown == members[:1]
    assert f"{len(members)} meters" in text
    more = re.findall(r'data-more="([^"]+)"', text)[0].replace("&amp;", "&")
    part = ada.get(more, headers={"hx-request": "true"})
    assert meters(part.text) == members
    assert "<html" not in part.text
    with ada.served.service.database.reading() as connection:
        whole = findings_page(connection, 1, Filters(folded=True), limit=1000).frame
        sums = incidents(connection, 1, [name])
    assert len(whole) == len(rows) - len(members) + 1
    assert sums["meters"].tolist() == [len(members)]
    total = rows.loc[rows["incident_id"] == name, "expected_recovery"].sum()
    assert abs(float(sums["expected_recovery"].iloc[0]) - total) < 1e-6


def test_folding_stays_true_under_a_filter(ada: Visitor) -> None:
    rows = ada.town.worklist
    name = rows.loc[rows["incident_id"] != "", "incident_id"].iloc[0]
    members = rows.loc[rows["incident_id"] == name, "meter_id"].tolist()
    later = Filters(folded=True, meter_ids=tuple(members[1:]))
    with ada.served.service.database.reading() as connection:
        frame = findings_page(connection, 1, later).frame
    assert frame["meter_id"].tolist() == [members[1]], "the first of the wanted rows stands for all of them"


def test_who_takes_first_has_it(ada: Visitor, bob: Visitor) -> None:
    meter = ada.town.suspects[5]
    given = {"screening": 1, "meter_id": meter}
    bob.sign_in()
    assert 'data-case="' in bob.post("/worklist/take", given).text
    ada.sign_in()
    told = is_problem(ada.post("/worklist/take", given), 409, "conflict")
    assert "bob" in told["detail"]
    with ada.served.service.database.reading() as connection:
        frame = list_cases(connection)
        key = int(frame.loc[frame["assignee"] == "bob", "case_key"].iloc[0])
        assert case(connection, key)["meter_ids"] == [meter]


def test_the_next_case_is_taken_until_there_is_none(ada: Visitor) -> None:
    ada.sign_in()
    places = [ada.post("/mine/next", {}).headers["hx-redirect"] for _ in range(6)]
    taken = [place for place in places if place != "/mine?nothing=1"]
    assert len(set(taken)) == len(taken) >= 2
    assert places[-1] == "/mine?nothing=1"
    assert len(re.findall(r'class="card ', ada.see("/mine"))) == len(taken)


def test_a_record_without_a_screening_says_where_to_begin(ada: Visitor) -> None:
    assert ada.get("/worklist?screening=99").status_code == 404
