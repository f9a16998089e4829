"""Incidents of a screening: what many meters have in common, as one line of a list."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import sqlalchemy as sa

from loadprofile.store.database import parts_of
from loadprofile.store.findings import Filters, wanted
from loadprofile.store.work_tables import FINDINGS

COLUMNS = ("incident_id", "meters", "expected_recovery", "lost_kwh", "first_onset", "last_onset", "feeders")


def incidents(
    connection: sa.Connection,
    screening_key: int,
    incident_ids: Sequence[str],
    filters: Filters | None = None,
) -> pd.DataFrame:
    """Incidents with the sums over those of their meters that the filters let through: ``COLUMNS``.

    Args:
        connection: of ``Database.reading``.
        screening_key: which screening.
        incident_ids: which incidents; unknown ones are left out.
        filters: as of ``findings_page``.
    """
    found = FINDINGS.c
    rows: list[sa.Row[*tuple[object, ...]]] = []
    for part in parts_of(sorted(set(incident_ids))):
        rows += connection.execute(
            wanted(screening_key, filters or Filters())
            .with_only_columns(
                found.incident_id, sa.func.count(), sa.func.sum(found.expected_recovery),
                sa.func.sum(found.lost_kwh), sa.func.min(found.onset), sa.func.max(found.onset),
                sa.func.count(found.feeder_id.distinct()),
            )
            .where(found.incident_id.in_(part))
            .group_by(found.incident_id)
            .order_by(found.incident_id)
        ).all()  # fmt: skip
    return pd.DataFrame([tuple(row) for row in rows], columns=list(COLUMNS))
