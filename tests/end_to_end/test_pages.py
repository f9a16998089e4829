"""The pages in a real browser: an analyst's day as one story, a field team's telephone, axe on every page.

Chromium is Debian's (`apt-get install chromium`). The town in the record is simulated.
"""

from __future__ import annotations

import io
import os
import shutil
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from telephone import PHONE, cut_off
from town import PASSWORD, Town

from api.http.app import create_app
from api.http.settings import Settings
from api.http.watch import configure_logs
from api.jobs.kinds import KINDS
from api.jobs.running import run_job
from loadprofile.store.case_work import assign
from loadprofile.store.cases import case, open_for_finding
from loadprofile.store.database import Database, open_database
from loadprofile.store.feedback import feedback
from loadprofile.store.jobs import jobs

HEAT_MAP_MS = 500.0
"""From the click to a meter-year on the screen, on a machine that does nothing else meanwhile."""

SERIOUS = {"serious", "critical"}
WIDE = {"width": 1440, "height": 900}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Debian's chromium; without it the test is skipped, or fails where everything has to be there."""
    from playwright.sync_api import sync_playwright

    place = shutil.which("chromium") or shutil.which("chromium-browser")
    if place is None:
        if os.environ.get("CI") or os.environ.get("LOADPROFILE_NO_SKIPS"):
            pytest.fail("chromium is not installed: the pages cannot be tested")
        pytest.skip("chromium is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with sync_playwright() as playwright:
            started = playwright.chromium.launch(executable_path=place, args=["--no-sandbox"])
            yield started
            started.close()


@pytest.fixture(scope="module")
def site(town: Town) -> Iterator[str]:
    """The service on a port of this machine; its address."""
    configure_logs(io.StringIO())
    settings = Settings(database=str(town.path), rate="100000/minute", sign_in_rate="1000/minute", workers=0)
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings), host="127.0.0.1", port=0, log_config=None, access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def record(town: Town) -> Iterator[Database]:
    opened = open_database(town.path)
    yield opened
    opened.close()


@dataclass
class Desk:
    """Somebody at a browser; whatever the browser complains of is kept."""

    page: Any
    site: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Any:
        self.page.goto(self.site + path, wait_until="load")
        return self.page

    def sign_in(self, name: str) -> None:
        self.open("/sign-in")
        self.page.fill("[name=name]", name)
        self.page.fill("[name=password]", PASSWORD)
        self.page.click("text=Sign in >> nth=-1")
        self.page.wait_for_url(lambda url: "sign-in" not in url)

    def said(self, words: str) -> None:
        """Wait until the page has told this."""
        self.page.wait_for_function(
            "words => document.getElementById('notice').textContent.includes(words)", arg=words, timeout=8000
        )


def desk(chromium: Any, site: str, name: str, *, size: dict[str, int] = WIDE, scheme: str = "light") -> Desk:
    context = chromium.new_context(viewport=size, color_scheme=scheme, has_touch=size is PHONE)
    made = Desk(context.new_page(), site)
    made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
    made.page.on(
        "console", lambda m: made.complaints.append(m.text) if m.type in {"error", "warning"} else None
    )
    made.sign_in(name)
    return made


def drawn_after_click(page: Any, click: Any) -> float:
    """Milliseconds from a click to the heat map on the screen, on the clock of the browser."""
    page.evaluate("addEventListener('click', () => sessionStorage.setItem('clicked', Date.now()), true)")
    click()
    page.wait_for_selector("#heatmap[data-drawn]", timeout=15000)
    return float(
        page.evaluate(
            "performance.timeOrigin + performance.getEntriesByName('heatmap')[0].startTime"
            " - Number(sessionStorage.getItem('clicked'))"
        )
    )


def crowding() -> float:
    """How much slower than alone a thread runs at this moment: time by the wall over time on a core."""
    wall, core = time.perf_counter(), time.thread_time()
    while time.thread_time() - core < 0.08:
        pass
    return max((time.perf_counter() - wall) / (time.thread_time() - core), 1.0)


def work_off(town: Town) -> None:
    """Do the jobs that wait, as a worker would."""
    settings = Settings(database=str(town.path))
    database = open_database(town.path)
    with database.reading() as connection:
        waiting = [int(key) for key in jobs(connection, state="queued")["job_key"]]
    for key in waiting:
        run_job(database, settings, key, KINDS, threading.Event())
    database.close()


