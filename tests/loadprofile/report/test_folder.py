"""The report folder: whole, linked, escaped, and without what an earlier run left."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from loadprofile.errors import OptionError, ShapeError
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import LoadProfiles
from loadprofile.report.contents import Correlation, HeldOut, Planes, Report
from loadprofile.report.folder import FILES, chosen, page_name, write_report
from loadprofile.report.pictures import Picture
from loadprofile.verdicts import CAUSES, Evidence, Verdicts
from loadprofile.worklist import worklist

XSS = '"><script>alert(1)</script>/../é 电'
IDS = (XSS, "A 1/2", "a 1/2", "CON", "..", "  ", "m6")
NAT = np.datetime64("NaT", "m")


def report(ids: tuple[str, ...] = IDS, days: int = 60, **more: object) -> Report:
    rng = np.random.default_rng(9)
    n = len(ids)
    kwh = rng.gamma(2, 0.2, (n, days, 24)).astype(np.float32)
    if n > 1:
        kwh[1] = np.nan
    profiles = LoadProfiles(np.array(ids), np.datetime64("2013-01-01") + np.arange(days), kwh, 60)
    p = np.full((n, 6), 0.02)
    p[:, 0] = 0.9
    cause = np.full(n, "normal", dtype="<U20")
    p[0] = (0.04, 0.04, 0.04, 0.04, 0.04, 0.8)
    cause[0] = "fraud"
    moments = np.full(n, NAT)
    moments[0] = np.datetime64("2013-02-01T10:00")
    lost = np.zeros(n)
    lost[0] = 1234.5
    said = (
        Evidence(
            "fraud.drop", "Use fell to <i>38 %</i> of what it was.", "after / before", 0.38, 1.0, "1",
            "2013-02-01T10:00", "2013-03-01", "peers", 0.8,
        ),
        Evidence("maintenance.phase", "A & B.", "ratio", float("nan"), float("nan"), "1"),
    )  # fmt: skip
    verdicts = Verdicts(
        profiles.meter_ids, p, 1 - p[:, 0], cause, moments, moments - np.timedelta64(2, "D"),
        moments + np.timedelta64(1, "D"), np.full(n, NAT), lost, lost * 0.8, lost * 1.3,
        np.full(n, -1), ("a voltage reading", *[""] * (n - 1)), (said, *[()] * (n - 1)),
    )  # fmt: skip
    features = FeatureTable(profiles.meter_ids, ("g2.level_kw", "integrity.coverage"), np.full((n, 2), 0.5))
    return Report("A run & more", profiles, features, verdicts, worklist(verdicts), **more)  # type: ignore[arg-type]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One blank picture a page, where a test is about the files and not about what they show."""

    def blank(*_: object) -> list[Picture]:
        return [Picture("days", "blank", b"", 1, 1)]

    monkeypatch.setattr("loadprofile.report.folder.meter_pictures", blank)


