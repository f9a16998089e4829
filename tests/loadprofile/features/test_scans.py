from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.features.scans import LEAST_DAYS, NEAR, SCANNED, scan, two_levels
from loadprofile.features.split import MIN_DAYS, running_sums


def scanned(series: np.ndarray, noise: float = 1.0, covariate: np.ndarray | None = None) -> dict[str, float]:
    covariate = np.zeros_like(series) if covariate is None else covariate
    out = np.empty(len(SCANNED))
    scan(running_sums(series[None], covariate[None]), noise, out)
    return dict(zip(SCANNED, out, strict=True))


def slow(series: np.ndarray) -> dict[str, float]:
    """Every split and every stretch tried, without a covariate and with noise 1."""
    known = np.isfinite(series)
    x = series - series[known].mean()
    best, stretch, steps = 0.0, (0.0, 0.0), {}
    for t in range(1, len(x)):
        a, b = x[:t][known[:t]], x[t:][known[t:]]
        if min(len(a), len(b)) >= MIN_DAYS:
            z = (b.mean() - a.mean()) / np.sqrt(1 / len(a) + 1 / len(b))
            best = z if abs(z) > abs(best) else best
    for i in range(len(x) + 1):  # the stretch with the largest sum, not with the largest z: as documented
        for j in range(i, len(x) + 1):
            part = x[i:j][known[i:j]]
            if abs(part.sum()) > stretch[0] + 1e-9:
                m, n = len(part), known.sum()
                inside = LEAST_DAYS <= m <= n - LEAST_DAYS
                stretch = (abs(part.sum()), part.sum() / np.sqrt(m * (1 - m / n)) if inside else np.nan)
    for t in range(LEAST_DAYS, len(x) - LEAST_DAYS + 1):
        a, b = x[max(t - NEAR, 0) : t], x[t : t + NEAR]
        a, b = a[np.isfinite(a)], b[np.isfinite(b)]
        if min(len(a), len(b)) >= LEAST_DAYS:
            scale = np.sqrt(2 * len(a) * len(b) / (len(a) + len(b)) / NEAR)
            steps[t] = (b.mean() - a.mean()) * scale
    at = max(steps, key=lambda t: (abs(steps[t]), -t))
    others = sorted(abs(v) for t, v in steps.items() if abs(t - at) >= NEAR)
    sudden = steps[at] / others[3 * len(others) // 4] if len(others) >= NEAR else np.nan
    return {"z": best, "stretch_z": stretch[1], "sudden": sudden}


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), days=st.integers(45, 70), step=st.sampled_from([0.0, -2.0, 3.0]),
       lost=st.sampled_from([0.0, 0.15]))  # fmt: skip
def test_the_scan_equals_trying_everything(seed: int, days: int, step: float, lost: float) -> None:
    rng = np.random.default_rng(seed)
    series = rng.normal(0, 1, days)
    series[days // 3 : days // 2] += step
    series[rng.random(days) < lost] = np.nan
    found, wanted = scanned(series), slow(series)
    assert found["z"] == pytest.approx(wanted["z"], abs=1e-6)
    assert found["stretch_z"] == pytest.approx(wanted["stretch_z"], abs=1e-6, nan_ok=True)
    assert found["sudden"] == pytest.approx(wanted["sudden"], rel=1e-6, nan_ok=True)


def test_what_the_peers_explain_is_no_split() -> None:
    rng = np.random.default_rng(0)
    wave = np.cos(2 * np.pi * np.arange(365) / 365)
    series = 2 * wave + rng.normal(0, 0.3, 365)
    assert abs(scanned(series, 0.3, wave)["z"]) < 6
    assert abs(scanned(series, 0.3)["z"]) > 30


def test_a_home_that_drifts_is_its_own_yardstick() -> None:
    rng = np.random.default_rng(4)
    drifting = np.cumsum(rng.normal(0, 0.3, 365)) + rng.normal(0, 0.3, 365)
    stepping = rng.normal(0, 0.3, 365) - 2.0 * (np.arange(365) >= 200)
    assert abs(scanned(drifting, 0.3)["z"]) > 20
    assert abs(scanned(drifting, 0.3)["sudden"]) < abs(scanned(stepping, 0.3)["sudden"]) / 2
    assert scanned(stepping, 0.3)["sudden"] < 0


def test_days_of_two_kinds() -> None:
    rng = np.random.default_rng(2)
    out = np.empty(3)
    two_levels(rng.normal(0, 0.1, 200), out)
    assert out[0] == pytest.approx(0.64, abs=0.06)
    two_levels(rng.normal(0, 0.1, 200) - (rng.random(200) < 0.5), out)
    assert out[0] > 0.9
    assert out[1] == pytest.approx(1.0, abs=0.1)
    assert out[2] == pytest.approx(1.0, abs=0.25)
    two_levels(rng.normal(0, 0.1, 200) - (np.arange(200) < 100), out)
    assert out[2] < 0.05
    two_levels(np.full(200, np.nan), out)
    assert np.isnan(out).all()
