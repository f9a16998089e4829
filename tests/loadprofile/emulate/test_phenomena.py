"""The contract every phenomenon keeps, on other steps, spans and gaps."""

from __future__ import annotations

import numpy as np
import pytest

from loadprofile.emulate.households import simulate_homes
from loadprofile.emulate.phenomena import CLEAR, PHENOMENA, Loss, Phenomenon, happen, named
from loadprofile.emulate.scenario import coarsen
from loadprofile.errors import OptionError, ShapeError
from loadprofile.profiles import LoadProfiles
from loadprofile.verdicts import CAUSES, Cause

EACH = [pytest.param(p, id=p.name) for p in PHENOMENA]


def with_gaps(profiles: LoadProfiles) -> LoadProfiles:
    """One slot in a hundred missing, a day or two missing, and one meter that starts late."""
    rng = np.random.default_rng(7)
    kwh = profiles.kwh.copy()
    kwh[rng.random(kwh.shape) < 0.01] = np.nan
    kwh[:, 5] = np.nan
    kwh[1, :20] = np.nan
    return profiles.with_kwh(kwh)


@pytest.fixture(scope="module")
def homes() -> dict[str, LoadProfiles]:
    year = simulate_homes(8, 365, 30, np.random.default_rng(3))
    # a year of large buildings at whole kWh: hundreds of kWh an hour
    large = coarsen(simulate_homes(8, 365, 30, np.random.default_rng(5)), 60)
    quarter = simulate_homes(8, 58, 15, np.random.default_rng(4), "2010-06-01", southern=True)
    return {
        "year_30": with_gaps(year),
        "buildings_60": with_gaps(large.with_kwh(np.rint(large.kwh * 400))),
        "days58_30": with_gaps(coarsen(quarter, 30)),
        "days58_60": with_gaps(coarsen(quarter, 60)),
        "days58_15": with_gaps(quarter),
    }


def apply(p: Phenomenon, profiles: LoadProfiles, seed: int = 1):
    rows = np.arange(max(p.smallest, min(2, p.largest)))
    rng = np.random.default_rng(seed)
    out, effect = happen(
        p, profiles.kwh[rows], rows, profiles.days, profiles.step_minutes, rng, population=profiles.kwh
    )
    return profiles.kwh[rows], out, effect


def test_the_registry_is_whole():
    assert len({p.name for p in PHENOMENA}) == len(PHENOMENA)
    assert {p.cause for p in PHENOMENA} == set(CAUSES)
    for p in PHENOMENA:
        assert p.physics
        assert p.source
        assert 1 <= p.smallest <= p.largest
        assert p.function.__module__.startswith("loadprofile.emulate")


def test_an_unknown_name_is_refused():
    with pytest.raises(OptionError):
        named("full_bypas")


@pytest.mark.parametrize("p", EACH)
@pytest.mark.parametrize("cube", ["year_30", "buildings_60", "days58_30", "days58_60", "days58_15"])
def test_contract(p: Phenomenon, cube: str, homes: dict[str, LoadProfiles]):
    profiles = homes[cube]
    untouched = profiles.kwh.copy()
    before, after, effect = apply(p, profiles)
    np.testing.assert_array_equal(profiles.kwh, untouched)
    assert after.shape == before.shape
    assert after.dtype == np.float32
    assert not np.isinf(after).any()
    assert p.negative or not (after < 0).any()
    gone, gone_now = np.isnan(before), np.isnan(after)
    if not p.moves_gaps:
        assert gone_now[gone].all(), "a missing slot became known"
    if not p.makes_gaps:
        assert not (gone_now & ~gone).any(), "a known slot became missing"
    assert effect.kind == p.name
    assert effect.cause is p.cause
    assert all(np.isfinite(value) for value in effect.params.values())
    assert np.isfinite(effect.lost_kwh).all()
    assert (effect.visible >= 0).all()
    differs = ~((before == after) | (gone & gone_now)).reshape(len(before), -1)
    if p.smallest == 1 and p.largest == 1:
        assert differs.any(), "nothing happened"
    step = np.timedelta64(profiles.step_minutes, "m")
    for row, changed in enumerate(differs):
        if not changed.any():
            assert np.isnat(effect.first[row])
            continue
        slots = (np.array([effect.first[row], effect.last[row]]) - profiles.days[0]) // step
        assert slots.tolist() == [int(np.flatnonzero(changed)[0]), int(np.flatnonzero(changed)[-1])]


@pytest.mark.parametrize("p", EACH)
def test_same_seed_same_output_other_seed_other(p: Phenomenon, homes: dict[str, LoadProfiles]):
    _, first, one = apply(p, homes["days58_30"], 11)
    _, again, two = apply(p, homes["days58_30"], 11)
    np.testing.assert_array_equal(first, again)
    assert one.params == two.params
    assert any(
        not np.array_equal(first, apply(p, homes["days58_30"], seed)[1], equal_nan=True) for seed in (12, 13)
    )


