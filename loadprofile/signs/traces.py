"""Signs of single kinds of trouble, each an exact or robust trace with its number, for the sub-detectors.

Each says of what cause it is: the sub-detector of that cause lists it among its own. The measurements are
columns of ``features/traces.py`` and of the change of level.
"""

from __future__ import annotations

import numpy as np

from loadprofile.strength import (
    Floats,
    Measures,
    between,
    both,
    change_in_percent,
    count,
    either,
    iso,
    lifted,
    number,
    opening,
    percent,
    ramp,
    unless,
)
from loadprofile.verdicts import Cause, Signature, sign


def index_for_energy(m: Measures) -> Signature:
    """Readings that never fall for days: the register's index stands where the interval's energy belongs."""
    days, rises = m["integrity.index_days"], m["integrity.index_rises"]
    first, last = m.when("index_first"), m.when("index_last")
    return sign(
        Cause.DATA_MISMATCH, "index_for_energy", ramp(days, 0.8, 1.0),
        lambda i: f"For {number(days[i], 1)} days {between(first[i], last[i])} the readings never fall "
        f"and rise "
        f"at {percent(rises[i])} of the steps: the register's index was handed over in place of the energy.",
        quantity="days without a fall", found=days, expected=0.0, unit="days", onset=first, end=last,
        speaks=1.5,
    )  # fmt: skip


def days_in_one_reading(m: Measures) -> Signature:
    """Whole days are absent or zero, and the very next reading carries their energy: delivered late."""
    many, ratio, asked = m["integrity.late_days"], m["integrity.late_ratio"], m["integrity.late_asked"]
    first, last = m.when("late_first"), m.when("late_last")
    mostly = ramp(many / np.maximum(asked, 1.0), 0.1, 0.5)
    return sign(
        Cause.DATA_MISMATCH, "days_in_one_reading", 0.95 * both(ramp(many, 0.0, 0.8), mostly),
        lambda i: f"After {count(many[i], 'stretch', 'stretches')} of whole days without readings or of "
        f"zeros "
        f"{between(first[i], last[i])} the very next reading carries {number(ratio[i])} times the "
        f"energy due in "
        f"those days: days were delivered as one sum.",
        quantity="stretches of whole days summed into one reading", found=many, expected=0.0,
        unit="stretches", onset=first, end=last, incident=m.incident, speaks=1.3,
    )  # fmt: skip


def swapped_dates(m: Measures) -> Signature:
    """Absent are just the days whose date with day and month exchanged lies outside the data."""
    months, first, last = m["integrity.date_gap_months"], m.when("date_first"), m.when("date_last")
    return sign(
        Cause.DATA_MISMATCH, "swapped_dates", ramp(months, 0.2, 1.2),
        lambda i: f"In {count(months[i], 'month', 'months')} {between(first[i], last[i])} just those "
        f"days of the "
        f"1st to the 12th are absent whose date with day and month exchanged lies outside the data.",
        quantity="months with gaps at exchangeable dates only", found=months, expected=0.0, unit="months",
        onset=first, end=last, incident=m.incident, speaks=1.3,
    )  # fmt: skip


def cut_evenings(m: Measures) -> Signature:
    """Day after day the last hours are absent: the transfer ends before the day does."""
    days, last_slot = m["integrity.gap_clock_days"], m["integrity.gap_to_midnight"]
    first, last = m.when("gap_clock_first"), m.when("gap_clock_last")
    same = m["integrity.gap_same_clock"]
    once_a_day = ramp(m["integrity.gaps_per_30d"], 90.0, 45.0)
    strength = both(ramp(days, 1.5, 5.0), ramp(last_slot, 0.6, 0.95), ramp(same, 0.7, 0.95), once_a_day)
    return sign(
        Cause.DATA_MISMATCH, "cut_evenings", 0.9 * strength,
        lambda i: f"On {count(days[i], 'day', 'days')} {between(first[i], last[i])} a part of the "
        f"readings is "
        f"absent, on {percent(last_slot[i])} of them up to midnight: the transfer ends before the day does.",
        quantity="share of torn days cut at midnight", found=last_slot, expected=0.0, onset=first, end=last,
        incident=m.incident,
    )  # fmt: skip


def _band(m: Measures) -> Floats:
    """On days with zeros nothing is read between zero and a threshold."""
    return both(ramp(m["integrity.band_surprise"], 2.5, 8.0), ramp(m["integrity.band_rel"], 0.03, 0.12))


