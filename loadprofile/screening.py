"""Screening: the whole flow, map -> reduce -> map -> reduce -> map, on one screen of code.

``survey`` measures a population: features of each meter, what its peers did, what changed, and
which meters changed together. ``judge`` asks the sub-detectors and a model, and decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadprofile.engines.local import Engine, LocalEngine
from loadprofile.errors import NothingToJudgeError
from loadprofile.features.balance import balance_features, no_balance
from loadprofile.features.change import change_features
from loadprofile.features.cohorts import find_cohorts
from loadprofile.features.context_columns import context_features
from loadprofile.features.counterfactual import foretold, shortfall
from loadprofile.features.daily import DailyBlocks, daily_blocks
from loadprofile.features.extract import describe
from loadprofile.features.peer_differences import peers_features
from loadprofile.features.peers import Foreseen, PeerGroups, group_peers
from loadprofile.features.population import Context, Population
from loadprofile.features.slots import SlotCounts, count_slots, summed
from loadprofile.features.table import FeatureTable, below, beside
from loadprofile.models.model import Model
from loadprofile.profiles import LoadProfiles
from loadprofile.route import Routed, decide
from loadprofile.signs.course import courses
from loadprofile.spool.store import Spool
from loadprofile.strength import Measures
from loadprofile.verdicts import CAUSES, Cause, Evidence, Findings, SubDetector, Verdicts

BATCH = 500
"""Meters in a batch: small enough for the cache of per-batch temporaries, large enough for few calls."""

LEAST_DAYS = 14
"""Meters with fewer days of readings are not judged: no change and no season can be seen."""


@dataclass(frozen=True, eq=False, slots=True)
class Survey:
    """A measured population: everything the judgement rests on.

    Attributes:
        profiles: the cube.
        features: all groups, ``when`` included.
        blocks: mean power of each 3-hour block of each day.
        peers: who is compared with whom.
        incident: ``(n,)`` int64, the incident a meter shares with others, -1 = none.
        context: the optional inputs.
    """

    profiles: LoadProfiles
    features: FeatureTable
    blocks: DailyBlocks
    peers: PeerGroups | Foreseen
    incident: NDArray[np.int64]
    context: Context


@dataclass(frozen=True, eq=False, slots=True)
class Measured:
    """A population before anybody asked which meters changed together.

    Attributes:
        table: the features of each meter, of its change and against its peers.
        blocks, peers: as in ``Survey``.
        counts: what happened in each slot, over all meters.
    """

    table: FeatureTable
    blocks: DailyBlocks
    peers: PeerGroups
    counts: SlotCounts


def survey(
    profiles: LoadProfiles,
    context: Context | None = None,
    *,
    hemisphere: str = "north",
    engine: Engine | None = None,
) -> Survey:
    """Measure a population.

    Args:
        profiles: the cube, one interval length.
        context: optional inputs.
        hemisphere: ``north`` or ``south``; decides which months are winter.
        engine: where the map steps run.
    """
    found = measure(profiles, context, hemisphere=hemisphere, engine=engine)
    cohorts = find_cohorts(found.table, found.counts, profiles.batches(BATCH), found.blocks)
    features = beside([found.table, cohorts.features])
    return Survey(profiles, features, found.blocks, found.peers, cohorts.incident, context or Context())


def measure(
    readings: LoadProfiles | Spool,
    context: Context | None = None,
    *,
    hemisphere: str = "north",
    engine: Engine | None = None,
) -> Measured:
    """What can be measured with these meters and their feeders; arguments as of ``survey``.

    Of a spool never more than ``BATCH`` meters are in memory, unless there are totals of feeders.
    """
    engine = engine or LocalEngine()
    first = engine.map(partial(_describe, hemisphere=hemisphere), readings.batches(BATCH))
    own = below([table for table, _, _ in first])
    blocks = DailyBlocks(own.meter_ids, readings.days, np.concatenate([b.power for _, b, _ in first]))
    counts = summed(c for _, _, c in first)
    del first
    peers = group_peers(blocks, own)
    slices = [slice(i, min(i + BATCH, len(readings))) for i in range(0, len(readings), BATCH)]
    weather = None if context is None else context.weather
    changed = below(engine.map(partial(_changes, readings, blocks, peers, weather), slices))
    if context is None or not context.has_balances:
        balance = no_balance(own.meter_ids)
    else:
        cube = readings if isinstance(readings, LoadProfiles) else readings.take(slice(None))
        balance = balance_features(cube, changed, context)
    known = context_features(readings, blocks, changed, context)
    table = beside([own, changed, peers_features(peers), balance, known])
    return Measured(table, blocks, peers, counts)


def _describe(batch: LoadProfiles, hemisphere: str) -> tuple[FeatureTable, DailyBlocks, SlotCounts]:
    """Map 1: what one batch shows by itself."""
    return describe(batch, hemisphere), daily_blocks(batch), count_slots(batch)


def _changes(
    readings: LoadProfiles | Spool,
    blocks: DailyBlocks,
    peers: PeerGroups,
    weather: pd.DataFrame | None,
    rows: slice,
) -> FeatureTable:
    """Map 2: what changed in one batch, after removing what peers did on the same days."""
    return change_features(readings.take(rows), blocks.take(rows), peers.expected(rows), weather=weather)


def examine(measured: Survey, detectors: Sequence[SubDetector]) -> tuple[Findings, ...]:
    """Map 3: what each sub-detector says about every meter."""
    population = Population(
        measured.profiles, measured.features, len(measured.profiles), measured.context, measured.incident
    )
    shared = Measures.of(population)  # held, so that each finds what another has made
    found = tuple(detector.examine(population) for detector in detectors)
    del shared
    return found


def model_inputs(features: FeatureTable, findings: Sequence[Findings]) -> FeatureTable:
    """All columns that a model may see: every feature but the moments, every signal, every score."""
    groups = {name.split(".", 1)[0] for name in features.names} - {"when"}
    scores = np.stack([f.score for f in findings], axis=1)
    names = tuple(f"score.{f.cause}" for f in findings)
    return beside(
        [
            features.group(*groups),
            *(f.signals for f in findings),
            FeatureTable(features.meter_ids, names, scores.astype(np.float32)),
        ]
    )


def judge(
    measured: Survey,
    detectors: Sequence[SubDetector],
    model: Model,
    prior: NDArray[np.float64] | None = None,
) -> tuple[Verdicts, tuple[Findings, ...]]:
    """Decide for every meter of a measured population.

    Args:
        measured: from ``survey``.
        detectors: the sub-detectors.
        model: the fitted model.
        prior: ``(6,)`` how common each answer is; None = the model's.

    Returns:
        The verdicts and the findings with calibrated probabilities.

    Raises:
        NothingToJudgeError: when no meter has ``LEAST_DAYS`` days of readings.
    """
    judged = can_be_judged(measured.blocks)
    if not judged.any():
        raise nothing_to_judge(len(judged))
    return verdicts_on(measured, judged, detectors, model, model.prior if prior is None else prior)


def can_be_judged(blocks: DailyBlocks) -> NDArray[np.bool_]:
    """``(n,)`` whether a meter has ``LEAST_DAYS`` days of readings."""
    return np.asarray(np.isfinite(blocks.daily()).sum(axis=1) >= LEAST_DAYS)


def nothing_to_judge(meters: int) -> NothingToJudgeError:
    """What is raised when no meter of a population can be judged."""
    return NothingToJudgeError(meters, f"fewer than {LEAST_DAYS} days of readings")


def verdicts_on(
    measured: Survey,
    judged: NDArray[np.bool_],
    detectors: Sequence[SubDetector],
    model: Model,
    prior: NDArray[np.float64],
) -> tuple[Verdicts, tuple[Findings, ...]]:
    """``judge`` where some or all meters cannot be judged: those keep the prior, ``undecided``."""
    findings = tuple(model.calibrated(f) for f in examine(measured, detectors))
    learned = model.probabilities(model_inputs(measured.features, findings))
    probabilities = model.at_prior(learned, prior)
    probabilities[~judged] = prior
    routed = decide(probabilities, findings, judged)
    sure = learned[np.arange(len(judged)), routed.leading]
    onset, end = spans(findings, routed.leading)
    low, high = _around(measured, onset, end, model.onset_spread.predict(routed.leading, sure))
    normal = routed.cause == str(Cause.NORMAL)
    for moment in (onset, low, high, end):
        moment[normal] = np.datetime64("NaT")
    lost, lost_low, lost_high = _lost(measured, onset, end, model.lost_spread.predict(routed.leading, sure))
    unbilled = ~normal & (routed.cause != str(Cause.SUPER_CONSUMPTION))
    for energy in (lost, lost_low, lost_high):
        energy[~unbilled] = 0.0
    return (
        Verdicts(
            meter_ids=measured.profiles.meter_ids,
            probabilities=probabilities,
            anomaly_score=1.0 - probabilities[:, 0],
            cause=routed.cause,
            onset=onset, onset_low=low, onset_high=high, end=end,
            lost_kwh=lost, lost_kwh_low=lost_low, lost_kwh_high=lost_high,
            incident=np.where(normal, -1, measured.incident),
            would_decide=routed.would_decide,
            evidence=_with_courses(measured, routed),
        ),
        findings,
    )  # fmt: skip


def _with_courses(measured: Survey, routed: Routed) -> tuple[tuple[Evidence, ...], ...]:
    """What was said of each meter and, last, the dates of all changes of those that are not normal."""
    rows = np.flatnonzero(routed.cause != str(Cause.NORMAL))
    said = list(routed.evidence)
    power, expected = measured.blocks.power[rows], measured.peers.expected(rows)
    found = courses(power, expected, measured.blocks.days, routed.leading[rows])
    for row, course in zip(rows.tolist(), found, strict=True):
        if course is not None:
            said[row] = (*said[row], course)
    return tuple(said)


def _lost(
    measured: Survey,
    onset: NDArray[np.datetime64],
    end: NDArray[np.datetime64],
    width: NDArray[np.float64],
) -> NDArray[np.float64]:
    """``(3, n)`` energy lost and its interval; asked only of meters that have an onset, NaN for the rest."""
    out = np.full((3, len(onset)), np.nan)
    rows = np.flatnonzero(~np.isnat(onset))
    since, until = (_days_since(measured, moment)[rows] for moment in (onset, end))
    blocks, expected = measured.blocks.take(rows), measured.peers.expected(rows)
    out[:, rows] = shortfall(blocks, expected, since, until, width[rows])
    return out


def _around(
    measured: Survey,
    onset: NDArray[np.datetime64],
    end: NDArray[np.datetime64],
    days: NDArray[np.float64],
) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """So many days (one interval at least) on either side, inside the span and not after the end."""
    step = measured.profiles.step_minutes
    reach = np.maximum(np.rint(days * 1440 / step), 1).astype(np.int64) * np.timedelta64(step, "m")
    first = measured.profiles.days[0].astype("datetime64[m]")
    last = measured.profiles.days[-1].astype("datetime64[m]") + np.timedelta64(1440, "m")
    over = np.where(np.isnat(end), last, np.maximum(end, onset))
    return np.maximum(onset - reach, first), np.minimum(onset + reach, np.minimum(over, last))


def spans(
    findings: Sequence[Findings], leading: NDArray[np.int64]
) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """Onset and end of the cause (index into ``CAUSES``) that leads for each meter."""
    rows = np.arange(len(leading))
    place = {CAUSES.index(f.cause): i for i, f in enumerate(findings)}
    which = np.array([place.get(int(at), 0) for at in leading])
    onset, end = (np.stack([getattr(f, name) for f in findings])[which, rows] for name in ("onset", "end"))
    return onset, end


def off_by(
    measured: Survey,
    findings: Sequence[Findings],
    leading: NDArray[np.int64],
    onset: NDArray[np.datetime64],
    lost_kwh: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far the estimates are from the truth where it is known, two ``(n,)`` arrays, NaN = no estimate.

    Args:
        measured: the population.
        findings: of all sub-detectors.
        leading: ``(n,)`` index of the true cause.
        onset: ``(n,)`` true onset.
        lost_kwh: ``(n,)`` true energy not billed.

    Returns:
        Days from the said onset to the true one; and the logarithm of true over foretold use between said
        onset and said end, in standard errors of the foretelling.
    """
    said, end = spans(findings, leading)
    since, until = _days_since(measured, said), _days_since(measured, end)
    days = _days_since(measured, onset) - since
    expected = measured.peers.expected(slice(None))
    foreseen, metered, error = foretold(measured.blocks, expected, since, until)
    used = np.maximum(lost_kwh + metered, 0.02 * foreseen)
    with np.errstate(invalid="ignore", divide="ignore"):
        log_off = np.log(used / foreseen) / error
    known = np.isfinite(days)
    return days, np.where(known & np.isfinite(log_off), log_off, np.nan)


def _days_since(measured: Survey, moment: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Moments as days since the first day of the population; NaT -> NaN."""
    minutes = (moment - measured.profiles.days[0].astype("datetime64[m]")).astype(np.float64)
    return np.where(np.isnat(moment), np.nan, minutes / 1440.0)
