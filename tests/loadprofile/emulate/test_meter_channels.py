"""Export and reactive energy follow from what truly happened."""

from __future__ import annotations

import numpy as np
import pytest

from loadprofile.emulate.households import simulate_homes
from loadprofile.emulate.meter_channels import ALONE, BACKWARDS, meter_channels
from loadprofile.emulate.phenomena import named
from loadprofile.emulate.scenario import Scenario, draw
from loadprofile.profiles import LoadProfiles


@pytest.fixture(scope="module")
def homes() -> LoadProfiles:
    return simulate_homes(40, 90, 60, np.random.default_rng(3), start=np.datetime64("2022-05-01"))


def happened(homes: LoadProfiles, kind: str) -> Scenario:
    share = {"confusable_share": 0.5} if named(kind).cause == "normal" else {"prevalence": 0.4}
    return draw(homes, np.random.default_rng(2), kinds=[kind], composed_share=0, area_chance=0, **share)  # type: ignore[arg-type]


def whole(homes: LoadProfiles, scenario: Scenario, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Both channels of all meters; NaN for meters without them."""
    both = meter_channels(scenario, np.random.default_rng(seed))
    out = []
    for (cube,) in both:
        full = np.full(homes.kwh.shape, np.nan)
        full[np.isin(homes.meter_ids, cube.meter_ids)] = cube.kwh
        out.append(full)
    return out[0], out[1]


@pytest.mark.parametrize("name", sorted(ALONE | BACKWARDS))
def test_every_kind_that_is_named_exists(name: str) -> None:
    assert named(name).name == name


def test_energy_is_balanced_behind_the_meter(homes: LoadProfiles) -> None:
    scenario = happened(homes, "solar_saving")
    assert scenario.effects
    for effect in scenario.effects:
        assert effect.made is not None
        assert effect.sent is not None
        load, shown = homes.kwh[effect.meters], scenario.profiles.kwh[effect.meters]
        sunny = effect.made > 0
        balance = load - effect.made + effect.sent - shown
        assert np.abs(balance[sunny]).max() < 0.02  # what the register's pulses leave
        assert effect.sent[~sunny].max() == 0
        assert (effect.sent <= effect.made + 1e-6).all()


def test_only_generation_and_backward_current_send_energy_out(homes: LoadProfiles) -> None:
    for kind, sends in (("solar_saving", True), ("full_bypass", False), ("vacation", False)):
        scenario = happened(homes, kind)
        export, _ = whole(homes, scenario)
        hit = np.unique(np.concatenate([e.meters for e in scenario.effects]))
        sent = np.nansum(export, axis=(1, 2))
        assert sent[np.setdiff1d(np.arange(40), hit)].max() < 0.1
        assert (sent[hit].max() > 1.0) == sends


def test_a_blind_register_leaves_the_reactive_energy(homes: LoadProfiles) -> None:
    scenario = happened(homes, "partial_bypass")
    shown, used = scenario.profiles.kwh, scenario.used
    kept = []
    for seed in range(6):
        _, now = whole(homes, scenario, seed)
        for effect in scenario.effects:
            for row in effect.meters:
                less = (used[row] > 0) & (shown[row] < 0.8 * used[row]) & np.isfinite(now[row])
                same = (used[row] > 0) & (shown[row] == used[row]) & np.isfinite(now[row])
                if less.sum() > 200 and same.sum() > 200:
                    curve = [(now[row][at] / used[row][at] ** 0.7).mean() for at in (less, same)]
                    kept.append(curve[0] / curve[1])
    kept_ = np.array(kept)
    assert 0.05 < (kept_ > 0.85).mean() < 0.8  # some leave it, the others take it along
    assert (kept_ < 0.8).any()


def test_reactive_energy_is_there_where_nothing_happened(homes: LoadProfiles) -> None:
    scenario = happened(homes, "vacation")
    _, reactive = whole(homes, scenario)
    known = np.isfinite(reactive)
    assert (reactive[known] >= 0).all()
    factor = np.nansum(homes.kwh, axis=(1, 2)) / np.hypot(
        np.nansum(homes.kwh, axis=(1, 2)), np.nansum(reactive, axis=(1, 2))
    )
    assert factor.min() > 0.6
    one, two = (whole(homes, scenario, 3)[1] for _ in range(2))
    np.testing.assert_array_equal(one, two)