def in_lumps(m: Measures) -> Floats:
    """What is read beside zeros are multiples of one lump: coarse counting, not use."""
    return both(_band(m), ramp(m["integrity.band_multiples"], 0.4, 0.8))


def not_started(m: Measures) -> Signature:
    """Nothing is read between zero and a threshold: low load is no longer counted."""
    surprise, edge = m["integrity.band_surprise"], m["integrity.band_kwh"]
    zeros, first = m["integrity.band_zero_share"], m.when("band_first")
    sinks = ramp(m["integrity.band_edges"], 1.05, 0.9)
    return sign(
        Cause.MAINTENANCE, "not_started", 0.9 * unless(both(_band(m), sinks), in_lumps(m)),
        lambda i: f"{opening(first[i])} no reading lies between zero and {number(edge[i], 3)} kWh, while "
        f"{percent(zeros[i])} are exactly zero (by chance once in 10^{number(surprise[i], 0)}): the "
        f"meter does "
        f"not start at low load.",
        quantity="lowest reading above zero", found=edge, expected=0.0, unit="kWh", onset=first,
        end=m.when("band_last"), affected_kwh=m.kwh_lost_by_change(), speaks=1.3,
    )  # fmt: skip


def counted_in_lumps(m: Measures) -> Signature:
    """Zeros and whole multiples of one lump: a divider or display lets energy through in pieces."""
    edge, share, first = m["integrity.band_kwh"], m["integrity.band_multiples"], m.when("band_first")
    return sign(
        Cause.MAINTENANCE, "counted_in_lumps", 0.9 * in_lumps(m),
        lambda i: f"{opening(first[i])} {percent(m['integrity.band_zero_share'][i])} of the readings "
        f"are zero and "
        f"{percent(share[i])} of the others whole multiples of {number(edge[i], 3)} kWh: energy is "
        f"counted in "
        f"lumps.",
        quantity="share of whole multiples of one lump", found=share, onset=first, end=m.when("band_last"),
        speaks=1.3,
    )  # fmt: skip


