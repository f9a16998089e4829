"""Cyber-attack: did somebody act on many meters, or on what they report, through the network?

One meter's load says little here; the trace is agreement: the same slot, the same odd factor, the same
stretch of history sent again, over meters that share nothing else (FACTS sections 6 and 7). A
coincidence is measured against the binomial expectation over the whole population.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from loadprofile.features.circumstances import events_near, outage_share
from loadprofile.features.population import Population
from loadprofile.signs.balance import excused
from loadprofile.signs.context import on_day_off
from loadprofile.signs.traces import shuffled_slots
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

_sign = partial(sign, Cause.CYBER_ATTACK)

INTRUSION = (
    "failed_authentication",
    "decrypt_failure",
    "replay",
    "key",
    "firmware",
    "configuration",
    "clock_set",
)
SWITCHED_OFF = ("remote_disconnect", "disconnect")
POWER_DOWN = ("power_down",)


class CyberAttack:
    """The sub-detector for attacks through the network."""

    cause = Cause.CYBER_ATTACK

    def examine(self, population: Population) -> Findings:
        """Judge every meter; events and outages sharpen the answer where they were given."""
        m = Measures.of(population)
        signatures = [
            same_slot(m),
            forged_numbers(m),
            common_factor(m),
            common_series(m),
            coordinated_jumps(m),
            replayed_days(m),
            price_shift(m),
            sorted_days(m),
            slots_dropped(m),
            mass_disconnect(m),
            mass_freeze(m),
            mirrored_cohort(m),
            intrusion_events(m),
            shuffled_slots(m),
        ]
        # many do the same on a feast day; an attacker may choose it too, so it excuses by half
        signatures = excused(signatures, on_day_off(m, m.when("change")), ("same_slot",), by=0.5)
        signatures = excused(signatures, on_day_off(m, m.when("jump")), ("coordinated_jumps",), by=0.5)
        context = population.context
        wanted = ("events", "outages", "topology", "holidays")
        missed = [name for name in wanted if getattr(context, name) is None]
        return findings_from(self.cause, population, signatures, missed)


def same_slot(m: Measures) -> Signature:
    """More meters than chance allows changed in one and the same slot."""
    size, rare, onset = m["cohort.same_slot_size"], m["cohort.same_slot_surprise"], m.when("change")
    strength = both(either(m.evident, m.reshaped), ramp(size, 0.3, 2.0), ramp(rare, 2.0, 5.0))
    exact = either(
        m.multiplied, both(m.exact, m.proportional)
    )  # a wrong factor also arrives everywhere at once
    midnight = np.where(at_midnight(onset), 0.4, 0.0)
    return _sign(
        "same_slot", unless(strength, 0.8 * exact, midnight),
        lambda i: f"{count(size[i], 'other meter', 'other meters')} changed in the same slot "
        f"{on(onset[i])}; by "
        f"chance this happens once in 10^{number(rare[i], 0)}.",
        quantity="other meters that changed in this "
        "slot", found=size, expected=0.0, unit="meters", onset=onset,
        end=m.when("change_end"), source="population", affected_kwh=m.kwh_lost_by_change(),
        incident=m.incident, speaks=0.8,
    )  # fmt: skip


def forged_numbers(m: Measures) -> Signature:
    """Readings that no counter makes, scaled by no factor that a configuration holds."""
    share, times, onset = m["integrity.grid_break_share"], m.factor, m.when("grid_change")
    odd = np.where(np.isnan(times), 0.7, known_or(ramp(m.factor_misfit, 0.006, 0.02)))
    joined = ramp(m["cohort.incident_size"], 0.0, 2.0)
    strength = 0.7 * m.off_grid * odd  # published theft functions leave such numbers too
    # Rounded or lumped readings are coarser, never between the steps.
    coarser = ramp(m["integrity.grid_change"], 0.1, 0.3) * np.isnan(times)
    return _sign(
        "forged_numbers", lifted(unless(strength, coarser), joined),
        lambda i: f"{opening(onset[i])} {percent(share[i], 1)} of the readings lie between the "
        f"steps in "
        "which this meter counts"
        + (f", as if multiplied by {number(times[i], 3)}" if np.isfinite(times[i]) else "")
        + ": written by software, and by no usual factor.",
        quantity="share of readings off the counting steps", found=share, expected=0.0, onset=onset,
        end=m.when("grid_change_end"), affected_kwh=m.kwh_lost_by_change(), incident=m.incident,
    )  # fmt: skip


def common_factor(m: Measures) -> Signature:
    """A cohort scaled by one factor that no multiplier or unit explains."""
    size, onset, misfit = m["cohort.ratio_size"], m.when("change"), m["change.rational_misfit"]
    strength = both(m.evident, m.shared_factor, m.proportional, ramp(misfit, 0.02, 0.06))
    return _sign(
        "common_factor", unless(strength, m.multiplied),
        lambda i: f"{count(size[i], 'other meter', 'other meters')} changed by the same factor, "
        f"{number(m['change.ratio'][i], 3)}, on {iso(onset[i])[:10]}; the nearest exact ratio, "
        f"{fraction(m['change.rational'][i])}, is {percent(misfit[i], 1)} away.",
        quantity="other meters with this factor on this day", found=size, expected=0.0, unit="meters",
        onset=onset, end=m.when("change_end"), source="population", affected_kwh=m.kwh_lost_by_change(),
        incident=m.incident,
    )  # fmt: skip


def coordinated_jumps(m: Measures) -> Signature:
    """The load jumps where far more meters than usual jump: appliances switched by one hand."""
    share, rare = m["cohort.jump_share"], m["cohort.jump_surprise"]
    strength = both(ramp(rare, 4.2, 8.0), ramp(share, 0.02, 0.12), ramp(m["cohort.incident_size"], 0.0, 2.0))
    onset = m.when("jump")
    known = outage_share(m.population, onset, onset + np.timedelta64(60, "m"))  # many return at once
    return _sign(
        "coordinated_jumps", unless(strength, known),
        lambda i: f"{percent(share[i])} of this meter's largest jumps fall into slots in which far more "
        f"meters jump than "
        f"usual (by chance once in 10^{number(rare[i], 0)}).",
        quantity="share of jumps in common "
        "slots", found=share, expected=0.0, onset=onset, source="population",
        incident=m.incident,
    )  # fmt: skip


def replayed_days(m: Measures) -> Signature:
    """Days sent again, reading for reading, for weeks or in blocks: a recording, not an estimate."""
    share, block, lag = (m[f"integrity.repeat_{what}"] for what in ("day_share", "block_days", "lag_days"))
    in_blocks = both(ramp(block, 1.5, 4.0), ramp(lag, 1.0, 2.5))
    for_weeks = ramp(block, 5.0, 14.0)
    strength = both(ramp(share, 0.0, 0.01), either(in_blocks, for_weeks))
    once = both(
        ramp(share * m.span_days, 12.0, 5.0), ramp(lag, 2.5, 6.0)
    )  # one week twice: a file loaded again
    together = ramp(m["cohort.repeat_size"], 0.5, 3.0)
    return _sign(
        "replayed_days", lifted(0.85 * unless(strength, 0.5 * once), 0.6 * together),
        lambda i: f"{count(block[i], 'day', 'days')} in a row "
        f"{between(m.when('repeat_first')[i], m.when('repeat_last')[i])} repeat, reading for reading, "
        f"what was "
        f"sent {count(lag[i], 'day', 'days')} earlier; "
        f"{count(known_or(m['cohort.repeat_size'])[i], 'other meter does', 'other meters do')} the "
        f"same.",
        quantity="days in a row "
        "repeated", found=block, expected=0.0, unit="days", onset=m.when("repeat_first"),
        end=m.when("repeat_last"), incident=m.incident,
    )  # fmt: skip


def price_shift(m: Measures) -> Signature:
    """Use moved between the hours while the daily sum stayed: billed at another price."""
    moved, onset = m["change.sum_conserved"], m.when("change")
    alone = both(m.reshaped, ramp(moved, 0.08, 0.3), ramp(np.abs(m.moved), 0.15, 0.05))
    # One home that shifts its use has a new tariff or a new habit; several on one day have not.
    strength = unless(alone * np.maximum(0.3, known_or(m.shared_day)), 0.7 * m.shifted)
    return _sign(
        "price_shift", strength,
        lambda i: f"{opening(onset[i])} {percent(m['change.shape_distance'][i] / 2)} of the daily "
        f"energy moved "
        f"to other hours while the daily sum {change_in_percent(m.moved[i])}; "
        f"{count(known_or(m['cohort.onset_size'])[i], 'other meter', 'other meters')} changed that day.",
        quantity="share of the day that "
        "moved", found=m["change.shape_distance"] / 2, expected=0.0, onset=onset,
        end=m.when("change_end"), incident=m.incident,
    )  # fmt: skip


def sorted_days(m: Measures) -> Signature:
    """The day's readings were put in order: the sum stayed, the jitter is gone, the course is another."""
    noise, onset = m["change.noise_log_ratio"], m.when("change")
    strength = both(
        m.reshaped, ramp(noise, -0.35, -0.8), ramp(np.abs(m.moved), 0.3, 0.12),
        ramp(m["change.shape_distance"], 0.3, 0.6), ramp(m["change.flat_after"], -0.5, -0.2),
    )  # fmt: skip
    return _sign(
        "sorted_days", 0.9 * strength,
        lambda i: f"{opening(onset[i])} the jitter from reading to reading "
        f"{change_in_percent(noise[i])} and "
        f"{percent(m['change.shape_distance'][i] / 2)} of the daily energy stands at other hours, while "
        f"the level "
        f"{change_in_percent(m.moved[i])}: the readings were reordered.",
        quantity="log ratio of the jitter", found=noise, expected=0.0, onset=onset, end=m.when("change_end"),
        incident=m.incident,
    )  # fmt: skip


