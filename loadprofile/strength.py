"""From measurements to strengths: smooth degrees of 0..1, and the words for the numbers.

A strength says how clearly a trace is there, not how likely a cause is. Everything works on ``(n,)``
arrays, one entry per meter, and NaN ("cannot tell") stays NaN unless a function says otherwise.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import SupportsFloat
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loadprofile.features.population import Population, moments
from loadprofile.features.rational import RATIONALS
from loadprofile.profiles import frozen

Floats = NDArray[np.float64]
Moments = NDArray[np.datetime64]
Moment = np.datetime64 | Moments
"""One moment, or the zero-dimensional array that indexing is declared to give."""
ONE = (1,)
"""Shape of what is asked of a single meter, 500 times: numpy takes ten times as long as Python for it."""
HOUR = np.timedelta64(60, "m")
DAY = np.timedelta64(1440, "m")


def ramp(x: ArrayLike, low: float, high: float) -> Floats:
    """0 at ``low`` and beyond, 1 at ``high`` and beyond, smooth between; falling if ``low > high``.

    Raises:
        ValueError: if ``low == high``: a hard edge would make a verdict hang on the last digit.
    """
    if low == high:
        raise ValueError(f"ramp from {low} to {high} has no width")
    values = np.asarray(x, dtype=np.float64)
    if values.shape == ONE:
        one = min(max((values.item() - low) / (high - low), 0.0), 1.0)  # the first stays where it is NaN
        return np.array([one * one * (3.0 - 2.0 * one)])
    t = np.minimum(np.maximum((values - low) / (high - low), 0.0), 1.0)
    out: Floats = t * t * (3.0 - 2.0 * t)
    return out


def both(*strengths: ArrayLike) -> Floats:
    """All conditions must hold: the weakest decides; NaN if any is NaN and none is 0."""
    parts = [np.asarray(s, dtype=np.float64) for s in strengths]
    if all(part.shape == ONE for part in parts):
        ones = [part.item() for part in parts]
        if 0.0 in ones:
            return np.zeros(ONE)
        return np.array([math.nan if any(map(math.isnan, ones)) else min(ones)])
    out, none = parts[0], parts[0] == 0.0
    for part in parts[1:]:
        out, none = np.minimum(out, part), none | (part == 0.0)  # NaN if any is NaN
    return np.where(none, 0.0, out)


def either(*strengths: ArrayLike) -> Floats:
    """One condition is enough: the strongest decides; NaN only if all are NaN."""
    parts = [np.asarray(s, dtype=np.float64) for s in strengths]
    out = parts[0]
    for part in parts[1:]:
        out = np.fmax(out, part)
    return np.array(out)


def known_or(x: ArrayLike, otherwise: float = 0.0) -> Floats:
    """``otherwise`` where it cannot be told; a fifth of ``numpy.nan_to_num``'s time for a single meter."""
    values = np.asarray(x, dtype=np.float64)
    return np.where(np.isnan(values), otherwise, values)


def unless(strength: ArrayLike, *excuses: ArrayLike) -> Floats:
    """A strength weakened by each excuse; an excuse that cannot be judged excuses nothing."""
    out = np.array(strength, dtype=np.float64)
    for excuse in excuses:
        out = out * (1.0 - known_or(excuse))
    return out


def lifted(strength: ArrayLike, by: ArrayLike, most: float = 1.0) -> Floats:
    """A strength raised towards ``most`` where supporting evidence ``by`` (0..1, NaN = none) is there."""
    s = np.asarray(strength, dtype=np.float64)
    out: Floats = s + np.maximum(most - s, 0.0) * known_or(by) * (s > 0)
    return out


