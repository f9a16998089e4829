"""Submit, jobs, models, KPIs: what they show of the record, and to whom."""

from __future__ import annotations

from datetime import date

import pytest
from serving import is_problem
from town import Visitor

from api.jobs.screening import ask
from api.pages.kpis import QUANTITY_WORDS
from loadprofile.store.feedback import Visit, record_feedback
from loadprofile.store.findings import screening
from loadprofile.store.jobs import add_job, finish_job, job, report_progress, start_job
from loadprofile.store.model_register import add_model, promote
from loadprofile.store.visits import propose_visits, record_visits

PLACES = ("/visits", "/submit", "/jobs", "/models", "/kpis")


@pytest.mark.parametrize("place", PLACES)
def test_pages_of_an_untouched_record(ada: Visitor, place: str) -> None:
    assert "<h1>" in ada.see(place)


@pytest.mark.parametrize("place", [*PLACES, "/jobs/list", "/worklist"])
def test_a_field_team_has_no_business_there(fay: Visitor, place: str) -> None:
    assert fay.get(place).status_code == 403


def test_jobs_show_how_far_they_are_and_can_be_stopped(ada: Visitor) -> None:
    database = ada.served.service.database
    with database.writing() as connection:
        done, running = (add_job(connection, "screening", {}, who="ada") for _ in range(2))
        screened, queued = ask(connection, ada.served.service.settings, who="ada")
        for key in (done, running):
            start_job(connection, key)
        finish_job(connection, done, error="no <b>room</b> is left")
        report_progress(connection, running, 0.25, "judging")
    text = ada.see("/jobs")
    assert "every 2s" in text
    assert "25\u00a0% judging" in text
    assert "no &lt;b&gt;room&lt;/b&gt; is left" in text
    ada.post(f"/jobs/{queued}/cancel")
    ada.post(f"/jobs/{running}/cancel")
    with database.reading() as connection:
        assert job(connection, queued)["state"] == "cancelled"
        assert screening(connection, screened)["state"] == "cancelled", "its screening ends with it"
        assert job(connection, running)["cancel_requested"]
    is_problem(ada.post(f"/jobs/{done}/cancel"), 409)


def test_models_with_their_scores(olga: Visitor, ada: Visitor) -> None:
    scores = {"fraud": {"average_precision": {"value": 0.61, "low": 0.5, "high": 0.7}}, "better": True}
    database = olga.served.service.database
    with database.writing() as connection:
        first = add_model(connection, "spring", {"k": 1}, who="x", content=b"1")
        promote(connection, first, "the first", who="x")
        second = add_model(connection, "<i>summer</i>", {"k": 2}, who="x", content=b"2", scores=scores)
        promote(connection, second, "better beyond the noise", who="x")
    ada.sign_in()
    text = ada.see("/models")
    assert "&lt;i&gt;summer&lt;/i&gt; screens now" in text
    assert "0.61 (0.5 to 0.7)" in text
    assert "Roll back" not in text
    olga.sign_in()
    text = olga.see("/models")
    assert "Roll back" in text
    assert text.count('class="promote"') == 1, "the champion is not promoted again"


def test_kpis_tell_what_verdicts_say(ada: Visitor) -> None:
    meter = ada.town.suspects[0]
    with ada.served.service.database.writing() as connection:
        visit = Visit(meter, "fraud_confirmed", date(2024, 3, 5), "team", kind="bypass", kwh_recovered=1500.0,
                      money_recovered=420.0, currency="EUR")  # fmt: skip
        record_feedback(connection, visit, who="test")
    text = ada.see("/kpis")
    for words in QUANTITY_WORDS.values():
        assert words in text
    assert "1,500" in text
    assert "420.00 EUR" in text
    assert "Population stability index" in text
    assert "90\u00a0% to 100\u00a0%" in ada.see("/kpis?cause=fraud")
    assert ada.get("/kpis?cause=nonsense").status_code == 200


def test_visits_tell_why_each_meter_was_chosen(ada: Visitor) -> None:
    database = ada.served.service.database
    assert "No visit was proposed" in ada.see("/visits")
    chosen = propose_visits(ada.town.worklist, 8, 0.25, seed=3)
    with database.writing() as connection:
        record_visits(connection, 1, chosen, who="test", share=0.25, seed=3)
    text = ada.see("/visits")
    assert len(chosen) == text.count("<tr><td")
    assert text.count(">by rank<") == (chosen["reason"] == "ranked").sum()
    assert text.count(">by chance<") == (chosen["reason"] == "exploration").sum()
    assert ada.get("/visits?screening=9").status_code == 404
