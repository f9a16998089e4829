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
from loadprofile.signs.balance import excused, feeder_lacks, in_the_residual, real_saving, unused_zeros
from loadprofile.signs.context import in_context, reactive_stays
from loadprofile.signs.traces import borrowed_load, own_ceiling, random_numbers
from loadprofile.strength import (
    Floats,
    Measures,
    at_midnight,
    between,
    both,
    change_in_percent,
    either,
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

_sign = partial(sign, Cause.FRAUD)

TAMPERING = ("magnet", "strong_field", "cover_open", "terminal_cover_open", "current_reversed", "asymmetry")

PRICED = frozenset({"flattened", "reversed_day"})
"""Signs of theft that keeps the sum: a feeder total that moved with the meter excuses them not."""


class Fraud:
    """The sub-detector for energy used and not shown."""

    cause = Cause.FRAUD

    def examine(self, population: Population) -> Findings:
        """Judge every meter; events, registers, outages and topology sharpen the answer where given."""
        m = Measures.of(population)
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
            nearly_nothing(m),
            random_scaling(m),
            on_and_off(m),
            flattened(m),
            reversed_day(m),
            low_from_the_start(m),
            pulled_meter(m, checks),
            random_numbers(m),
            own_ceiling(m),
            borrowed_load(m),
        ]
        signatures = excused(signatures, real_saving(m), {s.name for s in signatures} - PRICED)
        signatures = excused(signatures, unused_zeros(m), ("zero_windows", "on_and_off"))
        signatures = in_context(signatures, m)
        signatures += [feeder_lacks(m), in_the_residual(m), reactive_stays(m)]
        context = population.context
        wanted = ("events", "registers", "outages", "topology", "feeders", "export", "reactive", "weather")
        missed = [name for name in wanted if getattr(context, name) is None]
        return findings_from(self.cause, population, signatures, missed)


def _fell(m: Measures) -> Floats:
    """An evident fall that nothing outside the customer's reach explains."""
    fell = both(m.evident, ramp(m.moved, -0.1, -0.35))
    artefact = np.fmax(known_or(m.multiplied), known_or(m.shared_factor))
    silent = np.fmax(
        ramp(m["change.zero_after"] - m["change.zero_before"], 0.5, 0.9),
        ramp(m["change.missing_after"], 0.5, 0.9),
    )
    return unless(fell, artefact, 0.9 * silent)


def _tampered(m: Measures) -> Floats:
    """Magnet, cover or phase events near the change: they strengthen a trace and never make one."""
    return 0.6 * ramp(events_near(m.population, TAMPERING, m.when("change")), 0.0, 1.0)


