from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.errors import ShapeError
from loadprofile.features import slots


def slow_runs(mask: np.ndarray, exists: np.ndarray, least: int) -> list[tuple[int, int]]:
    at = np.flatnonzero(exists)
    out, start = [], None
    for j, t in enumerate([*at, len(mask)]):
        on = t < len(mask) and mask[t]
        if on and start is None:
            start = j
        if not on and start is not None:
            if j - start >= least:
                out.append((int(at[start]), int(t)))
            start = None
    return out


@settings(deadline=None, max_examples=60)
@given(st.lists(st.booleans(), min_size=1, max_size=40), st.lists(st.booleans(), min_size=40, max_size=40),
       st.integers(1, 4))  # fmt: skip
def test_runs_equal_the_slow_twin(mask: list[bool], holes: list[bool], least: int) -> None:
    exists = np.array(holes[: len(mask)]) | (np.arange(len(mask)) % 3 > 0)
    on = np.array(mask)
    zeros = slots.meter_slots(np.where(on, 0, 1).astype(np.float32), exists, least)[1]
    assert zeros.tolist() == [first for first, _ in slow_runs(on, exists, least)]
    gaps = slots.meter_slots(np.where(on, np.nan, 1).astype(np.float32), exists, least)[0]
    wanted = [run for run in slow_runs(on, exists, slots.LEAST_GAP_SLOTS) if run[0] > 0]
    assert [tuple(row) for row in gaps.tolist()] == wanted


def slow_jumps(flat: np.ndarray) -> tuple[list[int], list[int]]:
    jumps = np.diff(flat)
    known = np.sort(jumps[np.isfinite(jumps)])
    n = int(slots.EXTREME * len(known))
    if n < 1:
        return [], []
    high, low = known[len(known) - n], known[n]
    up, down = (jumps > high) & (jumps > 0), (jumps < low) & (jumps < 0)
    return (np.flatnonzero(up) + 1).tolist(), (np.flatnonzero(down) + 1).tolist()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from([90, 150, 700, 2000]), st.sampled_from([0.0, 0.2, 1.0]),
       st.sampled_from([1.0, 0.001, 1e6]))  # fmt: skip
def test_extreme_jumps_equal_the_slow_twin(seed: int, n: int, missing: float, scale: float) -> None:
    rng = np.random.default_rng(seed)
    flat = (np.round(rng.lognormal(0, 1, n), int(rng.integers(0, 4))) * scale).astype(np.float32)
    flat[rng.random(n) < missing] = np.nan
    flat[rng.random(n) < 0.1] = 0
    _, _, up, down = slots.meter_slots(flat, np.ones(n, dtype=np.bool_), 4)
    assert (up.tolist(), down.tolist()) == slow_jumps(flat)


def test_parts_add_up_to_the_whole(make_homes) -> None:
    homes = make_homes(23, 20)
    kwh = homes.kwh.copy()
    kwh[:7, 3, 4:9] = np.nan
    kwh[9, 15:] = np.nan
    kwh[2, 8, 10:30] = 0
    homes = homes.with_kwh(kwh)
    whole = slots.count_slots(homes)
    parts = [slots.count_slots(part) for part in homes.batches(5)]
    total = parts[3]
    for k in (0, 4, 1, 2):
        total = total + parts[k]
    np.testing.assert_array_equal(whole.counts, total.counts)
    np.testing.assert_array_equal(whole.gaps, total.gaps)
    assert whole.meters == total.meters == 23
    assert [3 * 48 + 4, 3 * 48 + 9, 7] in whole.gaps.tolist()
    assert [15 * 48, 20 * 48, 1] in whole.gaps.tolist()
    assert whole.counts[2, 8 * 48 + 10] == 1


def test_each_meter_jumps_equally_often_whatever_its_size(make_homes) -> None:
    homes = make_homes(6, 30)
    big = homes.with_kwh(homes.kwh * np.float32(64))
    np.testing.assert_array_equal(slots.count_slots(homes).counts, slots.count_slots(big).counts)
    _, _, up, down = slots.meter_slots(homes.kwh[0].ravel(), homes.exists.ravel(), 8)
    assert len(up) == pytest.approx(0.01 * 30 * 48, abs=2)
    assert len(down) == pytest.approx(len(up), abs=2)


def test_ordinary_slots_do_not_surprise_and_a_planted_one_does(make_homes) -> None:
    homes = make_homes(200, 60)
    assert slots.count_slots(homes).surprise("up").max() < 5
    kwh = homes.kwh.copy()
    flat = kwh.reshape(200, -1)
    flat[:40, 1234] += 5 * flat[:40].max(axis=1)
    counts = slots.count_slots(homes.with_kwh(kwh))
    assert np.argmax(counts.surprise("up")) == 1234
    assert counts.surprise("up")[1234] > 12


def test_every_evening_at_the_same_time_is_no_surprise(make_homes) -> None:
    homes = make_homes(200, 60)
    kwh = homes.kwh.copy()
    kwh[:80, :, 36:40] += 4 * kwh[:80].max(axis=(1, 2))[:, None, None]  # a tariff's timer
    surprise = slots.count_slots(homes.with_kwh(kwh)).surprise("up").reshape(60, 48)
    assert surprise[:, 36].max() < 5


@pytest.mark.parametrize(("meters", "marked"), [(1, False), (3, True), (30, True)])
def test_shared_gaps_surprise(make_homes, meters: int, marked: bool) -> None:
    homes = make_homes(100, 60)
    kwh = homes.kwh.copy()
    kwh[:meters, 20, 10:20] = np.nan
    counts = slots.count_slots(homes.with_kwh(kwh))
    assert (counts.gap_surprise().max() > 4) == marked


def test_other_days_are_refused(make_homes) -> None:
    with pytest.raises(ShapeError, match="other days"):
        slots.count_slots(make_homes(2, 10)) + slots.count_slots(make_homes(2, 11))
