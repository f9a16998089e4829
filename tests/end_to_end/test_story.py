"""From a file to a promotion undone, in a browser: submit, screen, list, case, verdict, retrain, promote.

What an analyst does besides on a day stands in ``test_pages``, whose browser this uses.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from end_to_end.test_pages import chromium, desk, site, work_off  # noqa: F401 - fixtures
from town import PASSWORD, Town

from loadprofile.store.database import open_database
from loadprofile.store.logins import add_user
from loadprofile.store.model_register import models

SAMPLE = Path(__file__).resolve().parents[2] / "data/sample/simulated_utility.csv"


@pytest.fixture(scope="module")
def town(blank_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A new record with one operator and nothing else."""
    path = tmp_path_factory.mktemp("story") / "record.db"
    shutil.copy(blank_file, path)
    database = open_database(path)
    with database.writing() as connection:
        add_user(connection, "olga", "operator", PASSWORD, who="test")
    database.close()
    return Town(path, pd.DataFrame())


def done(page: Any, town: Town, kind: str) -> None:
    """Do what was asked for; the page of jobs tells that it is done."""
    page.wait_for_selector("#jobs .s-queued")
    work_off(town)
    page.wait_for_selector(f"#jobs tr:has-text('{kind}') .s-done", timeout=15000)


def test_a_story_from_a_file_to_a_promotion_undone(
    chromium: Any,  # noqa: F811
    site: str,  # noqa: F811
    town: Town,
    tmp_path: Path,
) -> None:
    homes = tmp_path / "two_homes.csv"
    pd.read_csv(SAMPLE, usecols=["timestamp", "SIM0001", "SIM0005"]).to_csv(homes, index=False)
    at = desk(chromium, site, "olga")
    page = at.page

    at.open("/submit")
    page.set_input_files("[name=file]", homes)
    page.click("#submit button")
    page.wait_for_selector("#report:not([hidden])")
    assert "accepted 5,760" in " ".join(page.inner_text("#report-counts").split())

    page.click("a:has-text('Start a screening')")
    page.wait_for_url("**/jobs")
    page.click("text=Screen all meters")
    done(page, town, "screening")
    page.click("#jobs a:has-text('worklist')")
    page.wait_for_url("**/worklist?screening=1")
    assert sorted(row.get_attribute("data-meter") for row in page.locator("#rows tr").all()) == [
        "SIM0001", "SIM0005",
    ]  # fmt: skip

    page.click("tr[data-meter=SIM0005] th a")
    page.wait_for_selector("#heatmap[data-drawn]")
    if page.locator("text=No case is open for this meter.").count():
        page.click("button:has-text('Open a case')")
    page.wait_for_url("**/cases/1**")
    page.wait_for_selector("body[data-charts=drawn]")
    page.keyboard.press("v")
    page.select_option("#verdict [name=outcome]", "fraud_confirmed")
    page.fill("#verdict [name=kind]", "a second line")
    page.fill("#verdict [name=visited_on]", "2024-02-20")
    page.click("text=Record the verdict")
    at.said("Verdict recorded")

    at.open("/models")
    assert "No model was promoted" in page.inner_text("main")
    page.click("summary:has-text('Train a challenger')")
    page.fill("#train [name=name]", "spring")
    page.fill("#train [name=populations]", "3")
    page.fill("#train [name=iterations]", "4")
    page.click("#train button")
    at.said("Training was asked for")
    at.open("/jobs")
    done(page, town, "training of spring")

    at.open("/models")
    page.fill("form.promote [name=reason]", "we visited")
    page.click("form.promote button")
    at.said("with `force`")
    page.check("form.promote [name=force]")
    page.click("form.promote button")
    at.said("Promoted.")
    page.wait_for_selector("article.champion:has-text('spring')")
    assert "spring screens now" in page.inner_text("main")
    assert "forced although" in page.inner_text("main")

    page.fill("#roll-back [name=reason]", "it proved nothing")
    page.click("#roll-back button")
    page.wait_for_selector("td:has-text('rolled back')")
    assert "No model was promoted" in page.inner_text("main")
    database = open_database(town.path)
    with database.reading() as connection:
        row = models(connection).iloc[0]
    database.close()
    assert row["manifest"]["verified"] == 1, "the verdict was learned from"
    assert row["manifest"]["not_ordinary"] == 1
    assert row["state"] == "challenger"
    assert [said for said in at.complaints if "409" not in said] == []
