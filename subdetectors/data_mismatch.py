"""Data mismatch: is what we hold not what the meter measured?

Faults of the way from the meter to the table: factors, units, gaps, copies, estimates, swaps, clocks.
They leave arithmetic traces (FACTS sections 6 and 7): exact ratios with an unchanged shape, the same
date over many meters, gaps along file borders. High use, low use or zeros alone are no data mismatch.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from loadprofile.features.circumstances import RegisterChecks, outage_share, register_checks
from loadprofile.features.population import Population
from loadprofile.strength import (
    Floats,
    Measures,
    at_midnight,
    between,
    both,
    change_in_percent,
    count,
    either,
    fraction,
    iso,
    lifted,
    number,
    on,
    percent,
    ramp,
    unless,
)
from loadprofile.verdicts import Cause, Findings, Signature, findings_from, sign

_sign = partial(sign, Cause.DATA_MISMATCH)


class DataMismatch:
    """The sub-detector for faults in the data chain."""

    cause = Cause.DATA_MISMATCH

    def examine(self, population: Population) -> Findings:
        """Judge every meter; registers and outages sharpen the answer where they were given."""
        m = Measures(population)
        checks = register_checks(population)
        signatures = [
            rational_step(m),
            scaled_grid(m),
            cohort_factor(m),
            unit_mix(m),
            zero_factor(m),
            shared_gap(m, checks),
            midnight_gap(m, checks),
            missing_tail(m),
            sentinel(m),
            spike(m),
            copied_days(m),
            flat_fill(m),
            linear_fill(m),
            swapped(m),
            time_shift(m),
            conflicting_rows(m),
            negative(m),
            register_sum(checks),
        ]
        context = population.context
        missed = [name for name in ("registers", "outages", "events") if getattr(context, name) is None]
        return findings_from(self.cause, population, signatures, missed)


def rational_step(m: Measures) -> Signature:
    """The level stepped by an exact rational and nothing else changed."""
    ratio, nearest = m["change.ratio"], m["change.rational"]
    big = ramp(np.abs(m.moved), np.log(3.5), np.log(8))
    fits = both(m.evident, m.exact, m.proportional)
    # A halved bill may be a halved use: alone, a small ratio is a hint; 10, 40 or 1/1000 is more.
    strength = unless(both(fits, np.maximum(big, 0.5)), 0.7 * m.third)
    return _sign(
        "rational_step", lifted(strength, m.shared_factor),
        lambda i: f"The level is {number(ratio[i], 3)} times the earlier one {on(onset[i])}: "
        f"{fraction(nearest[i])} within {percent(m['change.rational_misfit'][i], 1)}, with an unchanged "
        f"daily shape.",
        quantity="level after / level before", found=ratio, expected=1.0,
        onset=(onset := m.when("change")), end=m.when("change_end"), affected_kwh=m.kwh_lost_by_change(),
        incident=m.incident,
    )  # fmt: skip


def scaled_grid(m: Measures) -> Signature:
    """The steps in which the meter counts scaled with the level: somebody multiplied, nobody saved."""
    grid = m["integrity.grid_change"] * np.log(10.0)
    onset = m.when("change")
    return _sign(
        "scaled_grid", m.grid_scaled,
        lambda i: f"The smallest step between readings became {number(np.exp(grid[i]), 3)} times as large "
        f"when the level became {number(m['change.ratio'][i], 3)} times as large ({iso(onset[i])}): "
        "the stored numbers were multiplied.",
        quantity="counting step after / before", found=np.exp(grid), expected=1.0, onset=onset,
        end=m.when("change_end"), affected_kwh=m.kwh_lost_by_change(), incident=m.incident,
    )  # fmt: skip


def cohort_factor(m: Measures) -> Signature:
    """Several meters changed by one and the same exact factor on one day."""
    size, onset = m["cohort.ratio_size"], m.when("change")
    strength = both(m.evident, m.shared_factor, m.proportional, ramp(m["change.rational_misfit"], 0.08, 0.03))
    return _sign(
        "cohort_factor", strength,
        lambda i: f"{count(size[i], 'other meter', 'other meters')} changed by the same factor "
        f"{number(m['change.ratio'][i], 3)} (near {fraction(m['change.rational'][i])}) on "
        f"{iso(onset[i])[:10]}.",
        quantity="other meters with this factor on this "
        "day", found=size, expected=0.0, unit="meters", onset=onset,
        end=m.when("change_end"), source="population", affected_kwh=m.kwh_lost_by_change(),
        incident=m.incident,
    )  # fmt: skip


def unit_mix(m: Measures) -> Signature:
    """Wh for kWh, or a lost decimal: far off by powers of ten, from some day or from the first one."""
    level = m["peers.level_ratio"]
    off = np.log10(np.clip(level, 1e-9, None))
    step = np.log10(np.clip(m["change.ratio"], 1e-9, None))
    from_start = either(
        ramp(off, 1.5, 2.3), both(ramp(off, -2.0, -2.7), ramp(m["integrity.zero_share"], 0.5, 0.2))
    )
    by_step = both(
        ramp(np.abs(step), 0.9, 1.0), ramp(m["change.rational_misfit"], 0.25, 0.1), m.evident, m.proportional
    )
    strength = either(from_start, by_step)
    return _sign(
        "unit_mix", strength,
        lambda i: f"The readings are {number(level[i], 3)} times those of like meters"
        + (f", after a step by {number(m['change.ratio'][i], 4)} on "
        f"{iso(m.when('change')[i])}" if by_step[i] > 0.25 else "")
        + ": the size of a unit or decimal fault.",
        quantity="own level / peers' level", found=level, expected=1.0,
        onset=np.where(by_step > 0.25, m.when("change"), np.datetime64("NaT", "m")), source="peers",
        incident=m.incident,
    )  # fmt: skip


def zero_factor(m: Measures) -> Signature:
    """Exact zeros from one slot on, in several meters at once and at midnight: a factor set to zero."""
    onset, days = m.when("zero_first"), m["integrity.zero_longest_days"]
    size = m["cohort.zero_size"]
    strength = both(
        ramp(days, 0.5, 2.0), ramp(m["integrity.zero_usual"], 0.3, 0.1), ramp(size, 0.5, 2.5),
        ramp(m["cohort.zero_surprise"], 2.0, 5.0), np.where(at_midnight(onset), 1.0, 0.3),
    )  # fmt: skip
    return _sign(
        "zero_factor", strength,
        lambda i: f"Exact zeros for {number(days[i], 1)} days {between(onset[i], m.when('zero_last')[i])}, "
        f"starting in the same slot as in {count(size[i], 'other meter', 'other meters')}.",
        quantity="days of zeros", found=days, expected=0.0, unit="days", onset=onset, end=m.when("zero_last"),
        source="population", affected_kwh=m.kwh_of_silence(days), incident=m.incident,
    )  # fmt: skip


def shared_gap(m: Measures, checks: RegisterChecks) -> Signature:
    """Readings are absent in exactly the slots in which other meters lack them too."""
    size, lost, onset = m["cohort.gap_size"], m["integrity.missing_share"], m.when("gap_first")
    strength = both(ramp(size, 0.5, 3.0), ramp(m["cohort.gap_surprise"], 2.0, 5.0), ramp(lost, 0.0, 0.01))
    strength = unless(
        lifted(strength, _advanced(checks)), outage_share(m.population, onset, m.when("gap_last"))
    )
    return _sign(
        "shared_gap", strength,
        lambda i: f"{percent(lost[i], 1)} of the readings are absent; the longest gap "
        f"({number(m['integrity.longest_gap_days'][i], 1)} days, "
        f"{between(onset[i], m.when('gap_last')[i])}) is "
        f"shared slot for slot with {count(size[i], 'other meter', 'other meters')}.",
        quantity="other meters with the same gap", found=size, expected=0.0, unit="meters", onset=onset,
        end=m.when("gap_last"), source="population", incident=m.incident,
    )  # fmt: skip


def midnight_gap(m: Measures, checks: RegisterChecks) -> Signature:
    """Whole days are absent: gaps cut along file borders, not where a radio fails."""
    lost, share = m["integrity.missing_share"], m["integrity.gap_midnight_share"]
    strength = 0.8 * both(ramp(share, 0.5, 0.9), ramp(lost, 0.005, 0.04))
    strength = lifted(strength, _advanced(checks))
    return _sign(
        "midnight_gap", strength,
        lambda i: f"{percent(lost[i], 1)} of the readings are absent, {percent(share[i])} of them in gaps "
        f"that begin and end at midnight (longest {number(m['integrity.longest_gap_days'][i], 1)} days).",
        quantity="share of missing readings in whole days", found=share, onset=m.when("gap_first"),
        end=m.when("gap_last"),
    )  # fmt: skip


def missing_tail(m: Measures) -> Signature:
    """The meter stops delivering before the others do."""
    share, days = (
        m["integrity.ends_early_share"],
        m["integrity.ends_early_share"] * len(m.population.profiles.days),
    )
    strength = 0.85 * both(ramp(days, 1.0, 5.0), ramp(share, 0.005, 0.05))
    onset = m.when("last_reading")
    return _sign(
        "missing_tail", np.where(np.isnat(onset), np.nan, strength),
        lambda i: f"The last reading is of {iso(onset[i])}; the {number(days[i], 1)} days after it "
        f"({percent(share[i], 1)} of the span) were never delivered.",
        quantity="days without readings at the end", found=days, expected=0.0, unit="days", onset=onset,
    )  # fmt: skip


def sentinel(m: Measures) -> Signature:
    """Values that stand for "no value"."""
    share, onset = m["integrity.sentinel_share"], m.when("sentinel")
    return _sign(
        "sentinel", np.where(np.isnan(share), np.nan, np.where(share > 0, 0.95, 0.0)),
        lambda i: f"{percent(share[i], 3)} of the readings are stand-in values (such as 2^31-1 or "
        f"99,999), first on {iso(onset[i])}.",
        quantity="share of sentinel values", found=share, expected=0.0, onset=onset,
    )  # fmt: skip


def spike(m: Measures) -> Signature:
    """One isolated reading far above anything before or after it."""
    many, ratio, onset = m["integrity.spike_count"], m["integrity.spike_ratio"], m.when("spike")
    strength = both(ramp(many, 0.0, 1.0), ramp(ratio, 4.0, 12.0))
    return _sign(
        "spike", strength,
        lambda i: f"{count(many[i], 'isolated reading', 'isolated readings')} up to {number(ratio[i], 1)} "
        f"times "
        f"the meter's usual top, the largest on {iso(onset[i])}, with ordinary readings on both sides.",
        quantity="spike / usual top reading", found=ratio, expected=1.0, onset=onset, end=onset,
    )  # fmt: skip


def copied_days(m: Measures) -> Signature:
    """Days that are copies of the day or week before: estimates, or a file loaded twice."""
    share, block, lag = (
        m["integrity.repeat_day_share"],
        m["integrity.repeat_block_days"],
        m["integrity.repeat_lag_days"],
    )
    estimate = either(ramp(block, 4.0, 1.5), ramp(lag, 2.5, 1.0), 0.5 * (lag % 7 < 0.5) + 0 * lag)
    loaded_twice = ramp(m["cohort.repeat_size"], 0.5, 3.0)
    strength = both(ramp(share, 0.0, 0.02), either(estimate, 0.8 * loaded_twice))
    onset = m.when("repeat_first")
    return _sign(
        "copied_days", strength,
        lambda i: f"{percent(share[i], 1)} of the days equal an earlier day reading for reading, up to "
        f"{count(block[i], 'day', 'days')} in a row, copied from {count(lag[i], 'day', 'days')} before.",
        quantity="share of days that are copies", found=share, expected=0.0, onset=onset,
        end=m.when("repeat_last"), incident=m.incident,
    )  # fmt: skip


def flat_fill(m: Measures) -> Signature:
    """Stretches filled with one ordinary value: an estimate, not a stuck register."""
    share, ratio = m["integrity.flat_day_share"], m["integrity.stuck_ratio"]
    edges = at_midnight(m.when("stuck_first"))
    plausible = both(ramp(ratio, 0.3, 0.6), ramp(ratio, 2.0, 1.5))
    strength = both(ramp(share, 0.0, 0.03), plausible, np.where(edges, 0.8, 0.3))
    return _sign(
        "flat_fill", strength,
        lambda i: f"{percent(share[i], 1)} of the days hold one constant value, {number(ratio[i])} times "
        f"the meter's "
        f"own mean, {between(m.when('stuck_first')[i], m.when('stuck_last')[i])}: the mark of an estimate.",
        quantity="share of flat "
        "days", found=share, expected=0.0, onset=m.when("stuck_first"), end=m.when("stuck_last"),
    )  # fmt: skip


def linear_fill(m: Measures) -> Signature:
    """Readings that lie on a straight line: gaps closed by interpolation."""
    share, hours = m["integrity.line_share"], m["integrity.line_longest_hours"]
    strength = both(ramp(share, 0.0, 0.005), ramp(hours, 2.0, 5.0))
    return _sign(
        "linear_fill", strength,
        lambda i: f"{percent(share[i], 1)} of the readings lie on straight lines up to "
        f"{number(hours[i], 1)} h long: interpolated.",
        quantity="share of interpolated readings", found=share, expected=0.0, onset=m.when("line_first"),
    )  # fmt: skip


def swapped(m: Measures) -> Signature:
    """From one day on this meter shows another's life, and that one shows this one's."""
    alike, onset = m["cohort.swap_similarity"], m.when("change")
    strength = both(ramp(alike, 0.75, 0.95), m.evident)
    return _sign(
        "swapped", strength,
        lambda i: f"{on(onset[i]).capitalize()} the profile matches another meter's earlier one to "
        f"{percent(alike[i])}, "
        "and that meter's matches this one's: two ids changed places.",
        quantity="likeness to the exchanged meter", found=alike, onset=onset, end=m.when("change_end"),
        source="population", incident=m.incident,
    )  # fmt: skip


def time_shift(m: Measures) -> Signature:
    """The day moved by whole hours while level and shape stayed."""
    hours, gain = m["change.shift_hours"], m["change.shift_gain"]
    whole = np.abs(hours - np.rint(hours)) < 0.1
    strength = both(
        ramp(np.abs(hours), 0.5, 1.0), ramp(gain, 0.05, 0.2), ramp(np.abs(m.moved), 0.25, 0.1),
        np.where(whole, 1.0, 0.4),
    )  # fmt: skip
    return _sign(
        "time_shift", strength,
        lambda i: f"{on(m.when('change')[i]).capitalize()} the day runs {number(hours[i], 1)} h off its "
        f"earlier course "
        f"(correlation gained {number(gain[i])}); the level {change_in_percent(m.moved[i])}.",
        quantity="shift of the day", found=hours, expected=0.0, unit="h", onset=m.when("change"),
        end=m.when("change_end"), incident=m.incident,
    )  # fmt: skip


def conflicting_rows(m: Measures) -> Signature:
    """The files hold two values, or one value twice, for the same interval."""
    clash, twice = m["integrity.conflict_share"], m["integrity.duplicate_share"]
    strength = either(ramp(clash, 0.0, 0.01), 0.6 * ramp(twice, 0.005, 0.05))
    return _sign(
        "conflicting_rows", strength,
        lambda i: f"{percent(clash[i], 2)} of the rows contradict another row of the same interval and "
        f"{percent(twice[i], 2)} repeat one.",
        quantity="share of contradicting rows", found=clash, expected=0.0,
    )  # fmt: skip


def negative(m: Measures) -> Signature:
    """Negative energy on a channel that only imports."""
    share, hours = m["integrity.negative_share"], m["integrity.negative_longest_hours"]
    # Long runs by day are what a netted PV export looks like; single values are not.
    strength = unless(ramp(share, 0.0, 0.001), 0.7 * ramp(hours, 1.5, 4.0))
    return _sign(
        "negative", strength,
        lambda i: f"{percent(share[i], 2)} of the readings are negative, at most {number(hours[i], 1)} h "
        f"in a row.",
        quantity="share of negative readings", found=share, expected=0.0,
    )  # fmt: skip


def register_sum(checks: RegisterChecks) -> Signature:
    """The intervals do not add up to what the register advanced."""
    ratio = checks.sum_ratio
    off = np.abs(np.log(np.clip(ratio, 1e-6, None)))
    return _sign(
        "register_sum", both(ramp(off, 0.03, 0.1), ramp(checks.windows, 0.5, 3.0)),
        lambda i: f"The intervals add up to {number(ratio[i], 3)} of the register difference "
        f"(median of {count(checks.windows[i], 'complete window', 'complete windows')}).",
        quantity="interval sum / register difference", found=ratio, expected=1.0, source="registers",
    )  # fmt: skip


def _advanced(checks: RegisterChecks) -> Floats:
    """The register went on counting while readings were absent: only the data were lost."""
    return ramp(checks.gap_advance, 0.3, 0.8)
