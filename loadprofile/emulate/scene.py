"""What a phenomenon sees, what it returns, and how it is described.

A phenomenon is one pure function ``Scene -> Change``. It draws its own parameters from the scene's
generator, so that two calls never emulate quite the same thing; everything about when the altered
slots begin and end, what they cost and how strong they are is measured afterwards from the
readings themselves (``phenomena.happen``), never claimed by the function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from loadprofile.emulate.physics import own_pulse, register
from loadprofile.errors import ShapeError
from loadprofile.verdicts import Cause

Energies = NDArray[np.float64]
Mask = NDArray[np.bool_]


COUNTS_ON = frozenset({"dying_meter", "frozen_display"})
"""Failing meters whose register goes on counting: only the readings of it are lost or late."""


class Loss(Enum):
    """How the energy used and not billed follows from the readings before and after."""

    NONE = "the bill is right: the energy was used and metered, or not used at all"
    METERED = "sum of (before - after) over the slots known both before and after"
    GAPS_TOO = "the same, and what was used in slots that the phenomenon made missing is not billed either"


@dataclass(frozen=True, eq=False, slots=True)
class Scene:
    """The meters one phenomenon happens to, and their surroundings.

    Attributes:
        kwh: ``(m, d * s)`` float64, kWh per slot in order of time, NaN = missing; read-only.
        days: ``(d,)`` datetime64[D].
        step_minutes: 15, 30 or 60.
        population: ``(n, d, s)`` float32, all meters as they were; read-only.
        others: rows of ``population`` that may serve as donors (never the meters of the scene).
        rng: the only source of chance.
        pulses: ``(m,)`` energy of one register pulse in kWh, 0 = readings on no grid.
    """

    kwh: Energies
    days: NDArray[np.datetime64]
    step_minutes: int
    population: NDArray[np.float32]
    others: NDArray[np.intp]
    rng: np.random.Generator
    pulses: Energies = field(default=None)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        if self.kwh.shape[1:] != (len(self.days) * 1440 // self.step_minutes,):
            raise ShapeError(
                "scene kwh", self.kwh.shape, ("meters", len(self.days) * 1440 // self.step_minutes)
            )
        view = np.asarray(self.kwh, dtype=np.float64).view()
        view.flags.writeable = False
        object.__setattr__(self, "kwh", view)
        object.__setattr__(self, "pulses", np.array([own_pulse(row) for row in view]))

    @property
    def per_day(self) -> int:
        """Slots per day."""
        return 1440 // self.step_minutes

    @property
    def meters(self) -> int:
        """Number of meters the phenomenon happens to."""
        return int(self.kwh.shape[0])

    @property
    def length(self) -> int:
        """Number of slots."""
        return int(self.kwh.shape[1])

    @property
    def hour(self) -> Energies:
        """``(length,)`` local hour at the start of each slot, e.g. 13.5."""
        return np.tile(np.arange(self.per_day) * self.step_minutes / 60.0, len(self.days))

    @property
    def day(self) -> NDArray[np.intp]:
        """``(length,)`` index of the day of each slot."""
        return np.repeat(np.arange(len(self.days)), self.per_day)

    @property
    def weekend(self) -> Mask:
        """``(length,)`` True on Saturdays and Sundays."""
        # 1970-01-01 was a Thursday
        weekday = (self.days.astype("datetime64[D]").astype(np.int64) + 3) % 7
        return np.repeat(weekday >= 5, self.per_day)

    def slots(self, days: float) -> int:
        """A duration in days as a number of slots, at least one."""
        return max(1, round(days * self.per_day))

    def window(self, start: float, hours: float) -> Mask:
        """``(length,)`` True inside the daily clock window; it may run past midnight."""
        return (self.hour - start) % 24.0 < hours

    def pick(self, low: float, high: float) -> float:
        """A uniform draw."""
        return float(self.rng.uniform(low, high))

    def scale(self, low: float, high: float) -> float:
        """A log-uniform draw: as likely between 1 and 2 as between 10 and 20."""
        return float(math.exp(self.rng.uniform(math.log(low), math.log(high))))

    def chance(self, share: float) -> bool:
        """True with the given probability."""
        return bool(self.rng.random() < share)

    def one_of(self, *values: float) -> float:
        """One of the values, all equally likely."""
        return float(values[int(self.rng.integers(len(values)))])

    def mean(self) -> Energies:
        """``(m,)`` mean energy per slot over the known readings."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.nansum(self.kwh, axis=1) / np.maximum(np.isfinite(self.kwh).sum(axis=1), 1))

    def extent(self) -> tuple[int, int]:
        """First slot and one past the last slot with readings (medians over the meters)."""
        known = np.isfinite(self.kwh)
        first = known.argmax(axis=1)
        last = self.length - known[:, ::-1].argmax(axis=1)
        return int(np.median(first)), int(np.median(last))

    def span(
        self,
        *,
        least: float = 2.0,
        most: float = math.inf,
        lasting: float = 0.6,
        from_first: float = 0.12,
        midnight: bool = False,
    ) -> slice:
        """Draw when it begins and ends, somewhere in the readings.

        Args:
            least: shortest duration in days (a third of the window if that is less).
            most: longest duration in days, for phenomena that end by nature.
            lasting: probability that it goes on to the last reading.
            from_first: probability that it is there from the first reading.
            midnight: begin and end at midnight, as files and configuration changes mostly do.
        """
        low, high = self.extent()
        room = high - low
        shortest = min(self.slots(least), max(1, room // 3))
        if self.chance(from_first):
            begin = low
        else:
            # not in the first 3 %: a change nobody has a "before" for is drawn by from_first
            begin = int(self.rng.integers(low + room // 32, high - shortest + 1))
        longest = min(high - begin, max(shortest, self.slots(most) if math.isfinite(most) else room))
        if self.chance(lasting) and longest == high - begin:
            end = high
        else:
            end = begin + round(self.scale(shortest, max(longest, shortest)))
        if midnight:
            begin -= begin % self.per_day
            if end < high:
                end = min(high, end + (-end) % self.per_day)
        return slice(max(begin, 0), min(max(end, begin + 1), self.length))

    def donor(self, row: int) -> Energies:
        """Another meter's readings, made this meter's size: ``(length,)``, chosen among the known ones.

        Falls back on the meter's own week before (rolled by 7 days) when there is no other meter.
        """
        own = self.mean()[row]
        for at in self.rng.permutation(self.others)[:8]:
            series = self.population[at].reshape(-1).astype(np.float64)
            known = np.isfinite(series)
            if known.mean() > 0.7 and series[known].mean() > 0:
                return np.asarray(series * (own / series[known].mean()))
        return np.roll(self.kwh[row], 7 * self.per_day)

    def registered(self, kwh: Energies, span: slice) -> Energies:
        """The same readings as the meters' own registers would have counted them in ``span``."""
        out = kwh.copy()
        for row, pulse in enumerate(self.pulses):
            out[row, span] = register(kwh[row, span], pulse)
        return out

    def stored(self, kwh: Energies, share: float = 0.3) -> Energies:
        """What software wrote: now and then each value is rounded to the decimals the meter's readings have.

        Most software keeps all digits, and then an altered reading lies off the grid of pulses; a detector
        that had only ever seen that would be blind where a table stores three decimals.
        """
        if not self.chance(share):
            return kwh
        grid = np.where(self.pulses > 0, self.pulses, 1e-3)[:, None]
        return np.where(kwh == self.kwh, kwh, np.rint(kwh / grid) / np.rint(1 / grid))


@dataclass(frozen=True, eq=False, slots=True)
class Change:
    """What a phenomenon did: the readings afterwards ``(m, d * s)`` and the parameters it drew.

    Attributes:
        kwh: the readings.
        params: by name.
        made: ``(m, d * s)`` kWh generated behind the meter, or None; what neither the load nor the import
            took up was sent out.
        sky: ``(d,)`` share of the clear sky's light on each day, where there was generation.
    """

    kwh: Energies
    params: Mapping[str, float]
    made: Energies | None = None
    sky: Energies | None = None


@dataclass(frozen=True, slots=True)
class Phenomenon:
    """One kind of thing that can happen, with its contract.

    Attributes:
        name: the kind, unique, snake_case.
        function: ``Scene -> Change``; pure but for the scene's generator.
        physics: what happens, in one sentence.
        cause: the answer that would be right.
        source: where that is known from.
        smallest, largest: how many meters it happens to at once.
        days: shortest window in days in which it makes sense.
        others: how many other meters it needs as donors.
        loss: how the unbilled energy is defined.
        moves_gaps: it moves or fills missing slots, so that one may become known; otherwise what is
            missing stays missing.
        makes_gaps: it may turn readings into missing ones.
        negative: it may write negative values.
        floor: relative strength below which nobody could see it (see ``Effect.visible``); 0 where the
            trace is exact and shows at any strength.
        weight: how often it is drawn beside the other kinds of its cause.
    """

    name: str
    function: Callable[[Scene], Change]
    physics: str
    cause: Cause
    source: str
    smallest: int = 1
    largest: int = 1
    days: int = 7
    others: int = 0
    loss: Loss = Loss.METERED
    moves_gaps: bool = False
    makes_gaps: bool = False
    negative: bool = False
    floor: float = 0.04
    weight: float = 1.0

    @property
    def changes_use(self) -> bool:
        """Whether the energy used itself changed, rather than what was metered or stored of it.

        Honest life, super-consumption and attacks on the load switch real load; the bill stays right
        (``Loss.NONE``). A data fault or a failing meter alters no use, even where nothing is lost
        (shifted stamps, a wandering clock), and neither does an
        attack that moves readings, gaps and all, to other slots.
        """
        switches = (Cause.NORMAL, Cause.SUPER_CONSUMPTION, Cause.CYBER_ATTACK)
        return self.loss is Loss.NONE and self.cause in switches and not self.moves_gaps

    @property
    def in_register(self) -> bool:
        """Whether the meter's own register counts what is shown: theft at the meter, failing meters.

        Faults and forgeries on the way from the meter to the table leave the register right, and so
        does a meter that only fails to deliver.
        """
        physical = self.cause in (Cause.FRAUD, Cause.MAINTENANCE)
        return physical and self.loss is not Loss.NONE and self.name not in COUNTS_ON
