"""What the work comes to: hit rates, recovery, backlog, calibration, exploration; each a small frame.

All are about the present entries of feedback (amended ones do not count). *Judged* visits are those that told
something (not ``no_access``, not ``inconclusive``). A *hit* confirmed the cause that the visit was made for.
Intervals are Wilson's, 95 %.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import sqlalchemy as sa

from loadprofile.classify.proportions import wilson
from loadprofile.errors import OptionError
from loadprofile.store.columns import now
from loadprofile.store.feedback import feedback
from loadprofile.store.meter_tables import CUSTOMER, METERS
from loadprofile.store.visits import EXPLORATION
from loadprofile.store.work_tables import CASES, FEEDBACK, FINDINGS, SCREENINGS, VISITS
from loadprofile.verdicts import CAUSES, UNDECIDED, Cause
from loadprofile.worklist import QUEUES

GROUPS = ("cause", "queue", "month", "reason")
_DAY_SECONDS = 86_400


def _entries(connection: sa.Connection, as_of: datetime | None) -> pd.DataFrame:
    """Present entries with what the visit was made for, and the probabilities it was chosen by."""
    entries = feedback(connection, as_of=as_of)
    cases = connection.execute(sa.select(CASES.c.case_key, CASES.c.cause, CASES.c.screening_key)).all()
    visits = connection.execute(sa.select(VISITS.c.visit_key, VISITS.c.screening_key)).all()
    cause_of = {row.case_key: row.cause for row in cases}
    screened = {row.case_key: row.screening_key for row in cases}
    proposed = {row.visit_key: row.screening_key for row in visits}
    made_for = entries["visit_key"].map(proposed)
    entries["screening_key"] = made_for.fillna(entries["case_key"].map(screened)).astype("float64")
    found = FINDINGS.c
    odds = [f"p_{cause}" for cause in CAUSES]
    rows = connection.execute(
        sa.select(found.screening_key, found.meter_key, found.cause, *(found[name] for name in odds)).where(
            sa.exists().where(FEEDBACK.c.meter_key == found.meter_key)
        )
    ).all()
    said = pd.DataFrame(rows, columns=["screening_key", "meter_key", "said", *odds]).astype(
        {"screening_key": "float64"}
    )
    joined = entries.merge(said, how="left", on=["screening_key", "meter_key"])
    by_case = joined["case_key"].map(cause_of).astype(object)
    # a proposal out of the worklist was made for what the screening said; anything else for its case
    asked = joined["said"].astype(object).where(joined["visit_key"].notna() & joined["said"].notna(), by_case)
    joined["asked"] = asked.where(asked.notna(), "")
    joined["judged"] = ~joined["outcome"].isin(["no_access", "inconclusive"])
    fraud = (joined["outcome"] == "fraud_confirmed") & joined["asked"].isin([Cause.FRAUD, UNDECIDED])
    other = (joined["outcome"] == "other_cause_confirmed") & (joined["cause"] == joined["asked"])
    joined["hit"] = fraud | other
    joined["month"] = [day.strftime("%Y-%m") for day in joined["visited_on"]]
    joined["queue"] = joined["asked"].map(QUEUES).fillna("none")
    return joined


def _shares(found: pd.Series, of: pd.Series) -> dict[str, list[float]]:  # type: ignore[type-arg]
    bounds = [wilson(float(k), float(n)) for k, n in zip(found, of, strict=True)]
    share = [k / n if n else np.nan for k, n in zip(found, of, strict=True)]
    return {"share": share, "low": [low for low, _ in bounds], "high": [high for _, high in bounds]}


def hit_rates(connection: sa.Connection, by: str = "cause", as_of: datetime | None = None) -> pd.DataFrame:
    """Hits among judged visits: ``<by>, visits, judged, hits, right_to_raise, share, low, high``.

    Args:
        connection: of ``Database.reading``.
        by: ``cause`` or ``queue`` that the visit was made for, ``month`` of the visit, or ``reason`` of the
            proposal (ranked, exploration, empty where nobody proposed it).
        as_of: as known at that moment; None = now.

    Raises:
        OptionError: another grouping.
    """
    if by not in GROUPS:
        raise OptionError("by", by, f"is none of {', '.join(GROUPS)}")
    entries = _entries(connection, as_of)
    key = entries["asked"] if by == "cause" else entries[by].astype(object).where(entries[by].notna(), "")
    out = (
        entries.assign(group=key.astype(object), raised=entries["outcome"] == "right_to_raise")
        .groupby("group", sort=True)
        .agg(
            visits=("judged", "size"),
            judged=("judged", "sum"),
            hits=("hit", "sum"),
            right_to_raise=("raised", "sum"),
        )
        .reset_index()
        .rename(columns={"group": by})
    )
    return out.assign(**_shares(out["hits"], out["judged"]))


def recovered(connection: sa.Connection, as_of: datetime | None = None) -> pd.DataFrame:
    """What visits brought back: ``month, currency, visits, kwh, money, kwh_per_visit, money_per_visit``.

    Visits without money stand under an empty currency; sums of different currencies are never added. What
    comes to a visit is over all visits of the month, whichever currency: so it adds up over its rows.
    """
    entries = _entries(connection, as_of)
    currency = entries["currency"].astype(object)
    out = (
        entries.assign(
            currency=currency.where(currency.notna(), ""),
            kwh=entries["kwh_recovered"].astype("float64").fillna(0.0),
            money=entries["money_recovered"].astype("float64").fillna(0.0),
        )
        .groupby(["month", "currency"], sort=True)
        .agg(visits=("kwh", "size"), kwh=("kwh", "sum"), money=("money", "sum"))
        .reset_index()
    )
    of_month = out.groupby("month")["visits"].transform("sum")
    return out.assign(kwh_per_visit=out["kwh"] / of_month, money_per_visit=out["money"] / of_month)


def backlog(connection: sa.Connection, at: datetime | None = None) -> pd.DataFrame:
    """Open cases: ``queue, state, cases, snoozed, suppressed, median_days, oldest_days``."""
    moment = now(at)
    rows = connection.execute(
        sa.select(
            CASES.c.queue, CASES.c.state, CASES.c.opened_at, CASES.c.snoozed_until, CASES.c.suppressed_at
        ).where(CASES.c.state != "closed")
    ).all()
    frame = pd.DataFrame(
        {
            "queue": [row.queue for row in rows],
            "state": [row.state for row in rows],
            "days": [(moment - row.opened_at).total_seconds() / _DAY_SECONDS for row in rows],
            "asleep": [row.snoozed_until is not None and row.snoozed_until > moment for row in rows],
            "hidden": [row.suppressed_at is not None for row in rows],
        }
    )
    return (
        frame.groupby(["queue", "state"], sort=True)
        .agg(
            cases=("days", "size"), snoozed=("asleep", "sum"), suppressed=("hidden", "sum"),
            median_days=("days", "median"), oldest_days=("days", "max"),
        )
        .reset_index()
    )  # fmt: skip


def onset_to_case(connection: sa.Connection) -> pd.DataFrame:
    """Days from the onset that was found to the opening of the case: ``cause, cases, q25, median, q75``.

    Onsets are local days, openings UTC: off by less than a day. Cases without an onset do not count.
    """
    rows = connection.execute(
        sa.select(CASES.c.cause, CASES.c.onset, CASES.c.opened_at).where(CASES.c.onset.is_not(None))
    ).all()
    opened = np.array([row.opened_at.replace(tzinfo=None) for row in rows], dtype="datetime64[m]")
    onset = np.array([row.onset for row in rows], dtype="datetime64[m]")
    days_ = (opened - onset) / np.timedelta64(1, "D")
    frame = pd.DataFrame({"cause": [row.cause for row in rows], "days": days_})
    days = frame.groupby("cause", sort=True)["days"]
    quarter = {f"q{q}": days.quantile(q / 100) for q in (25, 75)}
    out = pd.DataFrame(
        {"cases": days.size(), "q25": quarter["q25"], "median": days.median(), "q75": quarter["q75"]}
    )
    return out.rename_axis("cause").reset_index()


def calibration(
    connection: sa.Connection, cause: str = Cause.FRAUD, bins: int = 10, as_of: datetime | None = None
) -> pd.DataFrame:
    """Stated probability of a cause against what judged visits found.

    Args:
        connection: of ``Database.reading``.
        cause: one of the six.
        bins: of equal width over 0..1.
        as_of: as known at that moment.

    Returns:
        ``from, to, visits, stated, confirmed, share, low, high`` for the bins that have visits. Visits of
        meters that no screening had judged are left out. Most visits were made because the probability was
        high: rows of the exploration alone are without that choice, but few.
    """
    if cause not in tuple(CAUSES):
        raise OptionError("cause", cause, "is none of the six")
    entries = _entries(connection, as_of)
    entries = entries[entries["judged"] & entries[f"p_{cause}"].notna()]
    stated = entries[f"p_{cause}"].astype("float64")
    confirmed = {
        Cause.FRAUD: entries["outcome"] == "fraud_confirmed",
        Cause.NORMAL: entries["outcome"] == "nothing_found",
    }.get(Cause(cause), entries["cause"] == cause)
    at = np.minimum((stated * bins).astype("int64"), bins - 1)
    out = (
        pd.DataFrame({"bin": at, "stated": stated, "confirmed": confirmed})
        .groupby("bin", sort=True)
        .agg(visits=("stated", "size"), stated=("stated", "mean"), confirmed=("confirmed", "sum"))
        .reset_index()
    )
    out.insert(0, "from", out["bin"] / bins)
    out.insert(1, "to", (out["bin"] + 1) / bins)
    return out.drop(columns="bin").assign(**_shares(out["confirmed"], out["visits"]))


def exploration(connection: sa.Connection) -> pd.DataFrame:
    """Proposals by screening: ``screening_key, as_of, visits, exploration, share, wanted``."""
    rows = connection.execute(
        sa.select(VISITS.c.screening_key, SCREENINGS.c.as_of, VISITS.c.reason, VISITS.c.share)
        .join(SCREENINGS, SCREENINGS.c.screening_key == VISITS.c.screening_key)
        .order_by(VISITS.c.screening_key)
    ).all()
    frame = pd.DataFrame(rows, columns=["screening_key", "as_of", "reason", "wanted"])
    out = (
        frame.assign(drawn=frame["reason"] == EXPLORATION)
        .groupby(["screening_key", "as_of"], sort=True)
        .agg(visits=("drawn", "size"), exploration=("drawn", "sum"), wanted=("wanted", "mean"))
        .reset_index()
    )
    return out.assign(share=out["exploration"] / out["visits"])


def never_inspected(connection: sa.Connection, as_of: datetime | None = None) -> dict[str, float]:
    """``meters``, ``inspected`` (a visit got in) and the ``share`` that nobody ever inspected."""
    there = sa.select(sa.func.count()).select_from(METERS).where(METERS.c.kind == CUSTOMER)
    meters = int(connection.execute(there).scalar_one())
    entries = feedback(connection, as_of=as_of)
    inspected = int(entries.loc[entries["outcome"] != "no_access", "meter_key"].nunique())
    return {
        "meters": meters,
        "inspected": inspected,
        "share": 1.0 - inspected / meters if meters else float("nan"),
    }
