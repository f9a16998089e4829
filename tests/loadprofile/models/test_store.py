from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from loadprofile.classify.calibration import BinaryCalibrator, ClassCalibrator
from loadprofile.classify.supervised import make_classifier
from loadprofile.errors import ModelFileError
from loadprofile.models.store import MANIFEST_KEYS, load_model, save_model, unrecorded
from loadprofile.space.correlation import CorrelationFilter
from loadprofile.space.projection import PrincipalPlanes

FACTS = {
    "name": "test",
    "data": [{"name": "simulated", "files": {"homes.parquet": "0" * 64}}],
    "seed": 7,
    "attribution": "made here – née ici",
    "created_as_of": "2024-03-01",
}


def _values(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    values = rng.normal(size=(n, 6))
    values[rng.random(values.shape) < 0.1] = np.nan
    return values, rng.integers(0, 3, n)


@pytest.fixture(scope="module")
def parts() -> dict[str, object]:
    values, truth = _values()
    space = make_pipeline(CorrelationFilter(), PrincipalPlanes()).fit(values)
    boosted = HistGradientBoostingClassifier(max_iter=10, random_state=0).fit(values, truth)
    return {
        "space": space,
        "boosted": boosted,
        "two_class": HistGradientBoostingClassifier(max_iter=5).fit(values, truth > 0),
        "linear": LogisticRegression().fit(np.nan_to_num(values), truth),
        "binary": BinaryCalibrator("isotonic").fit(np.nan_to_num(values[:, 0]), truth > 0),
        "classes": ClassCalibrator().fit(np.log(boosted.predict_proba(values)), truth),
        "nest": {
            "names": ["g1.peak", "é"],
            "array": np.arange(6, dtype=np.float32).reshape(2, 3),
            "days": np.array(["2020-01-01", "NaT"], dtype="datetime64[D]"),
            "ids": np.array(["a", "bb"]),
            "pair": (1, 2.5, None, True, "x"),
            "inner": {"threshold": np.float64(0.25)},
        },
    }


@pytest.fixture
def file(tmp_path, parts) -> Path:
    path = tmp_path / "model.lpm"
    save_model(path, parts, FACTS)
    return path


def test_round_trip_predicts_the_same(file, parts):
    found, manifest = load_model(file)
    values, _ = _values()
    np.testing.assert_array_equal(found["space"].transform(values), parts["space"].transform(values))
    for name in ("boosted", "two_class", "linear"):
        expected = parts[name].predict_proba(np.nan_to_num(values))
        np.testing.assert_array_equal(found[name].predict_proba(np.nan_to_num(values)), expected)
    grid = np.linspace(-3, 3, 20)
    np.testing.assert_array_equal(found["binary"].transform(grid), parts["binary"].transform(grid))
    logits = np.log(parts["boosted"].predict_proba(values))
    np.testing.assert_array_equal(found["classes"].transform(logits), parts["classes"].transform(logits))
    nest, expected = found["nest"], parts["nest"]
    for name in ("array", "days", "ids"):
        np.testing.assert_array_equal(nest[name], expected[name])
        assert nest[name].dtype == expected[name].dtype
    assert (nest["names"], nest["pair"], nest["inner"]) == (
        expected["names"],
        expected["pair"],
        expected["inner"],
    )
    assert {key: manifest[key] for key in FACTS} == FACTS
    assert manifest["store"]["versions"].keys() >= {"python", "numpy", "scikit-learn", "skops"}


@pytest.mark.parametrize(
    "name",
    ["decision_tree", "logistic_regression", "ridge", "svm", "hist_gradient_boosting"],
)
def test_named_classifiers_can_be_kept(name, tmp_path):
    values, truth = _values(120)
    model = make_classifier(name).estimator
    if name == "hist_gradient_boosting":
        model.set_params(max_iter=5)
    model.fit(values, truth)
    save_model(tmp_path / "m.lpm", {"model": model}, {})
    again = load_model(tmp_path / "m.lpm")[0]["model"]
    np.testing.assert_array_equal(again.predict(values), model.predict(values))


def test_what_is_not_on_the_list_cannot_even_be_saved(tmp_path):
    values, truth = _values(60)
    neighbours = make_classifier("knn").estimator.fit(values, truth)
    with pytest.raises(ModelFileError, match=r"not on our list: .*KDTree"):
        save_model(tmp_path / "m.lpm", {"model": neighbours}, {})
    with pytest.raises(ModelFileError, match="loader FunctionNode"):
        save_model(tmp_path / "m.lpm", {"call": np.mean}, {})
    assert list(tmp_path.iterdir()) == []


def test_the_same_input_gives_the_same_bytes_at_other_addresses(tmp_path):
    """Two fits side by side: equal values, other objects, so other memory addresses behind skops' numbers."""
    values, truth = _values(100)
    sums, alive = [], []
    for turn in range(2):
        model = HistGradientBoostingClassifier(max_iter=3, random_state=0).fit(values, truth)
        alive.append({"model": model, "nest": {"b": [1, values.copy()], "a": (model,)}})
        sums.append(save_model(tmp_path / f"{turn}.lpm", alive[-1], {"name": "twice"}))
    assert sums[0] == sums[1] == hashlib.sha256((tmp_path / "1.lpm").read_bytes()).hexdigest()
    again = load_model(tmp_path / "0.lpm")[0]
    assert save_model(tmp_path / "again.lpm", again, {"name": "twice"}) == sums[0]


def _members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _write(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def _reseal(members: dict[str, bytes]) -> dict[str, bytes]:
    """What a careful attacker does: new sums for the altered parts."""
    from loadprofile.models.store import _json, _sha256

    body = json.loads(members["manifest.json"])
    body.pop("seal")
    body["store"]["parts"] = {
        name.removesuffix(".skops"): {"bytes": len(data), "sha256": _sha256(data)}
        for name, data in members.items()
        if name.endswith(".skops")
    }
    return members | {"manifest.json": _json(body | {"seal": _sha256(_json(body))})}


def test_any_flipped_byte_is_noticed(file, tmp_path, rng):
    raw = file.read_bytes()
    expected, _ = load_model(file)
    for at in rng.integers(0, len(raw), 60):
        damaged = bytearray(raw)
        damaged[at] ^= 0x41
        (tmp_path / "damaged.lpm").write_bytes(damaged)
        try:
            found, manifest = load_model(tmp_path / "damaged.lpm")
        except ModelFileError:
            continue
        # A byte of the archive's own bookkeeping (a date, an attribute): the contents are untouched.
        assert manifest["name"] == FACTS["name"]
        np.testing.assert_array_equal(found["linear"].coef_, expected["linear"].coef_)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(
            lambda m: m | {"linear.skops": m["linear.skops"].replace(b"lbfgs", b"lbfgz")},
            "linear.* was altered",
            id="part",
        ),
        pytest.param(
            lambda m: m | {"manifest.json": m["manifest.json"].replace(b"2024-03-01", b"2025-03-01")},
            "seal",
            id="manifest",
        ),
        pytest.param(lambda m: m | {"more.skops": b""}, "other files", id="extra_file"),
        pytest.param(
            lambda m: {k: v for k, v in m.items() if k != "nest.skops"}, "other files", id="lost_file"
        ),
        pytest.param(
            lambda m: {k: v for k, v in m.items() if k != "manifest.json"}, "no manifest", id="no_manifest"
        ),
        pytest.param(lambda m: m | {"manifest.json": b"[]"}, "manifest cannot be read", id="other_json"),
        pytest.param(lambda m: m | {"manifest.json": b"\xff"}, "manifest cannot be read", id="no_json"),
    ],
)
def test_tampering_is_refused(file, change, words):
    members = _members(file)
    changed = change(members)
    assert changed != members
    _write(file, changed)
    with pytest.raises(ModelFileError, match=words):
        load_model(file)