class Measures:
    """The features of a population by name, as float64, with what follows from them alone.

    The one accessor of the sub-detectors: a column that nobody computed is NaN for every meter,
    so that a signature resting on it cannot be judged, instead of failing.
    """

    @classmethod
    def of(cls, population: Population) -> Measures:
        """Those of a population; the same ones while somebody holds them.

        For a single meter, most of the time of the sub-detectors went into columns that each made anew.
        """
        found = _HELD.get(id(population))
        if found is None:  # held ones hold their population, so that its id is nobody else's
            found = _HELD[id(population)] = cls(population)
        return found

    def __init__(self, population: Population) -> None:
        self.population = population
        self._at = {name: i for i, name in enumerate(population.features.names)}
        self._columns: dict[str, Floats] = {}

    def __len__(self) -> int:
        return len(self.population.profiles)

    def __getitem__(self, name: str) -> Floats:
        found = self._columns.get(name)
        if found is None:
            if name in self._at:
                values = self.population.features.values[:, self._at[name]].astype(np.float64)
                found = frozen(np.where(self._silent, np.nan, values))
            else:
                found = frozen(np.full(len(self), np.nan))
            self._columns[name] = found
        return found

    @cached_property
    def _silent(self) -> NDArray[np.bool_]:
        """Meters without a single reading: nothing of them can be judged, not even what others did."""
        if "integrity.coverage" not in self._at:
            return np.zeros(len(self), dtype=np.bool_)
        out: NDArray[np.bool_] = self.population.features.column("integrity.coverage") == 0
        return out

    def when(self, name: str) -> Moments:
        """The moment ``when.NAME`` of each meter, read-only; NaT where there is none."""
        if f"when.{name}" not in self._at:
            return self._never
        return self._moments[f"when.{name}"]

    @cached_property
    def _never(self) -> Moments:
        return frozen(np.full(len(self), np.datetime64("NaT", "m")))

    @cached_property
    def _moments(self) -> dict[str, Moments]:
        """All moments, worked out at once: one by one they were a fifth of the time of a single meter."""
        names = [name for name in self._at if name.startswith("when.")]
        days = self.population.features.values[:, [self._at[name] for name in names]].T
        profiles = self.population.profiles
        found = frozen(moments(np.ascontiguousarray(days), profiles.days[0], profiles.step_minutes))
        return dict(zip(names, found, strict=True))

    @property
    def first_slot(self) -> np.datetime64:
        """Start of the population's first day."""
        return np.datetime64(self.population.profiles.days[0], "m")

    @cached_property
    def last_reading(self) -> Moments:
        """The end of each meter's last interval; the end of the population's span where unknown."""
        last = self.when("last_reading")
        close = np.datetime64(self.population.profiles.days[-1], "m") + DAY
        out: Moments = np.where(np.isnat(last), close, last)
        return out

    @cached_property
    def span_days(self) -> Floats:
        """Days from the first to the last reading."""
        return self.days_of(self.when("first_reading"), self.last_reading)

    @property
    def incident(self) -> NDArray[np.int64]:
        """Number of the population incident a meter belongs to; -1 = none."""
        known = self.population.incident
        return np.full(len(self), -1, dtype=np.int64) if known is None else known

    def days_of(self, onset: Moments, end: Moments) -> Floats:
        """Days from onset to end, or to the last reading where it has not ended; NaN without an onset."""
        until = np.where(np.isnat(end), self.last_reading, end)
        minutes = (until - onset) / np.timedelta64(1, "m")
        return np.maximum(np.where(np.isnat(onset), np.nan, minutes) / 1440.0, 0.0)

    @cached_property
    def moved(self) -> Floats:
        """Log of the level after over the level before, given what peers did; NaN without a change point."""
        return np.where(np.isnat(self.when("change")), np.nan, self["change.log_ratio"])

    @cached_property
    def evident(self) -> Floats:
        """How surely the level changed, against the meter's own weekly ups and downs."""
        return both(ramp(np.abs(self["change.level_z"]), 3.0, 8.0), ramp(self["change.glr"], 6.0, 13.0))

    @cached_property
    def reshaped(self) -> Floats:
        """How surely the course of the day or the texture changed, whatever the level did."""
        most = np.fmax(self["change.block_glr"], self["change.texture_glr"])
        return both(ramp(most, 4.0, 10.0), ramp(self["change.glr"], 7.0, 14.0))

    @cached_property
    def uneven(self) -> Floats:
        """Mean misfit to "everything was scaled by one factor"; about 0.8 where it was, 1.5 in ordinary life.

        In units of what a scaled real home shows: hours of the day against each other (in standard errors),
        low, middle and high load against each other, swing within the day, jitter, course of the day.
        """
        parts = np.stack([
            self["change.hour_misfit"] / 2.0,
            self["change.quantile_spread"] / 0.15,
            np.abs(self["change.flat_after"]) / 0.15,
            np.abs(self["change.noise_log_ratio"]) / 0.15,
            self["change.shape_distance"] / 0.2,
        ])  # fmt: skip
        total = known_or(np.minimum(parts, 3.0)).sum(axis=0)
        count = np.isfinite(parts).sum(axis=0)
        out: Floats = np.divide(total, count, out=np.full(len(self), np.nan), where=count >= 3)
        return out

    @cached_property
    def proportional(self) -> Floats:
        """Every hour and every height of the load was scaled by the same factor."""
        return ramp(self.uneven, 1.5, 0.7)

    @cached_property
    def exact(self) -> Floats:
        """The ratio of the levels hits a simple rational within its own error, which must be small enough."""
        misfit, errors = self["change.rational_misfit"], self["change.rational_misfit_se"]
        return both(ramp(misfit, 0.08, 0.02), ramp(errors, 2.5, 1.0))

    @cached_property
    def third(self) -> Floats:
        """The level fell to about 1/3 or 2/3: what a lost phase leaves."""
        at = np.log(np.clip(self["change.ratio"], 1e-6, None))
        near = np.minimum(np.abs(at - np.log(1 / 3)), np.abs(at - np.log(2 / 3)))
        return ramp(near, 0.2, 0.08)

    @cached_property
    def factor(self) -> Floats:
        """By what the stored numbers were multiplied: counting step after over before; NaN if by nothing.

        A meter counts whole pulses whatever its customer does: only software multiplies the step. A step
        that grew by a whole number may as well be coarser counting, and one that shrank by a fifth or a
        sixth finer counting, unless the level went with it.
        """
        log_grid = self["integrity.grid_change"] * np.log(10.0)
        times = np.exp(log_grid)
        whole = np.maximum(times, 1.0 / times)
        coarser = (whole > 1.5) & (np.abs(whole - np.rint(whole)) < 0.02 * whole)
        usual = np.abs(log_grid[:, None] - np.log(RATIONALS)[None, :]).min(axis=1) < 0.004
        coarser &= ~(usual & (times < 0.45))  # half steps are also what averages of two readings leave
        followed = known_or(np.abs(log_grid - self.moved), otherwise=9.0) < 0.35
        out: Floats = np.where((np.abs(log_grid) > 0.02) & (followed | ~coarser), times, np.nan)
        return out

    @cached_property
    def factor_misfit(self) -> Floats:
        """How far, in logs, ``factor`` is from the nearest rational that configurations make."""
        out: Floats = np.abs(np.log(self.factor)[:, None] - np.log(RATIONALS)[None, :]).min(axis=1)
        return out

    @cached_property
    def off_grid(self) -> Floats:
        """A stretch of readings that no counter of this meter's pulses can have made."""
        return ramp(self["integrity.grid_break_share"], 0.002, 0.01)

    @cached_property
    def multiplied(self) -> Floats:
        """The numbers of a stretch were multiplied by a rational factor: a step in configuration, not in use.

        0 where the counting step never changed; NaN where no step can be told.
        """
        rational = ramp(known_or(self.factor_misfit, otherwise=9.0), 0.015, 0.004)
        known = np.where(np.isnan(self["integrity.grid_step_kwh"]), np.nan, rational)
        return both(either(self.off_grid, self.evident), known)

    @cached_property
    def shifted(self) -> Floats:
        """Moved by some hours, and only then, the day is like the earlier one; the level stayed."""
        gain = self["change.shift_gain"]
        like = self["change.profile_correlation"] + gain
        level = ramp(np.abs(self.moved), 0.35, 0.15)
        return both(
            ramp(gain, 0.06, 0.2), ramp(like, 0.7, 0.88), level, ramp(self["change.block_glr"], 3.5, 6.0)
        )

    @cached_property
    def shared_day(self) -> Floats:
        """More meters than chance allows changed on the same day as this one."""
        return both(ramp(self["cohort.onset_size"], 0.5, 2.5), ramp(self["cohort.onset_surprise"], 1.5, 4.0))

    @cached_property
    def shared_factor(self) -> Floats:
        """Other meters changed on the same day by the same factor."""
        others, rare = self["cohort.ratio_size"], self["cohort.ratio_surprise"]
        return both(ramp(others, 0.5, 2.0), ramp(rare, 2.0, 4.5))

    def shared(self, what: str) -> Floats:
        """Other meters have the same ``gap`` or ``zero`` run, and chance does not explain it."""
        others, rare = self[f"cohort.{what}_size"], self[f"cohort.{what}_surprise"]
        return both(ramp(others, 0.3, 2.0), ramp(rare, 1.8, 4.0))

    def kwh_lost_by_change(self) -> Floats:
        """Energy in kWh that the change point alone left unbilled (negative: billed on top)."""
        days = self.days_of(self.when("change"), self.when("change_end"))
        return self["change.kwh_per_day_lost"] * days

    def kwh_of_silence(self, days: Floats) -> Floats:
        """Energy in kWh due in ``days`` of zeros or gaps, from the meter's usual power while alive."""
        alive = np.maximum(1.0 - known_or(self["integrity.zero_share"]), 0.05)
        out: Floats = self["g2.level_kw"] / alive * 24.0 * days
        return out


