"""Scenarios: a population of real or simulated meters to which things happened, with the truth about each.

``draw`` decides who is hit by what; ``windowed``, ``coarsen`` and ``rescale`` give the same meters as another
utility would see them: another span, another interval, another size.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadprofile.emulate.phenomena import PHENOMENA, Effect, Phenomenon, happen, named
from loadprofile.errors import OptionError, ShapeError
from loadprofile.profiles import STEPS, LoadProfiles, frozen
from loadprofile.verdicts import CAUSES, Cause

UNTOUCHED = "untouched"
"""Kind of a meter nothing was done to. Real meters may still have faults of their own."""

AREA = 300
"""A kind that can happen to so many meters at once can reach all of a small population."""

ANOMALIES = tuple(cause for cause in CAUSES if cause is not Cause.NORMAL)


@dataclass(frozen=True, eq=False, slots=True)
class Labels:
    """The truth about every meter of a scenario.

    Attributes:
        meter_ids: ``(n,)`` str.
        cause: ``(n,)`` str, one of ``CAUSES``.
        kind: ``(n,)`` str, the phenomenon, or "untouched".
        onset: ``(n,)`` datetime64[m], start of the first altered slot; NaT if none.
        end: ``(n,)`` datetime64[m], end of the last altered slot; NaT if none or if it reaches the last
            reading (it still goes on).
        lost_kwh: ``(n,)`` float64, used and not billed, all that happened to the meter together.
        cohort: ``(n,)`` str, the same for all meters of one incident, "" for a single one.
        visible, clarity: ``(n,)`` float64, see ``Effect``; 0 if untouched.
        faint: ``(n,)`` bool, too weak for anybody to see; an honest judge calls such a meter normal.
        composed: ``(n,)`` bool, two things happened; the label is the stronger one's.
    """

    meter_ids: NDArray[np.str_]
    cause: NDArray[np.str_]
    kind: NDArray[np.str_]
    onset: NDArray[np.datetime64]
    end: NDArray[np.datetime64]
    lost_kwh: NDArray[np.float64]
    cohort: NDArray[np.str_]
    visible: NDArray[np.float64]
    clarity: NDArray[np.float64]
    faint: NDArray[np.bool_]
    composed: NDArray[np.bool_]

    def __post_init__(self) -> None:
        n = len(self.meter_ids)
        for name in self.__slots__:
            value = getattr(self, name)
            if value.shape != (n,):
                raise ShapeError(f"labels.{name}", value.shape, (n,))
            object.__setattr__(self, name, frozen(value))

    def __len__(self) -> int:
        return len(self.meter_ids)


@dataclass(frozen=True, eq=False, slots=True)
class Scenario:
    """What the meters show, the truth about them, and every effect that went in (in order).

    Attributes:
        profiles: what the meters show.
        labels: the truth.
        effects: what happened.
        used: ``(n, d, s)`` float32, kWh truly used; NaN where the readings to begin with were missing.
        counted: ``(n, d, s)`` float32, kWh that each meter's own register counted: less than used with
            theft and failing meters, and right where only the data are wrong.
    """

    profiles: LoadProfiles
    labels: Labels
    effects: tuple[Effect, ...]
    used: NDArray[np.float32]
    counted: NDArray[np.float32]

    def __post_init__(self) -> None:
        for name in ("used", "counted"):
            value = getattr(self, name)
            if value.shape != self.profiles.kwh.shape:
                raise ShapeError(f"scenario.{name}", value.shape, self.profiles.kwh.shape)
            object.__setattr__(self, name, frozen(value))


def draw(
    profiles: LoadProfiles,
    rng: np.random.Generator,
    *,
    prevalence: float | Mapping[Cause, float] = 0.3,
    kinds: Collection[str] | None = None,
    exclude: Collection[str] = (),
    confusable_share: float = 0.35,
    composed_share: float = 0.04,
    area_chance: float = 0.2,
) -> Scenario:
    """Let things happen to a population.

    Args:
        profiles: the meters as they are; not altered.
        rng: source of all chance: the same generator state gives the same scenario.
        prevalence: share of all meters with an anomaly, the five causes alike; or a share for each cause.
        kinds: names of the phenomena to draw from (None: all), honest ones included.
        exclude: names never to draw.
        confusable_share: share of the other meters to which honest life happens (if such kinds are allowed).
        composed_share: share of the anomalous meters that get honest life or a second anomaly on top.
        area_chance: probability that weather, holidays or an outage first reach most or all of the meters,
            as they do where the readings come from one place.

    Returns:
        Scenario; meters with too little to alter (under half of the slots known, or hardly any use)
        stay untouched.
    """
    allowed = _allowed(kinds, exclude, profiles)
    able = _able(profiles.kwh)
    order = rng.permutation(np.flatnonzero(able))
    n = len(profiles)
    shares = _shares(prevalence, allowed)
    state = _State(profiles, rng)
    at = 0
    area = [p for p in allowed if p.cause is Cause.NORMAL and p.largest >= AREA]
    if area and confusable_share > 0 and rng.random() < area_chance:
        state.reach(order, area[int(rng.integers(len(area)))])
    for cause in rng.permutation(len(ANOMALIES)):
        wanted = _count(shares.get(ANOMALIES[cause], 0.0) * n, rng)
        hit = order[at : at + wanted]
        at += len(hit)
        state.spread(hit, [p for p in allowed if p.cause is ANOMALIES[cause]])
    honest = [p for p in allowed if p.cause is Cause.NORMAL]
    if honest:
        rest = order[at:]
        state.spread(rest[: _count(confusable_share * len(rest), rng)], honest)
    second = [p for p in allowed if p.largest == 1]
    if second and at:
        twice = rng.permutation(order[:at])[: _count(composed_share * at, rng)]
        state.spread(twice[_able(state.kwh[twice])], second, single=True)
    shown = profiles.with_kwh(state.kwh)
    return Scenario(shown, _labels(profiles, state), tuple(state.effects), state.used, state.counted)


def _count(expected: float, rng: np.random.Generator) -> int:
    """Round up or down by chance, so that small populations keep the share on average."""
    return int(expected) + int(rng.random() < expected - int(expected))


def _allowed(
    kinds: Collection[str] | None, exclude: Collection[str], profiles: LoadProfiles
) -> list[Phenomenon]:
    for name in (*(kinds or ()), *exclude):
        if name != UNTOUCHED:
            named(name)  # a misspelt kind must not pass in silence
    return [
        p
        for p in PHENOMENA
        if (kinds is None or p.name in kinds)
        and p.name not in exclude
        and p.days <= len(profiles.days)
        and p.smallest + p.others <= len(profiles)
    ]


def _able(kwh: NDArray[np.float32]) -> NDArray[np.bool_]:
    """``(n,)`` whether there is enough to alter: half of the slots known, a fifth of those in use."""
    flat = kwh.reshape(len(kwh), kwh.shape[1] * kwh.shape[2])
    known = np.isfinite(flat)
    count = known.sum(axis=1)
    used = ((flat > 0) & known).sum(axis=1)
    return np.asarray((count >= 0.5 * flat.shape[1]) & (used >= 0.2 * np.maximum(count, 1)))


def _shares(prevalence: float | Mapping[Cause, float], allowed: Sequence[Phenomenon]) -> dict[Cause, float]:
    there = [cause for cause in ANOMALIES if any(p.cause is cause for p in allowed)]
    if isinstance(prevalence, Mapping):
        shares = {Cause(cause): float(share) for cause, share in prevalence.items() if Cause(cause) in there}
    else:
        shares = dict.fromkeys(there, float(prevalence) / max(len(there), 1))
    if any(share < 0 for share in shares.values()) or sum(shares.values()) > 1:
        raise OptionError("prevalence", prevalence, "shares must be positive and sum to at most 1")
    return shares


class _State:
    """The cube while things happen to it, and what has happened."""

    def __init__(self, profiles: LoadProfiles, rng: np.random.Generator) -> None:
        self.profiles = profiles
        self.rng = rng
        self.kwh = np.array(profiles.kwh)
        self.used = np.array(profiles.kwh)
        self.counted = np.array(profiles.kwh)
        self.effects: list[Effect] = []
        self.incidents = 0

    def spread(self, rows: NDArray[np.intp], kinds: Sequence[Phenomenon], *, single: bool = False) -> None:
        """Let the kinds happen to the rows until all of them are used (or no kind is small enough)."""
        at = 0
        while at < len(rows):
            left = len(rows) - at
            fitting = [p for p in kinds if p.smallest <= left]
            if not fitting:
                return
            weight = np.array([p.weight for p in fitting])
            phenomenon = fitting[int(self.rng.choice(len(fitting), p=weight / weight.sum()))]
            size = 1 if single else self._size(phenomenon, left)
            self._happen(phenomenon, rows[at : at + size])
            at += size

    def reach(self, rows: NDArray[np.intp], phenomenon: Phenomenon) -> None:
        """Let something happen to most or all of the rows at once."""
        size = min(len(rows), phenomenon.largest, int(len(rows) * self.rng.uniform(0.4, 1.3)))
        if size >= phenomenon.smallest:
            self._happen(phenomenon, self.rng.permutation(rows)[:size])

    def _size(self, phenomenon: Phenomenon, left: int) -> int:
        # now and then one incident takes all that is left of its cause; mostly room stays for other kinds
        room = left if self.rng.random() < 0.35 else max(left // 2, 1)
        low, high = phenomenon.smallest, min(phenomenon.largest, room)
        if high <= low:
            return low
        # small and large cohorts alike: log-uniform
        drawn = np.exp(self.rng.uniform(np.log(low), np.log(high + 1)))
        return int(np.clip(int(drawn), low, high))

    def _happen(self, phenomenon: Phenomenon, rows: NDArray[np.intp]) -> None:
        cohort = ""
        if len(rows) > 1:
            self.incidents += 1
            cohort = f"{phenomenon.name}-{self.incidents}"
        profiles = self.profiles
        new, effect = happen(
            phenomenon, self.kwh[rows], rows, profiles.days, profiles.step_minutes, self.rng,
            population=profiles.kwh, exists=profiles.exists, cohort=cohort,
        )  # fmt: skip
        self._truth(phenomenon, rows, new)
        self.kwh[rows] = new
        self.effects.append(effect)

    def _truth(self, phenomenon: Phenomenon, rows: NDArray[np.intp], new: NDArray[np.float32]) -> None:
        """Carry what was used and what the registers counted through one phenomenon."""
        old = self.kwh[rows]
        known = np.isfinite(old) & np.isfinite(new)
        if phenomenon.changes_use:  # the difference was used, whatever of it an earlier theft hides
            more = np.where(known, new - old, np.float32(0))
            self.used[rows] = np.maximum(self.used[rows] + more, 0)
            self.counted[rows] = np.maximum(self.counted[rows] + more, 0)
        elif phenomenon.in_register:  # a meter that was pulled or is dead stands still
            stood = np.isfinite(old) & np.isnan(new)
            self.counted[rows] = np.where(known, new, np.where(stood, np.float32(0), self.counted[rows]))


def _labels(profiles: LoadProfiles, state: _State) -> Labels:
    n = len(profiles)
    nat = np.datetime64("NaT", "m")
    cause = np.full(n, str(Cause.NORMAL), dtype="U32")
    kind = np.full(n, UNTOUCHED, dtype="U48")
    onset, end = np.full(n, nat), np.full(n, nat)
    lost, visible, clarity = np.zeros(n), np.zeros(n), np.zeros(n)
    cohort = np.full(n, "", dtype="U64")
    faint, times = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.int64)
    strongest = np.full(n, -1.0)
    step = np.timedelta64(profiles.step_minutes, "m")
    last_reading = _last_reading(profiles)
    for effect in state.effects:
        for at, row in enumerate(effect.meters):
            times[row] += 1
            lost[row] += effect.lost_kwh[at]
            # an anomaly outweighs honest life of any strength: the honest part hides nothing
            weight = min(float(effect.clarity[at]), 1e6) + 1e7 * (effect.cause is not Cause.NORMAL)
            if weight <= strongest[row]:
                continue
            strongest[row] = weight
            cause[row], kind[row], cohort[row] = str(effect.cause), effect.kind, effect.cohort
            onset[row], visible[row] = effect.first[at], effect.visible[at]
            clarity[row], faint[row] = effect.clarity[at], effect.faint[at]
            end[row] = nat if effect.last[at] >= last_reading[row] else effect.last[at] + step
    return Labels(
        meter_ids=profiles.meter_ids, cause=cause, kind=kind, onset=onset, end=end, lost_kwh=lost,
        cohort=cohort, visible=visible, clarity=clarity, faint=faint, composed=times > 1,
    )  # fmt: skip


def _last_reading(profiles: LoadProfiles) -> NDArray[np.datetime64]:
    """``(n,)`` start of each meter's last known slot in the cube before anything happened."""
    flat = np.isfinite(profiles.kwh).reshape(len(profiles), -1)
    at = flat.shape[1] - 1 - flat[:, ::-1].argmax(axis=1)
    out: NDArray[np.datetime64] = profiles.days[0].astype("datetime64[m]") + (
        at * profiles.step_minutes
    ).astype("timedelta64[m]")
    return out


