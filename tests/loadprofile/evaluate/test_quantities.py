from __future__ import annotations

from loadprofile.cases import Cases
from loadprofile.emulate.phenomena import PHENOMENA
from loadprofile.evaluate.quantities import QUANTITIES
from loadprofile.verdicts import Cause


def test_every_anomaly_has_a_quantity_of_its_own_cause() -> None:
    for phenomenon in PHENOMENA:
        if phenomenon.cause is not Cause.NORMAL:
            names = QUANTITIES[phenomenon.name]
            assert names
            assert {name.split(".")[0] for name in names} == {str(phenomenon.cause)}


def test_no_kind_is_made_up() -> None:
    assert set(QUANTITIES) <= {p.name for p in PHENOMENA}


def test_every_quantity_is_a_signature_that_exists(small_cases: Cases) -> None:
    known = set(small_cases.table.names)
    assert {name for names in QUANTITIES.values() for name in names} <= known
