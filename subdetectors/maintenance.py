"""Preventive maintenance: is the meter itself failing?

What a failing meter leaves in its intervals (FACTS section 7): a lost phase at every hour, a slow
decline against its peers, a register that sticks or dies, readings that come late, a clock that
drifts. Signs that need waveforms (bearing, relay or supply faults) are out of reach of interval data.
A lost phase and a one-phase bypass are the same in kWh: both sub-detectors say so.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from loadprofile.features.circumstances import RegisterChecks, events_near, outage_share, register_checks
from loadprofile.features.population import Population
from loadprofile.signs.balance import excused, real_saving, unused_zeros
from loadprofile.signs.context import in_context, reactive_alone
from loadprofile.signs.traces import counted_in_lumps, in_lumps, not_started, rising_gain, scaled_load
from loadprofile.strength import (
    Measures,
    at_midnight,
    between,
    both,
    change_in_percent,
    either,
    fraction,
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

_sign = partial(sign, Cause.MAINTENANCE)

PHASE_EVENTS = ("missing_voltage", "asymmetry", "current_reversed", "power_down")
METER_EVENTS = ("battery", "watchdog", "measurement_error", "clock_invalid", *PHASE_EVENTS)


class Maintenance:
    """The sub-detector for failing meters."""

    cause = Cause.MAINTENANCE

    def examine(self, population: Population) -> Findings:
        """Judge every meter; events, registers and outages sharpen the answer where they were given."""
        m = Measures.of(population)
        signatures = [
            lost_phase(m),
            slow_decline(m),
            stuck_register(m),
            dead_register(m),
            zeros_off_and_on(m),
            sum_after_gap(m, register_checks(population)),
            rising_gaps(m),
            clock_drift(m),
            coarse_counting(m),
            compression(m),
            noisy_readings(m),
            reported_by_meter(m),
            not_started(m),
            counted_in_lumps(m),
            scaled_load(m),
            rising_gain(m),
        ]
        levels = ("lost_phase", "slow_decline", "dead_register", "compression", "scaled_load", "not_started")
        signatures = excused(signatures, real_saving(m), levels)
        signatures = excused(signatures, unused_zeros(m), ("dead_register", "zeros_off_and_on"))
        signatures = [*in_context(signatures, m), reactive_alone(m)]
        context = population.context
        wanted = ("events", "registers", "outages", "reactive", "weather")
        missed = [name for name in wanted if getattr(context, name) is None]
        return findings_from(self.cause, population, signatures, [*missed, "voltage"])


def lost_phase(m: Measures) -> Signature:
    """The level fell to about 1/3 or 2/3 at every hour and load, roughly and not exactly."""
    ratio, onset = m["change.ratio"], m.when("change")
    single = unless(both(m.evident, m.third, m.proportional), m.multiplied, m.shared_factor)
    told = ramp(events_near(m.population, PHASE_EVENTS, onset), 0.0, 1.0)
    third = np.where(ratio < 0.5, 1 / 3, 2 / 3)
    return _sign(
        "lost_phase", lifted(0.65 * single, told),  # without events a one-phase bypass is as likely
        lambda i: f"The level is {number(ratio[i])} times the earlier one {on(onset[i])}, near "
        f"{fraction(third[i])} at "
        f"every hour (spread over the day {percent(m['change.block_spread'][i])}): a lost phase, or a "
        f"bypass of one; "
        "only voltage tells which.",
        quantity="level after / level "
        "before", found=ratio, expected=1.0, onset=onset, end=m.when("change_end"),
        affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def slow_decline(m: Measures) -> Signature:
    """The level slides against the peers over months, without a step."""
    pace, total, onset = m["change.trend_per_30d"], m["change.trend_total"], m.when("first_reading")
    smooth = both(ramp(m["change.trend_vs_step"], 1.3, 0.95), ramp(m["change.trend_r2"], 0.15, 0.45))
    strength = both(ramp(total, -0.15, -0.5), smooth, ramp(m.uneven, 1.7, 1.0))
    return _sign(
        "slow_decline", strength,
        lambda i: f"Measured against its peers the level {change_in_percent(total[i])} over the span, "
        f"{percent(-pace[i], 1)} per 30 days, evenly (a line explains {percent(m['change.trend_r2'][i])} "
        f"of it).",
        quantity="change of log level per 30 days", found=pace, expected=0.0, unit="1/30 d", onset=onset,
        source="peers", affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def stuck_register(m: Measures) -> Signature:
    """One non-zero value repeated for days: even an empty home has its fridge's cycle."""
    days, onset, end = m["integrity.stuck_longest_days"], m.when("stuck_first"), m.when("stuck_last")
    strength = both(ramp(days, 0.25, 1.2), ramp(m["integrity.stuck_surprise"], 3.0, 8.0))
    return _sign(
        "stuck_register", unless(strength, outage_share(m.population, onset, end)),
        lambda i: f"One value, {number(m['integrity.stuck_ratio'][i])} times the meter's own mean, "
        f"repeats for "
        f"{number(days[i], 1)} days {between(onset[i], end[i])}; "
        f"{percent(m['integrity.stuck_share'][i], 1)} of all readings stand still like that.",
        quantity="longest constant run", found=days, expected=0.0, unit="days", onset=onset, end=end,
    )  # fmt: skip


