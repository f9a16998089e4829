from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from loadprofile.emulate.scenario import draw
from loadprofile.engines.dask import DaskEngine
from loadprofile.engines.local import LocalEngine
from loadprofile.errors import NothingToJudgeError
from loadprofile.models.model import Model
from loadprofile.profiles import LoadProfiles
from loadprofile.screening import judge, survey
from loadprofile.verdicts import CAUSES, UNDECIDED, SubDetector
from loadprofile.worklist import worklist


@pytest.fixture(scope="module")
def touched(simulated_homes: LoadProfiles) -> LoadProfiles:
    return draw(simulated_homes, np.random.default_rng(4), prevalence=0.3).profiles


def test_one_verdict_for_every_meter(
    touched: LoadProfiles, detectors: Sequence[SubDetector], small_model: Model
) -> None:
    verdicts, findings = judge(survey(touched), detectors, small_model)
    assert verdicts.meter_ids.tolist() == touched.meter_ids.tolist()
    assert set(verdicts.cause) <= {*map(str, CAUSES), UNDECIDED}
    assert all(
        bool(w) == (c == UNDECIDED) for w, c in zip(verdicts.would_decide, verdicts.cause, strict=True)
    )
    for f in findings:
        known = ~np.isnan(f.score)
        assert (np.isnan(f.probability) == ~known).all()
        assert ((f.probability[known] > 0) & (f.probability[known] < 1)).all()
    normal = verdicts.cause == "normal"
    assert np.isnat(verdicts.onset[normal]).all()
    dated = ~np.isnat(verdicts.onset)
    assert (verdicts.onset_low[dated] <= verdicts.onset[dated]).all()
    assert (verdicts.onset[dated] <= verdicts.onset_high[dated]).all()
    over = dated & ~np.isnat(verdicts.end)
    assert (verdicts.onset_high[over] <= np.maximum(verdicts.end, verdicts.onset)[over]).all()
    assert (verdicts.lost_kwh[normal] == 0).all()
    assert (verdicts.incident[normal] == -1).all()


def test_the_worklist_does_not_depend_on_order_or_batches(
    touched: LoadProfiles,
    detectors: Sequence[SubDetector],
    small_model: Model,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lists = []
    for order, size in (
        (np.arange(len(touched)), 500),
        (np.random.default_rng(1).permutation(len(touched)), 17),
    ):
        monkeypatch.setattr("loadprofile.screening.BATCH", size)
        verdicts, _ = judge(survey(touched.take(order)), detectors, small_model)
        lists.append(worklist(verdicts).sort_values("meter_id").reset_index(drop=True))
    a, b = lists
    assert a["cause"].tolist() == b["cause"].tolist()
    assert a["onset"].tolist() == b["onset"].tolist()
    assert a["evidence"].tolist() == b["evidence"].tolist()
    columns = [c for c in a.columns if c.startswith("p_")]
    assert a[columns].to_numpy() == pytest.approx(b[columns].to_numpy(), abs=1e-4)


@pytest.mark.parametrize(
    "engine", [pytest.param(LocalEngine(2), id="threads"), pytest.param(DaskEngine(), id="dask")]
)
def test_engines_measure_the_same(
    touched: LoadProfiles, engine: LocalEngine | DaskEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadprofile.screening.BATCH", 20)
    plain = survey(touched).features
    other = survey(touched, engine=engine).features
    assert plain.names == other.names
    assert np.array_equal(plain.values, other.values, equal_nan=True)


def test_a_meter_with_too_little_data_is_undecided(
    touched: LoadProfiles, detectors: Sequence[SubDetector], small_model: Model
) -> None:
    kwh = touched.kwh.copy()
    kwh[0, 7:] = np.nan
    kwh[1] = np.nan
    verdicts, _ = judge(survey(touched.with_kwh(kwh)), detectors, small_model)
    assert verdicts.cause[:2].tolist() == [UNDECIDED, UNDECIDED]
    assert verdicts.probabilities[0] == pytest.approx(small_model.prior)


def test_nothing_to_judge_is_an_error_with_its_own_exit_code(
    touched: LoadProfiles, detectors: Sequence[SubDetector], small_model: Model
) -> None:
    week = touched.between(touched.days[0], touched.days[6])
    with pytest.raises(NothingToJudgeError) as raised:
        judge(survey(week), detectors, small_model)
    assert raised.value.exit_code == 4
    assert raised.value.meters == len(touched)
