"""The page of a case: what it shows, to whom, and the numbers of its charts."""

from __future__ import annotations

import json
import re
import struct

import numpy as np
import pytest
from town import Town, Visitor

from api.pages.rendering import unbroken
from loadprofile.store.cases import open_for_finding
from loadprofile.store.loading import load_profiles


def test_a_case_tells_odds_evidence_and_energy(ada: Visitor, town: Town) -> None:
    text = ada.see("/cases/1")
    row = town.worklist.iloc[0]
    assert f"meter {row['meter_id']}" in text
    for said in json.loads(row["evidence"]):
        assert unbroken(said["sentence"]) in text
    assert "80 % interval" in text
    assert "What would decide" in text
    assert 'name="version" value="1"' in text


@pytest.mark.parametrize("place", ["/worklist", "/cases/1", "/cases/2?as_opened=1", "/mine", "/sign-in"])
def test_nothing_is_inline_or_from_elsewhere(ada: Visitor, place: str) -> None:
    text = ada.see(place)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    for address in re.findall(r'(?:src|href)="([^"]+)"', text):
        assert address.startswith(("/", "#")), address


def test_readings_are_packed_as_they_are_recorded(ada: Visitor) -> None:
    meter = ada.town.suspects[0]
    body = ada.get(f"/charts/readings?meter={meter}&case=1").content
    (size,) = struct.unpack("<I", body[:4])
    header = json.loads(body[4 : 4 + size])
    assert (4 + size) % 4 == 0
    kwh = np.frombuffer(body[4 + size :], dtype="<f4").reshape(header["days"], header["slots"])
    with ada.served.service.database.reading() as connection:
        (cube,) = load_profiles(connection, [meter])
    np.testing.assert_array_equal(kwh, cube.kwh[0])
    assert header["first_day"] == str(cube.days[0])
    assert header["step_minutes"] == 30


def test_courses_hold_all_charts(ada: Visitor) -> None:
    meter = ada.town.suspects[0]
    found = ada.get(f"/charts/courses?meter={meter}&case=1").json()
    assert len(found["histogram"]["sides"]) == 2
    assert [len(s["boxes"]) for s in found["seasons"]] == [24] * 4
    assert found["neighbours"]["others"]["meters"] >= 5
    assert found["neighbours"]["feeder"]["meters"] == 18
    assert {"bill", "register"} <= {entry["kind"] for entry in found["timeline"]}


def test_a_field_team_sees_its_own_cases_only(fay: Visitor) -> None:
    meter = fay.town.suspects[0]
    assert fay.get("/cases/1").status_code == 404
    assert fay.get(f"/charts/readings?meter={meter}&case=1").status_code == 404
    assert fay.get(f"/charts/readings?meter={meter}").status_code == 404
    assert fay.get(f"/meters/{meter}").status_code == 404
    assert fay.get("/worklist").status_code == 403
    with fay.served.service.database.writing() as connection:
        key, _ = open_for_finding(connection, fay.town.suspects[4], who="test")
    fay.give(key, "fay")
    assert fay.get(f"/cases/{key}").status_code == 200
    assert fay.town.suspects[4] in fay.see("/mine")
    assert fay.get(f"/charts/courses?meter={fay.town.suspects[4]}&case={key}").status_code == 200
    other = f"/charts/courses?meter={meter}&case={key}"
    assert fay.get(other).status_code == 404, "a case opens no other meter"


def test_what_does_not_exist_is_a_page_for_people_and_a_problem_for_programs(ada: Visitor) -> None:
    page = ada.get("/cases/999")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "there is no case 999" in page.text
    told = ada.get("/cases/999", headers={"accept": "application/json"})
    assert told.headers["content-type"] == "application/problem+json"


def test_who_is_not_signed_in_is_sent_to_sign_in_and_back(ada: Visitor) -> None:
    ada.leave()
    answer = ada.get("/worklist?cause=fraud", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Fworklist%3Fcause%3Dfraud"
    assert "your session has ended" in ada.see("/sign-in?next=%2Fworklist")
    assert "your session has ended" not in ada.see("/sign-in")
    for elsewhere in ("//evil.example", "https://evil.example", "/\\evil.example"):
        assert 'data-target="/"' in ada.see(f"/sign-in?next={elsewhere}")