def test_a_known_sum_of_the_file_is_compared(tmp_path):
    path = tmp_path / "m.lpm"
    known = save_model(path, {"nest": [1]}, {})
    assert load_model(path, known.upper())[0] == {"nest": [1]}
    save_model(path, {"nest": [2]}, {})
    with pytest.raises(ModelFileError, match="SHA-256"):
        load_model(path, known)


class Planted:
    """Stands for any class of an installed package that the file would like to have built."""

    built = 0

    def __setstate__(self, state):
        type(self).built += 1


def test_a_type_that_the_file_asks_for_is_not_thereby_trusted(file):
    members = _reseal(_members(file) | {"nest.skops": skops.io.dumps({"x": Planted()})})
    _write(file, members)
    with pytest.raises(ModelFileError, match=r"not on our list: .*Planted"):
        load_model(file)
    assert Planted.built == 0


@pytest.mark.parametrize(
    ("part", "words"),
    [
        pytest.param(np.sum, "FunctionNode|ufunc", id="function"),
        pytest.param({"inner": [os.path.join]}, "FunctionNode", id="deep_function"),
        pytest.param(np.random.RandomState(1).normal, "MethodNode", id="method"),
        pytest.param({1, 2}, "builtins.set", id="set"),
        pytest.param(Path("x"), "pathlib", id="path"),
    ],
)
def test_what_skops_trusts_but_we_do_not_is_refused(file, part, words):
    _write(file, _reseal(_members(file) | {"nest.skops": skops.io.dumps(part)}))
    with pytest.raises(ModelFileError, match=words):
        load_model(file)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("left", 10_000_000, id="child_outside"),
        pytest.param("left", 0, id="endless_loop"),
        pytest.param("feature_idx", 10_000_000, id="column_outside"),
        pytest.param("feature_idx", -5, id="column_negative"),
        pytest.param("is_categorical", 1, id="categorical"),
    ],
)
def test_a_crafted_tree_is_refused_before_it_can_crash(file, field, value):
    values, truth = _values(100)
    model = HistGradientBoostingClassifier(max_iter=2).fit(values, truth > 0)
    model._predictors[1][0].nodes[field][0] = value
    _write(file, _reseal(_members(file) | {"nest.skops": skops.io.dumps({"deep": [model]})}))
    with pytest.raises(ModelFileError, match="TreePredictor"):
        load_model(file)


