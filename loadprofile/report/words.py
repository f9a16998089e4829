"""Numbers, dates and verdicts in words: no number without its unit, no interval without its level."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from loadprofile.features.table import FeatureTable
from loadprofile.figures.marks import moment, written
from loadprofile.figures.style import CAUSE_WORD
from loadprofile.verdicts import CAUSES, UNDECIDED, Cause, Evidence, Verdicts
from loadprofile.worklist import QUEUES

KEY_FIGURES: Mapping[str, tuple[str, str]] = {
    "g2.level_kw": ("mean power over all readings", "kW"),
    "integrity.coverage": ("readings that are there, of all the period could have", "%"),
    "integrity.zero_share": ("readings that are exactly zero", "%"),
    "integrity.longest_gap_days": ("longest gap", "days"),
    "change.ratio": ("level after / before the strongest change, its peers' course taken out", "times"),
    "peers.size": ("meters it is compared with", "meters"),
    "peers.level_ratio": ("own level / median of those meters", "times"),
    "g1.height_to_width": ("height / width of the main peak of its energies (the paper's Rule 1)", "1"),
}
"""Features worth a line on a meter's page: name -> (meaning, unit)."""


def percent(share: float) -> str:
    """``63 %``; never a bare 0 or 100 for what is only nearly so."""
    if not math.isfinite(share):
        return "not known"
    if 0 < share < 0.005:
        return "under 1 %"
    if 0.995 < share < 1:
        return "over 99 %"
    return f"{share * 100:.0f} %"


def figure_of(value: float, unit: str) -> str:
    """A number to three figures with its unit; thousands set apart; ``not known`` for NaN."""
    if not math.isfinite(value):
        return "not known"
    if unit == "%":
        value *= 100
    size = abs(value)
    if size and not 1e-4 <= size < 1e7:
        text = f"{value:.2e}"
    else:
        places = 0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2 if size >= 1 else 3
        text = f"{value:,.{places}f}"
    return text if unit in ("", "1") else f"{text} {unit}"


def energy(value: float, low: float, high: float) -> str:
    """``1,234 kWh (80 % interval: 900 to 1,500 kWh)``."""
    words = figure_of(value, "kWh")
    if math.isfinite(value) and math.isfinite(low) and math.isfinite(high) and low < high:
        words += f" (80 % interval: {figure_of(low, '')} to {figure_of(high, 'kWh')})"
    return words


def cause_words(cause: str) -> str:
    """The cause as a reader's word."""
    return CAUSE_WORD.get(cause, cause)


@dataclass(frozen=True, slots=True)
class Statement:
    """One piece of evidence, ready to print."""

    number: int
    sentence: str
    speaks_for: str
    cause: str
    figures: str
    window: str
    source: str
    strength: int


def statements(evidence: Sequence[Evidence]) -> list[Statement]:
    """The evidence in its order, numbered from 1 as in the heat map."""
    out = []
    for number, one in enumerate(evidence, start=1):
        cause, _, sign = one.name.partition(".")
        figures = ""
        if math.isfinite(one.found):
            figures = f"{one.quantity}: {figure_of(one.found, one.unit)}"
            if math.isfinite(one.expected):
                figures += f", expected {figure_of(one.expected, one.unit)}"
        strength = round(one.strength * 100) if math.isfinite(one.strength) else 0
        sign_words = sign.replace("_", " ").replace(".", ", ")
        speaks = f"{cause_words(cause)}: {sign_words}" if sign else cause_words(cause)
        out.append(
            Statement(number, one.sentence, speaks, cause, figures, _window(one), one.source, strength)
        )
    return out


def _window(one: Evidence) -> str:
    first, last = (written(moment(text), time=True) or text for text in (one.first, one.last))
    return first if first == last or not last else f"{first} to {last}"


def summary(verdicts: Verdicts, row: int, companions: int = 0) -> list[str]:
    """The verdict in a few plain sentences.

    Args:
        verdicts: of the population.
        row: which meter.
        companions: other meters hit by the same incident.
    """
    cause = str(verdicts.cause[row])
    p = verdicts.probabilities[row]
    ranked = [CAUSES[i] for i in np.argsort(-p, kind="stable")]
    odds = ", ".join(f"{cause_words(c)} {percent(float(p[CAUSES.index(c)]))}" for c in ranked[:2])
    if cause == UNDECIDED:
        said = [f"The evidence does not decide: {odds}."]
    elif cause == Cause.NORMAL:
        said = [f"Nothing out of the ordinary: {odds}."]
    else:
        said = [f"Most likely {cause_words(cause)}: {odds}."]
    said.append(f"Probability that something is not ordinary: {percent(float(verdicts.anomaly_score[row]))}.")
    if not np.isnat(verdicts.onset[row]):
        began = f"It began on {written(verdicts.onset[row], time=True)}"
        low, high = verdicts.onset_low[row], verdicts.onset_high[row]
        if not (np.isnat(low) or np.isnat(high)) and low < high:
            began += f" (80 % interval: {written(low, time=True)} to {written(high, time=True)})"
        end = verdicts.end[row]
        said.append(
            f"{began}; " + ("no end is seen." if np.isnat(end) else f"it ended on {written(end, time=True)}.")
        )
    lost = float(verdicts.lost_kwh[row])
    if not math.isfinite(lost):
        said.append("How much energy was not billed cannot be told.")
    elif lost > 0:
        said.append(
            "Energy used and not billed: "
            f"{energy(lost, float(verdicts.lost_kwh_low[row]), float(verdicts.lost_kwh_high[row]))}."
        )
    elif cause != Cause.NORMAL:
        said.append("No energy is reckoned as used and not billed.")
    if companions:
        said.append(
            f"{companions:,} other meter{'s were' if companions > 1 else ' was'} hit by the same incident."
        )
    said.append("Nobody needs to act." if QUEUES[cause] == "none" else f"Whose work it is: {QUEUES[cause]}.")
    return said


def key_figures(features: FeatureTable, row: int) -> list[tuple[str, str]]:
    """``(meaning, value with unit)`` of the key figures that there are."""
    return [
        (meaning, figure_of(float(features.column(name)[row]), unit))
        for name, (meaning, unit) in KEY_FIGURES.items()
        if name in features.names
    ]
