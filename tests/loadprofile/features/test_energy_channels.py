"""Export and reactive energy beside the import: alignment, generation, wiring, what went unmetered."""

from __future__ import annotations

import numpy as np
import pytest

from loadprofile.features.energy_channels import (
    EXPORT_NAMES,
    REACTIVE_NAMES,
    export_features,
    longer_than,
    on_grid,
    reactive_features,
)
from loadprofile.profiles import LoadProfiles

FIRST, D, S, ONSET = np.datetime64("2013-05-01"), 80, 48, 40
HOUR = np.arange(S) / 2
NONE = np.nan


def cube(kwh: np.ndarray, step: int = 30, first: np.datetime64 = FIRST) -> LoadProfiles:
    ids = np.array([f"m{i}" for i in range(len(kwh))])
    return LoadProfiles(ids, first + np.arange(kwh.shape[1]), kwh.astype(np.float32), step)


@pytest.fixture
def load(rng: np.random.Generator) -> np.ndarray:
    shape = 0.15 + 0.4 * np.exp(-0.5 * ((HOUR - 19) / 2) ** 2) + 0.2 * np.exp(-0.5 * ((HOUR - 7) / 1) ** 2)
    return shape * rng.gamma(6, 1 / 6, (1, D, S))


@pytest.fixture
def sun(rng: np.random.Generator) -> np.ndarray:
    bright = np.clip(np.cos((HOUR - 12.5) / 8 * np.pi / 2 * 1.1), 0, None)
    return 0.9 * bright * rng.uniform(0.2, 1, (1, D, 1)) * (np.arange(D) >= ONSET)[None, :, None]


def exported(kwh: np.ndarray, export: np.ndarray) -> dict[str, float]:
    got = export_features(cube(kwh), export.astype(np.float32), np.array([float(ONSET)]), np.array([NONE]))
    return {name.removeprefix("context."): float(v) for name, v in zip(EXPORT_NAMES, got[0], strict=True)}


def swung(kwh: np.ndarray, reactive: np.ndarray, onset: float = ONSET) -> dict[str, float]:
    got = reactive_features(cube(kwh), reactive.astype(np.float32), np.array([onset]), np.array([NONE]))
    return {name.removeprefix("context."): float(v) for name, v in zip(REACTIVE_NAMES, got[0], strict=True)}


def test_channels_are_put_on_the_grid_of_the_import(rng: np.random.Generator) -> None:
    profiles = cube(rng.random((3, 4, 48)))
    same = cube(rng.random((2, 6, 48)), first=FIRST - 1)
    fine = cube(rng.random((3, 2, 96)), 15, FIRST + 3).take(np.array([2]))
    long = cube(rng.random((3, 4, 24)), 60)
    got = on_grid(profiles, (same, fine, long))
    np.testing.assert_array_equal(got[:2], same.kwh[:, 1:5])
    assert np.isnan(got[2, :3]).all()
    np.testing.assert_allclose(got[2, 3], fine.kwh[0, 0].reshape(48, 2).sum(axis=1), rtol=1e-6)
    assert longer_than(profiles.meter_ids, 30, (same, fine, long)) == 3
    assert np.isnan(on_grid(profiles, (cube(rng.random((3, 2, 48)), first=FIRST + 50),))).all()


def test_panels_are_told_by_their_export(load: np.ndarray, sun: np.ndarray) -> None:
    got = exported(np.maximum(load - sun, 0.02 * load), np.maximum(sun - load, 0))
    assert abs(got["export_began"]) <= 2
    assert got["export_covers"] > 0.85
    assert got["when.export"] == pytest.approx(ONSET, abs=2)
    assert got["export_night_share"] < 0.01
    assert got["export_share"] > 0.05
    assert got["export_with_import"] < 0.05


def test_exchanged_terminals_send_the_load_out(load: np.ndarray) -> None:
    swap = (np.arange(D) >= ONSET)[None, :, None]
    got = exported(np.where(swap, 0, load), np.where(swap, load, 0))
    assert got["export_began"] == 0
    assert got["export_like_import"] > 0.95
    assert got["export_night_share"] > 0.1


def test_a_trace_of_export_and_none_at_all(load: np.ndarray) -> None:
    kwh = load * np.where(np.arange(D) >= ONSET, 0.4, 1.0)[None, :, None]
    got = exported(kwh, np.zeros_like(kwh))
    assert got["export_share"] == 0
    assert np.isnan(got["export_began"])
    trace = np.zeros_like(kwh)
    trace[0, ::9, 3] = 0.001
    assert np.isnan(exported(kwh, trace)["export_began"])
    assert np.isnan(exported(kwh, np.full_like(kwh, np.nan))["export_share"])
    from_the_start = exported(load, np.full_like(load, 0.05))
    assert np.isnan(from_the_start["export_began"])


@pytest.mark.parametrize(("sent", "share"), [(0.0, 0.0), (0.3, 1.0)])
def test_negative_import_beside_an_export_channel(load: np.ndarray, sent: float, share: float) -> None:
    kwh, export = load.copy(), np.zeros_like(load)
    kwh[0, 50:, 24:28] = -0.3
    export[0, 50:, 24:28] = sent
    assert exported(kwh, export)["export_for_negative"] == share
    assert np.isnan(exported(load, export)["export_for_negative"])


def test_reactive_energy_tells_a_saving_from_a_blind_register(load: np.ndarray) -> None:
    def curve(p: np.ndarray) -> np.ndarray:
        return 0.03 + 0.25 * p**0.7

    less = load * np.where(np.arange(D) >= ONSET, 0.4, 1.0)[None, :, None]
    saving, blind = swung(less, curve(less)), swung(less, curve(load))
    bypass = swung(less, curve(load) * less / load)
    assert abs(saving["reactive_excess"]) < 0.1
    assert saving["reactive_kept"] < 0.75
    assert blind["reactive_kept"] == pytest.approx(1, abs=0.1)
    assert blind["reactive_excess"] > 0.3
    assert blind["power_factor_change"] < saving["power_factor_change"] - 0.05
    assert bypass["reactive_kept"] == pytest.approx(0, abs=0.1)
    assert bypass["reactive_excess"] < 0


def test_reactive_energy_alone(load: np.ndarray) -> None:
    stuck = load.copy()
    stuck[0, 60:70] = 0
    got = swung(stuck, 0.3 * load)
    assert got["reactive_alone"] == pytest.approx(10 / 80, abs=0.03)
    assert swung(load, 0.3 * load)["reactive_alone"] == 0
    off = swung(stuck, 0.3 * stuck)
    assert off["reactive_alone"] == 0


def test_without_a_change_there_are_no_sides(load: np.ndarray) -> None:
    got = swung(load, 0.3 * load, NONE)
    assert got["power_factor"] == pytest.approx(1 / np.hypot(1, 0.3), abs=1e-3)
    assert np.isnan(got["reactive_kept"])
    assert np.isnan(list(swung(load, np.full_like(load, np.nan)).values())).all()