class Links(HTMLParser):
    """Every href, src and tag of a page; fails on what no page of ours may hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.found += [value or "" for name, value in attrs if name in {"href", "src"}]


def pages(folder: Path) -> dict[Path, Links]:
    return {path: Links(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")}


def test_every_link_leads_to_a_file_of_the_folder(tmp_path: Path) -> None:
    index = write_report(tmp_path / "r", report(), pages=2)
    assert index == tmp_path / "r" / "index.html"
    linked = set()
    for path, links in pages(tmp_path / "r").items():
        for link in links.found:
            assert not re.match(r"[a-z]+:|/", link), f"{link} is not relative"
            target = (path.parent / link).resolve()
            assert target.is_file(), f"{path.name} -> {link}"
            linked.add(target)
    files = {p.resolve() for p in (tmp_path / "r").rglob("*") if p.is_file() and p.name != FILES}
    assert files == linked | {index.resolve()}, "a file that no page leads to"
    assert len(list((tmp_path / "r" / "meters").iterdir())) == 2


def test_nothing_from_the_data_becomes_markup(tmp_path: Path, quick: None) -> None:
    notes = ("<script>note</script>",)
    write_report(
        tmp_path, report(notes=notes, warnings=notes, model={"<b>": "<script>"}, counts={"<s>": 3}), pages=2
    )
    for path, links in pages(tmp_path).items():
        assert "script" not in links.tags
        assert not {"i", "b", "s"} & set(links.tags) - {"i", "b"}  # our own chips and bars
        text = path.read_text(encoding="utf-8")
        assert "<script" not in text
        assert "<i>38" not in text
    page = (tmp_path / "meters" / f"{page_name(XSS)}.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "Use fell to &lt;i&gt;38 %&lt;/i&gt;" in page


def test_a_page_says_what_the_verdict_says(tmp_path: Path) -> None:
    write_report(tmp_path, report(notes=("These meters are simulated.",)), pages=1)
    page = (tmp_path / "meters" / f"{page_name(XSS)}.html").read_text(encoding="utf-8")
    for words in (
        "Most likely fraud: fraud 80 %, normal 4 %.",
        "It began on 1 Feb 2013 10:00 (80 % interval: 30 Jan 2013 10:00 to 2 Feb 2013 10:00)",
        "1,234 kWh (80 % interval: 988 to 1,605 kWh)",
        "a voltage reading",
        "Whose work it is: field inspection.",
        "strength 80 %",
        "after / before: 0.380, expected 1",
        "1 Feb 2013 10:00 to 1 Mar 2013",
        "from: peers",
        "mean power over all readings",
        "0.500 kW",
        "50 %",
        "These meters are simulated.",
    ):
        assert words in page, words
    assert page.count("<figure>") == 5


def test_the_index_counts_and_lists(tmp_path: Path) -> None:
    write_report(
        tmp_path, report(counts={"rows read": 10080, "rejected": 2}, warnings=("Odd totals.",)), pages=0
    )
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    for words in ("A run &amp; more", "10,080", "rejected", "Odd totals.", "7 meters", "60-minute readings"):
        assert words in text, words
    assert not (tmp_path / "meters").exists()


def test_only_the_first_rows_are_listed(tmp_path: Path) -> None:
    write_report(tmp_path, report(tuple(f"m{i:03d}" for i in range(230)), days=3), pages=0)
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "the first 200 of 230 meters" in text
    assert text.count('<td class="id">') == 200


def test_an_earlier_run_leaves_nothing_behind(tmp_path: Path, quick: None) -> None:
    write_report(tmp_path, report(), pages=2)
    mine = tmp_path / "meters" / "mine.html"
    mine.write_text("kept")
    stale = {p for p in tmp_path.rglob("*") if p.is_file() and p != mine}
    write_report(tmp_path, report(("x", "y")), pages=1)
    left = {p for p in tmp_path.rglob("*") if p.is_file()}
    assert mine in left, "a file that no report wrote"
    assert left & stale == {tmp_path / "index.html", tmp_path / FILES}
    assert len(left) == 1 + 2 + 1 + 1


def test_a_run_broken_off_leaves_nothing_nobody_knows_of(tmp_path: Path, quick: None) -> None:
    def stop(done: int, of: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_report(tmp_path, report(), pages=2, progress=stop)
    write_report(tmp_path, report(("x", "y")), pages=0)
    assert {p.name for p in tmp_path.rglob("*") if p.is_file()} == {"index.html", FILES}


def test_a_forged_list_removes_nothing_outside(tmp_path: Path) -> None:
    outside = tmp_path / "outside.html"
    outside.write_text("kept")
    notes = tmp_path / "r" / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("kept")
    (tmp_path / "r" / FILES).write_text(f"../outside.html\n{outside}\nnotes.txt\n")
    write_report(tmp_path / "r", report(("x", "y")), pages=0)
    assert outside.exists()
    assert notes.exists()


def test_page_names_hold_any_id() -> None:
    names = [page_name(m).lower() for m in (*IDS, "é", "e", "x" * 300, "\ud800", "nul\0")]
    assert len(set(names)) == len(names), "two meters, one file on a system blind to case"
    assert all(re.fullmatch(r"[a-z0-9_-]{10,60}", name) for name in names)


def test_ordinary_meters_come_after_the_others() -> None:
    frame = report().worklist.copy()
    frame["cause"] = ["normal", "normal", "fraud", "normal", "maintenance", "normal", "normal"]
    assert chosen(frame, 2) == [2, 4]
    assert chosen(frame, 4) == [0, 1, 2, 4]
    assert chosen(frame, 99) == list(range(7))


def test_pictures_of_the_run(tmp_path: Path, quick: None) -> None:
    rng = np.random.default_rng(3)
    matrix = np.corrcoef(rng.normal(size=(6, 30)))
    names = tuple(f"g1.f{i}" for i in range(6))
    asked: list[int] = []

    def expected(rows: np.ndarray) -> np.ndarray:
        asked.extend(rows.tolist())
        return np.ones((len(rows), 60, 8))

    whole = report(
        correlation=Correlation(matrix, matrix[:3, :3], names, names[:3]),
        planes=Planes(rng.normal(size=(7, 2)), rng.random(7), (0.5, 0.2)),
        held_out=HeldOut(rng.random(50), rng.random(50) < 0.5, "Held-out emulated meters."),
        expected=expected,
    )
    write_report(tmp_path, whole, pages=2)
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    for name in ("planes", "correlation", "calibration", "gain"):
        assert f"pictures/run-{name}.png" in text
        assert (tmp_path / "pictures" / f"run-{name}.png").read_bytes().startswith(b"\x89PNG")
    assert "Held-out emulated meters." in text
    assert len(asked) == 2, "peers are asked for only where there is a page"


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_report(tmp_path / name, report(), pages=1)
    for path in (p for p in (tmp_path / "a").rglob("*") if p.is_file()):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_one_meter(tmp_path: Path, quick: None) -> None:
    write_report(tmp_path, report(("only",)))
    assert len(list((tmp_path / "meters").iterdir())) == 1
    assert "1 meter," in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    whole = report()
    with pytest.raises(ShapeError, match="worklist"):
        replace(whole, worklist=whole.worklist.head(3))
    with pytest.raises(ShapeError, match="planes"):
        report(planes=Planes(np.zeros((2, 2))))
    file = tmp_path / "f"
    file.write_text("")
    with pytest.raises(OptionError):
        write_report(file, whole)
    with pytest.raises(OptionError):
        write_report(tmp_path, whole, pages=-1)
    assert len(CAUSES) == 6
