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
from loadprofile.signs.balance import excused, followed, more_than_feeder, unfollowed_rise, wrong_feeder
from loadprofile.signs.context import channels_exchanged, negative_beside_export, power_factor_odd
from loadprofile.signs.registers import advanced, register_sum
from loadprofile.signs.traces import cut_evenings, days_in_one_reading, index_for_energy, swapped_dates
from loadprofile.strength import (
    Measures,
    at_midnight,
    between,
    both,
    change_in_percent,
    count,
    either,
    fraction,
    iso,
    known_or,
    lifted,
    number,
    on,
    opening,
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
        m = Measures.of(population)
        checks = register_checks(population)
        own = (
            rational_step, scaled_grid, rounded, cohort_factor, unit_mix, zero_factor, other_interval,
            missing_tail, sentinel, spike, copied_days, flat_fill, linear_fill, swapped, time_shift,
            conflicting_rows, negative, wrong_feeder, more_than_feeder, unfollowed_rise, index_for_energy,
            days_in_one_reading, swapped_dates, cut_evenings,
        )  # fmt: skip
        signatures = [signature(m) for signature in own]
        signatures += [shared_gap(m, checks), midnight_gap(m, checks), register_sum(checks)]
        signatures = excused(signatures, followed(m), ("rational_step", "cohort_factor"))
        signatures += [negative_beside_export(m), channels_exchanged(m), power_factor_odd(m)]
        context = population.context
        wanted = ("registers", "outages", "events", "export", "reactive")
        missed = [name for name in wanted if getattr(context, name) is None]
        return findings_from(self.cause, population, signatures, missed)


def rational_step(m: Measures) -> Signature:
    """The level stepped by an exact rational and nothing else changed."""
    ratio, nearest, onset = m["change.ratio"], m["change.rational"], m.when("change")
    fits = both(m.evident, m.exact, m.proportional)
    # A halved bill may be a halved use: alone, a small ratio is a hint; 10, 40 or 1/1000 is more.
    big = 0.35 + 0.65 * ramp(np.abs(m.moved), np.log(3.5), np.log(8))
    counted = np.where(m["integrity.grid_break_share"] == 0, 1.0, 0.0) * (m["integrity.grid_change"] == 0)
    strength = unless(fits * big, 0.7 * m.third, 0.6 * counted)
    return _sign(
        "rational_step", lifted(strength, m.shared_factor),
        lambda i: f"The level is {number(ratio[i], 3)} times the earlier one {on(onset[i])}: "
        f"{fraction(nearest[i])} within {percent(m['change.rational_misfit'][i], 1)}, "
        "with an unchanged daily shape.",
        quantity="level after / level "
        "before", found=ratio, expected=1.0, onset=onset, end=m.when("change_end"),
        affected_kwh=m.kwh_lost_by_change(), incident=m.incident,
    )  # fmt: skip


def scaled_grid(m: Measures) -> Signature:
    """The step in which the meter counts was multiplied by a rational: a wrong factor or unit."""
    times, onset = m.factor, m.when("grid_change")
    copied = ramp(m["integrity.repeat_day_share"], 0.01, 0.05)  # days of means lie on a grid of their own
    return _sign(
        "scaled_grid", unless(m.multiplied, 0.8 * known_or(copied)),
        lambda i: f"{opening(onset[i])} the smallest step between readings is "
        f"{number(times[i], 3)} times "
        f"the usual one, {fraction(np.round(times[i], 3))} to {percent(m.factor_misfit[i], 1)}: the "
        f"stored numbers "
        "were multiplied.",
        quantity="counting step after / before", found=times, expected=1.0, onset=onset,
        end=m.when("grid_change_end"), affected_kwh=m.kwh_lost_by_change(), incident=m.incident,
    )  # fmt: skip


def rounded(m: Measures) -> Signature:
    """Readings rounded to a power of ten: an export with too few decimals."""
    times, onset = 10.0 ** m["integrity.grid_change"], m.when("grid_change")
    decade = np.abs(m["integrity.grid_change"] - np.rint(m["integrity.grid_change"]))
    strength = both(m.off_grid, ramp(m["integrity.grid_change"], 0.5, 0.9), ramp(decade, 0.02, 0.004))
    return _sign(
        "rounded", 0.8 * unless(strength, m.multiplied),
        lambda i: f"{opening(onset[i])} readings are multiples of a step {number(times[i], 0)} "
        f"times as large "
        f"as before ({percent(m['integrity.grid_break_share'][i], 1)} of them): decimals were cut off.",
        quantity="counting step after / before", found=times, expected=1.0, onset=onset,
        end=m.when("grid_change_end"),
    )  # fmt: skip


def cohort_factor(m: Measures) -> Signature:
    """Several meters changed by one and the same exact factor on one day."""
    size, onset = m["cohort.ratio_size"], m.when("change")
    near = either(ramp(m["change.rational_misfit"], 0.1, 0.03), m.multiplied)
    strength = both(m.evident, m.shared_factor, m.proportional, near)
    return _sign(
        "cohort_factor", strength,
        lambda i: f"{count(size[i], 'other meter', 'other meters')} changed by the same factor "
        f"{number(m['change.ratio'][i], 3)} (near {fraction(m['change.rational'][i])}) on "
        f"{iso(onset[i])[:10]}.",
        quantity="other meters with this factor on this day", found=size, expected=0.0, unit="meters",
        onset=onset, end=m.when("change_end"), source="population", affected_kwh=m.kwh_lost_by_change(),
        incident=m.incident,
    )  # fmt: skip


def unit_mix(m: Measures) -> Signature:
    """Wh for kWh, or a lost decimal: off by powers of ten on some days or from the first day on."""
    level, days, onset = m["peers.level_ratio"], m["integrity.unit_mix_share"], m.when("unit_first")
    off = np.log10(np.clip(level, 1e-9, None))
    odd_values = either(
        ramp(m["integrity.sentinel_share"], 0.0, 1e-5), ramp(m["integrity.spike_count"], 0.0, 1.0)
    )
    high = unless(ramp(off, 1.5, 2.3), odd_values)
    low = both(ramp(off, -2.0, -2.7), ramp(m["integrity.zero_share"], 0.5, 0.2))
    some_days = both(ramp(days, 0.0, 0.02), ramp(m["integrity.zero_share"], 0.6, 0.3))
    strength = either(high, low, unless(some_days, odd_values))
    return _sign(
        "unit_mix", strength,
        lambda i: f"{percent(days[i], 1)} of the days lie a thousandfold off the others, and the mean "
        f"level is "
        f"{number(level[i], 3)} times that of like meters: the size of a unit fault."
        if np.isfinite(level[i]) else
        f"{percent(days[i], 1)} of the days lie a thousandfold off the others: the size of a unit fault.",
        quantity="share of days in another unit", found=known_or(days), expected=0.0, onset=onset,
        end=m.when("unit_last"), incident=m.incident,
    )  # fmt: skip


def zero_factor(m: Measures) -> Signature:
    """Whole days of exact zeros, cut at midnight: filled with zeros, or multiplied by none."""
    onset, end, days = m.when("zero_first"), m.when("zero_last"), m["integrity.zero_longest_days"]
    cut = np.where(at_midnight(onset), 0.5, 0.0) + np.where(
        at_midnight(end) | (end >= m.last_reading), 0.4, 0.0
    )
    strength = both(ramp(days, 0.6, 0.95), ramp(m["integrity.zero_usual"], 0.3, 0.1)) * np.maximum(
        cut - 0.1, 0.0
    )
    strength = lifted(strength, m.shared("zero"))
    return _sign(
        "zero_factor", unless(strength, outage_share(m.population, onset, end)),
        lambda i: f"Exact zeros for {number(days[i], 1)} days {between(onset[i], end[i])}, cut at midnight; "
        f"{count(known_or(m['cohort.zero_size'])[i], 'other meter starts', 'other meters start')} in "
        f"the same "
        "slot.",
        quantity="days of zeros", found=days, expected=0.0, unit="days", onset=m.when("zero_began"), end=end,
        source="population", affected_kwh=m.kwh_of_silence(days), incident=m.incident,
    )  # fmt: skip


def shared_gap(m: Measures, checks: RegisterChecks) -> Signature:
    """Readings are absent in exactly the slots in which other meters lack them too."""
    size, lost, onset = m["cohort.gap_size"], m["integrity.missing_share"], m.when("gap_first")
    strength = both(m.shared("gap"), ramp(lost, 0.0, 0.01))
    daily = both(
        ramp(m["integrity.gaps_per_30d"], 3.0, 12.0), ramp(m["integrity.gap_midnight_share"], 0.5, 0.2)
    )
    known = outage_share(m.population, onset, m.when("gap_last"))
    strength = unless(lifted(strength, advanced(checks)), known, 0.6 * daily)
    return _sign(
        "shared_gap", strength,
        lambda i: f"{percent(lost[i], 1)} of the readings are absent, in a gap that is shared slot for "
        f"slot with "
        f"{count(size[i], 'other meter', 'other meters')}; the longest lasts "
        f"{number(m['integrity.longest_gap_days'][i], 1)} days, {between(onset[i], m.when('gap_last')[i])}.",
        quantity="other meters with the same gap", found=size, expected=0.0, unit="meters",
        onset=m.when("gap_began"), end=m.when("gap_last"), source="population", incident=m.incident,
    )  # fmt: skip


def other_interval(m: Measures) -> Signature:
    """Every other interval is absent: rows of a longer interval stand in this grid."""
    rate, hours = m["integrity.gaps_per_30d"], m["integrity.gap_median_hours"]
    step = m.population.profiles.step_minutes / 60.0
    strength = both(
        ramp(rate, 5.0, 14.0),
        ramp(hours, 1.6 * step, 1.1 * step),
        ramp(m["integrity.missing_share"], 0.002, 0.008),
    )
    fuller = ramp(m["change.peak_log_ratio"], 0.1, 0.4)  # the rows that are there hold twice the energy
    return _sign(
        "other_interval", strength * (0.6 + 0.4 * known_or(fuller)),
        lambda i: f"{number(rate[i], 0)} gaps of {number(60 * hours[i], 0)} minutes per 30 days: single "
        f"intervals are "
        f"absent in turn, as if rows of {number(120 * step, 0)} minutes had been stored.",
        quantity="gaps per 30 days", found=rate, expected=0.0, unit="1/30 d", onset=m.when("gap_began"),
    )  # fmt: skip


def midnight_gap(m: Measures, checks: RegisterChecks) -> Signature:
    """Whole days are absent: gaps cut along file borders, not where a radio fails."""
    lost, share = m["integrity.missing_share"], m["integrity.gap_midnight_share"]
    strength = 0.8 * both(ramp(share, 0.5, 0.9), ramp(lost, 0.005, 0.04))
    strength = lifted(strength, advanced(checks))
    return _sign(
        "midnight_gap", strength,
        lambda i: f"{percent(lost[i], 1)} of the readings are absent, {percent(share[i])} of them in gaps "
        f"that begin and end at midnight (longest {number(m['integrity.longest_gap_days'][i], 1)} days).",
        quantity="share of missing readings in whole days", found=share, onset=m.when("gap_began"),
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
    carried = both(
        ramp(m["integrity.zero_catchup_count"], 0.0, 1.0), ramp(m["integrity.zero_catchup_ratio"], 0.3, 0.6)
    )
    strength = unless(both(ramp(many, 0.0, 1.0), ramp(ratio, 4.0, 10.0)), 0.8 * known_or(carried))
    return _sign(
        "spike", strength,
        lambda i: f"{count(many[i], 'isolated reading', 'isolated readings')} up to {number(ratio[i], 1)} "
        f"times "
        f"the meter's usual top, the largest on {iso(onset[i])}, with ordinary readings on both sides.",
        quantity="spike / usual top reading", found=ratio, expected=1.0,
        onset=m.when("spike_began"), end=onset,
    )  # fmt: skip


def copied_days(m: Measures) -> Signature:
    """Days that are copies of the day or week before: estimates, or a file loaded twice."""
    share, block, lag = (m[f"integrity.repeat_{what}"] for what in ("day_share", "block_days", "lag_days"))
    daily = ramp(lag, 2.5, 1.0) * (0.5 + 0.5 * ramp(block, 20.0, 6.0))  # for weeks the same day: a recording
    weekly = np.where(lag % 7 < 0.5, 0.6, 0.35) + 0 * lag
    strength = both(ramp(share, 0.0, 0.01), either(daily, weekly))
    onset = m.when("repeat_first")
    return _sign(
        "copied_days", lifted(strength, 0.5 * ramp(m["cohort.repeat_size"], 0.5, 3.0)),
        lambda i: f"{percent(share[i], 1)} of the days equal an earlier day reading for reading, up to "
        f"{count(block[i], 'day', 'days')} in a row, copied from {count(lag[i], 'day', 'days')} before.",
        quantity="share of days that are copies", found=share, expected=0.0, onset=onset,
        end=m.when("repeat_last"), incident=m.incident,
    )  # fmt: skip


def flat_fill(m: Measures) -> Signature:
    """Days or long stretches of one ordinary value: an estimate rather than a stuck register."""
    share, ratio = m["integrity.flat_day_share"], m["integrity.stuck_ratio"]
    plausible = both(ramp(ratio, 0.5, 0.8), ramp(ratio, 1.6, 1.25))
    edges = np.where(at_midnight(m.when("stuck_first")), 0.8, 0.5)
    many = np.maximum(ramp(share, 0.0, 0.02), 0.7 * ramp(m["integrity.stuck_longest_days"], 0.1, 0.4))
    onset, end = m.when("stuck_first"), m.when("stuck_last")
    return _sign(
        "flat_fill", both(many, plausible, edges),
        lambda i: f"One value, {number(ratio[i])} times the meter's own mean, stands for "
        f"{number(m['integrity.stuck_longest_days'][i], 1)} days {between(onset[i], end[i])}; "
        f"{percent(share[i], 1)} of the days are flat: the mark of an estimate.",
        quantity="constant value / own mean", found=ratio, onset=onset, end=end,
    )  # fmt: skip


def linear_fill(m: Measures) -> Signature:
    """Readings on a straight line, or between the meter's counting steps: interpolated or averaged."""
    share, hours = m["integrity.line_share"], m["integrity.line_longest_hours"]
    lines = both(ramp(share, 0.0, 0.005), ramp(hours, 2.0, 5.0))
    between_steps = 0.45 * m.off_grid * np.isnan(m.factor)
    return _sign(
        "linear_fill", either(lines, between_steps),
        lambda i: f"{percent(share[i], 1)} of the readings lie on straight lines up to "
        f"{number(hours[i], 1)} h long, "
        f"and {percent(known_or(m['integrity.grid_break_share'])[i], 1)} between the steps in which "
        f"the meter "
        "counts: interpolated or averaged.",
        quantity="share of interpolated readings", found=share, expected=0.0, onset=m.when("line_first"),
        speaks=0.6,
    )  # fmt: skip


def swapped(m: Measures) -> Signature:
    """From one day on this meter shows another's life, and that one shows this one's."""
    alike, onset = m["cohort.swap_similarity"], m.when("change")
    strength = both(ramp(alike, 0.3, 0.7), either(m.evident, m.reshaped))
    return _sign(
        "swapped", strength,
        lambda i: f"{opening(onset[i])} the profile matches another meter's earlier one, and that "
        f"meter's "
        f"matches this one's (likeness {percent(alike[i])}): two ids changed places.",
        quantity="likeness to the exchanged meter", found=alike, onset=onset, end=m.when("change_end"),
        source="population", incident=m.incident,
    )  # fmt: skip


def time_shift(m: Measures) -> Signature:
    """The day moved by whole hours while level and shape stayed."""
    hours, onset = m["change.shift_hours"], m.when("change")
    whole = np.abs(hours - np.rint(hours)) < 0.1
    strength = both(m.shifted, ramp(np.abs(hours), 0.5, 1.0), np.where(whole, 1.0, 0.4))
    return _sign(
        "time_shift", 0.9 * strength,
        lambda i: f"{opening(onset[i])} the day runs {number(hours[i], 1)} h off its earlier course "
        f"(correlation {number(m['change.profile_correlation'][i])} as it is, "
        f"{number(m['change.profile_correlation'][i] + m['change.shift_gain'][i])} when shifted back); "
        f"the level "
        f"{change_in_percent(m.moved[i])}.",
        quantity="shift of the day", found=hours, expected=0.0, unit="h", onset=onset,
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
    share, hours, onset = (
        m["integrity.negative_share"],
        m["integrity.negative_longest_hours"],
        m.when("negative_first"),
    )
    # Runs of some hours are what netted PV export looks like; single values and whole days are not.
    export = both(ramp(hours, 1.5, 4.0), ramp(hours, 17.0, 13.0))
    return _sign(
        "negative", unless(ramp(share, 0.0, 0.001), 0.7 * export),
        lambda i: f"{percent(share[i], 2)} of the readings are negative, up to {number(hours[i], 1)} h in "
        f"a row "
        f"{on(onset[i])}.",
        quantity="share of negative readings", found=share, expected=0.0, onset=m.when("negative_began"),
        end=m.when("negative_last"), speaks=1.2,
    )  # fmt: skip
