"""Super-consumption: did metered use itself change, with nothing hidden?

More metered energy is not theft from this meter (FACTS section 7): a second shift, an electric car, a
constant load, a neighbour tapped into this line. Also a PV system, whose owner draws less by day.
The feeder total stays explained; without it the increase is read from the meter alone.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from loadprofile.features.population import Population
from loadprofile.signs.balance import excused, false_rise, matched_by_feeder
from loadprofile.signs.context import in_context, own_generation
from loadprofile.signs.traces import (
    BEFORE_DAWN,
    added_evenly,
    added_share,
    day_block,
    evening_draw,
    level_before,
)
from loadprofile.strength import (
    Floats,
    Measures,
    between,
    both,
    change_in_percent,
    either,
    number,
    on,
    opening,
    percent,
    ramp,
    unless,
)
from loadprofile.verdicts import Cause, Findings, Signature, findings_from, sign

_sign = partial(sign, Cause.SUPER_CONSUMPTION)


class SuperConsumption:
    """The sub-detector for real, metered changes of use."""

    cause = Cause.SUPER_CONSUMPTION

    def examine(self, population: Population) -> Findings:
        """Judge every meter; the topology with feeder totals would confirm that all energy is metered."""
        m = Measures.of(population)
        signatures = [
            sustained_increase(m),
            night_block(m),
            car_charging(m),
            constant_load(m),
            neighbour_on_top(m),
            photovoltaics(m),
            rising_use(m),
            high_for_its_peers(m),
            day_block(m),
            evening_draw(m),
        ]
        signatures = excused(signatures, false_rise(m), {s.name for s in signatures} - {"photovoltaics"})
        signatures = [*in_context(signatures, m), matched_by_feeder(m), own_generation(m)]
        wanted = ("topology", "feeders", "export", "weather")
        missed = [name for name in wanted if getattr(population.context, name) is None]
        return findings_from(self.cause, population, signatures, missed)


def _lasting(m: Measures) -> Floats:
    """A change that stays, or stays for weeks: guests leave, a machine does not."""
    return ramp(m["change.duration_days"], 4.0, 14.0)


def sustained_increase(m: Measures) -> Signature:
    """The metered level rose and stayed up."""
    onset, ratio = m.when("change"), m["change.ratio"]
    strength = both(m.evident, ramp(m.moved, 0.2, 0.55), _lasting(m))
    artefact = either(m.multiplied, ramp(m.moved, 1.8, 2.5), ramp(m["integrity.spike_ratio"], 20.0, 60.0))
    return _sign(
        "sustained_increase", 0.85 * unless(strength, artefact),
        lambda i: f"Metered use is {number(ratio[i])} times the earlier level "
        f"{between(onset[i], m.when('change_end')[i])}, "
        f"{number(-m['change.kwh_per_day_lost'][i], 1)} kWh a day more than before, given what like "
        f"meters did.",
        quantity="level after / level before", found=ratio, expected=1.0, onset=onset,
        end=m.when("change_end"), speaks=0.9,
    )  # fmt: skip


def night_block(m: Measures) -> Signature:
    """Use rose in the night hours, little by day: a second shift, a night tariff, storage heating."""
    night, day, onset = m["change.night_log_ratio"], m["change.day_log_ratio"], m.when("change")
    strength = both(
        either(m.evident, m.reshaped), ramp(night, 0.3, 0.8), ramp(night - np.maximum(day, 0.0), 0.2, 0.6),
        _lasting(m), ramp(m.moved, -0.05, 0.1),
    )  # fmt: skip
    elsewhere = ramp(added_share(m, BEFORE_DAWN), 0.6, 0.4)  # a low night grows by much from little
    return _sign(
        "night_block", unless(strength, m.multiplied, elsewhere),
        lambda i: f"By night use {change_in_percent(night[i])} {on(onset[i])}, by day it "
        f"{change_in_percent(day[i])}.",
        quantity="log ratio of night use", found=night, expected=0.0, onset=onset, end=m.when("change_end"),
    )  # fmt: skip


def car_charging(m: Measures) -> Signature:
    """Tall evening or night loads appear on an unchanged base: a charger."""
    top, low, onset = m["change.peak_log_ratio"], m["change.base_log_ratio"], m.when("change")
    late = np.fmax(m["change.evening_log_ratio"], m["change.night_log_ratio"])
    strength = both(
        m.evident, ramp(top, 0.2, 0.6), ramp(np.abs(low), 0.5, 0.2), ramp(m.moved, 0.1, 0.3),
        ramp(m["change.window_share"], 0.4, 0.65), _lasting(m),
    )  # fmt: skip
    return _sign(
        "car_charging", strength,
        lambda i: f"The highest loads {change_in_percent(top[i])} {on(onset[i])}, evening or night use "
        f"{change_in_percent(late[i])}, while the lowest loads {change_in_percent(low[i])}: a large load "
        f"at set hours.",
        quantity="log ratio of the highest "
        "loads", found=top, expected=0.0, onset=onset, end=m.when("change_end"),
    )  # fmt: skip


def constant_load(m: Measures) -> Signature:
    """One constant power added at every hour."""
    added, gain, onset = m["change.offset_rel"], m["change.gain"], m.when("change")
    strength = both(
        m.evident, ramp(added, 0.12, 0.4), ramp(np.abs(gain - 1.0), 0.5, 0.25),
        ramp(m["change.base_log_ratio"], 0.3, 0.9), _lasting(m),
    )  # fmt: skip
    power = added * level_before(m)
    return _sign(
        "constant_load", unless(strength, 1.0 - added_evenly(m)),
        lambda i: f"{opening(onset[i])} every hour lies higher by about the same power, "
        f"{number(power[i])} kW or {percent(added[i])} of the earlier mean, with the old pattern on top "
        f"(scaled by {number(gain[i])}).",
        quantity="added constant power / level before", found=added, expected=0.0, onset=onset,
        end=m.when("change_end"), speaks=1.3,
    )  # fmt: skip


def neighbour_on_top(m: Measures) -> Signature:
    """What was added looks like another meter's own load: somebody draws through this meter."""
    alike, onset = m["cohort.donor_similarity"], m.when("change")
    strength = both(m.evident, ramp(m.moved, 0.15, 0.4), ramp(alike, 0.75, 0.95), _lasting(m))
    return _sign(
        "neighbour_on_top", strength,
        lambda i: f"{opening(onset[i])} use {change_in_percent(m.moved[i])}, and what was added "
        f"follows the daily course "
        f"of another meter of the population to {percent(alike[i])}.",
        quantity="likeness of the added load to another meter", found=alike, onset=onset,
        end=m.when("change_end"), source="population", speaks=1.2,
    )  # fmt: skip