def test_an_analysts_day(chromium: Any, site: str, town: Town, record: Database, tmp_path: Path) -> None:
    at = desk(chromium, site, "ada")
    page = at.page
    rows = town.worklist

    # 1. sees the list, most urgent first, and walks it by keyboard
    assert page.get_attribute("#rows tr >> nth=0", "data-meter") == rows["meter_id"].iloc[0]
    for key in ("j", "j", "k"):
        page.keyboard.press(key)
    assert page.get_attribute("tr.current", "data-meter") == rows["meter_id"].iloc[0]

    # 2. unfolds the incident
    incident = rows.loc[rows["incident_id"] != "", "incident_id"].iloc[0]
    members = rows.loc[rows["incident_id"] == incident, "meter_id"].tolist()
    page.click(f"tr[data-incident={incident}] button.fold")
    page.wait_for_selector(f"tr.member[data-of={incident}]")
    assert page.locator("tr.member").count() == len(members)
    page.keyboard.press("Space")
    page.wait_for_selector("tr.member", state="detached")

    # 3. filters, and keeps the filter
    page.click("summary:has-text('Filter')")
    page.select_option("[name=cause]", "fraud")
    page.click("#filters button")
    page.wait_for_url("**cause=fraud**")
    assert set(page.locator("#rows .chip").all_inner_texts()) == {"fraud"}
    page.once("dialog", lambda dialog: dialog.accept("thieves"))
    page.click("#save")
    at.open("/worklist")
    page.click("#saved a:has-text('thieves')")
    page.wait_for_url("**cause=fraud**")

    # 4. assigns the second to herself; her colleague cannot take it any more
    page.keyboard.press("j")
    page.keyboard.press("j")
    meter = page.get_attribute("tr.current", "data-meter")
    page.keyboard.press("a")
    at.said(f"{meter} is yours")
    assert "ada" in page.inner_text("tr.current")
    other = desk(chromium, site, "bob")
    other.open(f"/worklist?meter={meter}")
    other.page.keyboard.press("j")
    other.page.keyboard.press("a")
    other.said("ada's already")

    # 5. opens cases: the year is on the screen at once
    times = []
    for _ in range(3):
        at.open("/worklist?cause=fraud")
        crowd = crowding()
        times.append(drawn_after_click(page, lambda: page.click(f"tr[data-meter={meter}] th a")) / crowd)
    assert min(times) < HEAT_MAP_MS, times
    page.wait_for_selector("body[data-charts=drawn]")
    key = int(page.url.split("/cases/")[1].split("?")[0])

    # 6. reads why: sentences under the odds, the reading under the pointer, what was known then
    assert page.locator("ul.evidence li").count() >= 1
    page.focus("#heatmap")
    page.keyboard.press("ArrowRight")
    assert "kWh in 30 min" in page.inner_text("#heatmap-told")
    page.click("text=As known when the case was opened")
    page.wait_for_selector("body[data-charts=drawn]")
    page.click("text=As known now")
    page.wait_for_selector("body[data-charts=drawn]")

    # 7. comments, and sends it to the field
    page.click("summary:has-text('Comments')")
    page.fill("#history [name=comment]", "look behind the <b>panel</b>")
    page.click("#history button:has-text('Add')")
    at.said("Comment added")
    page.click("button:has-text('In field')")
    at.said("Moved to in field")

    # 8. writes the verdict; what is missing is asked for
    page.keyboard.press("v")
    page.select_option("#verdict [name=outcome]", "fraud_confirmed")
    page.fill("#verdict [name=kind]", "bypass under the panel")
    page.fill("#verdict [name=kwh_recovered]", "812.5")
    page.click("text=Record the verdict")
    at.said("Verdict recorded")
    with record.reading() as connection:
        entry = feedback(connection, case_key=key).iloc[0]
        assert case(connection, key)["state"] == "in_field"
    assert (entry["outcome"], entry["kind"], entry["kwh_recovered"]) == (
        "fraud_confirmed", "bypass under the panel", 812.5,
    )  # fmt: skip
    page.click("summary:has-text('Comments')")
    assert "look behind the <b>panel</b>" in page.inner_text("ol.history")

    # 9. takes the pack along, and closes the case
    page.click("details.more summary")
    with page.expect_download() as begun:
        page.click("a:has-text('PDF')")
    assert Path(begun.value.path()).read_bytes().startswith(b"%PDF-")
    page.fill("details.more form:has-text('Close') input[name=comment]", "recovered")
    page.click("text=Close the case")
    at.said("Moved to closed")

    # 10. submits a file and sees what became of it; finds the verdict in the KPIs; leaves
    readings = tmp_path / "new.csv"
    readings.write_text("meter_id,timestamp,kwh\nN1,2024-05-01T00:00,0.2\nN1,2024-05-01T00:30,x\n")
    at.open("/submit")
    page.set_input_files("[name=file]", readings)
    page.click("#submit button")
    page.wait_for_selector("#report:not([hidden])")
    assert "1 row was turned away" in page.inner_text("#report")
    assert "accepted 1" in " ".join(page.inner_text("#report-counts").split())
    at.open("/jobs")
    page.click("summary:has-text('Start a screening')")
    page.fill("[name=open_cases]", "4")
    page.click("text=Screen all meters")
    page.wait_for_selector("#jobs .s-queued")
    work_off(town)
    page.wait_for_selector("#jobs .s-done", timeout=15000)
    page.click("#jobs a:has-text('worklist')")
    page.wait_for_url("**/worklist?screening=*")
    page.wait_for_load_state()
    assert page.locator("#rows tr").count() > 30, page.inner_text("main")
    at.open("/visits")
    page.fill("[name=visits]", "3")
    page.click("text=Propose visits")
    page.wait_for_selector("td:has-text('by rank')")
    at.open("/models")
    at.open("/kpis")
    assert "813" in page.inner_text(".tiles") or "812" in page.inner_text(".tiles")
    page.click("#sign-out")
    page.wait_for_url("**/sign-in")
    at.open("/worklist")
    assert "/sign-in?next=%2Fworklist" in page.url

    assert at.complaints == []
    assert [c for c in other.complaints if "409" not in c] == []