@pytest.mark.parametrize("first", [pytest.param(1, id="wide_first"), pytest.param(-1, id="narrow_first")])
def test_a_tree_shared_with_a_smaller_table_is_refused(file, first):
    values, truth = _values(100)
    wide = HistGradientBoostingClassifier(max_iter=2).fit(values, truth > 0)
    narrow = HistGradientBoostingClassifier(max_iter=2).fit(values[:, :1], truth > 0)
    for trees in wide._predictors:
        trees[0].nodes["feature_idx"] = 5
    narrow._predictors = wide._predictors
    _write(file, _reseal(_members(file) | {"nest.skops": skops.io.dumps([wide, narrow][::first])}))
    with pytest.raises(ModelFileError, match="a column outside the table"):
        load_model(file)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(pickle.dumps({"coef": [1, 2]}), id="pickle"),
        pytest.param(b"", id="empty"),
        pytest.param(b"meter_id,kwh\n1,2\n", id="text"),
        pytest.param(b"PK\x03\x04 not really", id="half_a_zip"),
    ],
)
def test_other_files_are_refused_with_a_reason(tmp_path, content):
    path = tmp_path / "model.lpm"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="not a model file") as caught:
        load_model(path)
    assert (caught.value.path, caught.value.exit_code) == (str(path), 3)


def test_a_pickle_inside_is_never_opened(file):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("schema.json", pickle.dumps({"__class__": "x"}))
    _write(file, _reseal(_members(file) | {"nest.skops": out.getvalue()}))
    with pytest.raises(ModelFileError, match="schema that cannot be read"):
        load_model(file)
    _write(file, _reseal(_members(file) | {"nest.skops": pickle.dumps([1])}))
    with pytest.raises(ModelFileError, match="not a skops archive"):
        load_model(file)


def test_an_archive_that_unpacks_to_too_much_is_refused(file, monkeypatch):
    monkeypatch.setattr("loadprofile.models.store.MOST_BYTES", 10_000)
    with pytest.raises(ModelFileError, match="unpacks to more than"):
        load_model(file)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ModelFileError, match="cannot be read"):
        load_model(tmp_path / "none.lpm")


@pytest.mark.parametrize(
    ("refused", "manifest", "words"),
    [
        pytest.param({"Bad Name": 1}, {}, "part name", id="name"),
        pytest.param({"a": 1}, {"score": float("nan")}, "plain JSON", id="nan"),
        pytest.param({"a": 1}, {"score": np.float32(1)}, "plain JSON", id="numpy"),
        pytest.param({"a": lambda: 1}, {}, "cannot be stored|not on our list", id="lambda"),
    ],
)
def test_a_refused_model_leaves_the_old_file_as_it_was(file, refused, manifest, words):
    before = file.read_bytes()
    with pytest.raises(ModelFileError, match=words):
        save_model(file, refused, manifest)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["model.lpm"]


def test_a_failed_write_leaves_the_old_file_as_it_was(file, monkeypatch):
    before = file.read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelFileError, match="No space left"):
        save_model(file, {"nest": [1]}, {})
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["model.lpm"]


def test_what_a_manifest_leaves_out_is_told():
    assert unrecorded(FACTS) == ()
    assert unrecorded({}) == MANIFEST_KEYS
    assert unrecorded({**FACTS, "attribution": ""}) == ("attribution",)
    assert unrecorded({**FACTS, "seed": 0}) == ()