def dead_register(m: Measures) -> Signature:
    """Exact zeros for days where the meter used to count: no vacancy reads zero unless the breaker is off."""
    days, share = m["integrity.zero_longest_days"], m["integrity.zero_share"]
    onset, end = m.when("zero_first"), m.when("zero_last")
    long = both(ramp(days, 1.0, 6.0), ramp(m["integrity.zero_usual"], 0.4, 0.15))
    strength = either(long, ramp(share, 0.6, 0.9))
    whole_days = at_midnight(onset) & at_midnight(end)
    known = outage_share(m.population, onset, end)
    return _sign(
        "dead_register", unless(strength, known, 0.5 * m.shared("zero"), 0.6 * whole_days),
        lambda i: f"Exact zeros for {number(days[i], 1)} days {between(onset[i], end[i])} "
        f"({percent(share[i], 1)} of all readings), without the cycle that a fridge leaves in an empty home.",
        quantity="longest run of zeros", found=days, expected=0.0, unit="days", onset=onset, end=end,
        affected_kwh=m.kwh_of_silence(days),
    )  # fmt: skip


def zeros_off_and_on(m: Measures) -> Signature:
    """Zeros that come and go where the meter usually counts."""
    runs, usual = m["integrity.zero_runs_per_30d"], m["integrity.zero_usual"]
    scattered = ramp(m["integrity.zero_same_start_share"], 0.6, 0.3)
    strength = both(ramp(runs, 0.6, 4.0), ramp(usual, 0.3, 0.1), np.maximum(known_or(scattered), 0.4))
    known = outage_share(m.population, m.when("zero_first"), m.when("zero_last"))
    return _sign(
        "zeros_off_and_on", 0.6 * unless(strength, known, m.shared("zero")),
        lambda i: f"{number(runs[i], 1)} runs of zeros of 4 h or more per 30 days, "
        f"{percent(m['integrity.zero_share'][i], 1)} of the readings, at a meter that usually counts.",
        quantity="zero runs per 30 days", found=runs, expected=0.0, unit="1/30 d", onset=m.when("zero_began"),
    )  # fmt: skip


