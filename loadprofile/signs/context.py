"""What holidays, weather, export and reactive energy say, as signatures, excuses and clauses of sentences.

One concept that several sub-detectors speak of, as ``balance`` is for feeder totals. Columns
``context.*`` are NaN where the input was not given; a strength is NaN then, and excuses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import numpy as np

from loadprofile.features.holidays import holiday_mask
from loadprofile.signs.balance import excused
from loadprofile.strength import (
    Floats,
    Measures,
    Moments,
    between,
    both,
    change_in_percent,
    number,
    on,
    opening,
    percent,
    ramp,
    unless,
)
from loadprofile.verdicts import Cause, Evidence, Signature, sign

GENERATION = ("drop", "bypass_window", "zero_windows", "on_and_off", "constant_subtracted", "nearly_nothing")
"""Signs of theft that panels on a roof leave too."""

SEASONAL = ("drop", "ramped_down", "sustained_increase", "night_block", "rising_use", "slow_decline")
"""Signs that warmer or colder days leave too."""


FESTIVE = (
    "drop", "outage_then_drop", "weekend_drop", "bypass_window", "nearly_nothing", "random_scaling", "capped",
    "flattened", "sustained_increase", "night_block", "constant_load", "car_charging",
)  # fmt: skip
"""Signs that a few days off leave too."""


def in_context(signatures: Sequence[Signature], m: Measures) -> list[Signature]:
    """The same signatures, weakened where generation, weather or days off explain them as well.

    Where the temperature is known the seasonal ones say what it explains.
    """
    out = excused(signatures, generating(m), GENERATION)
    out = excused(out, weathered(m), SEASONAL)
    out = excused(out, on_days_off(m), FESTIVE, by=0.7)
    return told(out, SEASONAL, weather_clause(m))


def weathered(m: Measures) -> Floats:
    """The temperature explains the difference between before and after, and next to nothing is left."""
    left = ramp(np.abs(m["context.weather_step_z"]), 4.0, 2.0)
    fits = both(ramp(m["context.weather_explains"], 0.4, 0.75), ramp(m["context.weather_explains"], 1.8, 1.4))
    return both(fits, left, ramp(m["context.weather_r2"], 0.1, 0.3))


def on_days_off(m: Measures) -> Floats:
    """A short change that lies on known days off, and on little else."""
    brief = ramp(m["change.duration_days"], 12.0, 5.0)
    return both(ramp(m["context.holiday_share"], 0.25, 0.6), brief)


def on_day_off(m: Measures, moment: Moments) -> Floats:
    """Whether each moment lies on a known day off (1, 0); NaN where none were given or there is no moment."""
    holidays = m.population.context.holidays
    if holidays is None:
        return np.full(len(m), np.nan)
    known = ~np.isnat(moment)
    days = np.where(known, moment, np.datetime64("1970-01-01", "m")).astype("datetime64[D]")
    return np.where(known, holiday_mask(holidays, days).astype(np.float64), np.nan)


def generating(m: Measures) -> Floats:
    """Since the change energy is sent out, by day, and the import fell in just those hours."""
    return both(ramp(np.abs(m["context.export_began"]), 25.0, 10.0), _sunlit(m))


def _sunlit(m: Measures) -> Floats:
    """Energy is sent out by day only, and the import fell in just those hours."""
    by_day = ramp(m["context.export_night_share"], 0.12, 0.03)
    return both(by_day, ramp(m["context.export_covers"], 0.55, 0.85))


def _known(m: Measures, given: str, strength: Floats) -> Floats:
    """The strength where the input was given; NaN for everybody where it was not."""
    return np.full(len(m), np.nan) if getattr(m.population.context, given) is None else strength


def told(
    signatures: Sequence[Signature], names: Collection[str], clause: Callable[[int], str]
) -> list[Signature]:
    """The same signatures; the sentence of the named ones goes on with a clause (empty = as it was)."""

    def with_clause(explain: Callable[[int], Evidence]) -> Callable[[int], Evidence]:
        def explained(row: int) -> Evidence:
            said, more = explain(row), clause(row)
            return replace(said, sentence=f"{said.sentence} {more}") if more else said

        return explained

    return [replace(s, explain=with_clause(s.explain)) if s.name in names else s for s in signatures]


def weather_clause(m: Measures) -> Callable[[int], str]:
    """What the temperature explains of a change, as a sentence of its own."""
    explains, slope = m["context.weather_explains"], m["context.heating_slope"]
    left = m["context.weather_log_ratio"]

    def clause(row: int) -> str:
        if not np.isfinite(explains[row]):
            return ""
        return (
            f"The outdoor temperature explains {percent(np.clip(explains[row], 0, 1))} of the difference "
            f"(heating {percent(slope[row], 1)} of mean use per kelvin); without it the level "
            f"{change_in_percent(left[row])}."
        )

    return clause


def own_generation(m: Measures) -> Signature:
    """Super-consumption, as with ``photovoltaics``: no theft, own generation changed what is taken."""
    onset, share = m.when("export"), m["context.export_share"]
    strength = both(_sunlit(m), ramp(share, 0.005, 0.03), ~np.isnat(onset))
    return sign(
        Cause.SUPER_CONSUMPTION, "own_generation", _known(m, "export", 0.8 * strength),
        lambda i: f"Energy is sent out {on(onset[i])} ({percent(share[i], 1)} of what is taken, "
        f"{percent(m['context.export_night_share'][i])} of it between 22 and 4 h), and "
        f"{percent(np.clip(m['context.export_covers'][i], 0, 1))} of the fall in use lies in the hours of "
        f"export: own generation, nothing hidden.",
        quantity="share of the fall in the hours of export", found=m["context.export_covers"], expected=0.5,
        onset=onset, source="export",
    )  # fmt: skip


def reactive_stays(m: Measures) -> Signature:
    """Fraud: active energy fell and reactive energy went on, at loads that never drew so much of it."""
    kept, more, onset = m["context.reactive_kept"], m["context.reactive_excess"], m.when("change")
    turn = m["context.power_factor_change"]
    fell = both(m.evident, ramp(m.moved, -0.1, -0.35))
    strength = both(fell, ramp(kept, 0.4, 0.75), ramp(more, 0.15, 0.45), ramp(turn, -0.01, -0.06))
    strength = unless(strength, generating(m), m.multiplied)
    swung = m["context.reactive_log_ratio"]
    return sign(
        Cause.FRAUD, "reactive_stays", _known(m, "reactive", 0.75 * strength),
        lambda i: f"Active energy {change_in_percent(m.moved[i])} "
        f"{between(onset[i], m.when('change_end')[i])} while reactive energy {change_in_percent(swung[i])}: "
        f"{number(np.exp(more[i]), 1)} times what went with such active energy before (the power factor "
        f"changed by {number(turn[i])}); load runs on that the active energy "
        f"does not show.",
        quantity="share of the active change that reactive energy did not follow", found=kept, expected=0.0,
        onset=onset, end=m.when("change_end"), source="reactive energy", affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def reactive_alone(m: Measures) -> Signature:
    """Maintenance: reactive energy flows while the active register stands still."""
    share = m["context.reactive_alone"]
    none = np.where(np.isnat(m.when("change")), m.when("zero_first"), m.when("change"))
    return sign(
        Cause.MAINTENANCE, "reactive_alone", _known(m, "reactive", 0.85 * ramp(share, 0.005, 0.05)),
        lambda i: f"In {percent(share[i], 1)} of the intervals no active energy at all is counted while "
        f"reactive energy flows as usual: the load is there, the active register is not.",
        quantity="share of intervals with reactive energy alone", found=share, expected=0.0,
        onset=none, end=m.when("change_end"), source="reactive energy", affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def power_factor_odd(m: Measures) -> Signature:
    """Data mismatch: a power factor that no customer has over weeks: a channel in another unit or scale."""
    factor = m["context.power_factor"]
    return sign(
        Cause.DATA_MISMATCH, "power_factor_odd", _known(m, "reactive", 0.7 * ramp(factor, 0.3, 0.12)),
        lambda i: f"Over the whole span the power factor is {number(factor[i])}: one of the two channels is "
        f"in another unit, or another meter's.",
        quantity="power factor", found=factor, expected=0.95, source="reactive energy",
    )  # fmt: skip


def negative_beside_export(m: Measures) -> Signature:
    """Data mismatch: import reads below zero although export has a channel of its own."""
    share, backed = m["integrity.negative_share"], m["context.export_for_negative"]
    strength = both(ramp(share, 0.0, 0.001), ~np.isnan(backed))
    return sign(
        Cause.DATA_MISMATCH, "negative_beside_export", _known(m, "export", 0.9 * strength),
        lambda i: f"{percent(share[i], 2)} of the readings of import are negative although energy sent out "
        f"has a channel of its own, which counts in {percent(backed[i])} of those intervals: "
        + ("it is counted twice." if backed[i] > 0.5 else "nothing was sent out."),
        quantity="share of negative readings", found=share, expected=0.0,
        onset=m.when("negative_began"), end=m.when("negative_last"), source="export",
    )  # fmt: skip


def channels_exchanged(m: Measures) -> Signature:
    """Data mismatch: since a day export has the course that import had: terminals or channels exchanged."""
    alike, night = m["context.export_like_import"], m["context.export_night_share"]
    covers, onset = m["context.export_covers"], m.when("change")
    lasting = ramp(np.abs(m["context.export_began"]), 25.0, 10.0)
    strength = both(m.evident, ramp(m.moved, -0.25, -0.7), lasting, ramp(alike, 0.5, 0.85))
    strength = both(strength, ramp(night, 0.02, 0.07))  # by night no sun shines on any roof
    return sign(
        Cause.DATA_MISMATCH, "channels_exchanged", _known(m, "export", 0.85 * strength),
        lambda i: f"{opening(onset[i])} energy is sent out in the course of the day in which it was taken "
        f"before (correlation {number(alike[i])}, {percent(night[i])} of it between 22 and 4 h) while the "
        f"import {change_in_percent(m.moved[i])}: terminals or channels are exchanged.",
        quantity="correlation of export with the earlier import", found=alike, expected=0.0, onset=onset,
        end=m.when("change_end"), source="export",
        affected_kwh=np.where(np.isnan(covers), 0.0, m.kwh_lost_by_change()),
    )  # fmt: skip
