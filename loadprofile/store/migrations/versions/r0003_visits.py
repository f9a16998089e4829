"""Why a visit was proposed and with what probability; attachments; promotions; population facts.

Models that are champion already get a promotion of their own, so that there is something to roll back to.
"""

import sqlalchemy as sa
from alembic import op

from loadprofile.store.columns import KEY, UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "promotions",
        sa.Column("promotion_key", KEY, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("model_key", KEY, nullable=False),
        sa.Column("previous_key", KEY),
        sa.Column("rolled_back", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["model_key"], ["models.model_key"], name="fk_promotions_model_key"),
        sa.ForeignKeyConstraint(["previous_key"], ["models.model_key"], name="fk_promotions_previous_key"),
        sa.PrimaryKeyConstraint("promotion_key", name="pk_promotions"),
    )
    op.create_table(
        "screening_parts",
        sa.Column("screening_key", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["screening_key"], ["screenings.screening_key"], name="fk_screening_parts_screening_key"
        ),
        sa.PrimaryKeyConstraint("screening_key", "name", name="pk_screening_parts"),
    )
    op.create_table(
        "visits",
        sa.Column("visit_key", KEY, nullable=False),
        sa.Column("screening_key", KEY, nullable=False),
        sa.Column("meter_key", KEY, nullable=False),
        sa.Column("case_key", KEY),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("propensity", sa.Double(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.CheckConstraint("propensity > 0 and propensity <= 1", name="ck_visits_propensity"),
        sa.ForeignKeyConstraint(["case_key"], ["cases.case_key"], name="fk_visits_case_key"),
        sa.ForeignKeyConstraint(["meter_key"], ["meters.meter_key"], name="fk_visits_meter_key"),
        sa.ForeignKeyConstraint(
            ["screening_key"], ["screenings.screening_key"], name="fk_visits_screening_key"
        ),
        sa.PrimaryKeyConstraint("visit_key", name="pk_visits"),
    )
    op.create_index("ix_visits_meter_key", "visits", ["meter_key"])
    op.create_index(
        "ix_visits_screening_key_meter_key", "visits", ["screening_key", "meter_key"], unique=True
    )
    op.create_table(
        "attachments",
        sa.Column("attachment_key", KEY, nullable=False),
        sa.Column("case_key", KEY, nullable=False),
        sa.Column("feedback_key", KEY),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["case_key"], ["cases.case_key"], name="fk_attachments_case_key"),
        sa.ForeignKeyConstraint(
            ["feedback_key"], ["feedback.feedback_key"], name="fk_attachments_feedback_key"
        ),
        sa.PrimaryKeyConstraint("attachment_key", name="pk_attachments"),
    )
    op.create_index("ix_attachments_case_key", "attachments", ["case_key"])
    key = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(
        f"ALTER TABLE feedback ADD COLUMN visit_key {key} "
        "CONSTRAINT fk_feedback_visit_key REFERENCES visits (visit_key)"
    )
    op.execute(
        "INSERT INTO promotions (at, who, model_key, reason) SELECT created_at, created_by, model_key, "
        "'champion before promotions were recorded' FROM models WHERE state = 'champion'"
    )
