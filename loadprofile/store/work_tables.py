"""Tables of what was found, who works on it, and what came out: screenings, cases, feedback, models."""

from __future__ import annotations

import sqlalchemy as sa

from loadprofile.store.columns import KEY, METADATA, SORTED, UtcDateTime
from loadprofile.verdicts import CAUSES

CASE_STATES = ("new", "assigned", "in_field", "waiting_for_data", "closed")
MODEL_STATES = ("challenger", "champion", "retired")
SCREENING_STATES = ("running", "done", "failed", "cancelled")
OUTCOMES = (
    "fraud_confirmed", "other_cause_confirmed", "right_to_raise", "nothing_found", "inconclusive",
    "no_access",
)  # fmt: skip
"""What a visit may have found; ``right_to_raise``: something was wrong there, but no fraud."""


def _one_of(name: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{name} in ({', '.join(repr(v) for v in values)})", name=name)


MODELS = sa.Table(
    "models",
    METADATA,
    sa.Column("model_key", KEY, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False, unique=True),  # of the model file
    sa.Column("manifest", sa.JSON, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("as_of", UtcDateTime),  # it learned from nothing that became known later
    sa.Column("scores", sa.JSON(none_as_null=True)),
    sa.Column("content", sa.LargeBinary),  # the file itself, or
    sa.Column("path", sa.Text),  # where it lies
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    _one_of("state", MODEL_STATES),
    sa.Index(
        "uq_models_champion",
        "state",
        unique=True,
        sqlite_where=sa.text("state = 'champion'"),
        postgresql_where=sa.text("state = 'champion'"),
    ),
)

PROMOTIONS = sa.Table(
    "promotions",
    METADATA,
    sa.Column("promotion_key", KEY, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("model_key", KEY, sa.ForeignKey("models.model_key"), nullable=False),
    sa.Column("previous_key", KEY, sa.ForeignKey("models.model_key")),
    sa.Column("rolled_back", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("reason", sa.Text, nullable=False),
)
"""Who was champion when; append-only but for the mark ``rolled_back``."""

SCREENINGS = sa.Table(
    "screenings",
    METADATA,
    sa.Column("screening_key", KEY, primary_key=True),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("model_key", KEY, sa.ForeignKey("models.model_key")),
    sa.Column("model_name", sa.Text, nullable=False),
    sa.Column("settings", sa.JSON, nullable=False),
    sa.Column("as_of", UtcDateTime, nullable=False),
    sa.Column("first_day", sa.Integer),
    sa.Column("last_day", sa.Integer),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("meters", sa.Integer, nullable=False, server_default="0"),
    sa.Column("error", sa.Text),
    _one_of("state", SCREENING_STATES),
)

FINDINGS = sa.Table(
    "findings",
    METADATA,
    sa.Column("screening_key", KEY, sa.ForeignKey("screenings.screening_key"), nullable=False),
    sa.Column("meter_key", KEY, sa.ForeignKey("meters.meter_key"), nullable=False),
    sa.Column("rank", sa.Integer, nullable=False),
    sa.Column("anomaly_score", sa.Double, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    *(sa.Column(f"p_{cause}", sa.Double, nullable=False) for cause in CAUSES),
    *(sa.Column(name, SORTED) for name in ("onset", "onset_low", "onset_high", "end")),  # local, ISO
    *(sa.Column(name, sa.Double) for name in ("lost_kwh", "lost_kwh_low", "lost_kwh_high")),
    sa.Column("expected_recovery", sa.Double, nullable=False),
    sa.Column("queue", sa.Text, nullable=False),
    sa.Column("incident_id", sa.Text),
    sa.Column("feeder_id", sa.Text),  # at the time of the screening
    sa.Column("would_decide", sa.Text, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),  # JSON list, as in the worklist
    sa.PrimaryKeyConstraint("screening_key", "meter_key"),
    sa.Index(None, "screening_key", "rank"),
    sa.Index(None, "screening_key", "expected_recovery", "meter_key"),
    sa.Index(None, "screening_key", "anomaly_score", "meter_key"),
    sa.Index(None, "meter_key", "screening_key"),
)
"""The worklist of a screening, one row per meter."""

CASES = sa.Table(
    "cases",
    METADATA,
    sa.Column("case_key", KEY, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("queue", sa.Text, nullable=False),
    sa.Column("incident_id", sa.Text),
    sa.Column("feeder_id", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("assignee", sa.Text),
    sa.Column("priority", sa.Double, nullable=False),  # expected recovery when it was opened, kWh
    sa.Column("onset", sa.Text),
    sa.Column("screening_key", KEY, sa.ForeignKey("screenings.screening_key")),
    sa.Column("as_of", UtcDateTime, nullable=False),  # what was known when it was opened
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("opened_by", sa.Text, nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
    sa.Column("closed_at", UtcDateTime),
    sa.Column("resolution", sa.Text),
    sa.Column("snoozed_until", UtcDateTime),
    sa.Column("snooze_reason", sa.Text),
    sa.Column("suppressed_at", UtcDateTime),
    sa.Column("suppress_reason", sa.Text),
    _one_of("state", CASE_STATES),
    sa.Index(None, "state", "priority", "case_key"),
    sa.Index(None, "assignee"),
)

CASE_METERS = sa.Table(
    "case_meters",
    METADATA,
    sa.Column("case_key", KEY, sa.ForeignKey("cases.case_key"), nullable=False),
    sa.Column("meter_key", KEY, sa.ForeignKey("meters.meter_key"), nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("is_open", sa.Boolean, nullable=False),
    sa.PrimaryKeyConstraint("case_key", "meter_key"),
    sa.Index(None, "meter_key"),
    sa.Index(
        "uq_case_meters_open",
        "meter_key",
        "cause",
        unique=True,
        sqlite_where=sa.text("is_open"),
        postgresql_where=sa.text("is_open"),
    ),
)
"""The meters of a case; the index holds that a meter has one open case for a cause."""

VISITS = sa.Table(
    "visits",
    METADATA,
    sa.Column("visit_key", KEY, primary_key=True),
    sa.Column("screening_key", KEY, sa.ForeignKey("screenings.screening_key"), nullable=False),
    sa.Column("meter_key", KEY, sa.ForeignKey("meters.meter_key"), nullable=False),
    sa.Column("case_key", KEY, sa.ForeignKey("cases.case_key")),
    sa.Column("proposed_at", UtcDateTime, nullable=False),
    sa.Column("proposed_by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),  # ranked or exploration
    sa.Column("propensity", sa.Double, nullable=False),  # probability with which it was chosen
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("share", sa.Double, nullable=False),
    sa.CheckConstraint("propensity > 0 and propensity <= 1", name="propensity"),
    sa.Index(None, "screening_key", "meter_key", unique=True),
    sa.Index(None, "meter_key"),
)

FEEDBACK = sa.Table(
    "feedback",
    METADATA,
    sa.Column("feedback_key", KEY, primary_key=True),
    sa.Column("meter_key", KEY, sa.ForeignKey("meters.meter_key"), nullable=False, index=True),
    sa.Column("case_key", KEY, sa.ForeignKey("cases.case_key"), index=True),
    sa.Column("visit_key", KEY, sa.ForeignKey("visits.visit_key")),
    sa.Column("amends", KEY, sa.ForeignKey("feedback.feedback_key"), unique=True),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("cause", sa.Text),  # which cause was confirmed
    sa.Column("kind", sa.Text),  # kind of fraud or fault, in the field's words
    sa.Column("visited_on", sa.Date, nullable=False),
    sa.Column("visited_by", sa.Text, nullable=False),
    sa.Column("kwh_recovered", sa.Double),
    sa.Column("money_recovered", sa.Double),
    sa.Column("currency", sa.Text),
    sa.Column("notes", sa.Text, nullable=False, server_default=""),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Column("recorded_by", sa.Text, nullable=False),
    _one_of("outcome", OUTCOMES),
)
"""Append-only: an entry is amended by a new one that points at it."""

ATTACHMENTS = sa.Table(
    "attachments",
    METADATA,
    sa.Column("attachment_key", KEY, primary_key=True),
    sa.Column("case_key", KEY, sa.ForeignKey("cases.case_key"), nullable=False, index=True),
    sa.Column("feedback_key", KEY, sa.ForeignKey("feedback.feedback_key")),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("added_at", UtcDateTime, nullable=False),
    sa.Column("added_by", sa.Text, nullable=False),
)

SCREENING_PARTS = sa.Table(
    "screening_parts",
    METADATA,
    sa.Column("screening_key", KEY, sa.ForeignKey("screenings.screening_key"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.PrimaryKeyConstraint("screening_key", "name"),
)
"""Facts of the whole population that a screening measured, for judging single meters later."""
