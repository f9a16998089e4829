"""Client and invoice tables through the command line: what is repaired, judged, evaluated and refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pandas as pd
import pytest
from command_line import exit_of
from steg_bills import MadeUtility

from loadprofile.bills.model import BillModel
from loadprofile.worklist import COLUMNS


def test_train_then_screen_tables_without_targets(
    steg_utility: MadeUtility,
    other_utility: MadeUtility,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("loadprofile.bills.fitting.ROUNDS", 10)
    # folders that are not there yet are made
    model, out, audit = tmp_path / "own.lpm", tmp_path / "new" / "w.csv", tmp_path / "kept" / "repairs.csv"
    words = ("--format", "steg", "--out", model, "--no-identity", "--cut-last", 1)
    assert exit_of(monkeypatch, "train", *steg_utility.files, *words) == 0
    assert "900 verdicts" in capsys.readouterr().err
    assert BillModel.load(str(model)).extras["cut_last"] == 1
    # in whatever order; audit where it is asked for, rejects beside the worklist
    words = (*other_utility.files[::-1], "--format", "steg", "--model", model, "--out", out, "--audit", audit)
    assert exit_of(monkeypatch, "screen", *words, "--visits", 20) == 0
    said = " ".join(capsys.readouterr().err.split())
    rows, told = other_utility.made.table.num_rows, other_utility.made.faults
    same, zero = int((told["column"] == "*").sum()), len(other_utility.made.rejects)
    assert f"{rows:,} rows of invoices" in said
    assert f"{same} duplicate, {zero} rejected" in said
    assert "no targets" in said
    with audit.open() as stream:
        found = {tuple(row[n] for n in told.columns) for row in csv.DictReader(stream) if row["row"] != "0"}
    assert found == set(map(tuple, told.astype(str).to_numpy()))
    with Path(f"{out}.rejects.csv").open() as stream:
        lines = [int(row["line"]) for row in csv.DictReader(stream)]
    assert lines == other_utility.made.rejects["line"].tolist()
    frame = pd.read_csv(out)
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == 500
    assert all(json.loads(said) for said in frame["evidence"])
    assert exit_of(monkeypatch, "screen", *words, "--no-identity") == 2
    assert "the model knows" in capsys.readouterr().err


def test_features_and_evaluation_say_that_the_bills_are_made(
    steg_utility: MadeUtility,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("loadprofile.bills.fitting.ROUNDS", 5)
    monkeypatch.setattr("loadprofile.evaluate.bt4012.RESAMPLES", 10)
    out, folder = tmp_path / "f.parquet", tmp_path / "e"
    mark = Path(f"{steg_utility.files[1]}.made")
    assert exit_of(monkeypatch, "features", *steg_utility.files, "--format", "steg", "--out", out) == 0
    assert "WARNING" not in capsys.readouterr().err
    frame = pd.read_parquet(out)
    assert len(frame) == 900
    assert {"meter_id", "level.elec.ratio", "deviation.mean", "client.district", "target"} <= set(
        frame.columns
    )
    mark.write_text("made")
    words = ("--format", "steg", "--protocol", "bt4012", "--no-identity", "--cut-last", 2, "--out", folder)
    try:
        assert exit_of(monkeypatch, "evaluate", *steg_utility.files, *words) == 0
    finally:
        mark.unlink()
    assert "WARNING: made invoices: the figures mean nothing" in capsys.readouterr().err
    text = (folder / "README.md").read_text()
    assert "**Made invoices: the figures mean nothing.**" in text
    for part in (
        "0.175",
        "published",
        "reproduced",
        "ours",
        "without meter identity and the last 2 invoices",
    ):
        assert part in text
    assert "all columns" not in text
    assert (folder / "rows.audit.csv").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(("{c}", "{i}"), 2, "train one on bills first", id="default_model"),
        pytest.param(
            ("{i}", "{i}", "--model", "{m}"), 2, "no STEG client table among the files", id="one_kind"
        ),
        pytest.param(("{c}", "{i}", "--model", "{m}", "--map", "a=b"), 2, "map='a'", id="map"),
        pytest.param(
            ("{c}", "{i}", "--model", "{m}", "--map", "region=b"), 2, "no column b in", id="no_column"
        ),
        pytest.param(("{c}", "{i}", "--engine", "dask"), 2, "engine='dask': needs interval", id="engine"),
        pytest.param(("{c}", "{i}", "--events", "e.csv"), 2, "needs interval readings", id="events"),
        pytest.param(("{w}", "{i}", "--model", "{m}"), 3, "nor a STEG invoice table", id="wrong_file"),
        pytest.param(("{c}", "{a}", "--model", "{m}"), 3, "no such file", id="absent"),
        pytest.param(
            ("{c}", "{i}", "--model", "{m}", "--out", "{w}/w.csv"),
            2,
            "wrong.csv: File exists",
            id="no_folder",
        ),
    ],
)
def test_what_is_refused_in_one_sentence(
    words: tuple[str, ...],
    code: int,
    said: str,
    steg_utility: MadeUtility,
    steg_model: BillModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n")
    steg_model.save(str(tmp_path / "m.lpm"))
    places = {"c": steg_utility.files[0], "i": steg_utility.files[1], "w": wrong, "a": tmp_path / "none.csv",
              "m": tmp_path / "m.lpm"}  # fmt: skip
    monkeypatch.chdir(tmp_path)
    given = [word.format(**places) for word in words]
    assert exit_of(monkeypatch, "screen", *given, "--format", "steg") == code
    error = capsys.readouterr().err.strip()
    assert said in error
    assert error.count("error:") == 1
    assert not (tmp_path / "worklist.csv").exists()


def test_training_needs_targets_and_bills_and_others_know_no_such_option(
    other_utility: MadeUtility, steg_utility: MadeUtility, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    words = ("train", *other_utility.files, "--format", "steg", "--out", tmp_path / "m.lpm")
    assert exit_of(monkeypatch, *words) == 4
    assert "no column target" in capsys.readouterr().err
    words = ("train", *steg_utility.files, "--format", "steg", "--out", tmp_path / "m.lpm")
    assert exit_of(monkeypatch, *words, "--cut-last", 400) == 4
    assert "without the last 400 invoices of each client none is left" in capsys.readouterr().err
    assert exit_of(monkeypatch, *words, "--populations", 4) == 2
    words = ("screen", other_utility.files[0], "--format", "monthly", "--cut-last", 1)
    assert exit_of(monkeypatch, *words) == 2
    assert "for --format steg only" in capsys.readouterr().err
