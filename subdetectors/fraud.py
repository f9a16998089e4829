"""Fraud: is energy used here that the meter does not show?

The positive signs of theft in interval data: what utilities report (a drop after a short outage, a
bypass by night or at weekends, a meter pulled for a time) and the published functions (FACTS section
3: Jokar 2016 h1-h6, FDI1-6, Altamimi 2025). Each sign gives way where data, meter or cohort explain
it; a vacancy or a new tenant changes the shape of use and not only its height. A one-phase bypass and
a lost phase are the same in kWh and stand in both sub-detectors.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from loadprofile.features.circumstances import RegisterChecks, events_near, outage_share, register_checks
from loadprofile.features.population import Population
from loadprofile.strength import (
    Floats,
    Measures,
    between,
    both,
    change_in_percent,
    count,
    either,
    lifted,
    number,
    on,
    percent,
    ramp,
    unless,
)
from loadprofile.verdicts import Cause, Findings, Signature, findings_from, sign

_sign = partial(sign, Cause.FRAUD)

TAMPERING = ("magnet", "strong_field", "cover_open", "terminal_cover_open", "current_reversed", "asymmetry")


class Fraud:
    """The sub-detector for energy used and not shown."""

    cause = Cause.FRAUD

    def examine(self, population: Population) -> Findings:
        """Judge every meter; events, registers, outages and topology sharpen the answer where given."""
        m = Measures(population)
        checks = register_checks(population)
        signatures = [
            drop(m),
            outage_then_drop(m),
            bypass_window(m),
            weekend_drop(m),
            zero_windows(m),
            capped(m),
            constant_subtracted(m),
            ramped_down(m),
            random_scaling(m),
            on_and_off(m),
            flattened(m),
            reversed_day(m),
            low_from_the_start(m),
            pulled_meter(m, checks),
        ]
        context = population.context
        wanted = ("events", "registers", "outages", "topology")
        missed = [name for name in wanted if getattr(context, name) is None]
        return findings_from(self.cause, population, signatures, missed)


def _fell(m: Measures) -> Floats:
    """An evident fall that nothing outside the customer's reach explains."""
    fell = both(m.evident, ramp(m.moved, -0.12, -0.4))
    artefact = np.fmax(
        m.grid_scaled, np.fmax(m.shared_factor, 0.8 * both(m.exact, m.proportional, m.shared_day))
    )
    rational = 0.4 * both(m.exact, m.proportional)
    silent = np.fmax(
        ramp(m["change.zero_after"] - m["change.zero_before"], 0.5, 0.9),
        ramp(m["change.missing_after"], 0.5, 0.9),
    )
    return unless(fell, artefact, rational, silent)


def _tampered(m: Measures) -> Floats:
    """Magnet, cover or phase events near the change: they strengthen a trace and never make one."""
    return 0.6 * ramp(events_near(m.population, TAMPERING, m.when("change")), 0.0, 1.0)


