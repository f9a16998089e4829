"""Tables of what was measured and is known of the meters.

Every row that may be corrected has ``version``, ``known_at`` and ``superseded_at``: a correction writes the
next version and closes the one before, so that what was known at any moment can be read again.
"""

from __future__ import annotations

import sqlalchemy as sa

from loadprofile.store.columns import KEY, METADATA, SORTED, UtcDateTime

CUSTOMER, FEEDER = "customer", "feeder"
"""Kinds of meters: a customer's, or the total of a feeder (transformer)."""

METERS = sa.Table(
    "meters",
    METADATA,
    sa.Column("meter_key", KEY, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False, server_default=CUSTOMER),
    sa.Column("meter_id", SORTED, nullable=False),
    sa.Column("timezone", sa.Text),
    sa.Column("tariff", sa.Text),
    sa.Column("category", sa.Text),
    sa.Column("latitude", sa.Double),
    sa.Column("longitude", sa.Double),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("kind", "meter_id"),
    sa.CheckConstraint("kind in ('customer', 'feeder')", name="kind"),
    sa.CheckConstraint("latitude between -90 and 90", name="latitude"),
    sa.CheckConstraint("longitude between -180 and 180", name="longitude"),
)


def _meter() -> sa.Column[int]:
    return sa.Column("meter_key", KEY, sa.ForeignKey("meters.meter_key"), nullable=False)


def _versions() -> tuple[sa.Column[int], sa.Column[object], sa.Column[object]]:
    return (
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("known_at", UtcDateTime, nullable=False),
        sa.Column("superseded_at", UtcDateTime),
    )


READING_DAYS = sa.Table(
    "reading_days",
    METADATA,
    _meter(),
    sa.Column("day", sa.Integer, nullable=False),  # local calendar day, days since 1970-01-01
    *_versions(),
    sa.Column("step", sa.SmallInteger, nullable=False),  # minutes
    sa.Column("kwh", sa.LargeBinary, nullable=False),  # 1440 / step little-endian float32
    sa.Column("known_slots", sa.SmallInteger, nullable=False),
    sa.Column("total_kwh", sa.Double, nullable=False),  # sum of the known slots
    sa.Column("folded_kwh", sa.Double, nullable=False),  # energy of a repeated hour that the mean leaves out
    sa.PrimaryKeyConstraint("meter_key", "day", "version"),
    sa.CheckConstraint("step in (15, 30, 60)", name="step"),
    sqlite_with_rowid=False,
)
"""One row per meter, day and version."""

RECEIPTS = sa.Table(
    "receipts",
    METADATA,
    sa.Column("receipt_key", KEY, primary_key=True),
    _meter(),
    sa.Column("known_at", UtcDateTime, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("step", sa.SmallInteger, nullable=False),
    sa.Column("first_day", sa.Integer, nullable=False),
    sa.Column("last_day", sa.Integer, nullable=False),
    *(
        sa.Column(name, sa.Integer, nullable=False)
        for name in (
            "accepted", "corrected", "folded", "missing", "duplicate", "repeated", "conflicting", "rejected",
            "negative",
        )
    ),
    sa.Index(None, "meter_key", "known_at"),
)  # fmt: skip
"""What became of the rows of one meter in one submission (see ``readings.Recorded``)."""

EVENTS = sa.Table(
    "events",
    METADATA,
    _meter(),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("vocabulary", sa.Text, nullable=False, server_default=""),
    *_versions(),
    sa.PrimaryKeyConstraint("meter_key", "at", "code", "vocabulary", "version"),
)

REGISTERS = sa.Table(
    "registers",
    METADATA,
    _meter(),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("register_kwh", sa.Double),
    sa.Column("multiplier", sa.Double),
    *_versions(),
    sa.PrimaryKeyConstraint("meter_key", "at", "version"),
)

OUTAGES = sa.Table(
    "outages",
    METADATA,
    _meter(),
    sa.Column("start_at", UtcDateTime, nullable=False),
    sa.Column("end_at", UtcDateTime),  # empty: lasts still
    *_versions(),
    sa.PrimaryKeyConstraint("meter_key", "start_at", "version"),
)

TOPOLOGY = sa.Table(
    "topology",
    METADATA,
    _meter(),
    sa.Column("since", sa.Integer, nullable=False),  # local day from which the meter hangs on this feeder
    sa.Column("feeder_id", SORTED),
    *_versions(),
    sa.PrimaryKeyConstraint("meter_key", "since", "version"),
    sa.Index(None, "feeder_id"),
)

INVOICES = sa.Table(
    "invoices",
    METADATA,
    _meter(),
    sa.Column("first_day", sa.Integer, nullable=False),
    sa.Column("last_day", sa.Integer, nullable=False),  # included
    sa.Column("kwh", sa.Double),
    sa.Column("amount", sa.Double),
    sa.Column("currency", sa.Text),
    sa.Column("basis", sa.Text),  # how it was read: actual, estimated, customer, ...
    *_versions(),
    sa.PrimaryKeyConstraint("meter_key", "first_day", "last_day", "version"),
    sa.CheckConstraint("last_day >= first_day", name="days"),
)
