"""Sub-detectors: one question each, one file each, all with the same contract.

``ORDERED`` is the one registry. The order is that of the questions before a team is sent: can the data
be trusted, is the meter well, is somebody in the network, is the use simply high, and only then: theft.
"""

from __future__ import annotations

from loadprofile.features.population import Population
from loadprofile.verdicts import Findings, SubDetector
from subdetectors.cyber_attack import CyberAttack
from subdetectors.data_mismatch import DataMismatch
from subdetectors.fraud import Fraud
from subdetectors.maintenance import Maintenance
from subdetectors.super_consumption import SuperConsumption

ORDERED: tuple[type[SubDetector], ...] = (DataMismatch, Maintenance, CyberAttack, SuperConsumption, Fraud)


def examine_all(population: Population) -> tuple[Findings, ...]:
    """The findings of every sub-detector, in the order of the registry."""
    return tuple(detector().examine(population) for detector in ORDERED)


__all__ = [
    "ORDERED",
    "CyberAttack",
    "DataMismatch",
    "Fraud",
    "Maintenance",
    "SuperConsumption",
    "examine_all",
]
