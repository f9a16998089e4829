from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from loadprofile.features.table import FeatureTable
from loadprofile.route import OWN_SIGNS, TOO_LITTLE, WOULD_DECIDE, decide
from loadprofile.verdicts import CAUSES, UNDECIDED, Cause, Evidence, Findings


def findings(cause: Cause, score: list[float]) -> Findings:
    n = len(score)
    nat = np.full(n, np.datetime64("NaT", "m"))
    ids = np.array([f"m{i}" for i in range(n)])
    said = Evidence(f"{cause}.sign", f"{cause} 1 kWh", "x", 1.0, 0.0, "kWh")
    return Findings(
        cause, ids, np.array(score), np.full(n, np.nan), nat, nat, np.zeros(n),
        np.full(n, -1), FeatureTable(ids, (f"{cause}.sign",), np.array(score)[:, None]),
        tuple((said,) if s >= OWN_SIGNS else () for s in score),
    )  # fmt: skip


def odds(**share: float) -> np.ndarray:
    p = np.array([share.get(str(c), 0.0) for c in CAUSES])
    return p / p.sum()


def test_every_pair_has_a_datum_that_would_decide() -> None:
    assert set(WOULD_DECIDE) == {frozenset(pair) for pair in combinations(CAUSES, 2)}


@pytest.mark.parametrize(
    ("p", "own", "cause"),
    [
        pytest.param(odds(fraud=0.9, normal=0.1), 0.8, "fraud", id="clear_fraud"),
        pytest.param(odds(fraud=0.9, normal=0.1), OWN_SIGNS / 2, UNDECIDED, id="fraud_by_elimination_only"),
        pytest.param(odds(fraud=0.9, normal=0.1), np.nan, UNDECIDED, id="fraud_cannot_be_judged"),
        pytest.param(odds(fraud=0.5, maintenance=0.5), 0.9, UNDECIDED, id="tie"),
        pytest.param(odds(fraud=0.52, maintenance=0.4, normal=0.08), 0.9, UNDECIDED, id="within_reach"),
        pytest.param(odds(fraud=4, maintenance=2, normal=2, data_mismatch=2), 0.9, UNDECIDED, id="no_half"),
        pytest.param(odds(normal=0.95, fraud=0.05), 0.9, "normal", id="normal"),
        pytest.param(odds(maintenance=0.8, fraud=0.2), 0.0, "maintenance", id="others"),
        pytest.param(odds(maintenance=0.48, normal=0.44, fraud=0.08), 0.0, "maintenance", id="fault_leads"),
        pytest.param(odds(normal=0.48, maintenance=0.35, data_mismatch=0.17), 0.0, "maintenance", id="how"),
        pytest.param(odds(normal=0.48, fraud=0.35, maintenance=0.17), 0.9, UNDECIDED, id="how_fraud"),
        pytest.param(odds(fraud=0.48, normal=0.44, maintenance=0.08), 0.9, UNDECIDED, id="not_so_for_fraud"),
        pytest.param(odds(normal=0.55, maintenance=0.45), 0.0, UNDECIDED, id="normal_within_reach"),
        pytest.param(odds(normal=0.6, maintenance=0.35, fraud=0.05), 0.0, UNDECIDED, id="spoken_against"),
        pytest.param(odds(normal=0.6, data_mismatch=0.35, fraud=0.05), 0.0, "normal", id="nothing_said"),
        pytest.param(odds(maintenance=0.5, data_mismatch=0.44, fraud=0.06), 0.0, "maintenance", id="office"),
        pytest.param(odds(maintenance=0.47, data_mismatch=0.45, fraud=0.08), 0.0, "maintenance", id="signed"),
        pytest.param(odds(maintenance=0.42, data_mismatch=0.5, fraud=0.08), 0.0, "maintenance", id="other"),
        pytest.param(odds(maintenance=0.3, data_mismatch=0.62, fraud=0.08), 0.0, UNDECIDED, id="too_far"),
        pytest.param(
            odds(maintenance=0.3, data_mismatch=0.28, normal=0.2, fraud=0.22), 0.0, UNDECIDED, id="which"
        ),
    ],
)  # fmt: skip
def test_gate(p: np.ndarray, own: float, cause: str) -> None:
    routed = decide(p[None], [findings(Cause.FRAUD, [own]), findings(Cause.MAINTENANCE, [0.8])])
    assert routed.cause.tolist() == [cause]
    assert bool(routed.would_decide[0]) == (cause == UNDECIDED)


def test_no_cause_is_named_without_evidence_of_its_own() -> None:
    p = odds(maintenance=0.9, normal=0.1)[None]
    for score, named in ((OWN_SIGNS - 0.01, UNDECIDED), (OWN_SIGNS + 0.01, "maintenance")):
        routed = decide(p, [findings(Cause.MAINTENANCE, [score])])
        assert routed.cause.tolist() == [named]
        assert bool(routed.evidence[0]) == (named != UNDECIDED)


def test_offices_in_a_tie_with_signs_of_both_are_not_decided_between() -> None:
    p = odds(maintenance=0.47, data_mismatch=0.45, fraud=0.08)[None]
    both = [findings(Cause.MAINTENANCE, [0.8]), findings(Cause.DATA_MISMATCH, [0.8])]
    assert decide(p, both).cause.tolist() == [UNDECIDED]


def test_dates_are_those_of_the_cause_that_is_named() -> None:
    p = odds(maintenance=0.42, data_mismatch=0.5, fraud=0.08)[None]
    routed = decide(p, [findings(Cause.MAINTENANCE, [0.8])])
    assert CAUSES[routed.leading[0]] == Cause.MAINTENANCE


def test_undecided_names_the_datum_of_its_own_pair() -> None:
    routed = decide(odds(fraud=0.5, maintenance=0.5)[None], [findings(Cause.FRAUD, [0.9])])
    assert "voltage" in routed.would_decide[0]


def test_too_little_data_is_undecided() -> None:
    routed = decide(odds(normal=1)[None], [], np.array([False]))
    assert routed.cause.tolist() == [UNDECIDED]
    assert routed.would_decide == (TOO_LITTLE,)


def test_likelier_causes_speak_first() -> None:
    said = decide(
        odds(maintenance=0.6, fraud=0.3, normal=0.1)[None],
        [findings(Cause.FRAUD, [0.9]), findings(Cause.MAINTENANCE, [0.3])],
    ).evidence[0]
    assert [e.name for e in said] == ["maintenance.sign", "fraud.sign"]


def test_the_leading_cause_of_a_normal_meter_is_its_second() -> None:
    assert decide(odds(normal=0.9, fraud=0.1)[None], []).leading.tolist() == [CAUSES.index(Cause.FRAUD)]


def test_order_of_findings_does_not_matter() -> None:
    p = odds(maintenance=0.6, fraud=0.4)[None]
    both = [findings(Cause.FRAUD, [0.9]), findings(Cause.MAINTENANCE, [0.3])]
    assert decide(p, both).evidence == decide(p, both[::-1]).evidence


def test_the_feeder_total_is_not_asked_for_where_it_was_given() -> None:
    for pair, alone in WOULD_DECIDE.items():
        p = odds(**{str(cause): 0.5 for cause in pair})[None]
        known = decide(p, [], balanced=np.array([True])).would_decide[0]
        assert known
        assert "feeder (transformer)" not in known
        assert decide(p, [], balanced=np.array([False])).would_decide[0] == alone