def photovoltaics(m: Measures) -> Signature:
    """Use fell around noon and nowhere else: own generation."""
    blocks = [m[f"change.b{b}"] for b in range(8)]
    noon = np.minimum(blocks[3], blocks[4])
    dark = np.median([blocks[0], blocks[1], blocks[6], blocks[7]], axis=0)
    onset = m.when("change")
    around = ramp(np.maximum(blocks[3], blocks[4]), 0.0, -0.3)
    strength = both(
        m.reshaped, ramp(noon, -0.4, -1.0), around, ramp(dark, -0.35, -0.1), ramp(dark - noon, 0.4, 0.9),
        _lasting(m), ramp(m["change.base_log_ratio"], -0.2, -1.0),
    )  # fmt: skip
    return _sign(
        "photovoltaics", strength,
        lambda i: f"Around noon use {change_in_percent(noon[i])} {on(onset[i])}, in the dark hours it "
        f"{change_in_percent(dark[i])}: the mark of own generation.",
        quantity="log ratio of noon use", found=noon, expected=0.0, onset=onset, end=m.when("change_end"),
    )  # fmt: skip


def rising_use(m: Measures) -> Signature:
    """Metered use climbs against the peers, month by month."""
    total, pace = m["change.trend_total"], m["change.trend_per_30d"]
    smooth = both(ramp(m["change.trend_vs_step"], 1.2, 0.8), ramp(m["change.trend_r2"], 0.3, 0.7))
    return _sign(
        "rising_use", 0.7 * both(ramp(total, 0.15, 0.5), smooth),
        lambda i: f"Measured against like meters, use {change_in_percent(total[i])} over the span, "
        f"{percent(pace[i], 1)} "
        "per 30 days, evenly.",
        quantity="change of log level per 30 days", found=pace, expected=0.0, unit="1/30 d",
        onset=m.when("first_reading"), source="peers",
    )  # fmt: skip


def high_for_its_peers(m: Measures) -> Signature:
    """Far more than like meters from the first day on, in the same rhythm."""
    level, same = m["peers.level_ratio"], m["peers.shape_distance"]
    strength = 0.35 * both(ramp(level, 3.0, 8.0), ramp(level, 60.0, 25.0))
    return _sign(
        "high_for_its_peers", unless(strength, 0.5 * ramp(m["integrity.coverage"], 0.3, 0.1)),
        lambda i: f"The level is {number(level[i], 1)} times the median of like meters (distance of the "
        f"daily shape "
        f"{number(same[i])}), over the whole span.",
        quantity="own level / peers' level", found=level, expected=1.0, source="peers",
    )  # fmt: skip
