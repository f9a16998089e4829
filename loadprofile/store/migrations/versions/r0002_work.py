"""Screenings, what they found, models, cases and feedback."""

import sqlalchemy as sa
from alembic import op

from loadprofile.store.columns import KEY, SORTED, UtcDateTime
from loadprofile.store.triggers import make_append_only

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "models",
        sa.Column("model_key", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("manifest", sa.JSON(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("as_of", UtcDateTime()),
        sa.Column("scores", sa.JSON(none_as_null=True)),
        sa.Column("content", sa.LargeBinary()),
        sa.Column("path", sa.Text()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint("state in ('challenger', 'champion', 'retired')", name="ck_models_state"),
        sa.PrimaryKeyConstraint("model_key", name="pk_models"),
        sa.UniqueConstraint("sha256", name="uq_models_sha256"),
    )
    op.create_index(
        "uq_models_champion",
        "models",
        ["state"],
        unique=True,
        sqlite_where=sa.text("state = 'champion'"),
        postgresql_where=sa.text("state = 'champion'"),
    )
    op.create_table(
        "screenings",
        sa.Column("screening_key", KEY, nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime()),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("model_key", KEY),
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("as_of", UtcDateTime(), nullable=False),
        sa.Column("first_day", sa.Integer()),
        sa.Column("last_day", sa.Integer()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("meters", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text()),
        sa.CheckConstraint("state in ('running', 'done', 'failed', 'cancelled')", name="ck_screenings_state"),
        sa.ForeignKeyConstraint(["model_key"], ["models.model_key"], name="fk_screenings_model_key"),
        sa.PrimaryKeyConstraint("screening_key", name="pk_screenings"),
    )
    op.create_index("ix_screenings_state", "screenings", ["state"])
    op.create_table(
        "cases",
        sa.Column("case_key", KEY, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text()),
        sa.Column("feeder_id", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("assignee", sa.Text()),
        sa.Column("priority", sa.Double(), nullable=False),
        sa.Column("onset", sa.Text()),
        sa.Column("screening_key", KEY),
        sa.Column("as_of", UtcDateTime(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime()),
        sa.Column("resolution", sa.Text()),
        sa.Column("snoozed_until", UtcDateTime()),
        sa.Column("snooze_reason", sa.Text()),
        sa.Column("suppressed_at", UtcDateTime()),
        sa.Column("suppress_reason", sa.Text()),
        sa.CheckConstraint(
            "state in ('new', 'assigned', 'in_field', 'waiting_for_data', 'closed')", name="ck_cases_state"
        ),
        sa.ForeignKeyConstraint(
            ["screening_key"], ["screenings.screening_key"], name="fk_cases_screening_key"
        ),
        sa.PrimaryKeyConstraint("case_key", name="pk_cases"),
    )
    op.create_index("ix_cases_assignee", "cases", ["assignee"])
    op.create_index("ix_cases_state_priority_case_key", "cases", ["state", "priority", "case_key"])
    op.create_table(
        "findings",
        sa.Column("screening_key", KEY, nullable=False),
        sa.Column("meter_key", KEY, nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("anomaly_score", sa.Double(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("p_normal", sa.Double(), nullable=False),
        sa.Column("p_data_mismatch", sa.Double(), nullable=False),
        sa.Column("p_maintenance", sa.Double(), nullable=False),
        sa.Column("p_cyber_attack", sa.Double(), nullable=False),
        sa.Column("p_super_consumption", sa.Double(), nullable=False),
        sa.Column("p_fraud", sa.Double(), nullable=False),
        sa.Column("onset", SORTED),
        sa.Column("onset_low", SORTED),
        sa.Column("onset_high", SORTED),
        sa.Column("end", SORTED),
        sa.Column("lost_kwh", sa.Double()),
        sa.Column("lost_kwh_low", sa.Double()),
        sa.Column("lost_kwh_high", sa.Double()),
        sa.Column("expected_recovery", sa.Double(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text()),
        sa.Column("feeder_id", sa.Text()),
        sa.Column("would_decide", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["meter_key"], ["meters.meter_key"], name="fk_findings_meter_key"),
        sa.ForeignKeyConstraint(
            ["screening_key"], ["screenings.screening_key"], name="fk_findings_screening_key"
        ),
        sa.PrimaryKeyConstraint("screening_key", "meter_key", name="pk_findings"),
    )
    op.create_index("ix_findings_meter_key_screening_key", "findings", ["meter_key", "screening_key"])
    op.create_index(
        "ix_findings_screening_key_anomaly_score_meter_key",
        "findings",
        ["screening_key", "anomaly_score", "meter_key"],
    )
    op.create_index(
        "ix_findings_screening_key_expected_recovery_meter_key",
        "findings",
        ["screening_key", "expected_recovery", "meter_key"],
    )
    op.create_index("ix_findings_screening_key_rank", "findings", ["screening_key", "rank"])
    op.create_table(
        "case_meters",
        sa.Column("case_key", KEY, nullable=False),
        sa.Column("meter_key", KEY, nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["case_key"], ["cases.case_key"], name="fk_case_meters_case_key"),
        sa.ForeignKeyConstraint(["meter_key"], ["meters.meter_key"], name="fk_case_meters_meter_key"),
        sa.PrimaryKeyConstraint("case_key", "meter_key", name="pk_case_meters"),
    )
    op.create_index("ix_case_meters_meter_key", "case_meters", ["meter_key"])
    op.create_index(
        "uq_case_meters_open",
        "case_meters",
        ["meter_key", "cause"],
        unique=True,
        sqlite_where=sa.text("is_open"),
        postgresql_where=sa.text("is_open"),
    )
    op.create_table(
        "feedback",
        sa.Column("feedback_key", KEY, nullable=False),
        sa.Column("meter_key", KEY, nullable=False),
        sa.Column("case_key", KEY),
        sa.Column("amends", KEY),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text()),
        sa.Column("kind", sa.Text()),
        sa.Column("visited_on", sa.Date(), nullable=False),
        sa.Column("visited_by", sa.Text(), nullable=False),
        sa.Column("kwh_recovered", sa.Double()),
        sa.Column("money_recovered", sa.Double()),
        sa.Column("currency", sa.Text()),
        sa.Column("notes", sa.Text(), server_default="", nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "outcome in ('fraud_confirmed', 'other_cause_confirmed', 'right_to_raise', 'nothing_found', "
            "'inconclusive', 'no_access')",
            name="ck_feedback_outcome",
        ),
        sa.ForeignKeyConstraint(["amends"], ["feedback.feedback_key"], name="fk_feedback_amends"),
        sa.ForeignKeyConstraint(["case_key"], ["cases.case_key"], name="fk_feedback_case_key"),
        sa.ForeignKeyConstraint(["meter_key"], ["meters.meter_key"], name="fk_feedback_meter_key"),
        sa.PrimaryKeyConstraint("feedback_key", name="pk_feedback"),
        sa.UniqueConstraint("amends", name="uq_feedback_amends"),
    )
    op.create_index("ix_feedback_case_key", "feedback", ["case_key"])
    op.create_index("ix_feedback_meter_key", "feedback", ["meter_key"])
    make_append_only(op.get_bind(), "feedback")
