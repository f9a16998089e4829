"""What the feeder totals say, as signatures: one concept that several sub-detectors speak of.

A meter's change that its feeder's total did not follow is energy used and not metered (or metered and
not used); one that the total followed is real, and excuses theft and faults alike. Columns ``balance.*``
are NaN where no feeder was given; every strength is NaN then, and excuses nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from loadprofile.features.balance import likelier_feeders, stated_feeders
from loadprofile.strength import (
    Floats,
    Measures,
    between,
    both,
    change_in_percent,
    either,
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
from loadprofile.verdicts import Cause, Signature, sign


def unfollowed(m: Measures) -> Floats:
    """The feeder total did not follow this meter's change: the residual took it up."""
    share = m["balance.step_share"]
    stands_out = ramp(np.abs(m["balance.step_z"]), 3.5, 8.0)
    return both(ramp(share, 0.4, 0.75), ramp(share, 2.2, 1.4), stands_out)


def followed(m: Measures) -> Floats:
    """The feeder total moved with this meter: what changed is real use."""
    share, error = m["balance.step_share"], m["balance.step_share_se"]
    return both(ramp(np.abs(share), 0.45, 0.15), ramp(error, 0.25, 0.1))


def real_saving(m: Measures) -> Floats:
    """Meter and feeder total fell together."""
    return both(followed(m), ramp(m.moved, -0.02, -0.1))


def false_rise(m: Measures) -> Floats:
    """The meter rose and the feeder total did not."""
    return both(unfollowed(m), ramp(m.moved, 0.02, 0.15))


def unused_zeros(m: Measures) -> Floats:
    """While the meter read zero nothing was used: the residual stayed."""
    share, z = m["balance.zero_used"], m["balance.zero_z"]
    error = np.abs(share) / np.maximum(np.abs(z), 1e-6)
    return both(ramp(np.abs(share), 0.4, 0.15), ramp(error, 0.2, 0.08))


def excused(
    signatures: Sequence[Signature], excuse: Floats, names: Collection[str], by: float = 0.9
) -> list[Signature]:
    """The same signatures, the named ones weakened by an excuse."""
    return [
        replace(s, strength=unless(s.strength, by * excuse)) if s.name in names else s for s in signatures
    ]


def feeder_lacks(m: Measures) -> Signature:
    """Fraud: the feeder lacks energy since the meter's fall, and the fall explains it."""
    fell = both(unfollowed(m), ramp(m.moved, -0.03, -0.15))
    explained = _explains_step(m)
    needed, need = known_or(m["balance.joint_share"]), known_or(m["balance.joint_z"])
    rivals = both(ramp(need, 2.5, 5.5), ramp(needed, 0.3, 0.6), ramp(needed, 2.5, 1.6))
    alone = both(ramp(need, 8.0, 16.0), ramp(m["balance.feeder_step_z"], 5.0, 9.0))
    alone = both(alone, ramp(m["balance.lead"], 1.0, 4.0), ramp(m["balance.feeder_step"], 0.0, 1e-3))
    explained = either(explained, alone)
    by_date = known_or(explained) > known_or(fell)
    fell = both(either(fell, 0.9 * explained), rivals)
    fell = np.where(np.isnan(m["balance.feeder_size"]), np.nan, fell)
    onset = np.where(by_date, m.when("balance"), m.when("change"))
    end = np.where(by_date, np.datetime64("NaT", "m"), m.when("change_end"))
    ratio = np.where(by_date, 1.0 / np.maximum(m["balance.explains"], 1e-3), m["balance.step_share"])
    explains = np.clip(1.0 / np.maximum(ratio, 1e-3), 0.0, 1.0)
    lack = np.where(by_date, m["balance.feeder_step_kwh"], m["balance.lack_kwh_per_day"])
    z = np.where(by_date, m["balance.feeder_step_z"], m["balance.step_z"])
    return sign(
        Cause.FRAUD, "feeder_lacks", 0.9 * unless(fell, m.multiplied, 0.8 * known_or(m.shared_factor)),
        lambda i: f"The feeder lacks {number(lack[i], 1)} kWh a day {between(onset[i], end[i])} that it did "
        f"not lack before ({number(z[i], 0)} times the error), and this meter's fall explains "
        f"{percent(explains[i])} of it: use went on, metering did not.",
        quantity="share of the meter's change missing on its feeder", found=ratio, expected=0.0, onset=onset,
        end=end, source="feeder totals", affected_kwh=lack * m.days_of(onset, end),
    )  # fmt: skip


def _explains_step(m: Measures) -> Floats:
    """The feeder's own step is as large as this meter's fall on those days; nobody else's fits so well."""
    ratio = m["balance.explains"]
    alike = both(ramp(ratio, 0.45, 0.75), ramp(ratio, 2.0, 1.4), ramp(m["balance.feeder_step"], 0.0, 1e-3))
    sure = both(ramp(m["balance.feeder_step_z"], 5.0, 9.0), ramp(m["balance.explains_z"], 2.5, 5.0))
    return both(alike, sure, ramp(m["balance.lead"], 0.3, 2.0))


