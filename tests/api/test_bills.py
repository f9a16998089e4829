"""Bills through the command line: train, screen without a target, features, evaluate, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bills import as_table, made_histories

from api.cli import main
from loadprofile.bills.model import BillModel
from loadprofile.verdicts import CAUSES
from loadprofile.worklist import COLUMNS


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["loadprofile", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, np.ndarray]:
    folder = tmp_path_factory.mktemp("bills")
    learned, asked = folder / "visits.parquet", folder / "asked.csv"
    as_table(made_histories(900, 61)[0]).to_parquet(learned)
    histories, kind = made_histories(300, 62, first="2021-01")
    as_table(histories, target=False).to_csv(asked, index=False)
    return learned, asked, kind


def test_train_then_screen_a_file_without_target(
    tables: tuple[Path, Path, np.ndarray],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("loadprofile.bills.fitting.ROUNDS", 20)
    learned, asked, kind = tables
    model, out = tmp_path / "own.lpm", tmp_path / "w.csv"
    assert run(monkeypatch, "train", asked, "--format", "monthly", "--out", model) == 4
    assert "no column target" in capsys.readouterr().err
    assert run(monkeypatch, "train", learned, "--format", "monthly", "--out", model) == 0
    assert "900 verdicts" in capsys.readouterr().err
    words = ("screen", asked, "--format", "monthly", "--model", model, "--out", out, "--visits", 30)
    assert run(monkeypatch, *words) == 0
    said = capsys.readouterr().err
    assert "300 rows: 300 used" in said
    assert "visits: 30" in said
    assert "too low for a name" not in said
    frame = pd.read_csv(out)
    assert tuple(frame.columns) == COLUMNS
    assert frame[[f"p_{c}" for c in CAUSES]].sum(axis=1).to_numpy() == pytest.approx(1.0, abs=1e-6)
    assert all(json.loads(e) for e in frame["evidence"])
    place = frame.set_index("meter_id")["p_fraud"]
    stolen = place.loc[[f"c62-{i}" for i in np.flatnonzero(kind != "")]]
    assert stolen.mean() > 0.6
    # where fraud is rare next to nobody reaches a name, and it is said what tells whom to visit
    words = ("screen", learned, "--format", "monthly", "--model", model, "--out", out, "--prevalence", 0.001)
    assert run(monkeypatch, *words) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "trained on visits.parquet" in said
    assert "too low for a name; whom to visit is told by the rank" in said


def test_features(
    tables: tuple[Path, Path, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "f.parquet"
    assert run(monkeypatch, "features", tables[1], "--format", "monthly", "--out", out, "--quiet") == 0
    frame = pd.read_parquet(out)
    assert len(frame) == 300
    assert {"meter_id", "as_of", "split.change", "zona"} <= set(frame.columns)


def test_evaluate_writes_its_tables(
    tables: tuple[Path, Path, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadprofile.bills.fitting.ROUNDS", 5)
    monkeypatch.setattr("loadprofile.bills.fitting.SEEDS", 1)
    monkeypatch.setattr("loadprofile.evaluate.bills.STRETCH", 2)
    monkeypatch.setattr("loadprofile.evaluate.bills.STRETCHES", 1)
    monkeypatch.setattr("loadprofile.evaluate.bills.RESAMPLES", 10)
    monkeypatch.setattr("loadprofile.evaluate.bills.ORIGINS", 2)
    monkeypatch.setattr("loadprofile.evaluate.bills.baselines_for", lambda _: ("consumption drop rule",))
    monkeypatch.setattr("api.bills.JOBS", 1)
    out = tmp_path / "e"
    words = ("evaluate", tables[0], "--format", "monthly", "--protocol", "rolling", "--out", out, "--quiet")
    assert run(monkeypatch, *words) == 0
    assert {p.name for p in out.iterdir()} == {"README.md", "block.csv", "rolling.csv", "ablation.csv"}


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        pytest.param(("--model", "default"), 2, "train one on bills first", id="default_model"),
        pytest.param(("--model", "absent.lpm"), 3, "train one first", id="no_model"),
        pytest.param(("--timezone", "Europe/Dublin"), 2, "means nothing for monthly bills", id="option"),
        pytest.param(("--from", "2020-01-01"), 2, "means nothing for monthly bills", id="span"),
        pytest.param(("--report", "r"), 2, "needs interval readings", id="report"),
    ],
)
def test_what_is_refused_in_one_sentence(
    tables: tuple[Path, Path, np.ndarray],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, str],
    code: int,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "screen", tables[1], "--format", "monthly", *more) == code
    said = capsys.readouterr().err.strip()
    assert words in said
    assert said.count("error:") == 1
    assert not (tmp_path / "worklist.csv").exists()


def test_each_model_reads_what_it_learned_from(
    tables: tuple[Path, Path, np.ndarray],
    bill_model: BillModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = tmp_path / "made.lpm"
    bill_model.save(str(model))
    sample = Path(__file__).resolve().parents[2] / "data/sample/simulated_utility.csv"
    assert run(monkeypatch, "screen", sample, "--model", model, "--out", tmp_path / "w.csv") == 3
    assert "reads bills, not interval readings" in capsys.readouterr().err
    assert run(monkeypatch, "screen", tables[1], "--out", tmp_path / "w.csv") == 2
    assert "--format monthly" in capsys.readouterr().err
