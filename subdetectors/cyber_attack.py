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
    lifted,
    number,
    on,
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
        m = Measures(population)
        signatures = [
            same_slot(m),
            common_factor(m),
            coordinated_jumps(m),
            replayed_days(m),
            price_shift(m),
            mass_disconnect(m),
            mass_freeze(m),
            mirrored_cohort(m),
            intrusion_events(m),
        ]
        context = population.context
        missed = [name for name in ("events", "outages", "topology") if getattr(context, name) is None]
        return findings_from(self.cause, population, signatures, missed)


def same_slot(m: Measures) -> Signature:
    """Far more meters than chance allows changed in one and the same slot."""
    size, rare, onset = m["cohort.same_slot_size"], m["cohort.same_slot_surprise"], m.when("change")
    strength = both(m.evident, ramp(size, 0.5, 3.0), ramp(rare, 3.0, 7.0))
    exact = both(m.exact, m.proportional)  # a factor in the data chain also arrives everywhere at once
    midnight = np.where(at_midnight(onset), 0.5, 0.0)
    return _sign(
        "same_slot", unless(strength, 0.7 * exact, midnight),
        lambda i: f"{count(size[i], 'other meter', 'other meters')} changed in the same slot "
        f"{on(onset[i])}; by "
        f"chance this "
        f"happens once in 10^{number(rare[i], 0)}.",
        quantity="other meters that changed in this "
        "slot", found=size, expected=0.0, unit="meters", onset=onset,
        end=m.when("change_end"), source="population", affected_kwh=m.kwh_lost_by_change(),
        incident=m.incident,
    )  # fmt: skip


def common_factor(m: Measures) -> Signature:
    """A cohort scaled by one factor that no multiplier or unit explains."""
    size, onset, misfit = m["cohort.ratio_size"], m.when("change"), m["change.rational_misfit"]
    odd = ramp(misfit, 0.02, 0.06)
    strength = both(m.evident, m.shared_factor, m.proportional, odd)
    return _sign(
        "common_factor", strength,
        lambda i: f"{count(size[i], 'other meter', 'other meters')} changed by the same factor, "
        f"{number(m['change.ratio'][i], 3)}, on "
        f"{iso(onset[i])[:10]}; the nearest exact ratio, {fraction(m['change.rational'][i])}, is "
        f"{percent(misfit[i], 1)} away.",
        quantity="other meters with this factor on this "
        "day", found=size, expected=0.0, unit="meters", onset=onset,
        end=m.when("change_end"), source="population", affected_kwh=m.kwh_lost_by_change(),
        incident=m.incident,
    )  # fmt: skip


def coordinated_jumps(m: Measures) -> Signature:
    """The load jumps where far more meters than usual jump: appliances switched by one hand."""
    share, rare = m["cohort.jump_share"], m["cohort.jump_surprise"]
    strength = both(ramp(rare, 4.0, 10.0), ramp(share, 0.1, 0.4))
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
    """A stretch of days sent again, reading for reading: a recording, not an estimate."""
    share, block, lag = (m[f"integrity.repeat_{what}"] for what in ("day_share", "block_days", "lag_days"))
    recorded = both(ramp(block, 1.5, 4.0), ramp(lag, 1.0, 2.5))
    strength = both(ramp(share, 0.0, 0.02), recorded)
    together = ramp(m["cohort.repeat_size"], 0.5, 3.0)
    return _sign(
        "replayed_days", lifted(0.8 * strength, together),
        lambda i: f"{count(block[i], 'day', 'days')} in a row "
        f"{between(m.when('repeat_first')[i], m.when('repeat_last')[i])} "
        f"repeat, reading for reading, what was sent {count(lag[i], 'day', 'days')} earlier; "
        f"{count(np.nan_to_num(m['cohort.repeat_size'])[i], 'other meter does', 'other meters do')} the "
        f"same.",
        quantity="days in a row "
        "repeated", found=block, expected=0.0, unit="days", onset=m.when("repeat_first"),
        end=m.when("repeat_last"), incident=m.incident,
    )  # fmt: skip


def price_shift(m: Measures) -> Signature:
    """Use moved between the hours while the daily sum stayed: billed at another price."""
    moved, onset = m["change.sum_conserved"], m.when("change")
    alone = both(ramp(moved, 0.12, 0.4), ramp(np.abs(m.moved), 0.12, 0.04))
    # One home that shifts its use has a new tariff or a new habit; several on one day have not.
    strength = alone * np.maximum(0.25, np.nan_to_num(m.shared_day))
    return _sign(
        "price_shift", strength,
        lambda i: f"{on(onset[i]).capitalize()} {percent(m['change.shape_distance'][i])} of the daily "
        f"shape moved to other hours "
        f"while the daily sum {change_in_percent(m.moved[i])}; "
        f"{count(m['cohort.onset_size'][i], 'other meter', 'other meters')} changed that day.",
        quantity="share of the day's shape that "
        "moved", found=m["change.shape_distance"], expected=0.0, onset=onset,
        end=m.when("change_end"), incident=m.incident,
    )  # fmt: skip


def mass_disconnect(m: Measures) -> Signature:
    """Exact zeros from the same slot on at scattered meters that keep reporting."""
    size, onset, end = m["cohort.zero_size"], m.when("zero_first"), m.when("zero_last")
    hours = m["integrity.zero_longest_days"] * 24.0
    strength = both(
        ramp(size, 0.5, 3.0), ramp(m["cohort.zero_surprise"], 3.0, 7.0), ramp(hours, 0.5, 3.0),
        ramp(m["integrity.zero_usual"], 0.3, 0.1), np.where(at_midnight(onset), 0.5, 1.0),
    )  # fmt: skip
    switched = ramp(events_near(m.population, SWITCHED_OFF, onset), 0.0, 1.0)
    unpowered = ramp(events_near(m.population, POWER_DOWN, onset), 0.0, 1.0)
    strength = unless(strength, outage_share(m.population, onset, end), 0.7 * unpowered)
    return _sign(
        "mass_disconnect", lifted(strength, switched),
        lambda i: f"Exact zeros for {number(hours[i], 1)} h {between(onset[i], end[i])}, from the same "
        f"slot on as in "
        f"{count(size[i], 'other meter', 'other meters')} (by chance once in "
        f"10^{number(m['cohort.zero_surprise'][i], 0)}); "
        "the meters kept reporting.",
        quantity="other meters that went to zero "
        "then", found=size, expected=0.0, unit="meters", onset=onset, end=end,
        source="population", incident=m.incident,
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
        lambda i: f"{on(onset[i]).capitalize()} the day fits its earlier course better when reversed "
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
    first = np.argmax(np.nan_to_num(np.stack(counts), nan=-1.0), axis=0)
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