def in_the_residual(m: Measures) -> Signature:
    """Fraud: what the feeder lacks follows the hours of this meter, more than those of any other."""
    link, late = m["balance.link"], known_or(m["balance.late_link"], otherwise=-np.inf)
    recent = late > link
    best = np.where(recent, late, link)
    margin = np.where(recent, m["balance.late_margin"], m["balance.margin"])
    rate = np.where(recent, m["balance.late_coefficient"], m["balance.coefficient"])
    traces = np.fmax(np.fmax(m["balance.low_z"], m["balance.zero_z"]), m["balance.top_z"])
    size = either(ramp(rate, 0.03, 0.12), ramp(traces, 5.0, 9.0))
    strength = both(ramp(best, 5.0, 10.0), ramp(margin, 1.0, 4.0), size)
    strength = unless(strength, m.multiplied, 0.8 * known_or(m.shared_factor))
    members = m["balance.feeder_size"]
    none = np.datetime64("NaT", "m")
    return sign(
        Cause.FRAUD, "in_the_residual", 0.9 * strength,
        lambda i: f"What the feeder lacks follows this meter's hours: {number(rate[i])} kWh unmetered for "
        f"each kWh it meters ({number(best[i], 1)} times the error; the next likest of "
        f"{number(members[i], 0)} meters {number(best[i] - margin[i], 1)}).",
        quantity="likeness of the feeder's residual to this meter (z)", found=best, expected=0.0,
        onset=np.where(recent, m.when("balance"), none), source="feeder totals", speaks=0.7,
    )  # fmt: skip


def wrong_feeder(m: Measures) -> Signature:
    """Data mismatch: the topology names a feeder that this meter's load is not on."""
    own, other, z = (m[f"balance.{name}"] for name in ("own_coefficient", "other_coefficient", "other_z"))
    context = m.population.context
    listed, likelier = stated_feeders(context), likelier_feeders(m.population.features, context)
    ids = m.population.profiles.meter_ids
    absent = both(ramp(own, -0.7, -0.9), ramp(own, -1.35, -1.15))
    seen = both(absent, ramp(known_or(z), 6.0, 10.0), np.isfinite(m["balance.other_feeder"]))
    return sign(
        Cause.DATA_MISMATCH, "wrong_feeder", np.where(np.isnan(own), np.nan, 0.95 * seen),
        lambda i: f"Wrong feeder: this meter's load is not in the total of {listed.get(str(ids[i]), '?')}, "
        f"where the topology puts it (coefficient {number(own[i])}, -1 = absent), and is in that of "
        f"{likelier.get(str(ids[i]), '?')} ({number(other[i])}, {number(z[i], 0)} times the error).",
        quantity="coefficient on the stated feeder's residual", found=own, expected=0.0,
        source="feeder totals",
    )  # fmt: skip


def more_than_feeder(m: Measures) -> Signature:
    """Data mismatch: one meter alone reads more than its whole feeder was given."""
    share = m["balance.impossible"]
    return sign(
        Cause.DATA_MISMATCH, "more_than_feeder", 0.9 * ramp(share, 0.0, 0.003),
        lambda i: f"{percent(share[i], 2)} of the readings are larger than the total of the whole feeder "
        f"({number(m['balance.feeder_size'][i], 0)} meters) in the same interval.",
        quantity="share of readings above the feeder's total", found=share, expected=0.0,
        source="feeder totals", speaks=0.7,
    )  # fmt: skip


def unfollowed_rise(m: Measures) -> Signature:
    """Data mismatch: the meter shows more, and the feeder was given no more."""
    onset, share = m.when("change"), m["balance.step_share"]
    return sign(
        Cause.DATA_MISMATCH, "unfollowed_rise", 0.7 * false_rise(m),
        lambda i: f"The readings {change_in_percent(m.moved[i])} {on(onset[i])} and the feeder total did "
        f"not: {percent(share[i])} of the rise was never delivered.",
        quantity="share of the rise missing on the feeder", found=share, expected=0.0, onset=onset,
        end=m.when("change_end"), source="feeder totals", affected_kwh=m.kwh_lost_by_change(),
    )  # fmt: skip


def matched_by_feeder(m: Measures) -> Signature:
    """Super-consumption: the feeder total rose with the meter, so that the residual stayed explained."""
    onset, share = m.when("change"), m["balance.step_share"]
    rose = both(followed(m), ramp(m.moved, 0.08, 0.3), ramp(m["change.glr"], 5.0, 9.0))
    lasting = ramp(m["change.duration_days"], 4.0, 14.0)
    strength = lifted(0.75 * both(rose, lasting), 0.6 * known_or(m.evident), most=0.9)
    return sign(
        Cause.SUPER_CONSUMPTION, "matched_by_feeder", strength,
        lambda i: f"{opening(onset[i])} metered use {change_in_percent(m.moved[i])}, and the feeder total "
        f"rose with it ({percent(abs(float(share[i])))} of the rise is not matched there): real use, all of "
        f"it metered since {iso(onset[i])[:10]}.",
        quantity="share of the rise missing on the feeder", found=share, expected=0.0, onset=onset,
        end=m.when("change_end"), source="feeder totals", speaks=0.7,
    )  # fmt: skip
