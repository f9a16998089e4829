"""What was measured and is known of the meters; access, jobs and the audit log."""

import sqlalchemy as sa
from alembic import op

from loadprofile.store.columns import KEY, SORTED, UtcDateTime
from loadprofile.store.triggers import make_append_only

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "api_keys",
        sa.Column("api_key", KEY, nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expires_at", UtcDateTime()),
        sa.Column("revoked_at", UtcDateTime()),
        sa.Column("last_used_at", UtcDateTime()),
        sa.CheckConstraint("role in ('analyst', 'field', 'operator')", name="ck_api_keys_role"),
        sa.PrimaryKeyConstraint("api_key", name="pk_api_keys"),
        sa.UniqueConstraint("prefix", name="uq_api_keys_prefix"),
    )
    op.create_table(
        "audit",
        sa.Column("audit_key", KEY, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_key", sa.Text(), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True)),
        sa.Column("after", sa.JSON(none_as_null=True)),
        sa.Column("comment", sa.Text()),
        sa.PrimaryKeyConstraint("audit_key", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index(
        "ix_audit_subject_subject_key_audit_key", "audit", ["subject", "subject_key", "audit_key"]
    )
    op.create_table(
        "idempotency",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("media_type", sa.Text()),
        sa.Column("response", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("caller", "key", name="pk_idempotency"),
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"])
    op.create_table(
        "jobs",
        sa.Column("job_key", KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("progress", sa.Double(), server_default="0", nullable=False),
        sa.Column("stage", sa.Text(), server_default="", nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("started_at", UtcDateTime()),
        sa.Column("heartbeat_at", UtcDateTime()),
        sa.Column("finished_at", UtcDateTime()),
        sa.Column("result", sa.JSON(none_as_null=True)),
        sa.Column("error", sa.Text()),
        sa.CheckConstraint(
            "state in ('queued', 'running', 'done', 'failed', 'cancelled')", name="ck_jobs_state"
        ),
        sa.PrimaryKeyConstraint("job_key", name="pk_jobs"),
    )
    op.create_index("ix_jobs_state", "jobs", ["state"])
    op.create_table(
        "meters",
        sa.Column("meter_key", KEY, nullable=False),
        sa.Column("kind", sa.Text(), server_default="customer", nullable=False),
        sa.Column("meter_id", SORTED, nullable=False),
        sa.Column("timezone", sa.Text()),
        sa.Column("tariff", sa.Text()),
        sa.Column("category", sa.Text()),
        sa.Column("latitude", sa.Double()),
        sa.Column("longitude", sa.Double()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("kind in ('customer', 'feeder')", name="ck_meters_kind"),
        sa.CheckConstraint("latitude between -90 and 90", name="ck_meters_latitude"),
        sa.CheckConstraint("longitude between -180 and 180", name="ck_meters_longitude"),
        sa.PrimaryKeyConstraint("meter_key", name="pk_meters"),
        sa.UniqueConstraint("kind", "meter_id", name="uq_meters_kind_meter_id"),
    )
    op.create_table(
        "users",
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("disabled_at", UtcDateTime()),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("locked_until", UtcDateTime()),
        sa.CheckConstraint("role in ('analyst', 'field', 'operator')", name="ck_users_role"),
        sa.PrimaryKeyConstraint("user_key", name="pk_users"),
        sa.UniqueConstraint("name", name="uq_users_name"),
    )
    op.create_table(
        "events",
        sa.Column("meter_key", KEY, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("vocabulary", sa.Text(), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("known_at", UtcDateTime(), nullable=False),
        sa.Column("superseded_at", UtcDateTime()),
        sa.ForeignKeyConstraint(["meter_key"], ["meters.meter_key"], name="fk_events_meter_key"),
        sa.PrimaryKeyConstraint("meter_key", "at", "code", "vocabulary", "version", name="pk_events"),
    )
    op.create_table(
        "invoices",
        sa.Column("meter_key", KEY, nullable=False),
        sa.Column("first_day", sa.Integer(), nullable=False),
        sa.Column("last_day", sa.Integer(), nullable=False),
        sa.Column("kwh", sa.Double()),
        sa.Column("amount", sa.Double()),
        sa.Column("currency", sa.Text()),
        sa.Column("basis", sa.Text()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("known_at", UtcDateTime(), nullable=False),
        sa.Column("superseded_at", UtcDateTime()),
        sa.CheckConstraint("last_day >= first_day", name="ck_invoices_days"),
        sa.ForeignKeyConstraint(["meter_key"], ["meters.meter_key"], name="fk_invoices_meter_key"),
        sa.PrimaryKeyConstraint("meter_key", "first_day", "last_day", "version", name="pk_invoices"),
    )
    op.create_table(
        "outages",
        sa.Column("meter_key", KEY, nullable=False),
        sa.Column("start_at", UtcDateTime(), nullable=False),
        sa.Column("end_at", UtcDateTime()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("known_at", UtcDateTime(), nullable=False),
        sa.Column("superseded_at", UtcDateTime()),
        sa.ForeignKeyConstraint(["meter_key"], ["meters.meter_key"], name="fk_outages_meter_key"),
        sa.PrimaryKeyConstraint("meter_key", "start_at", "version", name="pk_outages"),
    )
    op.create_table(
        "reading_days",
        sa.Column("meter_key", KEY, nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("known_at", UtcDateTime(), nullable=False),
        sa.Column("superseded_at", UtcDateTime()),
        sa.Column("step", sa.SmallInteger(), nullable=False),
        sa.Column("kwh", sa.LargeBinary(), nullable=False),
        sa.Column("known_slots", sa.SmallInteger(), nullable=False),
        sa.Column("total_kwh", sa.Double(), nullable=False),
        sa.Column("folded_kwh", sa.Double(), nullable=False),
        sa.CheckConstraint("step in (15, 30, 60)", name="ck_reading_days_step"),
        sa.ForeignKeyConstraint(["meter_key"], ["meters.meter_key"], name="fk_reading_days_meter_key"),
        sa.PrimaryKeyConstraint("meter_key", "day", "version", name="pk_reading_days"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "receipts",
        sa.Column("receipt_key", KEY, nullable=False),
        sa.Column("meter_key", KEY, nullable=False),
        sa.Column("known_at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("step", sa.SmallInteger(), nullable=False),
        sa.Column("first_day", sa.Integer(), nullable=False),
        sa.Column("last_day", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("corrected", sa.Integer(), nullable=False),
        sa.Column("folded", sa.Integer(), nullable=False),
        sa.Column("missing", sa.Integer(), nullable=False),
        sa.Column("duplicate", sa.Integer(), nullable=False),
        sa.Column("repeated", sa.Integer(), nullable=False),
        sa.Column("conflicting", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("negative", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["meter_key"], ["meters.meter_key"], name="fk_receipts_meter_key"),
        sa.PrimaryKeyConstraint("receipt_key", name="pk_receipts"),
    )
    op.create_index("ix_receipts_meter_key_known_at", "receipts", ["meter_key", "known_at"])
    op.create_table(
        "registers",
        sa.Column("meter_key", KEY, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("register_kwh", sa.Double()),
        sa.Column("multiplier", sa.Double()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("known_at", UtcDateTime(), nullable=False),
        sa.Column("superseded_at", UtcDateTime()),
        sa.ForeignKeyConstraint(["meter_key"], ["meters.meter_key"], name="fk_registers_meter_key"),
        sa.PrimaryKeyConstraint("meter_key", "at", "version", name="pk_registers"),
    )
    op.create_table(
        "sessions",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("csrf", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_key"], ["users.user_key"], name="fk_sessions_user_key"),
        sa.PrimaryKeyConstraint("sha256", name="pk_sessions"),
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_index("ix_sessions_user_key", "sessions", ["user_key"])
    op.create_table(
        "topology",
        sa.Column("meter_key", KEY, nullable=False),
        sa.Column("since", sa.Integer(), nullable=False),
        sa.Column("feeder_id", SORTED),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("known_at", UtcDateTime(), nullable=False),
        sa.Column("superseded_at", UtcDateTime()),
        sa.ForeignKeyConstraint(["meter_key"], ["meters.meter_key"], name="fk_topology_meter_key"),
        sa.PrimaryKeyConstraint("meter_key", "since", "version", name="pk_topology"),
    )
    op.create_index("ix_topology_feeder_id", "topology", ["feeder_id"])
    make_append_only(op.get_bind(), "audit")
