"""What the feeder totals say, in strengths and sentences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from loadprofile.features.balance import NAMES
from loadprofile.features.population import Context, Population
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import LoadProfiles
from loadprofile.signs import balance
from loadprofile.strength import Measures
from loadprofile.verdicts import Signature

SIGNS: tuple[Callable[[Measures], Signature], ...] = (
    balance.feeder_lacks,
    balance.in_the_residual,
    balance.wrong_feeder,
    balance.more_than_feeder,
    balance.unfollowed_rise,
    balance.matched_by_feeder,
)
CHANGE = ("change.log_ratio", "change.glr", "change.duration_days", "when.change", "when.change_end")


def measures(**columns: float) -> Measures:
    """One meter whose columns are NaN but for those named (``step_share`` for ``balance.step_share``)."""
    names = (*NAMES, *CHANGE)
    values = np.full((1, len(names)), np.nan, dtype=np.float32)
    for name, value in columns.items():
        full = next(n for n in names if n.endswith(f".{name}"))
        values[0, names.index(full)] = value
    days = np.datetime64("2021-01-01") + np.arange(60)
    profiles = LoadProfiles(np.array(["m"]), days, np.ones((1, 60, 24), dtype=np.float32), 60)
    return Measures(Population(profiles, FeatureTable(profiles.meter_ids, names, values), 1, Context()))


LACK = dict(  # noqa: C408
    change=30, log_ratio=-0.9, glr=20, step_share=0.95, step_share_se=0.05, step_z=20, lack_kwh_per_day=4.2,
    joint_share=1.0, joint_z=20, feeder_size=40,
)  # fmt: skip


def strength(sign: Callable[[Measures], Signature], **columns: float) -> float:
    return float(sign(measures(**columns)).strength[0])


def test_nothing_given_is_nothing_judged() -> None:
    for sign in SIGNS:
        assert np.isnan(strength(sign)), sign
    for excuse in (balance.real_saving, balance.unused_zeros, balance.false_rise):
        assert np.isnan(excuse(measures())[0])


def test_a_fall_that_the_feeder_did_not_follow() -> None:
    sign = balance.feeder_lacks(measures(**LACK))
    assert sign.strength[0] > 0.8
    said = sign.explain(0)
    assert "lacks 4.2 kWh a day" in said.sentence
    assert "explains 100 %" in said.sentence
    assert sign.affected_kwh is not None
    assert sign.affected_kwh[0] == pytest.approx(4.2 * 30)


@pytest.mark.parametrize(
    "real",
    [
        pytest.param({"step_share": 0.05, "step_z": 1.0}, id="the_total_fell_with_it"),
        pytest.param({"joint_share": 0.0, "joint_z": 0.0}, id="another_meter_explains_the_lack"),
        pytest.param({"log_ratio": 0.9}, id="the_meter_rose"),
        pytest.param({"step_z": 2.0}, id="within_the_noise"),
    ],
)
def test_what_is_no_theft(real: dict[str, float]) -> None:
    assert strength(balance.feeder_lacks, **(LACK | real)) < 0.1


def test_followed_changes_excuse_and_unjudged_ones_do_not() -> None:
    saving = measures(**(LACK | {"step_share": 0.05, "step_z": 1.0}))
    sign = balance.feeder_lacks(measures(**LACK))
    excused, same = (
        balance.excused([sign], balance.real_saving(m), (sign.name,))[0] for m in (saving, measures())
    )
    assert excused.strength[0] < 0.2 * sign.strength[0]
    assert same.strength[0] == sign.strength[0]
    assert balance.excused([sign], balance.real_saving(saving), ("other",))[0] is sign


def test_rises_real_and_false() -> None:
    real = dict(LACK, log_ratio=0.7, step_share=0.03, step_z=1.0, duration_days=30.0)
    false = dict(LACK, log_ratio=0.7, step_share=1.0, duration_days=30.0)
    assert strength(balance.matched_by_feeder, **real) > 0.7 > strength(balance.unfollowed_rise, **real)
    assert strength(balance.unfollowed_rise, **false) > 0.6 > strength(balance.matched_by_feeder, **false)


def test_a_link_without_a_lead_or_a_size_accuses_nobody() -> None:
    link = {"link": 12.0, "margin": 6.0, "coefficient": 0.5, "low_z": 0.0, "top_z": 0.0, "feeder_size": 30.0}
    assert strength(balance.in_the_residual, **link) > 0.8
    assert strength(balance.in_the_residual, **(link | {"margin": 0.5})) < 0.1
    assert strength(balance.in_the_residual, **(link | {"coefficient": 0.01})) < 0.1


def test_a_wrong_line_needs_another_feeder_that_holds_the_load() -> None:
    line = {"own_coefficient": -1.02, "other_coefficient": 1.05, "other_z": 20.0, "other_feeder": 2.0}
    assert strength(balance.wrong_feeder, **line) > 0.9
    # a reading forty times too large is absent from the total as well, and in no other
    assert strength(balance.wrong_feeder, **(line | {"other_feeder": np.nan, "other_z": np.nan})) == 0.0
    assert strength(balance.wrong_feeder, **(line | {"own_coefficient": -0.2})) == 0.0


def test_more_than_the_whole_feeder() -> None:
    assert strength(balance.more_than_feeder, impossible=0.02, feeder_size=20) > 0.8
    assert strength(balance.more_than_feeder, impossible=0.0, feeder_size=20) == 0.0
