from __future__ import annotations

import numpy as np
import pytest

from loadprofile.features.channels import CHANNELS
from loadprofile.features.contrasts import CONTRASTS, contrasts

DAYS = 84
WEEKEND = (np.arange(DAYS) % 7) >= 5


def evening_home(rng: np.random.Generator) -> np.ndarray:
    """(days, 48) kWh: quiet nights, a morning and an evening peak, noise."""
    clock = np.arange(48) / 2
    shape = 0.1 + 0.2 * np.exp(-((clock - 7.5) ** 2) / 2) + 0.5 * np.exp(-((clock - 19) ** 2) / 5)
    return (shape * rng.gamma(8, 1 / 8, (DAYS, 48))).astype(np.float32)


def asked(kwh: np.ndarray, raw: np.ndarray | None = None) -> dict[str, np.ndarray]:
    raw = np.zeros((len(CHANNELS), DAYS)) if raw is None else raw
    base = np.quantile(np.nan_to_num(kwh), 0.1, axis=1)
    values = contrasts(kwh.astype(np.float32), np.ones((DAYS, 8)), raw, base, WEEKEND)
    return dict(zip(CONTRASTS, values, strict=True))


def moved(values: np.ndarray, split: int = 42) -> float:
    """Difference of the two halves in standard errors."""
    a, b = values[:split], values[split:]
    a, b = a[np.isfinite(a)], b[np.isfinite(b)]
    return float((b.mean() - a.mean()) / np.sqrt(a.var() / len(a) + b.var() / len(b) + 1e-12))


def turned(kwh: np.ndarray) -> np.ndarray:
    kwh[42:] = kwh[42:, ::-1]
    return kwh


def late(kwh: np.ndarray) -> np.ndarray:
    kwh[42:] = np.roll(kwh[42:], 6, axis=1)
    return kwh


def capped(kwh: np.ndarray) -> np.ndarray:
    kwh[42:] = np.minimum(kwh[42:], 0.35)
    return kwh


def repeated(kwh: np.ndarray) -> np.ndarray:
    kwh[42:] = kwh[41]
    return kwh


def smoothed(kwh: np.ndarray) -> np.ndarray:
    kwh[42:] = (kwh[42:] + np.roll(kwh[42:], 1, 1) + np.roll(kwh[42:], -1, 1)) / 3
    return kwh


@pytest.mark.parametrize(
    ("name", "alter"),
    [
        pytest.param("shape1", turned, id="day_turned_round"),
        pytest.param("shape1", late, id="three_hours_late"),
        pytest.param("flat_top", capped, id="capped"),
        pytest.param("similar", repeated, id="one_day_again_and_again"),
        pytest.param("jagged", smoothed, id="smoothed"),
    ],
)
def test_each_contrast_moves_with_its_own_question(name, alter) -> None:
    ordinary = evening_home(np.random.default_rng(3))
    assert abs(moved(asked(ordinary)[name])) < 4
    assert abs(moved(asked(alter(ordinary.copy()))[name])) > 10


def test_level_alone_moves_no_contrast_of_shape() -> None:
    kwh = evening_home(np.random.default_rng(5))
    kwh[42:] *= 0.5
    found = asked(kwh)
    for name in ("flat_top", "jagged", "similar", "shape1", "shape2"):
        assert abs(moved(found[name])) < 5, name


def test_scale_and_resolution_do_not_matter() -> None:
    kwh = late(evening_home(np.random.default_rng(7)))
    small, large = asked(kwh), asked(1000 * kwh)
    for name in CONTRASTS:
        np.testing.assert_allclose(small[name], large[name], rtol=1e-4, atol=1e-5)
    hourly = asked(kwh.reshape(DAYS, 24, 2).sum(axis=2))
    np.testing.assert_allclose(np.abs(hourly["shape1"]), np.abs(small["shape1"]), rtol=1e-3, atol=1e-3)


def test_weekend_days_are_held_against_the_working_days_around_them() -> None:
    raw = np.zeros((len(CHANNELS), DAYS))
    raw[0, WEEKEND] = 0.3
    raw[0, 42:][WEEKEND[42:]] = -0.5
    found = asked(evening_home(np.random.default_rng(1)), raw)["weekend"]
    assert np.isnan(found[~WEEKEND]).all()
    np.testing.assert_allclose(found[:42][WEEKEND[:42]], 0.3)
    np.testing.assert_allclose(found[42:][WEEKEND[42:]], -0.5)


def test_unknown_days_stay_unknown() -> None:
    kwh = evening_home(np.random.default_rng(2))
    kwh[10] = np.nan
    kwh[20, :30] = np.nan
    found = asked(kwh)
    for name in ("flat_top", "jagged", "similar", "shape1"):
        assert np.isnan(found[name][[10, 20]]).all(), name
    assert all(np.isnan(v).all() for n, v in asked(np.full((DAYS, 48), np.nan)).items() if n != "weekend")
