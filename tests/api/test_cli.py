from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from api.cli import main
from api.demo import write_wide
from loadprofile.emulate.scenario import draw
from loadprofile.models.model import Model
from loadprofile.profiles import LoadProfiles
from loadprofile.verdicts import CAUSES
from loadprofile.worklist import COLUMNS


@pytest.fixture(scope="module")
def readings(simulated_homes: LoadProfiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "readings.csv"
    touched = draw(simulated_homes, np.random.default_rng(4), prevalence=0.3)
    write_wide(touched.profiles.take(slice(0, 40)), path)
    return path


@pytest.fixture(scope="module")
def model_file(small_model: Model, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("model") / "small.lpm"
    small_model.save(str(path))
    return str(path)


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["loadprofile", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_screen_writes_the_worklist_and_the_report(
    readings: Path, model_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, report = tmp_path / "w.csv", tmp_path / "report"
    code = run(
        monkeypatch, "screen", readings, "--model", model_file, "--out", out, "--report", report,
        "--pages", 2, "--quiet",
    )  # fmt: skip
    assert code == 0
    frame = pd.read_csv(out)
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == 40
    assert frame["rank"].tolist() == list(range(1, 41))
    assert frame[[f"p_{c}" for c in CAUSES]].sum(axis=1).to_numpy() == pytest.approx(1.0, abs=1e-6)
    assert all(isinstance(json.loads(e), list) for e in frame["evidence"])
    assert (report / "index.html").is_file()
    assert len(list((report / "meters").glob("*.html"))) == 2
    assert not list(tmp_path.glob("*.part"))


def test_parquet_out_holds_the_same(
    readings: Path, model_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("w.csv", "w.parquet"):
        assert (
            run(monkeypatch, "screen", readings, "--model", model_file, "--out", tmp_path / name, "-q") == 0
        )
    a, b = pd.read_csv(tmp_path / "w.csv"), pd.read_parquet(tmp_path / "w.parquet")
    assert a["meter_id"].tolist() == b["meter_id"].tolist()
    assert a["p_fraud"].to_numpy() == pytest.approx(b["p_fraud"].to_numpy())


def test_bad_rows_are_counted_listed_and_do_not_end_the_run(
    readings: Path,
    model_file: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    lines = readings.read_text().splitlines()
    cells = lines[100].split(",")
    cells[3] = "broken"
    lines[100] = ",".join(cells)
    bad = tmp_path / "bad.csv"
    bad.write_text("\n".join(lines) + "\n")
    out = tmp_path / "w.csv"
    assert run(monkeypatch, "screen", bad, "--model", model_file, "--out", out) == 0
    rejects = pd.read_csv(tmp_path / "w.csv.rejects.csv")
    assert rejects["line"].tolist() == [101]
    assert "broken" in rejects.loc[0, "text"]
    said = capfd.readouterr().err
    assert "1 rejected" in said
    assert "w.csv.rejects.csv" in said


@pytest.mark.parametrize(
    ("content", "words", "code", "says"),
    [
        pytest.param(b"", (), 3, "empty", id="empty_file"),
        pytest.param(b"\x00\x01\x02PK\xff" * 50, (), 3, "", id="binary_file"),
        pytest.param(b"a,b\n1,2\n", ("--format", "long"), 3, "meter_id", id="wrong_columns"),
        pytest.param(b"x", ("--map", "nonsense"), 2, "NAME=COLUMN", id="bad_map"),
        pytest.param(b"x", ("--engine", "abacus"), 2, "abacus", id="unknown_engine"),
        pytest.param(b"x", ("--no-such-option",), 2, "", id="unknown_option"),
        pytest.param(
            b"meter_id,timestamp,kwh\nA,2024-01-01T00:00,1\nA,2024-01-01T00:30,1\nA,2024-01-01T01:00,1\n",
            (), 4, "", id="nothing_to_judge",
        ),
    ],
)  # fmt: skip
def test_exit_codes_and_one_clear_sentence(
    content: bytes,
    words: tuple[str, ...],
    code: int,
    says: str,
    model_file: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "input.csv"
    path.write_bytes(content)
    found = run(monkeypatch, "screen", path, "--model", model_file, "--out", tmp_path / "w.csv", *words)
    said = capfd.readouterr().err
    assert found == code, said
    assert "Traceback" not in said
    assert says in said
    assert not (tmp_path / "w.csv").exists()


def test_a_missing_file_and_a_missing_model_are_input_errors(
    readings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, "screen", tmp_path / "none.csv", "--out", tmp_path / "w.csv") == 3
    assert run(monkeypatch, "screen", readings, "--model", tmp_path / "none.lpm") == 3


def test_features_writes_every_feature(
    readings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, "features", readings, "--out", tmp_path / "f.parquet", "--quiet") == 0
    frame = pd.read_parquet(tmp_path / "f.parquet")
    assert len(frame) == 40
    assert {"meter_id", "g1.peak_height", "g2.h07.slope", "g3.winter.h18.q3", "change.ratio"} <= set(frame)


def test_prevalence_moves_the_probabilities(
    readings: Path, model_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mean = []
    for share in (0.01, 0.3):
        out = tmp_path / f"{share}.csv"
        words = ("--model", model_file, "--out", out, "--prevalence", share, "-q")
        assert run(monkeypatch, "screen", readings, *words) == 0
        mean.append(pd.read_csv(out)["p_fraud"].mean())
    assert mean[0] < mean[1]
    words = ("--model", model_file, "--prevalence", 1.5)
    assert run(monkeypatch, "screen", readings, *words) == 2


def test_train_then_screen_with_the_own_model(
    readings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.learning.ITERATIONS", 4)
    labels = tmp_path / "labels.csv"
    labels.write_text("meter_id,cause\nSIM0001,fraud\nSIM0002,normal\n")
    own = tmp_path / "own.lpm"
    words = ("--out", own, "--populations", 6, "--labels", labels, "--quiet")
    assert run(monkeypatch, "train", readings, *words) == 0
    model = Model.load(str(own))
    assert model.manifest["verified"] == 2
    assert run(monkeypatch, "screen", readings, "--model", own, "--out", tmp_path / "w.csv", "-q") == 0


def test_a_wrong_label_is_named_with_its_line(
    readings: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("meter_id,cause\nSIM0001,fraud\nSIM0002,thief\n")
    assert run(monkeypatch, "train", readings, "--out", tmp_path / "o.lpm", "--labels", labels) == 3
    assert "line 3" in capfd.readouterr().err


def test_evaluate_writes_tables_and_pictures(
    readings: Path, model_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadprofile.evaluate.protocols.ITERATIONS", 4)
    monkeypatch.setattr(
        "loadprofile.evaluate.protocols.CLASSIFIERS_COMPARED", ("logistic_regression", "decision_tree")
    )
    monkeypatch.setattr("loadprofile.evaluate.protocols.DETECTORS_COMPARED", ("hbos",))
    out = tmp_path / "evaluation"
    words = ("--out", out, "--populations", 4, "--model", model_file, "--quiet")
    assert run(monkeypatch, "evaluate", readings, *words) == 0
    text = (out / "README.md").read_text()
    assert "logistic_regression" in text
    assert "jokar_h1" in text
    assert {"fraud.csv", "causes.csv", "published.csv", "kinds.csv", "curves.png"} <= {
        p.name for p in out.iterdir()
    }
    fraud = pd.read_csv(out / "fraud.csv")
    assert ((fraud["auc_low"] <= fraud["auc"]) & (fraud["auc"] <= fraud["auc_high"])).all()


def test_evaluate_causes_takes_each_input_as_a_data_set(
    readings: Path, model_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadprofile.evaluate.causes.ITERATIONS", 2)
    monkeypatch.setattr("loadprofile.evaluate.verdict_tables.RESAMPLES", 5)
    other = tmp_path / "other.csv"
    other.write_bytes(readings.read_bytes())
    out = tmp_path / "causes"
    words = (
        "--protocol",
        "causes",
        "--parts",
        "verdicts",
        "--populations",
        8,
        "--model",
        model_file,
        "--quiet",
    )
    assert run(monkeypatch, "evaluate", readings, other, "--out", out, *words) == 0
    slices = pd.read_csv(out / "slices.csv")
    assert set(slices.loc[slices["by"] == "data set", "value"]) == {"readings", "other"}
    assert {"overall.csv", "honest.csv", "onset.csv", "explained.csv", "confusion_here.png"} <= {
        p.name for p in out.iterdir()
    }


def test_evaluate_cer_writes_both_variants(
    readings: Path, model_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadprofile.evaluate.cer.ITERATIONS", 2)
    monkeypatch.setattr("loadprofile.evaluate.cer.RESAMPLES", 5)
    out = tmp_path / "cer"
    words = ("--out", out, "--protocol", "cer", "--model", model_file, "--quiet")
    assert run(monkeypatch, "evaluate", readings, *words) == 0
    assert "MFFTD" in (out / "README.md").read_text()
    assert len(pd.read_csv(out / "attacks.csv")) == 26


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("--protocol", "guess"), id="unknown_protocol"),
        pytest.param(("--protocol", "causes", "--parts", "verdict"), id="unknown_part"),
        pytest.param(("--protocol", "cer", "--parts", "kinds"), id="parts_of_a_whole"),
    ],
)
def test_evaluate_refuses_what_it_does_not_know(
    words: tuple[str, ...], readings: Path, model_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, "evaluate", readings, "--out", tmp_path / "o", "--model", model_file, *words) == 2
