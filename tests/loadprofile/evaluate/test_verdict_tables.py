from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from loadprofile.cases import Cases
from loadprofile.evaluate.estimates import Estimate
from loadprofile.evaluate.judged import Judged, Said
from loadprofile.evaluate.quantities import QUANTITIES
from loadprofile.evaluate.verdict_tables import (
    by_cause,
    by_kind,
    by_slice,
    cause_reports,
    confusions,
    dates,
    energies,
    explained,
    honest,
    overall,
    speaks_of,
)
from loadprofile.verdicts import CAUSES, cause_codes

PRIOR = np.full(6, 1 / 6)


@pytest.fixture(scope="module")
def oracle(small_cases: Cases) -> Judged:
    """A program that knows everything."""
    c = small_cases
    p = np.full((len(c), 6), 0.01)
    p[np.arange(len(c)), cause_codes(c.cause)] = 0.95
    hour = np.timedelta64(60, "m")
    names = np.array([min(QUANTITIES.get(k, {""})) for k in c.kind.tolist()])
    lost = np.nan_to_num(c.lost_kwh)
    said = Said(
        p, c.cause, c.onset, c.onset - hour, c.onset + hour, lost, 0.9 * lost - 1, 1.1 * lost + 1, names
    )
    return Judged(c, {"oracle": said}, PRIOR)


def value(cell: object) -> float:
    assert isinstance(cell, Estimate)
    return cell.value


def test_who_knows_everything_is_right_everywhere(oracle: Judged) -> None:
    for row in overall(oracle, 0).rows:
        assert value(row["macro-F1"]) == value(row["AUC fraud"]) == value(row["fraud precision at k"]) == 1.0
        assert value(row["undecided"]) == 0.0
    reports = cause_reports(oracle, 0)
    assert all(value(row["F1"]) == 1.0 for row in by_cause(oracle, reports, 0).rows)
    for row in confusions(reports).rows:
        assert [row[str(c)] for c in CAUSES if str(c) != row["was"]] == [0] * 5
    assert all(value(row["recall of planted"]) == 1.0 or math.isnan(value(row["recall of planted"]))
               for row in by_slice(oracle, 0).rows)  # fmt: skip
    assert all(value(row["recall"]) == 1.0 for row in by_kind(oracle).rows)
    assert all(value(row["named a cause"]) == 0.0 for row in honest(oracle, PRIOR).rows[:2])
    assert all(value(row["median error, days"]) == 0.0 for row in dates(oracle).rows)
    assert all(value(row["80 % interval holds"]) == 1.0 for row in energies(oracle).rows)
    assert all(value(row["top evidence names the quantity"]) == 1.0 for row in explained(oracle).rows)


def test_every_row_is_in_one_bin_of_strength(oracle: Judged) -> None:
    rows = by_slice(oracle, 0).rows
    planted = int((oracle.cases.kind != "untouched").sum())
    for what in ("strength", "clarity", "trace"):
        assert sum(int(r["rows"]) for r in rows if r["by"] == what) == planted  # type: ignore[arg-type]
    for what in ("days", "step", "data set"):
        assert sum(int(r["rows"]) for r in rows if r["by"] == what) == len(oracle.cases)  # type: ignore[arg-type]


def test_false_alarms_of_untouched_and_touched_are_apart(oracle: Judged) -> None:
    c = oracle.cases
    said = replace(oracle.said["oracle"], cause=np.where(c.kind == "untouched", "fraud", c.cause))
    rows = honest(Judged(c, {"loud": said}, PRIOR), PRIOR).rows
    assert [value(r["called fraud"]) for r in rows[:2]] == [1.0, 0.0]
    assert [r["meters"] for r in rows[:2]] == ["untouched", "look-alikes"]


def test_a_date_that_is_missing_or_late_counts_against(oracle: Judged) -> None:
    c = oracle.cases
    two_days = np.timedelta64(2880, "m")
    late = replace(oracle.said["oracle"], onset=c.onset + two_days)
    (all_rows, *_) = dates(Judged(c, {"late": late}, PRIOR)).rows
    assert value(all_rows["median error, days"]) == 2.0
    assert value(all_rows["within 1 day"]) == 0.0
    dumb = replace(oracle.said["oracle"], onset=np.full(len(c), np.datetime64("NaT", "m")))
    (all_rows, *_) = dates(Judged(c, {"dumb": dumb}, PRIOR)).rows
    assert value(all_rows["a date given"]) == value(all_rows["within 1 day"]) == 0.0


def test_half_the_energy_is_half_off(oracle: Judged) -> None:
    said = oracle.said["oracle"]
    half = replace(said, lost_kwh=said.lost_kwh / 2)
    for row in energies(Judged(oracle.cases, {"half": half}, PRIOR)).rows:
        assert value(row["median relative error"]) == pytest.approx(0.5)
        assert row["sum said / sum true"] == pytest.approx(0.5)


def test_evidence_of_another_kind_does_not_speak() -> None:
    evidence = np.array(["fraud.capped", "fraud.capped", "", "fraud.capped"])
    kinds = np.array(["peak_cap", "weekend_bypass", "peak_cap", "unheard_of"])
    assert speaks_of(evidence, kinds).tolist() == [True, False, False, False]
