"""Cases to learn from: ordinary load profiles with emulated phenomena, surveyed and examined.

Nobody has labels on the first day. So real (and, said to be so, simulated) ordinary homes and
buildings are made into many small utilities: other windows of the year, other lengths, interval
lengths and sizes; phenomena of every cause are planted in some of the meters; the same survey and
the same sub-detectors look at them as at a customer's data; and what they saw becomes rows whose
cause is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from loadprofile.emulate.climate import drawn_climate
from loadprofile.emulate.phenomena import PHENOMENA
from loadprofile.emulate.scenario import ANOMALIES, Scenario, coarsen, draw
from loadprofile.emulate.surroundings import further, surroundings
from loadprofile.features.population import Context
from loadprofile.features.table import FeatureTable, below
from loadprofile.profiles import LoadProfiles
from loadprofile.screening import Survey, examine, model_inputs, off_by, survey
from loadprofile.verdicts import Cause, Findings, SubDetector, cause_codes


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """One set of ordinary meters to train on.

    Attributes:
        name: short; homes are known as ``name:meter_id`` and never stand on both sides of a fold.
        profiles: the cube; may span years, windows are cut out of it.
        weight: how often it is drawn.
        attribution: for the manifest.
    """

    name: str
    profiles: LoadProfiles
    weight: float = 1.0
    attribution: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Cases:
    """Rows to learn from: features and findings of meters whose cause is known.

    Attributes:
        table: ``(m, k)`` features, signals and scores (``model_inputs``).
        cause, kind, home, source: ``(m,)`` str each.
        onset: ``(m,)`` datetime64[m], NaT where nothing was planted.
        lost_kwh: ``(m,)`` float64, planted energy not billed.
        visible: ``(m,)`` float64, how strong the planted trace is (0 = nobody could see it).
        population: ``(m,)`` int64, number of the emulated utility.
        clarity: ``(m,)`` float64, that strength against the meter's own spread (``Effect.clarity``).
        faint: ``(m,)`` bool, too weak for anybody to see: the cause is true, but nobody could say so.
        end: ``(m,)`` datetime64[m], NaT where nothing was planted or where it still goes on.
        cohort: ``(m,)`` str, the same for all meters of one incident in one population, "" for a single one.
        days: ``(m,)`` int64, days that the utility's data span.
        step_minutes: ``(m,)`` int64, interval length.
        onset_off, lost_off: ``(m,)`` float64, how far the dates and energies were off that were found for
            the true cause (``screening.off_by``); NaN where nothing was planted or found.
    """

    table: FeatureTable
    cause: NDArray[np.str_]
    kind: NDArray[np.str_]
    home: NDArray[np.str_]
    source: NDArray[np.str_]
    onset: NDArray[np.datetime64]
    lost_kwh: NDArray[np.float64]
    visible: NDArray[np.float64]
    population: NDArray[np.int64]
    clarity: NDArray[np.float64]
    faint: NDArray[np.bool_]
    end: NDArray[np.datetime64]
    cohort: NDArray[np.str_]
    days: NDArray[np.int64]
    step_minutes: NDArray[np.int64]
    onset_off: NDArray[np.float64]
    lost_off: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.cause)

    def take(self, rows: NDArray[Any]) -> Cases:
        """Some of the rows (indices or a boolean mask)."""
        at = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        return Cases(self.table.take(at), **{name: getattr(self, name)[at] for name in _PER_ROW})


_PER_ROW = tuple(field.name for field in fields(Cases) if field.name != "table")


SURROUNDED = 0.3
"""Share of emulated utilities that hand over optional inputs too: they sharpen the odds and may be absent."""

WEATHERED = 0.2
"""Share of emulated utilities whose weather is known: their meters answer to it."""

WINDOWS = (58, 91, 92, 182, 365)
"""Days that an emulated utility's data span."""


def small_utility(
    source: Source, rng: np.random.Generator, *, windows: Sequence[int] = WINDOWS, most: int = 160
) -> tuple[LoadProfiles, NDArray[np.str_]]:
    """Ordinary meters as one utility might hand them over, and the home behind each.

    Half of the utilities are homes in one and the same window (true weather in common); the others
    take homes from windows shifted by whole weeks, which makes more meters of few homes. Interval
    length, resolution, size and calendar (north or south) vary.
    """
    profiles = source.profiles
    span = len(profiles.days)
    fitting = [w for w in windows if w <= span] or [span]
    homes = len(profiles)
    pairs = np.empty((0, 2), dtype=np.int64)
    while len(pairs) == 0:  # drawn again; a source has some such window (``has_ordinary_window``)
        days = int(rng.choice(fitting))
        apart = bool(rng.random() < 0.5) and span >= days + 28
        n = int(rng.integers(min(30, homes), (most if apart else min(most, homes)) + 1))
        starts = np.arange(0, span - days + 1, 7)
        pairs = _windows_with_data(profiles, starts if apart else rng.choice(starts, 1), days)
    picked = pairs[rng.permutation(len(pairs))[:n]]
    kwh = np.stack([profiles.kwh[m, s : s + days] for m, s in picked])
    start = profiles.days[int(picked[0, 1])]
    if rng.random() < 0.2:  # the same homes under the southern calendar
        start = start + np.timedelta64(182, "D")
    ids = np.array([f"M{i:04d}" for i in range(len(picked))])
    cut = LoadProfiles(ids, start + np.arange(days), np.ascontiguousarray(kwh), profiles.step_minutes)
    if cut.step_minutes < 60 and rng.random() < 0.25:
        cut = coarsen(cut, 60)
    cut = cut.with_kwh(_other_size(cut.kwh, rng))
    return cut, np.array([f"{source.name}:{profiles.meter_ids[m]}" for m, _ in picked])