def sum_after_gap(m: Measures, checks: RegisterChecks) -> Signature:
    """After a gap or a stretch of zeros the first value carries the sum: the meter counted on."""
    share, many = m["integrity.catchup_share"], m["integrity.catchup_count"]
    zeros, zero_ratio = m["integrity.zero_catchup_count"], m["integrity.zero_catchup_ratio"]
    carried = both(ramp(share, 0.15, 0.5), ramp(many, 0.5, 2.0))
    after_zeros = both(ramp(zeros, 0.0, 1.0), ramp(zero_ratio, 0.35, 0.7), ramp(zero_ratio, 2.2, 1.6))
    after_zeros = unless(after_zeros, in_lumps(m))  # each lump is the sum of the zeros before it
    by_register = both(ramp(checks.gap_advance, 0.5, 0.85), ramp(checks.gap_hours, 6.0, 48.0))
    found = known_or(many) + known_or(zeros)
    return _sign(
        "sum_after_gap", either(carried, after_zeros, 0.5 * by_register),
        lambda i: _after_gaps(
            float(found[i]), float(np.fmax(m["integrity.catchup_ratio"][i], zero_ratio[i])),
            float(checks.gap_advance[i]),
        ),
        quantity="gaps followed by their sum", found=found, expected=0.0, unit="gaps",
        onset=np.where(known_or(many) > 0, m.when("gap_began"), m.when("zero_began")),
    )  # fmt: skip


def _after_gaps(gaps: float, ratio: float, advance: float) -> str:
    """What tells that the meter counted on: sums after gaps, or the register alone."""
    said = []
    if gaps:
        said.append(
            f"after {number(gaps, 0)} gaps or stretches of zeros the first value carries the energy due in "
            f"them (median {number(ratio)} of it)"
        )
    if np.isfinite(advance):
        said.append(f"the register advanced {percent(advance)} of what was due in gaps")
    text = "; ".join(said)
    return f"{text[:1].upper()}{text[1:]}."


def rising_gaps(m: Measures) -> Signature:
    """Short gaps here and there that become more: a link or a supply about to fail."""
    rise, rate = m["integrity.gap_rise"], m["integrity.gaps_per_30d"]
    scattered = ramp(m["integrity.gap_midnight_share"], 0.7, 0.3)
    single = ramp(m["integrity.gap_median_hours"] * 60.0 / m.population.profiles.step_minutes, 1.05, 1.6)
    strength = both(ramp(rise, 0.005, 0.04), ramp(rate, 1.0, 4.0), scattered, np.maximum(single, 0.4))
    return _sign(
        "rising_gaps", unless(strength, m.shared("gap")),
        lambda i: f"{number(rate[i], 1)} gaps per 30 days, and {percent(rise[i], 1)} of the readings more "
        f"are "
        f"absent in the last third of the span than in the first "
        f"({percent(m['integrity.missing_share'][i], 1)} overall).",
        quantity="rise of the missing share", found=rise, expected=0.0, onset=m.when("gap_began"),
        speaks=1.2,
    )  # fmt: skip


def clock_drift(m: Measures) -> Signature:
    """The day slides: a shift that is no whole hour, or that grows."""
    hours, onset = m["change.shift_hours"], m.when("change")
    broken = np.abs(hours - np.rint(hours)) > 0.1
    gradual = known_or(ramp(m["change.ramp_gain"], 0.03, 0.15))
    strength = both(m.shifted, ramp(np.abs(hours), 0.2, 0.5), np.maximum(np.where(broken, 0.9, 0.4), gradual))
    return _sign(
        "clock_drift", 0.8 * strength,
        lambda i: f"{opening(onset[i])} the day runs {number(hours[i], 1)} h off its earlier course "
        f"(correlation gained by shifting it back {number(m['change.shift_gain'][i])}) while the level "
        f"{change_in_percent(m.moved[i])}.",
        quantity="shift of the day", found=hours, expected=0.0, unit="h", onset=onset,
    )  # fmt: skip