def test_a_field_team_on_a_telephone(chromium: Any, site: str, town: Town, record: Database) -> None:
    meter = town.suspects[-1]
    with record.writing() as connection:
        key, _ = open_for_finding(connection, meter, who="test")
        assign(connection, key, "fay", who="test")
    at = desk(chromium, site, "fay", size=PHONE)
    page = at.page
    assert page.url.endswith("/mine")
    page.click(f"a.card:has-text('{meter}')")
    page.wait_for_selector("body[data-charts=drawn]")
    page.click("button:has-text('In field')")
    at.said("Moved to in field")
    page.click("a:has-text('Verdict')")
    page.select_option("#verdict [name=outcome]", "no_access")
    page.click("text=Record the verdict")
    at.said("Verdict recorded")
    for path in ("/mine", f"/cases/{key}"):
        at.open(path)
        assert cut_off(page) == [], path
    assert page.locator("header.top li").count() == 1, "the team sees its cases and nothing else"
    # and it would be seen, also where a style hides it: a word that is wider than the screen
    page.evaluate(
        "document.querySelector('main').style.overflowX = 'clip';"
        "const told = document.querySelector('.cause-head strong');"
        "told.style.whiteSpace = 'nowrap'; told.append(' as good as certain');"
    )
    assert len(cut_off(page)) == 1
    assert at.complaints == []


PAGES = (
    "/sign-in",
    "/worklist",
    "/cases/1",
    "/meters/SIM0012",
    "/mine",
    "/submit",
    "/jobs",
    "/models",
    "/kpis",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(chromium: Any, site: str, scheme: str) -> None:
    """All rules in light; in dark those about colours, for all else is the same. A phone cuts nothing off.

    axe-core (MPL-2.0) comes with a package that only the tests need.
    """
    script = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if scheme == "dark":
        options["runOnly"] = ["color-contrast"]
    at = desk(chromium, site, "olga", scheme=scheme)
    found = []
    for path in PAGES:
        at.open(path)
        if path.startswith(("/cases/", "/meters/")):
            at.page.wait_for_selector("body[data-charts=drawn]")
        at.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        if scheme == "light":
            at.page.set_viewport_size(PHONE)
            assert cut_off(at.page) == [], path
            at.page.set_viewport_size(WIDE)
        at.page.evaluate(script)
        result = at.page.evaluate("options => axe.run(document, options)", options)
        assert result["passes"], path
        found += [
            f"{path}: {one['id']}: {node['html'][:150]}; {[a['message'] for a in node['any']]}"
            for one in result["violations"]
            if one["impact"] in SERIOUS
            for node in one["nodes"][:4]
        ]
    assert found == []
    # and it would find something: a picture without words, letters as pale as their ground
    at.page.evaluate(
        "const p = document.querySelector('main p'); p.append(new Image());"
        "p.style.color = 'rgb(128, 128, 128)'; p.style.background = 'rgb(130, 130, 130)';"
    )
    result = at.page.evaluate("options => axe.run(document, options)", options)
    planted = {"color-contrast"} if scheme == "dark" else {"color-contrast", "image-alt"}
    assert planted <= {one["id"] for one in result["violations"]}