def has_ordinary_window(profiles: LoadProfiles, windows: Sequence[int] = WINDOWS) -> bool:
    """Whether a utility can be made of these meters: some window of some meter is ordinary enough."""
    span = len(profiles.days)
    days = min([w for w in windows if w <= span] or [span])
    return span > 0 and len(_windows_with_data(profiles, np.arange(0, span - days + 1, 7), days)) > 0


def _windows_with_data(profiles: LoadProfiles, starts: NDArray[np.int64], days: int) -> NDArray[np.int64]:
    """``(p, 2)`` pairs (meter, start) whose window is ordinary enough to be called normal.

    At least 90 % present, from the first day to the last, at most one dead day and at most 25 % exact
    zeros: real sets hold real faults (meters that stop, that read zero most of the time or the same
    value for days), and those may not be learned as ordinary life.
    """
    kwh = profiles.kwh
    present = np.isfinite(kwh).mean(axis=2)
    dead = (present > 0) & (np.nanmax(kwh, axis=2, initial=-np.inf) == np.nanmin(kwh, axis=2, initial=np.inf))
    zero = (kwh == 0).mean(axis=2)
    sums = [np.pad(np.cumsum(x, axis=1, dtype=np.float64), ((0, 0), (1, 0))) for x in (present, dead, zero)]
    pairs = [
        (int(m), int(start))
        for start in starts
        for m in np.flatnonzero(
            (sums[0][:, start + days] - sums[0][:, start] >= 0.9 * days)
            & (sums[1][:, start + days] - sums[1][:, start] <= 1)
            & (sums[2][:, start + days] - sums[2][:, start] <= 0.25 * days)
            & (present[:, start] > 0)
            & (present[:, start + days - 1] > 0)
        )
    ]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _other_size(kwh: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """The population at another size and, sometimes, another resolution of its registers."""
    out = kwh * np.float32(np.exp(rng.normal(0.0, 0.5)))
    mean = float(np.nanmean(out))
    # the meters of large buildings count tenths or whole kWh
    grid = rng.choice([0.0, 0.001, 0.01, 0.1, 1.0] if mean > 5 else [0.0, 0.001, 0.001, 0.01])
    if grid and mean > 30 * grid:
        out = np.round(out / grid) * grid
    return np.asarray(out, dtype=np.float32)


def emulated_cases(
    sources: Sequence[Source],
    detectors: Sequence[SubDetector],
    *,
    populations: int,
    seed: int,
    windows: Sequence[int] = WINDOWS,
    kinds: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    errors: bool = True,
    jobs: int = 1,
    each: Callable[[int], None] = lambda _: None,
) -> Cases:
    """Many small utilities with planted phenomena, surveyed and examined.

    Args:
        sources: ordinary meters.
        detectors: the sub-detectors.
        populations: number of utilities.
        seed: of everything drawn.
        windows: spans in days to draw from.
        kinds: restrict the planted kinds (None = all).
        exclude: kinds that are never planted.
        errors: whether to measure how far dates and energies are off (``labelled``).
        jobs: utilities at the same time, each in a process of its own; the result does not depend on it.
        each: called with the number of each finished population (progress).
    """
    task = partial(
        _emulated, sources, detectors, seed=seed, windows=windows, kinds=kinds, exclude=exclude, errors=errors
    )
    found = Parallel(n_jobs=jobs, return_as="generator")(delayed(task)(k) for k in range(populations))
    parts = []
    for number, part in enumerate(found):
        parts.append(part)
        each(number)
    return joined(parts)


def _emulated(
    sources: Sequence[Source],
    detectors: Sequence[SubDetector],
    number: int,
    *,
    seed: int,
    windows: Sequence[int],
    kinds: Sequence[str] | None,
    exclude: Sequence[str],
    errors: bool,
) -> Cases:
    """The rows of one emulated utility."""
    made = utility(sources, number, seed=seed, windows=windows, kinds=kinds, exclude=exclude)
    return cases_of(
        made.scenario, made.homes, detectors,
        context=made.context, hemisphere=made.hemisphere, number=number, errors=errors,
    )  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class Utility:
    """One emulated utility: its number, what its meters show with the truth, the homes behind them.

    ``context`` is what it knows beside readings, None where it handed over nothing.
    """

    number: int
    scenario: Scenario
    homes: NDArray[np.str_]
    hemisphere: str
    context: Context | None = None


def utilities(
    sources: Sequence[Source],
    *,
    populations: int,
    seed: int,
    windows: Sequence[int] = WINDOWS,
    kinds: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
) -> Iterator[Utility]:
    """Small utilities with planted phenomena, not yet surveyed; arguments as in ``emulated_cases``."""
    for number in range(populations):
        yield utility(sources, number, seed=seed, windows=windows, kinds=kinds, exclude=exclude)


def utility(
    sources: Sequence[Source],
    number: int,
    *,
    seed: int,
    windows: Sequence[int] = WINDOWS,
    kinds: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
) -> Utility:
    """The emulated utility of that number: whatever is drawn for it depends on seed and number alone."""
    weights = np.array([s.weight for s in sources])
    drawn = {p.cause for p in PHENOMENA if (kinds is None or p.name in kinds) and p.name not in exclude}
    causes = [cause for cause in ANOMALIES if cause in drawn]
    rng = np.random.default_rng([seed, number])
    source = sources[int(rng.choice(len(sources), p=weights / weights.sum()))]
    profiles, homes = small_utility(source, rng, windows=windows)
    aside = np.random.default_rng([seed, number, 1])  # what is known leaves all else as it is drawn
    climate = drawn_climate(profiles.days, aside) if aside.random() < WEATHERED else None
    profiles = profiles if climate is None else climate.felt_by(profiles, aside)
    scenario = draw(profiles, rng, prevalence=uneven_shares(rng, causes), kinds=kinds, exclude=exclude)
    hemisphere = "south" if rng.random() < 0.2 else "north"
    context = surroundings(scenario, rng) if rng.random() < SURROUNDED else None
    context = further(scenario, context, climate, aside, SURROUNDED)
    return Utility(number, scenario, homes, hemisphere, context)


def uneven_shares(rng: np.random.Generator, causes: Sequence[Cause] = ANOMALIES) -> dict[Cause, float]:
    """A share of the meters for each cause, a quarter to two thirds in all and never the same for each.

    With even shares of a small utility no incident could ever reach more than a handful of its meters.
    """
    total = float(rng.uniform(0.25, 0.65))
    if not causes:
        return {}
    parts = rng.dirichlet(np.full(len(causes), 1.2))
    return {cause: total * float(part) for cause, part in zip(causes, parts, strict=True)}


def cases_of(
    scenario: Scenario,
    homes: NDArray[np.str_],
    detectors: Sequence[SubDetector],
    *,
    context: Context | None = None,
    hemisphere: str = "north",
    number: int = 0,
    errors: bool = True,
) -> Cases:
    """The rows of one emulated utility; ``errors`` as in ``labelled``."""
    measured = survey(scenario.profiles, context, hemisphere=hemisphere)
    return labelled(scenario, homes, measured, examine(measured, detectors), number, errors=errors)


def labelled(
    scenario: Scenario,
    homes: NDArray[np.str_],
    measured: Survey,
    findings: Sequence[Findings],
    number: int,
    *,
    errors: bool = True,
) -> Cases:
    """What was measured of a scenario's meters and what was found, with the truth about them.

    ``errors``: also how far dates and energies are off, which training learns its intervals from.
    """
    m = len(homes)
    table = model_inputs(measured.features, findings)
    ids = np.array([f"{number}:{i}" for i in table.meter_ids])
    labels = scenario.labels
    days_off, log_off = np.full(m, np.nan), np.full(m, np.nan)
    if errors:
        truth = cause_codes(labels.cause)
        days_off, log_off = off_by(measured, findings, truth, labels.onset, labels.lost_kwh)
    planted = labels.cause != str(Cause.NORMAL)
    return Cases(
        table=FeatureTable(ids, table.names, table.values),
        cause=labels.cause, kind=labels.kind, home=homes,
        source=np.array([h.split(":", 1)[0] for h in homes]),
        onset=labels.onset, lost_kwh=labels.lost_kwh, visible=labels.visible,
        population=np.full(m, number), clarity=labels.clarity, faint=labels.faint, end=labels.end,
        cohort=labels.cohort, days=np.full(m, len(scenario.profiles.days)),
        step_minutes=np.full(m, scenario.profiles.step_minutes),
        onset_off=np.where(planted, days_off, np.nan),
        lost_off=np.where(planted & (labels.cause != str(Cause.SUPER_CONSUMPTION)), log_off, np.nan),
    )  # fmt: skip


def joined(parts: Sequence[Cases]) -> Cases:
    """Cases of several populations as one."""
    values = {name: np.concatenate([getattr(p, name) for p in parts]) for name in _PER_ROW}
    return Cases(below([p.table for p in parts]), **values)
