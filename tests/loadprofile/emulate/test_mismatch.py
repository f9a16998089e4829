"""Values software got wrong: exact traces."""

from __future__ import annotations

import numpy as np
import pytest

from loadprofile.emulate.households import simulate_homes
from loadprofile.emulate.phenomena import happen, named
from loadprofile.profiles import LoadProfiles


@pytest.fixture(scope="module")
def homes() -> LoadProfiles:
    return simulate_homes(4, 90, 30, np.random.default_rng(41))


def run(name: str, homes: LoadProfiles, seed: int):
    rng = np.random.default_rng(seed)
    out, effect = happen(named(name), homes.kwh[:2], np.arange(2), homes.days, 30, rng)
    return (
        homes.kwh[:2].reshape(2, -1).astype(np.float64),
        out.reshape(2, -1).astype(np.float64),
        effect,
    )


def test_stairs_keep_the_energy_of_each_stair(homes):
    for seed in range(8):
        old, new, effect = run("spread_over_slots", homes, seed)
        width = round(effect.params["hours"] * 2)
        # stored values may be rounded to three decimals
        np.testing.assert_allclose(
            new.reshape(2, -1, width).sum(axis=2), old.reshape(2, -1, width).sum(axis=2), atol=6e-4 * width
        )
        changed = (new != old).reshape(2, -1, width).any(axis=2)
        stairs = new.reshape(2, -1, width)[changed]
        assert len(stairs) > 0
        assert (stairs == stairs[:, :1]).all()


def test_an_index_only_rises_and_grows_by_the_energy(homes):
    for seed in range(4):
        old, new, _ = run("index_for_energy", homes, seed)
        hit = np.flatnonzero((new != old).any(axis=0))
        inside = slice(int(hit[0]), int(hit[-1]) + 1)
        steps = np.diff(new[:, inside], axis=1)
        assert (steps >= 0).all()
        np.testing.assert_allclose(steps.sum(axis=1), old[:, inside][:, 1:].sum(axis=1), rtol=0.02, atol=0.2)


def test_an_overflow_wraps_or_cuts_at_one_limit(homes):
    forms = set()
    for seed in range(12):
        old, new, effect = run("field_overflow", homes, seed)
        limit, wraps = effect.params["limit"], bool(effect.params["wraps"])
        hit = new != old
        assert (old[hit] >= limit * (1 - 1e-6)).all()
        # software may store three decimals
        if wraps:
            np.testing.assert_allclose(new[hit], np.mod(old[hit], limit), atol=6e-4)
        else:
            np.testing.assert_allclose(new[hit], 0.999 * limit, atol=6e-4)
        forms.add(wraps)
    assert forms == {True, False}


def test_half_intervals_leave_half_at_once_or_run_at_half_speed(homes):
    forms = set()
    for seed in range(12):
        old, new, effect = run("half_interval", homes, seed)
        hit = np.flatnonzero((new != old).any(axis=0))
        inside = slice(int(hit[0]) // 48 * 48, int(hit[-1]) + 1)
        left = new[:, inside].sum() / old[:, inside].sum()
        if effect.params["overwritten"]:
            assert abs(left - 0.5) < 0.05
        else:
            length = inside.stop - inside.start
            source = old[:, inside.start : inside.start + length // 2].sum()
            assert abs(new[:, inside].sum() / source - 1) < 0.05
        forms.add(effect.params["overwritten"])
    assert forms == {0.0, 1.0}