def slots_dropped(m: Measures) -> Signature:
    """The same short stretches fail again and again at several meters: chosen, not failed."""
    size, rate, hours = m["cohort.gap_size"], m["integrity.gaps_per_30d"], m["integrity.gap_median_hours"]
    strength = both(
        m.shared("gap"), ramp(rate, 3.0, 12.0), ramp(hours, 8.0, 5.0),
        ramp(m["integrity.gap_midnight_share"], 0.5, 0.2),
    )  # fmt: skip
    onset = m.when("gap_first")
    return _sign(
        "slots_dropped", 0.8 * strength,
        lambda i: f"{number(rate[i], 0)} gaps of about {number(hours[i], 1)} h per 30 days, shared slot "
        f"for slot with "
        f"{count(size[i], 'other meter', 'other meters')}: chosen intervals do not get through.",
        quantity="gaps per 30 days", found=rate, expected=0.0, unit="1/30 "
        "d", onset=onset, source="population",
        incident=m.incident,
    )  # fmt: skip


def common_series(m: Measures) -> Signature:
    """What changed follows one series that other meters show too, in numbers that no counter made."""
    alike, onset = m["cohort.donor_similarity"], m.when("change")
    strength = both(m.reshaped, ramp(alike, 0.45, 0.75), either(m.off_grid, m.shared_day))
    return _sign(
        "common_series", 0.8 * unless(strength, m.multiplied, m.proportional),
        lambda i: f"{opening(onset[i])} the readings follow another meter's series to "
        f"{percent(alike[i])}, "
        f"and {percent(m['integrity.grid_break_share'][i], 1)} of them lie between this meter's counting "
        f"steps.",
        quantity="likeness to another meter's series", found=alike, onset=onset, end=m.when("change_end"),
        source="population", incident=m.incident, speaks=1.2,
    )  # fmt: skip


