"""The timeline: what does not fit is marked, and nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd

from api.evidence.timeline import _bills, _registers, _Sums
from loadprofile.profiles import LoadProfiles

START = np.datetime64("2023-01-01")
CUBE = LoadProfiles(np.array(["M"]), START + np.arange(30), np.full((1, 30, 24), 0.5, np.float32), 60)


def bill(kwh: float, first: int = 0, last: int = 9) -> pd.DataFrame:
    days = [np.datetime64(START + d, "s") for d in (first, last)]
    return pd.DataFrame(
        {"meter_id": ["M"], "first_day": [days[0]], "last_day": [days[1]], "kwh": [kwh], "amount": [None],
         "currency": [None], "basis": ["actual"]}
    )  # fmt: skip


def test_a_bill_is_set_against_the_readings_of_its_days() -> None:
    sums = _Sums(CUBE)
    (fits,) = _bills(bill(120.0), sums)
    (odd,) = _bills(bill(90.0), sums)
    assert not fits["odd"]
    assert "intervals sum to 120 kWh" in fits["words"]
    assert odd["odd"]
    (beyond,) = _bills(bill(90.0, last=40), sums)
    assert not beyond["odd"], "readings end before the bill does"


def test_a_gap_leaves_a_register_unjudged() -> None:
    at = pd.to_datetime(["2023-01-02", "2023-01-04", "2023-01-10"])
    frame = pd.DataFrame({"timestamp": at, "register_kwh": [100.0, 124.0, 150.0], "multiplier": 1.0})
    whole = [e["odd"] for e in _registers(frame, _Sums(CUBE))]
    assert whole == [False, False, True]
    kwh = np.array(CUBE.kwh)
    kwh[0, 5, 3] = np.nan
    gap = [e["odd"] for e in _registers(frame, _Sums(CUBE.with_kwh(kwh)))]
    assert gap == [False, False, False]