@pytest.mark.parametrize("p", EACH)
def test_lost_energy_is_what_its_definition_says(p: Phenomenon, homes: dict[str, LoadProfiles]):
    before, after, effect = apply(p, homes["days58_30"], 5)
    old, new = before.astype(np.float64), after.astype(np.float64)
    if p.loss is Loss.NONE:
        expected = np.zeros(len(old))
    elif p.loss is Loss.METERED:
        expected = np.nansum(old - new, axis=(1, 2))
    else:
        expected = np.nansum(old - np.nan_to_num(new), axis=(1, 2))
    np.testing.assert_allclose(effect.lost_kwh, expected, rtol=1e-9, atol=1e-9)


REAL_USE = [
    pytest.param(p, id=p.name)
    for p in PHENOMENA
    if p.loss is Loss.NONE and p.cause in {Cause.NORMAL, Cause.SUPER_CONSUMPTION}
]


@pytest.mark.parametrize("p", REAL_USE)
def test_what_people_use_fits_the_size_of_the_site(p: Phenomenon, homes: dict[str, LoadProfiles]):
    for seed in range(3):
        before, after, _ = apply(p, homes["buildings_60"], seed)
        known = np.isfinite(after)
        assert np.nansum(after) < 10 * np.nansum(before), "a building does not grow tenfold"
        # whole kWh stay whole kWh: the register counts what is used
        values = after[known]
        assert np.mean(np.abs(values - np.rint(values)) > 1e-3) == 0 or p.name == "meter_exchanged"


KEEPS_ENERGY = [
    "jokar_h5", "jokar_h6", "altamimi_spread", "price_dodge", "coarse_pulses", "frozen_display",
]  # fmt: skip


@pytest.mark.parametrize("name", KEEPS_ENERGY)
def test_energy_is_conserved_where_promised(name: str):
    homes = simulate_homes(3, 90, 30, np.random.default_rng(8))
    for seed in range(4):
        before, after, _ = apply(named(name), homes, seed)
        total, now = np.nansum(before, axis=(1, 2)), np.nansum(after, axis=(1, 2))
        np.testing.assert_allclose(now, total, rtol=0.02 if name == "coarse_pulses" else 2e-4)


@pytest.mark.parametrize("name", ["price_reorder", "sorted_readings", "noise_injected"])
def test_each_days_sum_is_kept_where_promised(name: str, homes: dict[str, LoadProfiles]):
    before, after, _ = apply(named(name), homes["days58_30"], 3)
    np.testing.assert_allclose(np.nansum(after, axis=2), np.nansum(before, axis=2), rtol=1e-5, atol=1e-6)


def test_registers_round_to_their_own_pulse_and_software_does_not():
    homes = simulate_homes(4, 60, 30, np.random.default_rng(9))
    grid = homes.with_kwh((np.floor(homes.kwh / 0.01) * 0.01).astype(np.float32))

    def off_grid(name: str, seed: int = 2) -> float:
        _, after, _ = apply(named(name), grid, seed)
        counts = after.astype(np.float64) / 0.01
        return float(np.mean(np.abs(counts - np.rint(counts)) > 1e-3))

    for name in ("partial_bypass", "phase_lost", "constant_load", "vacation"):
        assert off_grid(name) == 0.0, name
    shares = [off_grid("scaled_readings", seed) for seed in range(12)]
    assert np.mean(np.array(shares) > 0.01) > 0.4
    assert 0.0 in shares  # some software stores the same decimals


def test_strength_runs_down_to_where_nobody_could_see_it():
    homes = simulate_homes(6, 120, 30, np.random.default_rng(10))
    rng = np.random.default_rng(1)
    effects = [
        happen(named("partial_bypass"), homes.kwh[[at % 6]], np.array([at % 6]), homes.days, 30, rng)[1]
        for at in range(60)
    ]
    faint = np.array([e.faint[0] for e in effects])
    assert 0 < faint.mean() < 0.5
    left = np.array([e.params["left"] for e in effects])
    # from the first day on a constant share only makes a smaller home, whatever the share
    whole = np.array([e.first[0] == homes.days[0] and e.last[0] >= homes.days[-1] for e in effects])
    assert faint[whole & (left > 0.3)].all()
    left, faint = left[~whole], faint[~whole]
    assert left[faint].mean() > left[~faint].mean() + 0.1
    assert all(e.clarity[0] >= CLEAR for e in effects if not e.faint[0])


def test_a_clock_that_skips_slots_has_no_reading_in_them():
    homes = simulate_homes(3, 60, 30, np.random.default_rng(2))
    exists = np.ones((60, 48), dtype=bool)
    exists[30, 2:4] = False
    kwh = homes.kwh.copy()
    kwh[:, 30, 2:4] = np.nan
    for p in (named("time_shift"), named("filled"), named("estimated"), named("duplicated_days")):
        for seed in range(5):
            out, _ = happen(
                p, kwh[:1], np.array([0]), homes.days, 30, np.random.default_rng(seed), exists=exists
            )
            assert np.isnan(out[:, 30, 2:4]).all()


def test_a_meter_without_readings_is_refused():
    homes = simulate_homes(1, 10, 60, np.random.default_rng(2))
    with pytest.raises(ShapeError):
        happen(
            named("vacation"), np.full_like(homes.kwh, np.nan), np.array([0]), homes.days, 60,
            np.random.default_rng(1),
        )  # fmt: skip