def mass_disconnect(m: Measures) -> Signature:
    """Exact zeros from the same slot on at scattered meters that keep reporting."""
    size, onset, end = m["cohort.zero_size"], m.when("zero_first"), m.when("zero_last")
    hours = m["integrity.zero_longest_days"] * 24.0
    strength = both(
        m.shared("zero"), ramp(hours, 0.5, 3.0), ramp(m["integrity.zero_usual"], 0.3, 0.1),
        np.where(at_midnight(onset) | at_midnight(end), 0.4, 1.0),
    )  # fmt: skip
    switched = ramp(events_near(m.population, SWITCHED_OFF, onset), 0.0, 1.0)
    unpowered = ramp(events_near(m.population, POWER_DOWN, onset), 0.0, 1.0)
    strength = unless(strength, outage_share(m.population, onset, end), 0.7 * unpowered)
    # One feeder's outage starts in one slot too: without a list of outages this is half an answer.
    sure = 0.45 if m.population.context.outages is None else 0.9
    return _sign(
        "mass_disconnect", lifted(sure * strength, switched),
        lambda i: f"Exact zeros for {number(hours[i], 1)} h {between(onset[i], end[i])}, from the same "
        f"slot on as in "
        f"{count(size[i], 'other meter', 'other meters')} (by chance once in "
        f"10^{number(m['cohort.zero_surprise'][i], 0)}); "
        "the meters kept reporting.",
        quantity="other meters that went to zero "
        "then", found=size, expected=0.0, unit="meters", onset=onset, end=end,
        source="population", incident=m.incident, speaks=0.9,
    )  # fmt: skip