def coarse_counting(m: Measures) -> Signature:
    """The meter counts in coarser steps than before while the level stays."""
    grid, onset, excess = m["integrity.grid_change"], m.when("grid_change"), m["integrity.peg_excess"]
    seen = both(ramp(grid, 0.15, 0.5), m.off_grid)
    # Where no finer step is left to compare with: few values take turns, zeros and one lump.
    lumps = both(
        ramp(excess, 18.0, 40.0),
        ramp(m["change.noise_log_ratio"], 0.25, 0.6),
        ramp(m["change.base_log_ratio"], -0.8, -1.8),
    )
    coarse = ramp(m["integrity.grid_kwh_rel"], 0.3, 0.8)
    decade = ramp(np.abs(grid - np.rint(grid)), 0.02, 0.004) * (grid > 0.5)
    strength = unless(either(seen, 0.8 * lumps, 0.4 * coarse), m.multiplied, 0.5 * decade)
    return _sign(
        "coarse_counting", strength,
        lambda i: f"{opening(onset[i])} the smallest step between readings is "
        f"{number(10.0 ** grid[i], 1)} times as large; "
        f"one value takes {percent(m['integrity.peg_share'][i], 1)} of all readings."
        if grid[i] > 0.05
        else f"One value takes {percent(m['integrity.peg_share'][i], 1)} of all readings, "
        f"{number(excess[i], 0)} times as many as its "
        "neighbours: energy is counted in lumps.",
        quantity="share of one value", found=m["integrity.peg_share"], onset=onset,
    )  # fmt: skip


def compression(m: Measures) -> Signature:
    """High loads read low, low loads read right: a saturated sensor."""
    top, low, onset = m["change.peak_log_ratio"], m["change.base_log_ratio"], m.when("change")
    rounder = ramp(m["change.top_reach_diff"], -0.05, -0.2)
    strength = both(
        either(m.evident, m.reshaped), ramp(top, -0.1, -0.3), ramp(np.abs(low), 0.2, 0.08),
        ramp(low - top, 0.1, 0.3), ramp(m["change.profile_correlation"], 0.4, 0.75), rounder,
    )  # fmt: skip
    return _sign(
        "compression", 0.7 * unless(strength, 0.4 * m["change.returned"]),
        lambda i: f"The highest loads {change_in_percent(top[i])} {on(onset[i])} while the lowest "
        f"{change_in_percent(low[i])}, in the same course of the day.",
        quantity="log ratio of the highest loads", found=top, expected=0.0, onset=onset,
        end=m.when("change_end"), affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def noisy_readings(m: Measures) -> Signature:
    """Readings jitter from slot to slot more than before at the same level and in the same course."""
    noise, onset = m["change.noise_log_ratio"], m.when("change")
    strength = both(
        m.reshaped, ramp(noise, 0.25, 0.6), ramp(np.abs(m.moved), 0.3, 0.12),
        ramp(m["change.profile_correlation"], 0.5, 0.8),
    )  # fmt: skip
    return _sign(
        "noisy_readings", 0.6 * unless(strength, 0.5 * m.off_grid),
        lambda i: f"The jitter from reading to reading {change_in_percent(noise[i])} {on(onset[i])} while "
        f"the "
        f"level {change_in_percent(m.moved[i])}.",
        quantity="log ratio of the jitter", found=noise, expected=0.0, onset=onset, end=m.when("change_end"),
    )  # fmt: skip


def reported_by_meter(m: Measures) -> Signature:
    """The meter's own log tells of a fault when the change came."""
    onset = m.when("change")
    many = events_near(m.population, METER_EVENTS, onset)
    return _sign(
        "reported_by_meter", 0.6 * both(ramp(many, 0.0, 2.0), np.maximum(m.evident, 0.3)),
        lambda i: f"The meter logged {number(many[i], 0)} events of battery, clock, phase or measurement "
        f"within 3 days of "
        f"the change {on(onset[i])}.",
        quantity="fault events near the "
        "change", found=many, expected=0.0, unit="events", onset=onset, source="events",
        speaks=0.8,
    )  # fmt: skip