def windowed(profiles: LoadProfiles, rng: np.random.Generator, days_choices: Sequence[int]) -> LoadProfiles:
    """A random span of days of one of the given lengths (the whole span where that is shorter)."""
    length = min(int(rng.choice(np.asarray(days_choices))), len(profiles.days))
    first = int(rng.integers(0, len(profiles.days) - length + 1))
    return profiles.between(profiles.days[first], profiles.days[first + length - 1])


def coarsen(profiles: LoadProfiles, step_minutes: int) -> LoadProfiles:
    """The same readings at a longer interval: sums, missing where any part is missing.

    A slot exists if any part of it exists; parts that the clock skipped are left out of the sum.
    """
    if step_minutes not in STEPS or step_minutes % profiles.step_minutes:
        raise OptionError("step_minutes", step_minutes, f"not a multiple of {profiles.step_minutes}")
    join = step_minutes // profiles.step_minutes
    if join == 1:
        return profiles
    n, d, s = profiles.kwh.shape
    exists = profiles.exists.reshape(d, s // join, join)
    parts = profiles.kwh.reshape(n, d, s // join, join)
    kwh = np.where(exists, parts, np.float32(0)).sum(axis=3, dtype=np.float64).astype(np.float32)
    some = np.asarray(exists.any(axis=2), dtype=np.bool_)
    kwh[:, ~some] = np.nan
    return LoadProfiles(
        profiles.meter_ids, profiles.days, kwh, step_minutes, profiles.timezone, some,
        profiles.row_tally, profiles.folded_kwh,
    )  # fmt: skip


def rescale(profiles: LoadProfiles, rng: np.random.Generator, *, spread: float = 1.0) -> LoadProfiles:
    """Every meter at another size: a log-normal factor each, rounded to 1 Wh (0.1 Wh for small loads)."""
    factor = np.exp(rng.normal(0.0, spread, size=len(profiles)))
    kwh = profiles.kwh.astype(np.float64) * factor[:, None, None]
    return profiles.with_kwh((np.rint(kwh * 10_000) / 10_000).astype(np.float32))