def mass_freeze(m: Measures) -> Signature:
    """Several meters report one constant value over the same slots."""
    size, onset, days = m["cohort.stuck_size"], m.when("stuck_first"), m["integrity.stuck_longest_days"]
    strength = both(ramp(size, 0.5, 3.0), ramp(days, 0.3, 1.0), np.where(at_midnight(onset), 0.4, 0.8))
    return _sign(
        "mass_freeze", unless(strength, ramp(m["integrity.grid_kwh_rel"], 0.15, 0.5)),
        lambda i: f"One value repeats for {number(days[i], 1)} days "
        f"{between(onset[i], m.when('stuck_last')[i])}, over the same "
        f"slots as in {count(size[i], 'other meter', 'other meters')}.",
        quantity="other meters frozen then", found=size, expected=0.0, unit="meters", onset=onset,
        end=m.when("stuck_last"), source="population", incident=m.incident,
    )  # fmt: skip


def mirrored_cohort(m: Measures) -> Signature:
    """Several meters' days run backwards from one day on."""
    gain, onset = m["change.mirror_gain"], m.when("change")
    strength = both(ramp(gain, 0.1, 0.35), m.shared_day)
    return _sign(
        "mirrored_cohort", 0.7 * strength,
        lambda i: f"{opening(onset[i])} the day fits its earlier course better when reversed "
        f"(correlation gained "
        f"{number(gain[i])}), as in {count(m['cohort.onset_size'][i], 'other meter', 'other meters')} that "
        f"changed that day.",
        quantity="correlation gained by reversing the day", found=gain, expected=0.0, onset=onset,
        end=m.when("change_end"), source="population", incident=m.incident,
    )  # fmt: skip


def intrusion_events(m: Measures) -> Signature:
    """The meter logged failed authentication, new keys or firmware when the change came."""
    moments = (m.when("change"), m.when("repeat_first"), m.when("zero_first"))
    counts = [events_near(m.population, INTRUSION, moment) for moment in moments]
    many = np.fmax(np.fmax(counts[0], counts[1]), counts[2])
    first = np.argmax(known_or(np.stack(counts), otherwise=-1.0), axis=0)
    onset = np.choose(first, moments)
    trace = either(
        m.evident,
        ramp(m["integrity.repeat_day_share"], 0.0, 0.02),
        ramp(m["integrity.zero_longest_days"], 0.2, 1.0),
    )
    return _sign(
        "intrusion_events", 0.7 * both(ramp(many, 0.0, 2.0), np.maximum(trace, 0.3)),
        lambda i: f"The meter logged {count(many[i], 'event', 'events')} of authentication, keys, "
        f"firmware or configuration within "
        f"3 days of {iso(onset[i])}.",
        quantity="intrusion events near the "
        "onset", found=many, expected=0.0, unit="events", onset=onset, source="events",
    )  # fmt: skip
