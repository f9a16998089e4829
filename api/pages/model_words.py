"""Scores and manifests of models in words: what is measured, in which unit, and which way is better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.pages.rendering import instant
from loadprofile.learning.contest import FIGURES, LEAST_METERS
from loadprofile.report.words import cause_words

LOWER, HIGHER = "lower", "higher"

FIGURE_WORDS: Mapping[str, tuple[str, str, str]] = {
    "log loss": ("Log loss of the six odds, nats per case", LOWER, "0 = sure and right every time"),
    "right": ("Likeliest answer is the right one, share of cases", HIGHER, "1 = always"),
    "AUC of fraud": (
        "Fraud is ranked above what is not, share of pairs (AUC)", HIGHER, "0.5 = drawn by lot, 1 = always",
    ),
    "average precision of fraud": (
        "Average precision of the ranking by fraud", HIGHER, "1 = frauds first; by lot: their share",
    ),
}  # fmt: skip
"""Figures of a contest: what they are, which way is better, how to read them."""

assert set(FIGURE_WORDS) == set(FIGURES)

FACT_WORDS: Mapping[str, str] = {
    "name": "name",
    "made_by": "made by",
    "created_as_of": "learned from what was known by",
    "attribution": "data from",
    "data": "homes it learned from",
    "wish.name": "asked for as",
    "wish.as_of": "asked for as of",
    "wish.score_from": "visits from this day on score",
    "wish.populations": "emulated utilities",
    "wish.iterations": "boosting rounds",
    "wish.meters": "stored meters at most",
    "wish.simulated_homes": "simulated homes beside them",
    "wish.verified_counts": "emulated cases that a verdict counts for",
    "wish.seed": "seed of the wish",
    "wish.hemisphere": "hemisphere",
    "verified": "verified cases learned from",
    "verified_effective": "the same, by their weights",
    "verdicts_until": "visits learned from, until",
    "not_ordinary": "meters left out as examples of ordinary ones",
    "seed": "seed",
    "layout": "layout of the file",
}
"""Entries of a manifest; what begins with these words is put into words below."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a comparison: values with their 95 % intervals as text."""

    name: str
    better: str
    reading: str
    mine: str
    champions: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both models on one set of cases.

    Attributes:
        name: of the set.
        cases, meters: how many.
        figures: the lines.
        gain: how much log loss the challenger saves, with its interval.
        verdict: ``better``, ``worse`` or ``same`` beyond the noise; ``silent`` for too few meters.
    """

    name: str
    cases: int
    meters: int
    figures: tuple[Figure, ...]
    gain: str
    verdict: str


@dataclass(frozen=True, slots=True)
class ScoreSheet:
    """How a model was measured.

    Attributes:
        better: whether it may be promoted without force; None where that was not asked.
        because: why (not).
        champion: beside which model.
        as_of: moment of what was known; None where that is not told.
        verdicts_until: ISO day of the last visit that it learned from.
        comparisons: by set of cases.
        others: scores of another make, as ``(name, value)``.
    """

    better: bool | None
    because: str
    champion: str
    as_of: datetime | None
    verdicts_until: str
    comparisons: tuple[Comparison, ...]
    others: tuple[tuple[str, str], ...]

    @property
    def headline(self) -> str:
        """The reason without the figures, which the comparisons hold."""
        return self.because.split(";", maxsplit=1)[0] if self.comparisons else self.because


_SAID = {"better", "because", "champion", "as_of", "verdicts_until", "sets"}


def score_sheet(scores: Mapping[str, Any] | None) -> ScoreSheet | None:
    """Scores as ``api.learning_jobs`` leaves them; what is of another make stands under ``others``."""
    if not scores:
        return None
    sets = scores.get("sets")
    fits = isinstance(sets, Mapping) and all(_is_contest(found) for found in sets.values())
    champion = scores.get("champion")
    return ScoreSheet(
        better=scores["better"] if isinstance(scores.get("better"), bool) else None,
        because=str(scores.get("because") or ""),
        champion=str(champion.get("name") or "") if isinstance(champion, Mapping) else "",
        as_of=_moment(scores.get("as_of")),
        verdicts_until=str(scores.get("verdicts_until") or ""),
        comparisons=tuple(_comparison(name, found) for name, found in sets.items()) if fits else (),  # type: ignore[union-attr]
        others=tuple(
            plain_lines({k: v for k, v in scores.items() if k not in _SAID or (k == "sets" and not fits)})
        ),
    )


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def _is_contest(found: Any) -> bool:
    return isinstance(found, Mapping) and {"cases", "meters", "champion", "challenger", "gain"} <= set(found)


def _comparison(name: str, found: Mapping[str, Any]) -> Comparison:
    gain = found["gain"]
    low, high = gain["low"], gain["high"]
    if not found.get("tells") or low is None or high is None:
        verdict = "silent"
    else:
        verdict = "better" if low > 0 else "worse" if high < 0 else "same"
    figures = []
    for key, value in found["challenger"].items():
        words, better, reading = FIGURE_WORDS.get(key, (key, "", ""))
        figures.append(
            Figure(words, better, reading, _estimate(value), _estimate(found["champion"].get(key)))
        )
    return Comparison(
        name, int(found["cases"]), int(found["meters"]), tuple(figures), _estimate(gain), verdict
    )


def _estimate(value: Any) -> str:
    """``0.605 (0.384 to 0.884)``; a dash where it cannot be told."""
    if not isinstance(value, Mapping) or value.get("value") is None:
        return "–"
    low, high = value.get("low"), value.get("high")
    text = _text(float(value["value"]))
    if low is None or high is None:
        return text
    return f"{text} ({_text(float(low))} to {_text(float(high))})"


def verdict_words(one: Comparison) -> str:
    """What a comparison comes to, in a sentence."""
    if one.verdict == "silent":
        return f"Fewer than {LEAST_METERS} meters do not tell who is better; this set has no say."
    beyond = {
        "better": "better than the champion beyond the noise",
        "worse": "worse than the champion beyond the noise",
        "same": "not told apart from the champion: the interval holds 0",
    }
    return f"Log loss saved: {one.gain}: {beyond[one.verdict]}."


def plain_lines(values: Mapping[str, Any] | None, before: str = "") -> list[tuple[str, str]]:
    """Values of any shape as ``(name, value)``; nested names are joined by dots."""
    out: list[tuple[str, str]] = []
    for name, value in (values or {}).items():
        full = f"{before}{name}"
        if isinstance(value, Mapping):
            if {"value", "low", "high"} <= set(value):
                out.append((full, _estimate(value)))
            else:
                out += plain_lines(value, f"{full}.")
        elif isinstance(value, list | tuple):
            out.append((full, ", ".join(_listed(v) for v in value)))
        else:
            out.append((full, _text(value)))
    return out


def fact_lines(manifest: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """A manifest as ``(words, value)``; names that are not known stand as they are."""
    return [(_fact(name), value) for name, value in plain_lines(manifest)]


def _fact(name: str) -> str:
    head, _, rest = name.partition(".")
    if name in FACT_WORDS:
        return FACT_WORDS[name]
    if head == "cases":
        return f"cases of {cause_words(rest)}"
    if head == "prior":
        return f"taken to be {cause_words(rest)}, share of meters"
    if head == "versions":
        return f"version of {rest}"
    return name.replace("_", " ")


def _listed(value: Any) -> str:
    if isinstance(value, Mapping):
        if {"name", "meters"} <= set(value):
            return f"{value['name']}: {value['meters']} meters"
        return "; ".join(f"{k} {_text(v)}" for k, v in value.items())
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    if isinstance(value, float):
        return f"{value:.3g}" if math.isfinite(value) else "–"
    moment = _moment(value) if "T" in str(value) else None
    return str(value) if moment is None or moment.tzinfo is None else instant(moment)