_HELD: WeakValueDictionary[int, Measures] = WeakValueDictionary()


def iso(moment: Moment) -> str:
    """ISO text of a moment: the date alone at midnight, to the minute otherwise, empty for NaT."""
    if np.isnat(moment):
        return ""
    text = str(moment.astype("datetime64[m]"))
    return text[:10] if text.endswith("T00:00") else text


def on(moment: Moment) -> str:
    """``from 2013-04-05`` in a sentence; says so where the date is unknown."""
    return f"from {iso(moment)}" if not np.isnat(moment) else "at an unknown date"


def opening(moment: Moment) -> str:
    """``From 2013-04-05`` at the head of a sentence."""
    said = on(moment)
    return said[0].upper() + said[1:]


def between(first: Moment, last: Moment) -> str:
    """``from 2013-04-05 to 2013-05-01`` or ``from 2013-04-05 to the end``."""
    if np.isnat(first):
        return "at an unknown date"
    return f"from {iso(first)} to {'the end' if np.isnat(last) else iso(last)}"


def number(x: SupportsFloat, digits: int = 2) -> str:
    """A number with so many digits after the point; small ones as ``2.0e-04``; ``unknown`` for NaN."""
    value = float(x)
    if not np.isfinite(value):
        return "unknown"
    if value != 0 and digits and abs(value) < 0.5 * 10.0**-digits:
        return f"{value:.1e}"
    return f"{value + 0.0:,.{digits}f}"