def scaled_load(m: Measures) -> Signature:
    """Every hour and every height of load is shown by one factor higher or lower than before."""
    ratio, onset = m["change.ratio"], m.when("change")
    hours = m["change.outage_before"]
    lasting = ramp(m["change.duration_days"], 2.0, 8.0)
    same = both(m.evident, m.proportional, lasting)
    rose, fell = ramp(m.moved, 0.05, 0.2), 0.5 * ramp(m.moved, -0.1, -0.3)  # a bypass lowers it as well
    strength = unless(0.6 * both(same, np.maximum(rose, fell)), m.multiplied, m.shared_factor)
    works = both(ramp(hours, 0.0, 1.0), ramp(hours, 24.0, 8.0))
    return sign(
        Cause.MAINTENANCE, "scaled_load", lifted(strength, 0.5 * works),
        lambda i: f"The meter shows {number(ratio[i])} times what it showed before "
        f"{between(onset[i], m.when('change_end')[i])}, at every hour alike (spread over the day "
        f"{percent(m['change.block_spread'][i])})"
        + (f", after {number(hours[i], 1)} h without supply" if hours[i] > 0 else "")
        + ": as another transformer ratio or a faulty pulse contact leaves it.",
        quantity="level after / level before", found=ratio, expected=1.0, onset=onset,
        end=m.when("change_end"), affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def rising_gain(m: Measures) -> Signature:
    """The level climbs against the peers, evenly and at every hour alike: the meter counts more and more."""
    pace, total, onset = m["change.trend_per_30d"], m["change.trend_total"], m.when("first_reading")
    smooth = both(ramp(m["change.trend_vs_step"], 1.3, 0.95), ramp(m["change.trend_r2"], 0.15, 0.45))
    alike = ramp(m.uneven, 1.5, 0.8)
    return sign(
        Cause.MAINTENANCE, "rising_gain", 0.5 * both(ramp(total, 0.1, 0.35), smooth, alike),
        lambda i: f"Measured against its peers the level {change_in_percent(total[i])} over the span, "
        f"{percent(pace[i], 1)} per 30 days, evenly and at every hour alike.",
        quantity="change of log level per 30 days", found=pace, expected=0.0, unit="1/30 d", onset=onset,
        source="peers", affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def _random_order(m: Measures) -> Floats:
    """A stretch of days whose readings follow in no order, at a meter whose days have one."""
    gain, ratio, usual = (m[f"integrity.disorder_{what}"] for what in ("gain", "ratio", "usual"))
    return both(ramp(gain, 12.0, 30.0), ramp(usual, 1.7, 1.4), ramp(ratio, 1.6, 1.85), ramp(ratio, 2.5, 2.2))


def _order_said(m: Measures, i: int) -> str:
    first, last = m.when("disorder_first")[i], m.when("disorder_last")[i]
    ratio, usual = m["integrity.disorder_ratio"][i], m["integrity.disorder_usual"][i]
    return (
        f"on {count(m['integrity.disorder_days'][i], 'day', 'days')} {between(first, last)} each "
        f"reading is as "
        f"unlike the next as any other of its day (von Neumann ratio {number(ratio)}, otherwise "
        f"{number(usual)}; "
        f"2 = random order)"
    )


def shuffled_slots(m: Measures) -> Signature:
    """The day's readings come in random order while their sum and their swing are the usual ones."""
    level, swing = m["integrity.disorder_level"], m["integrity.disorder_swing"]
    kept = both(ramp(np.abs(level), 0.5, 0.25), ramp(np.abs(swing), 0.45, 0.2))
    return sign(
        Cause.CYBER_ATTACK, "shuffled_slots", 0.7 * unless(both(_random_order(m), kept), m.off_grid),
        lambda i: f"At an unchanged height of the days ({change_in_percent(level[i])}), "
        f"{_order_said(m, i)}: the "
        f"readings were shuffled.",
        quantity="von Neumann ratio of the day", found=m["integrity.disorder_ratio"],
        expected=m["integrity.disorder_usual"], onset=m.when("disorder_first"), end=m.when("disorder_last"),
        incident=m.incident,
    )  # fmt: skip


def random_numbers(m: Measures) -> Signature:
    """Readings jump about one height in random order, with a smaller swing than the meter's days have."""
    level, swing = m["integrity.disorder_level"], m["integrity.disorder_swing"]
    # of an empty home's fridge the same could be said: its level lies lower still
    drawn = both(_random_order(m), ramp(swing, -0.1, -0.4), ramp(level, -1.8, -1.2))
    return sign(
        Cause.FRAUD, "random_numbers", 0.6 * unless(drawn, ramp(level, 0.1, 0.4)),
        lambda i: f"With {percent(1 - np.exp(swing[i]))} less swing and a level that "
        f"{change_in_percent(level[i])}, {_order_said(m, i)}: numbers drawn about one height.",
        quantity="von Neumann ratio of the day", found=m["integrity.disorder_ratio"],
        expected=m["integrity.disorder_usual"], onset=m.when("disorder_first"), end=m.when("disorder_last"),
        affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def own_ceiling(m: Measures) -> Signature:
    """Each day is cut at a height of its own: many readings equal the day's highest."""
    gain, days, share = (m[f"integrity.ceiling_{what}"] for what in ("gain", "days", "share"))
    usual, first, last = m["integrity.ceiling_usual"], m.when("ceiling_first"), m.when("ceiling_last")
    stairs = ramp(m["integrity.constant_share"], 0.02, 0.1)
    strength = both(ramp(gain, 8.0, 22.0), ramp(days, 3.0, 8.0), ramp(m["integrity.grid_kwh_rel"], 0.3, 0.1))
    return sign(
        Cause.FRAUD, "own_ceiling", 0.7 * unless(strength, 0.6 * stairs),
        lambda i: f"On {count(days[i], 'day', 'days')} {between(first[i], last[i])} "
        f"{percent(share[i], 1)} of the day's readings stand at that day's highest beside it "
        f"({percent(usual[i], 1)} on other days): what was above was cut off.",
        quantity="share of a day's readings at its top", found=share, expected=usual, onset=first, end=last,
        affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def borrowed_load(m: Measures) -> Signature:
    """Since the level fell the readings follow another meter's: a smaller customer's in place of the own."""
    alike, onset = m["cohort.donor_similarity"], m.when("change")
    fell = both(either(m.evident, m.reshaped), ramp(m.moved, -0.1, -0.4), ramp(alike, 0.6, 0.85))
    return sign(
        Cause.FRAUD, "borrowed_load", 0.6 * unless(fell, m.multiplied, m.shared_factor),
        lambda i: f"{opening(onset[i])} use {change_in_percent(m.moved[i])}, and block by block it follows "
        f"another meter of the population to {percent(alike[i])}, {iso(onset[i])[:10]} and later.",
        quantity="likeness to another meter", found=alike, onset=onset, end=m.when("change_end"),
        source="population", affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


BEFORE_DAWN, WORKING_HOURS, AFTER_SUNSET = (7, 0, 1), (3, 4, 5), (5, 6, 7)
"""Blocks of three hours: 21 to 6 h, 9 to 18 h, 15 to 24 h."""


def level_before(m: Measures) -> Floats:
    """Mean power in kW before the change, worked back from the whole span's."""
    lasted = np.clip(m["change.duration_days"] / m.span_days, 0.0, 1.0)
    out: Floats = m["g2.level_kw"] / (1.0 - lasted + lasted * m["change.ratio"])
    return out


def _added(m: Measures) -> Floats:
    """``(8, n)`` energy that the change added in each 3-hour block, in the meter's own mean; 0 where it fell.

    The level of a block before is worked back from its level over the whole span, its ratio and how long the
    change lasted: in logarithms a small rise of a low night looks larger than a tall one of a busy evening.
    """
    ratio = np.exp(np.stack([m[f"change.b{b}"] for b in range(8)]))
    hours = np.stack([m[f"g2.h{h:02d}.mean"] for h in range(24)])
    level = hours.reshape(8, 3, -1).mean(axis=1)
    lasted = np.clip(m["change.duration_days"] / m.span_days, 0.0, 1.0)
    before = level / (1.0 - lasted + lasted * ratio)
    out: Floats = np.maximum(before * (ratio - 1.0), 0.0)
    return out


def added_share(m: Measures, blocks: tuple[int, ...]) -> Floats:
    """Share of the energy added by the change that falls into some 3-hour blocks; NaN = none was added."""
    added = _added(m)
    total = added.sum(axis=0)
    out: Floats = np.divide(
        added[list(blocks)].sum(axis=0), total, out=np.full(len(m), np.nan), where=total > 0.0
    )
    return out


def added_evenly(m: Measures) -> Floats:
    """Whether every 3-hour block got about as much of the added energy as any other; NaN = none was added."""
    added = _added(m)
    mean = added.mean(axis=0)
    least = np.divide(added.min(axis=0), mean, out=np.full(len(m), np.nan), where=mean > 0.0)
    return ramp(least, 0.2, 0.5)


def _lasting(m: Measures) -> Floats:
    return ramp(m["change.duration_days"], 4.0, 14.0)


def day_block(m: Measures) -> Signature:
    """Use rose in the working hours of the day: a business behind the meter."""
    share, onset = added_share(m, WORKING_HOURS), m.when("change")
    strength = both(
        either(m.evident, m.reshaped), ramp(share, 0.55, 0.75), _lasting(m), ramp(m.moved, 0.0, 0.15)
    )
    return sign(
        Cause.SUPER_CONSUMPTION, "day_block", unless(strength, m.multiplied),
        lambda i: f"{opening(onset[i])} use {change_in_percent(m.moved[i])}; {percent(share[i])} of "
        f"what was added "
        f"falls between 9 and 18 h.",
        quantity="share of the added energy from 9 to 18 h", found=share, expected=0.375, onset=onset,
        end=m.when("change_end"), speaks=1.2,
    )  # fmt: skip


def evening_draw(m: Measures) -> Signature:
    """Use rose after sunset at a meter that shows little at noon: a solar customer draws from the grid."""
    share, onset = added_share(m, AFTER_SUNSET), m.when("change")
    noon = (m["g2.h11.mean"] + m["g2.h12.mean"] + m["g2.h13.mean"]) / 3.0
    strength = both(
        either(m.evident, m.reshaped), ramp(share, 0.6, 0.85), _lasting(m), ramp(m.moved, 0.05, 0.2),
        ramp(noon, 0.8, 0.4),
    )  # fmt: skip
    return sign(
        Cause.SUPER_CONSUMPTION, "evening_draw", unless(strength, m.multiplied),
        lambda i: f"{opening(onset[i])} use {change_in_percent(m.moved[i])}; {percent(share[i])} of "
        f"what was added "
        f"falls between 15 and 24 h, while from 11 to 14 h the meter shows {number(noon[i])} times its mean.",
        quantity="share of the added energy from 15 to 24 h", found=share, expected=0.375, onset=onset,
        end=m.when("change_end"), speaks=1.2,
    )  # fmt: skip
