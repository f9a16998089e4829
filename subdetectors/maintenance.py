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
from loadprofile.strength import (
    Measures,
    between,
    both,
    change_in_percent,
    either,
    fraction,
    lifted,
    number,
    on,
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
        m = Measures(population)
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
        ]
        context = population.context
        missed = [name for name in ("events", "registers", "outages") if getattr(context, name) is None]
        return findings_from(self.cause, population, signatures, [*missed, "voltage"])


def lost_phase(m: Measures) -> Signature:
    """The level fell to about 1/3 or 2/3 at every hour and load, roughly and not exactly."""
    ratio, onset = m["change.ratio"], m.when("change")
    single = unless(both(m.evident, m.third, m.proportional), m.grid_scaled, m.shared_factor)
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
    smooth = both(ramp(m["change.trend_vs_step"], 1.2, 0.8), ramp(m["change.trend_r2"], 0.3, 0.7))
    strength = both(ramp(total, -0.08, -0.3), smooth, ramp(pace, -0.01, -0.03))
    strength = unless(strength, 0.7 * ramp(m["change.shape_distance"], 0.25, 0.5))
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
    coarse = ramp(m["integrity.grid_kwh_rel"], 0.15, 0.5)  # few counting steps: constant runs are ordinary
    strength = unless(ramp(days, 0.4, 1.5), coarse, outage_share(m.population, onset, end))
    return _sign(
        "stuck_register", strength,
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
    strength = unless(strength, outage_share(m.population, onset, end))
    shared = both(ramp(m["cohort.zero_size"], 0.5, 3.0), ramp(m["cohort.zero_surprise"], 2.0, 5.0))
    return _sign(
        "dead_register", unless(strength, 0.6 * shared),
        lambda i: f"Exact zeros for {number(days[i], 1)} days {between(onset[i], end[i])} "
        f"({percent(share[i], 1)} of all readings), without the cycle that a fridge leaves in an empty home.",
        quantity="longest run of zeros", found=days, expected=0.0, unit="days", onset=onset, end=end,
        affected_kwh=m.kwh_of_silence(days),
    )  # fmt: skip


def zeros_off_and_on(m: Measures) -> Signature:
    """Zeros that come and go where the meter usually counts."""
    runs, usual = m["integrity.zero_runs_per_30d"], m["integrity.zero_usual"]
    strength = 0.6 * both(ramp(runs, 1.0, 5.0), ramp(usual, 0.3, 0.1))
    known = outage_share(m.population, m.when("zero_first"), m.when("zero_last"))
    return _sign(
        "zeros_off_and_on", unless(strength, known),
        lambda i: f"{number(runs[i], 1)} runs of zeros of 4 h or more per 30 days, "
        f"{percent(m['integrity.zero_share'][i], 1)} "
        "of the readings, at a meter that usually counts in every interval.",
        quantity="zero runs per 30 days", found=runs, expected=0.0, unit="1/30 d", onset=m.when("zero_first"),
    )  # fmt: skip


def sum_after_gap(m: Measures, checks: RegisterChecks) -> Signature:
    """After a gap the first value carries the sum: the meter counted on, only its link failed."""
    share, many = m["integrity.catchup_share"], m["integrity.catchup_count"]
    carried = both(ramp(share, 0.2, 0.6), ramp(many, 0.5, 2.0), ramp(m["integrity.gaps_per_30d"], 0.0, 1.0))
    by_register = both(ramp(checks.gap_advance, 0.5, 0.85), ramp(checks.gap_hours, 6.0, 48.0))
    strength = either(carried, 0.5 * by_register)
    return _sign(
        "sum_after_gap", strength,
        lambda i: f"After {percent(share[i])} of its gaps ({number(many[i], 0)} times) the first value "
        f"carries the energy "
        f"of the gap (median {number(m['integrity.catchup_ratio'][i])} of what was due); the register "
        f"advanced "
        f"{percent(checks.gap_advance[i])} of what was due in them.",
        quantity="share of gaps followed by their sum", found=share, expected=0.0,
        onset=m.when("gap_first"), end=m.when("gap_last"), source="load profile",
    )  # fmt: skip


def rising_gaps(m: Measures) -> Signature:
    """Short gaps here and there that become more: a link or a supply about to fail."""
    rise, rate = m["integrity.gap_rise"], m["integrity.gaps_per_30d"]
    scattered = ramp(m["integrity.gap_midnight_share"], 0.7, 0.3)
    strength = both(ramp(rise, 0.01, 0.06), ramp(rate, 1.0, 6.0), scattered)
    shared = both(ramp(m["cohort.gap_size"], 0.5, 3.0), ramp(m["cohort.gap_surprise"], 2.0, 5.0))
    return _sign(
        "rising_gaps", unless(strength, shared),
        lambda i: f"{number(rate[i], 1)} gaps per 30 days, and {percent(rise[i], 1)} of the readings more "
        f"are absent in the "
        f"last third of the span than in the first ({percent(m['integrity.missing_share'][i], 1)} overall).",
        quantity="rise of the missing share", found=rise, expected=0.0, onset=m.when("gap_first"),
    )  # fmt: skip


def clock_drift(m: Measures) -> Signature:
    """The day slides: a shift that is no whole hour, or that grows."""
    hours, gain = m["change.shift_hours"], m["change.shift_gain"]
    broken = np.abs(hours - np.rint(hours)) > 0.1
    gradual = ramp(m["change.sharpness"], 0.5, 0.2)
    strength = both(
        ramp(np.abs(hours), 0.2, 0.5), ramp(gain, 0.03, 0.12), ramp(np.abs(m.moved), 0.25, 0.1),
        np.maximum(np.where(broken, 0.9, 0.3), np.nan_to_num(0.9 * gradual)),
    )  # fmt: skip
    return _sign(
        "clock_drift", strength,
        lambda i: f"The day runs {number(hours[i], 1)} h off its earlier course {on(m.when('change')[i])} "
        f"(correlation gained {number(gain[i])}) while the level {change_in_percent(m.moved[i])}.",
        quantity="shift of the day", found=hours, expected=0.0, unit="h", onset=m.when("change"),
    )  # fmt: skip


def coarse_counting(m: Measures) -> Signature:
    """The meter counts in coarser steps than before while the level stays."""
    grid, onset = m["integrity.grid_change"], m.when("grid_change")
    strength = both(ramp(grid, 0.15, 0.5), ramp(m["integrity.grid_exact_share"], 0.8, 0.97))
    return _sign(
        "coarse_counting", unless(strength, m.grid_scaled),
        lambda i: f"The smallest step between readings grew {number(10.0 ** grid[i], 1)}-fold "
        f"{on(onset[i])}; "
        f"it is now {percent(m['integrity.grid_kwh_rel'][i])} of a usual reading.",
        quantity="counting step after / before", found=10.0**grid, expected=1.0, onset=onset,
    )  # fmt: skip


def compression(m: Measures) -> Signature:
    """High loads read low, low loads read right: a saturated sensor."""
    top, low, onset = m["change.peak_log_ratio"], m["change.base_log_ratio"], m.when("change")
    strength = both(
        m.evident, ramp(top, -0.08, -0.3), ramp(np.abs(low), 0.15, 0.05), ramp(low - top, 0.1, 0.3)
    )
    hard = ramp(m["integrity.cap_share"], 0.01, 0.04)
    return _sign(
        "compression", 0.8 * unless(strength, 0.8 * hard, ramp(m["change.shape_distance"], 0.3, 0.5)),
        lambda i: f"The highest loads {change_in_percent(top[i])} {on(onset[i])} while the lowest "
        f"{change_in_percent(low[i])}.",
        quantity="log ratio of the highest "
        "loads", found=top, expected=0.0, onset=onset, end=m.when("change_end"),
        affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def noisy_readings(m: Measures) -> Signature:
    """Readings jitter from slot to slot more than before at the same level."""
    noise, onset = m["change.noise_log_ratio"], m.when("change")
    strength = both(
        ramp(noise, 0.35, 0.9), ramp(np.abs(m.moved), 0.3, 0.15), ramp(m["change.shape_distance"], 0.3, 0.15)
    )
    return _sign(
        "noisy_readings", 0.7 * strength,
        lambda i: f"The jitter from reading to reading {change_in_percent(noise[i])} {on(onset[i])} while "
        f"the level "
        f"{change_in_percent(m.moved[i])}.",
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
    )  # fmt: skip