def percent(share: SupportsFloat, digits: int = 0) -> str:
    """A share as ``43 %``; small shares keep the digits they need; ``an unknown share`` for NaN."""
    value = 100.0 * float(share)
    if not np.isfinite(value):
        return "an unknown share"
    if value != 0 and abs(value) < 10.0**-digits:
        return f"{value:.2g} %"
    return f"{value:.{digits}f} %"


def change_in_percent(log_ratio: SupportsFloat) -> str:
    """``fell by 43 %``, ``rose by 20 %`` or ``grew 12-fold`` for the logarithm of a ratio."""
    value = float(log_ratio)
    if not np.isfinite(value):
        return "changed by an unknown share"
    ratio = float(np.exp(value))
    if ratio >= 5.0:
        return f"grew {ratio:,.0f}-fold"
    return f"fell by {percent(1.0 - ratio)}" if ratio < 1 else f"rose by {percent(ratio - 1.0)}"


def count(x: SupportsFloat, one: str, many: str) -> str:
    """``1 meter``, ``12 meters``; ``an unknown number of meters`` for NaN."""
    value = float(x)
    if not np.isfinite(value):
        return f"an unknown number of {many}"
    whole = round(value)
    return f"{whole:,} {one if whole == 1 else many}"


def fraction(x: SupportsFloat) -> str:
    """The name of an exact ratio: ``1/3``, ``40``, ``1/1000``; a decimal where it has none."""
    value = float(x)
    if not np.isfinite(value):
        return "unknown"
    for below in (1, 2, 3, 4, 10, 40, 80, 100, 120, 1000):
        above = value * below
        if abs(above - round(above)) < 1e-4 * max(1.0, abs(above)) and (round(above) > 0 or value == 0):
            return str(round(above)) if below == 1 else f"{round(above)}/{below}"
    return number(value, 3)


def at_midnight(moment: Moments) -> NDArray[np.bool_]:
    """Whether each moment is the start of a day; False where there is none."""
    out: NDArray[np.bool_] = ~np.isnat(moment) & (moment == moment.astype("datetime64[D]"))
    return out
