"""Tables of who may do what, of what is being done, and of what was done."""

from __future__ import annotations

import sqlalchemy as sa

from loadprofile.store.columns import KEY, METADATA, UtcDateTime

ROLES = ("analyst", "field", "operator")
JOB_STATES = ("queued", "running", "done", "failed", "cancelled")

API_KEYS = sa.Table(
    "api_keys",
    METADATA,
    sa.Column("api_key", KEY, primary_key=True),
    sa.Column("prefix", sa.Text, nullable=False, unique=True),  # shown in lists; finds the row
    sa.Column("sha256", sa.Text, nullable=False),  # of the whole key; the key itself is nowhere
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("revoked_at", UtcDateTime),
    sa.Column("last_used_at", UtcDateTime),
    sa.CheckConstraint("role in ('analyst', 'field', 'operator')", name="role"),
)

USERS = sa.Table(
    "users",
    METADATA,
    sa.Column("user_key", KEY, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("password", sa.Text, nullable=False),  # argon2id hash
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("disabled_at", UtcDateTime),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("locked_until", UtcDateTime),
    sa.CheckConstraint("role in ('analyst', 'field', 'operator')", name="role"),
)

SESSIONS = sa.Table(
    "sessions",
    METADATA,
    sa.Column("sha256", sa.Text, primary_key=True),  # of the cookie's token
    sa.Column("user_key", KEY, sa.ForeignKey("users.user_key"), nullable=False, index=True),
    sa.Column("csrf", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
)

IDEMPOTENCY = sa.Table(
    "idempotency",
    METADATA,
    sa.Column("caller", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("request_hash", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False, index=True),
    sa.Column("status", sa.Integer),  # empty while the first call is at work
    sa.Column("media_type", sa.Text),
    sa.Column("response", sa.LargeBinary),
    sa.PrimaryKeyConstraint("caller", "key"),
)

JOBS = sa.Table(
    "jobs",
    METADATA,
    sa.Column("job_key", KEY, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("arguments", sa.JSON, nullable=False),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("progress", sa.Double, nullable=False, server_default="0"),
    sa.Column("stage", sa.Text, nullable=False, server_default=""),
    sa.Column("cancel_requested", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("started_at", UtcDateTime),
    sa.Column("heartbeat_at", UtcDateTime),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("result", sa.JSON(none_as_null=True)),
    sa.Column("error", sa.Text),
    sa.CheckConstraint("state in ('queued', 'running', 'done', 'failed', 'cancelled')", name="state"),
)

AUDIT = sa.Table(
    "audit",
    METADATA,
    sa.Column("audit_key", KEY, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("subject_key", sa.Text, nullable=False),
    sa.Column("before", sa.JSON(none_as_null=True)),
    sa.Column("after", sa.JSON(none_as_null=True)),
    sa.Column("comment", sa.Text),
    sa.Index(None, "subject", "subject_key", "audit_key"),
)
"""Append-only. The history of a case is its part of this log."""
