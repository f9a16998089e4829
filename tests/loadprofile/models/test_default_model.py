"""The packaged model: small, complete, and made of nothing that may not be shipped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from api.assembly import model_named
from api.default_model import DATA_SETS, SIMULATED, sha256
from loadprofile.models.model import FIELD_PRIOR, Model
from loadprofile.models.store import unrecorded
from loadprofile.verdicts import CAUSES

PATH = Path(__file__).resolve().parents[3] / "loadprofile" / "models" / "default.lpm"


@pytest.fixture(scope="module")
def model() -> Model:
    return model_named("default")


def test_it_is_small() -> None:
    assert PATH.stat().st_size < 10_000_000


def test_its_manifest_tells_everything(model: Model) -> None:
    assert unrecorded(model.manifest) == ()
    assert model.manifest["made_by"] == "make model"
    assert all(d["attribution"] for d in model.manifest["data"])


def test_only_data_that_may_train_a_shipped_model(model: Model) -> None:
    named = {d["name"] for d in model.manifest["data"]}
    assert named == {d.name for d in DATA_SETS} | {SIMULATED}
    files = [f for d in model.manifest["data"] for f in d["files"]]
    for forbidden in ("edrp", "energizados", "steg", "registers", "feeders"):
        assert not [f for f in files if forbidden in f]


def test_the_hashes_are_those_of_the_files(model: Model, shared_data: Path) -> None:
    for data in model.manifest["data"]:
        for name, digest in data["files"].items():
            assert sha256(shared_data / name) == digest


def test_prior_and_held_out_scores(model: Model) -> None:
    assert model.prior == pytest.approx([FIELD_PRIOR[c] for c in CAUSES])
    assert model.prior.sum() == pytest.approx(1.0)
    p = np.asarray(model.held_out["probabilities"], dtype=np.float64)
    assert p.sum(axis=1) == pytest.approx(1.0, abs=1e-4)
    assert len(p) == sum(model.manifest["cases"].values())


def test_held_out_fraud_probabilities_are_calibrated(model: Model) -> None:
    """Said and happened agree within ten points in every tenth that holds a hundred cases."""
    p = np.asarray(model.held_out["probabilities"], dtype=np.float64)[:, -1]
    truth = np.asarray(model.held_out["cause"]) == len(CAUSES) - 1
    for low in np.arange(0, 1, 0.1):
        rows = (p >= low) & (p < low + 0.1)
        if rows.sum() >= 100:
            assert abs(truth[rows].mean() - p[rows].mean()) < 0.1