def drop(m: Measures) -> Signature:
    """The whole load is scaled down: a shunt, a bypassed phase, a slowed meter."""
    onset, ratio = m.when("change"), m["change.ratio"]
    lasting = unless(ramp(m["change.duration_days"], 2.0, 8.0), 0.4 * m["change.returned"])
    strength = unless(both(_fell(m), m.proportional, lasting), 0.3 * m.third, 0.4 * m.shared_day)
    return _sign(
        "drop", lifted(0.85 * strength, _tampered(m)),
        lambda i: f"Use {change_in_percent(m.moved[i])} {between(onset[i], m.when('change_end')[i])}, "
        f"given what "
        "like meters did, at every hour alike (spread over the day "
        f"{percent(m['change.block_spread'][i])}) and with the old course of the day.",
        quantity="level after / level "
        "before", found=ratio, expected=1.0, onset=onset, end=m.when("change_end"),
        source="peers", affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def outage_then_drop(m: Measures) -> Signature:
    """A short interruption at this meter alone, and less use ever after."""
    hours, onset = m["change.outage_before"], m.when("change")
    brief = both(ramp(hours, 0.0, 1.0), ramp(hours, 60.0, 30.0))
    known = outage_share(m.population, onset - np.timedelta64(2880, "m"), onset)
    shared = np.fmax(known_or(m.shared("gap")), known_or(m.shared("zero")))
    often = ramp(m["integrity.zero_runs_per_30d"] + m["integrity.gaps_per_30d"], 3.0, 8.0)
    even = 0.4 + 0.6 * m.proportional
    lasting = ramp(m["change.duration_days"], 2.0, 8.0)
    strength = unless(both(_fell(m), brief, lasting) * even, ramp(known, 0.0, 0.02), 0.7 * shared, often)
    return _sign(
        "outage_then_drop", lifted(0.95 * strength, _tampered(m)),
        lambda i: f"{number(hours[i], 1)} h without readings or at zero, then use "
        f"{change_in_percent(m.moved[i])} "
        f"{on(onset[i])}.",
        quantity="hours of interruption before the drop", found=hours, expected=0.0, unit="h", onset=onset,
        end=m.when("change_end"), affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def bypass_window(m: Measures) -> Signature:
    """Some hours of the day fell to little or nothing while the others stayed."""
    blocks = np.stack([m[f"change.b{b}"] for b in range(8)])
    middle, low = np.median(blocks, axis=0), np.min(blocks, axis=0)
    at = np.argmin(known_or(blocks, otherwise=np.inf), axis=0)
    onset = m.when("change")
    sharp = either(ramp(m["change.hour_misfit"], 4.0, 9.0), ramp(low, -1.6, -2.5))
    strength = both(
        m.reshaped, ramp(low, -0.4, -1.2), ramp(np.abs(middle), 0.4, 0.15), ramp(middle - low, 0.4, 1.1),
        sharp, ramp(m.moved, 0.1, -0.05),
    )  # fmt: skip
    sunny = ((at == 3) | (at == 4)) & (low > -2.7)  # own generation leaves something at its edges
    return _sign(
        "bypass_window",
        unless(lifted(0.85 * strength, _tampered(m)), 0.7 * sunny, m.shared_factor, 0.7 * m.shifted),
        lambda i: f"From {3 * at[i]:02d} to {3 * at[i] + 3:02d} h use {change_in_percent(low[i])} "
        f"{on(onset[i])}, in the "
        f"middle of the other hours it {change_in_percent(middle[i])}.",
        quantity="lowest log ratio of a 3-hour block", found=low, expected=0.0, onset=onset,
        end=m.when("change_end"), affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def weekend_drop(m: Measures) -> Signature:
    """Less at weekends only, when nobody reads meters."""
    rest, work, onset = m["change.weekend_log_ratio"], m["change.weekday_log_ratio"], m.when("change")
    lower = ramp(m["change.weekend_minus_weekday"], -0.3, -0.7)
    strength = both(ramp(m["change.glr"], 5.0, 10.0), lower, ramp(rest, -0.2, -0.6), ramp(work, -0.7, -0.3))
    return _sign(
        "weekend_drop", 0.8 * unless(strength, 0.4 * m["change.returned"]),
        lambda i: f"At weekends use {change_in_percent(rest[i])} {on(onset[i])}, on weekdays it "
        f"{change_in_percent(work[i])}.",
        quantity="log ratio of weekend use", found=rest, expected=0.0, onset=onset, end=m.when("change_end"),
        affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def zero_windows(m: Measures) -> Signature:
    """On many days some hours read exactly zero that are usually in use."""
    share, usual = m["integrity.zero_window_share"], m["integrity.zero_usual"]
    onset = m.when("window_first")
    known = outage_share(m.population, m.when("zero_first"), m.when("zero_last"))
    strength = both(ramp(share, 0.03, 0.15), ramp(usual, 0.5, 0.25))
    strength = unless(strength, 0.7 * m.shared("zero"), known, _lumps(m))
    return _sign(
        "zero_windows", 0.9 * strength,
        lambda i: f"On {percent(share[i])} of the days at least 3 h read exactly zero at hours that are "
        f"otherwise in "
        "use, with ordinary use on the same day.",
        quantity="share of days with a zero window", found=share, expected=0.0, onset=onset,
        end=m.when("window_last"), affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def _lumps(m: Measures) -> Floats:
    """Zeros between lumps of energy are coarse counting, not an open switch."""
    coarser = both(ramp(m["integrity.grid_change"], 0.3, 0.8), m.off_grid)
    return either(
        coarser, ramp(m["integrity.peg_excess"], 15.0, 35.0), ramp(m["integrity.grid_kwh_rel"], 0.3, 0.8)
    )


def capped(m: Measures) -> Signature:
    """The load stops at one height, again and again: everything above is cut off."""
    share, days, onset = m["integrity.cap_share"], m["integrity.cap_days_share"], m.when("change")
    middle = np.minimum(m["change.base_log_ratio"], m["change.mid_log_ratio"])
    lower = both(ramp(m["change.peak_log_ratio"], -0.1, -0.4), ramp(middle, -0.35, -0.12))
    cut = both(
        m.reshaped,
        lower,
        ramp(m["change.top_reach"], 0.35, 0.15),
        ramp(m["change.top_reach_diff"], -0.08, -0.25),
    )
    began = known_or(cut) > 0.2
    stuck, repeated = m["integrity.stuck_longest_days"], m["integrity.repeat_day_share"]
    copied = either(ramp(stuck, 0.5, 1.5), ramp(repeated, 0.0, 0.02))
    ceiling = both(ramp(share, 0.004, 0.03), ramp(days, 0.1, 0.4))
    coarse = ramp(m["integrity.grid_kwh_rel"], 0.2, 0.5)  # few counting steps: a common top value is ordinary
    cut = unless(cut, 0.5 * m["change.returned"])
    strength = unless(either(0.8 * ceiling, 0.8 * cut), coarse, copied)
    return _sign(
        "capped", lifted(strength, _tampered(m)),
        lambda i: f"{percent(share[i], 1)} of the readings lie within 1 % of one ceiling, touched on "
        f"{percent(days[i])} of the days"
        + (f"; the highest loads {change_in_percent(m['change.peak_log_ratio'][i])} "
        f"{on(onset[i])}." if began[i] else "."),
        quantity="share of readings at the ceiling", found=share, expected=0.0,
        onset=np.where(began, onset, np.datetime64("NaT", "m")),
        affected_kwh=np.where(began, m.kwh_lost_by_change(), 0.0),
    )  # fmt: skip


def constant_subtracted(m: Measures) -> Signature:
    """A constant power is missing from every interval, cut at zero."""
    low, top, onset = m["change.base_log_ratio"], m["change.peak_log_ratio"], m.when("change")
    zeros = m["change.zero_after"] - m["change.zero_before"]
    strength = both(_fell(m), ramp(low, -0.8, -1.8), ramp(top - low, 0.6, 1.5), ramp(np.abs(top), 0.7, 0.35))
    strength = lifted(0.6 * strength, ramp(zeros, 0.02, 0.15))
    return _sign(
        "constant_subtracted", unless(strength, _lumps(m), 0.6 * (m["change.b4"] - m["change.b0"] < -0.6)),
        lambda i: f"{opening(onset[i])} the lowest loads {change_in_percent(low[i])} and the highest "
        f"{change_in_percent(top[i])}, and {percent(max(float(zeros[i]), 0.0))} more of the readings are "
        f"exactly zero: "
        "one power is missing everywhere.",
        quantity="log ratio of the lowest loads", found=low, expected=0.0, onset=onset,
        end=m.when("change_end"), affected_kwh=m.kwh_lost_by_change(), speaks=0.6,
    )  # fmt: skip


def ramped_down(m: Measures) -> Signature:
    """The level is led down over days or weeks so that no bill jumps."""
    days, onset = m["change.ramp_days"], m.when("change")
    strength = both(_fell(m), ramp(m["change.ramp_gain"], 0.03, 0.15), ramp(days, 3.0, 10.0), m.proportional)
    return _sign(
        "ramped_down", 0.7 * strength,
        lambda i: f"Use {change_in_percent(m.moved[i])} within {number(days[i], 0)} days around "
        f"{on(onset[i])[5:]}, at "
        "every hour alike, and stays there.",
        quantity="days of the ramp", found=days, unit="days", onset=onset, end=m.when("change_end"),
        affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def nearly_nothing(m: Measures) -> Signature:
    """Use all but vanished: less than an empty home's fridge, and perhaps nothing."""
    onset, zeros = m.when("change"), m["change.zero_after"]
    fell = both(m.evident, ramp(m.moved, -1.8, -3.0), ramp(m["change.duration_days"], 1.0, 4.0))
    dead = ramp(zeros, 0.4, 0.9)  # exact zeros: a dead register, an open switch or a full bypass
    whole_days = at_midnight(m.when("zero_first")) & at_midnight(m.when("zero_last"))
    known = outage_share(m.population, m.when("zero_first"), m.when("zero_last"))
    strength = unless(0.8 * fell, 0.5 * dead, known, m.multiplied, 0.8 * m.shared("zero"), 0.7 * whole_days)
    away = (
        0.6 * m["change.returned"] * ramp(m["change.duration_days"], 30.0, 20.0)
    )  # a holiday, all switched off
    return _sign(
        "nearly_nothing", unless(strength, away, ramp(m["change.missing_after"], 0.5, 0.9)),
        lambda i: f"Use {change_in_percent(m.moved[i])} {between(onset[i], m.when('change_end')[i])}; "
        f"{percent(zeros[i])} of the readings there are exactly zero: a full bypass, an open switch or a "
        f"dead register.",
        quantity="level after / level before", found=m["change.ratio"], expected=1.0, onset=onset,
        end=m.when("change_end"), affected_kwh=m.kwh_lost_by_change(), speaks=1.5,
    )  # fmt: skip


def random_scaling(m: Measures) -> Signature:
    """Each interval or day is scaled down by another factor."""
    noise, onset = m["change.noise_log_ratio"], m.when("change")
    even = both(ramp(m["change.hour_misfit"], 3.5, 2.0), ramp(m["change.profile_correlation"], 0.4, 0.75))
    strength = both(_fell(m), ramp(noise, 0.15, 0.45), even)
    return _sign(
        "random_scaling", 0.7 * unless(strength, _lumps(m)),
        lambda i: f"Use {change_in_percent(m.moved[i])} {on(onset[i])} in the old course of the day, and "
        f"the jitter from "
        f"reading to reading, measured by the level, {change_in_percent(noise[i])}.",
        quantity="log ratio of jitter to level", found=noise, expected=0.0, onset=onset,
        end=m.when("change_end"), affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def on_and_off(m: Measures) -> Signature:
    """Zeros come and go, hours at a time, at no fixed hour."""
    runs, usual, onset = m["integrity.zero_runs_per_30d"], m["integrity.zero_usual"], m.when("zero_first")
    strength = both(
        ramp(runs, 0.6, 4.0), ramp(usual, 0.3, 0.1), ramp(m["integrity.zero_catchup_count"], 2.0, 0.0)
    )
    known = outage_share(m.population, onset, m.when("zero_last"))
    whole_days = at_midnight(onset) & at_midnight(m.when("zero_last"))
    return _sign(
        "on_and_off", 0.6 * unless(strength, known, m.shared("zero"), _lumps(m), 0.7 * whole_days),
        lambda i: f"{number(runs[i], 1)} runs of exact zeros of 4 h or more per 30 days, "
        f"{percent(m['integrity.zero_share'][i], 1)} of the readings, at a meter that usually reads above "
        f"zero.",
        quantity="zero runs per 30 days", found=runs, expected=0.0, unit="1/30 d", onset=onset,
        affected_kwh=m.kwh_of_silence(m["integrity.zero_share"] * m.span_days),
    )  # fmt: skip


def flattened(m: Measures) -> Signature:
    """The day lost its hills: every interval is near the mean, and the low hours rose."""
    left, low, onset = m["change.flat_after"], m["change.base_log_ratio"], m.when("change")
    strength = both(
        m.reshaped, ramp(left, -0.45, -1.1), ramp(low - m.moved, 0.1, 0.4), ramp(m.moved, 0.5, 0.2)
    )
    raised = 0.4 + 0.6 * ramp(low, -0.1, 0.15)
    empty = both(ramp(m.moved, -0.35, -0.9), ramp(low, 0.25, 0.1))  # flat too, on its old base
    added = ramp(m.moved, 0.1, 0.3)  # a constant load on top also evens the day
    stuck, zeros = ramp(m["integrity.stuck_longest_days"], 0.5, 1.5), ramp(m["change.zero_after"], 0.3, 0.7)
    return _sign(
        "flattened",
        0.9 * unless(strength * raised, zeros, 0.8 * added, 0.7 * stuck, 0.7 * empty),
        lambda i: f"Within the day the load varies {number(np.exp(left[i]))} times as much as before "
        f"{on(onset[i])}; the "
        f"lowest loads {change_in_percent(low[i])} and the level {change_in_percent(m.moved[i])}.",
        quantity="variation within the day after / before", found=np.exp(left), expected=1.0, onset=onset,
        end=m.when("change_end"), affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def reversed_day(m: Measures) -> Signature:
    """The day runs backwards: dear hours are billed as cheap ones."""
    gain, onset = m["change.mirror_gain"], m.when("change")
    like = m["change.profile_correlation"] + gain
    strength = both(
        m.reshaped, ramp(gain, 0.1, 0.35), ramp(like, 0.45, 0.75), ramp(np.abs(m.moved), 0.45, 0.2)
    )
    level_day = ramp(m["change.flat_after"], -0.6, -1.2)  # a flat day reads the same both ways
    shifted = ramp(m["change.shift_gain"] - gain, 0.1, 0.3)  # a later day explains it better
    return _sign(
        "reversed_day", 0.85 * unless(strength, shifted, 0.7 * m.shared_day, level_day),
        lambda i: f"{opening(onset[i])} the day is like its earlier course when reversed "
        f"(correlation "
        f"{number(like[i])}, otherwise {number(m['change.profile_correlation'][i])}) while its sum "
        f"{change_in_percent(m.moved[i])}.",
        quantity="correlation gained by reversing the day", found=gain, expected=0.0, onset=onset,
        end=m.when("change_end"),
    )  # fmt: skip


def low_from_the_start(m: Measures) -> Signature:
    """Far less than like meters from the first day on, with a shaved distribution (Calamaro 2021, Rule 1)."""
    level = m["peers.level_ratio"]
    shaved = ramp(m["g1.rule1"], 0.2, -0.4)  # the peak is lower than wide, on the meter's own scale
    alive = both(ramp(m["integrity.zero_share"], 0.3, 0.1), ramp(m["integrity.coverage"], 0.3, 0.6))
    cut = ramp(m["peers.peak_ratio_diff"], -0.8, -2.0)
    strength = 0.4 * both(ramp(level, 0.5, 0.2), alive, either(shaved, cut))  # so does a small household
    return _sign(
        "low_from_the_start", strength,
        lambda i: f"Over the whole span the level is {number(level[i])} times that of like meters, and "
        f"the peak of "
        f"its distribution is {number(np.exp(m['g1.rule1'][i]))} times as tall as wide.",
        quantity="own level / peers' level", found=level, expected=1.0, source="peers",
    )  # fmt: skip


def pulled_meter(m: Measures, checks: RegisterChecks) -> Signature:
    """Gaps of this meter alone, at no file border, after which nothing is caught up."""
    lost, rate, onset = m["integrity.missing_share"], m["integrity.gaps_per_30d"], m.when("gap_first")
    own = both(
        ramp(lost, 0.004, 0.025), ramp(m["integrity.gap_median_hours"], 3.0, 10.0),
        ramp(m["integrity.gap_midnight_share"], 0.6, 0.2),
    )  # fmt: skip
    uncaught = ramp(known_or(m["integrity.catchup_share"]), 0.4, 0.1)
    known = outage_share(m.population, onset, m.when("gap_last"))
    stood, went_on = ramp(checks.gap_advance, 0.5, 0.15), ramp(checks.gap_advance, 0.5, 0.8)
    hint = unless(0.5 * both(own, uncaught), m.shared("gap"), known, went_on)  # a failed link looks the same
    return _sign(
        "pulled_meter", lifted(hint, 0.8 * known_or(stood)),
        lambda i: f"{percent(lost[i], 1)} of the readings are absent in {number(rate[i], 1)} gaps per 30 "
        f"days, half of "
        f"them {number(m['integrity.gap_median_hours'][i], 1)} h or longer, with no sum after them"
        + (f"; the register advanced only {percent(checks.gap_advance[i])} of what was "
        f"due." if stood[i] > 0 else "."),
        quantity="share of missing readings", found=lost, expected=0.0, onset=onset, end=m.when("gap_last"),
        affected_kwh=m.kwh_of_silence(known_or(lost) * m.span_days),
    )  # fmt: skip