def drop(m: Measures) -> Signature:
    """The whole load is scaled down and stays so: a shunt, a bypassed phase, a slowed meter."""
    onset, ratio = m.when("change"), m["change.ratio"]
    kept = both(m.proportional, ramp(m["change.shape_distance"], 0.4, 0.15))
    lasting = unless(ramp(m["change.duration_days"], 2.0, 10.0), 0.6 * m["change.returned"])
    strength = unless(both(_fell(m), kept, lasting), 0.3 * m.third)
    return _sign(
        "drop", lifted(0.85 * strength, _tampered(m)),
        lambda i: f"Use {change_in_percent(m.moved[i])} {between(onset[i], m.when('change_end')[i])}, "
        f"given what like meters did, at "
        f"every hour alike (spread over the day {percent(m['change.block_spread'][i])}) and with the old "
        f"daily shape.",
        quantity="level after / level "
        "before", found=ratio, expected=1.0, onset=onset, end=m.when("change_end"),
        source="peers", affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def outage_then_drop(m: Measures) -> Signature:
    """A short interruption at this meter alone, and less use ever after."""
    hours, onset = m["change.outage_before"], m.when("change")
    brief = both(ramp(hours, 0.0, 1.0), ramp(hours, 72.0, 36.0))
    known = outage_share(m.population, onset - np.timedelta64(2880, "m"), onset)
    shared = np.fmax(ramp(m["cohort.gap_size"], 0.5, 3.0), ramp(m["cohort.zero_size"], 0.5, 3.0))
    strength = unless(
        both(_fell(m), brief, ramp(m["change.duration_days"], 2.0, 10.0)),
        ramp(known, 0.0, 0.02),
        0.7 * shared,
    )
    return _sign(
        "outage_then_drop", lifted(0.9 * strength, _tampered(m)),
        lambda i: f"{number(hours[i], 1)} h without readings or at zero, then use "
        f"{change_in_percent(m.moved[i])} {on(onset[i])}.",
        quantity="hours of interruption before the drop", found=hours, expected=0.0, unit="h", onset=onset,
        end=m.when("change_end"), affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def bypass_window(m: Measures) -> Signature:
    """Some hours of the day fell to little or nothing while the others stayed."""
    blocks = np.stack([m[f"change.b{b}"] for b in range(8)])
    middle = np.median(blocks, axis=0)
    low = np.min(blocks, axis=0)
    at = np.argmin(np.nan_to_num(blocks, nan=np.inf), axis=0)
    onset = m.when("change")
    strength = both(
        m.evident, ramp(low, -0.6, -1.5), ramp(np.abs(middle), 0.35, 0.12), ramp(middle - low, 0.5, 1.2)
    )
    sunny = ((at == 3) | (at == 4)) & (low > -2.5)  # own generation falls short of nothing at its edges
    return _sign(
        "bypass_window", unless(lifted(0.85 * strength, _tampered(m)), 0.7 * sunny, m.shared_factor),
        lambda i: f"From {3 * at[i]:02d} to {3 * at[i] + 3:02d} h use {change_in_percent(low[i])} "
        f"{on(onset[i])}, in the middle of the "
        f"other hours it {change_in_percent(middle[i])}.",
        quantity="lowest log ratio of a 3-hour "
        "block", found=low, expected=0.0, onset=onset, end=m.when("change_end"),
        affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def weekend_drop(m: Measures) -> Signature:
    """Less at weekends only, when nobody reads meters."""
    rest, work, onset = m["change.weekend_log_ratio"], m["change.weekday_log_ratio"], m.when("change")
    strength = both(m.evident, ramp(rest, -0.3, -0.9), ramp(np.abs(work), 0.3, 0.12))
    return _sign(
        "weekend_drop", 0.8 * strength,
        lambda i: f"At weekends use {change_in_percent(rest[i])} {on(onset[i])}, on weekdays it "
        f"{change_in_percent(work[i])}.",
        quantity="log ratio of weekend use", found=rest, expected=0.0, onset=onset, end=m.when("change_end"),
        affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def zero_windows(m: Measures) -> Signature:
    """On many days some hours read exactly zero that are usually in use."""
    share, usual = m["integrity.zero_window_share"], m["integrity.zero_usual"]
    strength = both(ramp(share, 0.03, 0.2), ramp(usual, 0.5, 0.25))
    shared = both(ramp(m["cohort.zero_size"], 0.5, 3.0), ramp(m["cohort.zero_surprise"], 2.0, 5.0))
    onset = m.when("zero_first")
    known = outage_share(m.population, onset, m.when("zero_last"))
    return _sign(
        "zero_windows", 0.9 * unless(strength, shared, known),
        lambda i: f"On {percent(share[i])} of the days at least 3 h read exactly zero at hours that are "
        f"otherwise in use, with "
        "ordinary use on the same day.",
        quantity="share of days with a zero window", found=share, expected=0.0, onset=onset,
        affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def capped(m: Measures) -> Signature:
    """The load stops at one height, again and again: everything above is cut off."""
    share, days, onset = m["integrity.cap_share"], m["integrity.cap_days_share"], m.when("change")
    cut = both(
        m.evident,
        ramp(m["change.peak_log_ratio"], -0.1, -0.35),
        ramp(np.abs(m["change.mid_log_ratio"]), 0.25, 0.1),
    )
    began = np.nan_to_num(cut) > 0.25
    ceiling = both(ramp(share, 0.015, 0.06), ramp(days, 0.15, 0.5))
    coarse = ramp(
        m["integrity.grid_kwh_rel"], 0.15, 0.5
    )  # few counting steps: a common top value is ordinary
    strength = unless(both(ceiling, 0.5 + 0.5 * np.nan_to_num(cut)), coarse)
    return _sign(
        "capped", lifted(strength, _tampered(m)),
        lambda i: f"{percent(share[i], 1)} of the readings lie within 1 % of one ceiling, touched on "
        f"{percent(days[i])} of the days; "
        f"the highest loads {change_in_percent(m['change.peak_log_ratio'][i])} {on(onset[i])}.",
        quantity="share of readings at the "
        "ceiling", found=share, expected=0.0,
        onset=np.where(began, onset, np.datetime64("NaT", "m")),
        affected_kwh=np.where(began, m.kwh_lost_by_change(), 0.0),
    )  # fmt: skip


def constant_subtracted(m: Measures) -> Signature:
    """A constant power is missing from every interval, cut at zero."""
    added, gain, onset = m["change.offset_rel"], m["change.gain"], m.when("change")
    zeros = m["change.zero_after"] - m["change.zero_before"]
    strength = both(
        _fell(m),
        ramp(added, -0.08, -0.3),
        ramp(np.abs(gain - 1.0), 0.35, 0.12),
        ramp(m["change.gain_r2"], 0.6, 0.9),
    )
    strength = lifted(0.7 * strength, ramp(zeros, 0.02, 0.15))
    return _sign(
        "constant_subtracted", strength,
        lambda i: f"{on(onset[i]).capitalize()} every hour lies lower by about the same power, "
        f"{percent(-added[i])} of the earlier mean, "
        f"and {percent(zeros[i])} more of the readings are exactly zero.",
        quantity="subtracted constant power / level before", found=added, expected=0.0, onset=onset,
        end=m.when("change_end"), affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def ramped_down(m: Measures) -> Signature:
    """The level is led down over days or weeks so that no bill jumps."""
    days, onset = m["change.ramp_days"], m.when("change")
    strength = both(_fell(m), ramp(m["change.sharpness"], 0.5, 0.2), ramp(days, 3.0, 10.0), m.proportional)
    return _sign(
        "ramped_down", 0.7 * strength,
        lambda i: f"Use {change_in_percent(m.moved[i])} within {number(days[i], 0)} days around "
        f"{on(onset[i])[5:]}, at every hour alike, "
        "and stays there.",
        quantity="days of the ramp", found=days, unit="days", onset=onset, end=m.when("change_end"),
        affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def random_scaling(m: Measures) -> Signature:
    """Each interval or day is scaled down by another factor."""
    noise, onset = np.fmax(m["change.noise_log_ratio"] - m.moved, m["change.cv_log_ratio"]), m.when("change")
    strength = both(_fell(m), ramp(noise, 0.3, 0.8), ramp(m["change.shape_distance"], 0.4, 0.2))
    return _sign(
        "random_scaling", 0.7 * strength,
        lambda i: f"Use {change_in_percent(m.moved[i])} {on(onset[i])} and varies more: measured by its "
        f"level, the jitter "
        f"{change_in_percent(noise[i])}.",
        quantity="log ratio of jitter to "
        "level", found=noise, expected=0.0, onset=onset, end=m.when("change_end"),
        affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def on_and_off(m: Measures) -> Signature:
    """Zeros come and go, hours at a time, at no fixed hour."""
    runs, usual, onset = m["integrity.zero_runs_per_30d"], m["integrity.zero_usual"], m.when("zero_first")
    strength = both(
        ramp(runs, 1.5, 6.0), ramp(usual, 0.3, 0.1), ramp(m["integrity.missing_share"], 0.1, 0.02)
    )
    return _sign(
        "on_and_off", 0.7 * unless(strength, outage_share(m.population, onset, m.when("zero_last"))),
        lambda i: f"{number(runs[i], 1)} runs of exact zeros of 4 h or more per 30 days, "
        f"{percent(m['integrity.zero_share'][i], 1)} of the "
        "readings, at a meter that usually reads above zero.",
        quantity="zero runs per 30 days", found=runs, expected=0.0, unit="1/30 d", onset=onset,
        affected_kwh=m.kwh_of_silence(m["integrity.zero_share"] * m.span_days),
    )  # fmt: skip


def flattened(m: Measures) -> Signature:
    """The day lost its hills: every interval is near the mean."""
    left, onset = m["change.flat_after"], m.when("change")
    strength = both(ramp(left, 0.6, 0.25), ramp(m["change.base_log_ratio"], -0.2, 0.2), m.evident)
    return _sign(
        "flattened", 0.85 * unless(strength, ramp(m["change.zero_after"], 0.3, 0.7)),
        lambda i: f"Within the day the load varies {number(left[i])} times as much as before "
        f"{on(onset[i])}, while its level "
        f"{change_in_percent(m.moved[i])}.",
        quantity="variation within the day after / before", found=left, expected=1.0, onset=onset,
        end=m.when("change_end"), affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def reversed_day(m: Measures) -> Signature:
    """The day runs backwards: dear hours are billed as cheap ones."""
    gain, onset = m["change.mirror_gain"], m.when("change")
    strength = both(m.evident, ramp(gain, 0.1, 0.35), ramp(np.abs(m.moved), 0.4, 0.15))
    shifted = ramp(
        m["change.shift_gain"] - gain, 0.0, 0.1
    )  # a later day explains it better than a reversed one
    return _sign(
        "reversed_day", 0.85 * unless(strength, shifted, 0.7 * m.shared_day),
        lambda i: f"{on(onset[i]).capitalize()} the day fits its earlier course better when reversed "
        f"(correlation gained "
        f"{number(gain[i])}) while its sum {change_in_percent(m.moved[i])}.",
        quantity="correlation gained by reversing the "
        "day", found=gain, expected=0.0, onset=onset, end=m.when("change_end"),
    )  # fmt: skip


def low_from_the_start(m: Measures) -> Signature:
    """Far less than like meters from the first day on, with a shaved distribution (Calamaro 2021, Rule 1)."""
    level, rule = m["peers.level_ratio"], m["g1.rule1"]
    shaved = ramp(rule, 0.4, 0.8)
    thin = both(
        ramp(level, 0.5, 0.2),
        ramp(m["peers.shape_distance"], 0.6, 0.3),
        ramp(m["integrity.zero_share"], 0.5, 0.2),
    )
    cut = ramp(m["peers.peak_ratio_diff"], -0.5, -2.0)
    strength = 0.5 * both(
        thin, either(shaved, cut)
    )  # a small household looks the same: never more than a hint
    return _sign(
        "low_from_the_start", strength,
        lambda i: f"Over the whole span the level is {number(level[i])} times that of like meters and the "
        f"highest loads, measured "
        f"by the mean, differ from theirs by {number(m['peers.peak_ratio_diff'][i], 1)}.",
        quantity="own level / peers' level", found=level, expected=1.0, source="peers",
    )  # fmt: skip


def pulled_meter(m: Measures, checks: RegisterChecks) -> Signature:
    """Gaps of this meter alone, at no file border, after which nothing is caught up."""
    lost, rate, onset = m["integrity.missing_share"], m["integrity.gaps_per_30d"], m.when("gap_first")
    own = both(
        ramp(lost, 0.005, 0.04), ramp(rate, 0.0, 1.0), ramp(m["integrity.gap_midnight_share"], 0.6, 0.2)
    )
    uncaught = ramp(np.nan_to_num(m["integrity.catchup_share"]), 0.4, 0.1)
    shared = ramp(m["cohort.gap_size"], 0.5, 3.0)
    known = outage_share(m.population, onset, m.when("gap_last"))
    stood = ramp(checks.gap_advance, 0.5, 0.15)
    went_on = ramp(checks.gap_advance, 0.5, 0.8)
    hint = unless(
        0.4 * both(own, uncaught), shared, known, went_on
    )  # a failed link looks the same without a register
    return _sign(
        "pulled_meter", lifted(hint, 0.8 * np.nan_to_num(stood)),
        lambda i: f"{percent(lost[i], 1)} of the readings are absent in {count(rate[i], 'gap', 'gaps')} "
        f"per 30 days that no other meter shares, "
        "none followed by the sum"
        + (f"; the register advanced only {percent(checks.gap_advance[i])} of what was "
        f"due." if stood[i] > 0 else "."),
        quantity="share of missing readings", found=lost, expected=0.0, onset=onset, end=m.when("gap_last"),
        affected_kwh=m.kwh_of_silence(np.nan_to_num(lost) * m.span_days),
    )  # fmt: skip
