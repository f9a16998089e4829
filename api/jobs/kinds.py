"""Which work each kind of job is."""

from __future__ import annotations

from collections.abc import Mapping

from api.jobs.running import Kind
from api.jobs.screening import KIND as SCREENED
from api.jobs.screening import SCREENING
from api.learning_jobs import KIND as LEARNED
from api.learning_jobs import LEARNING

KINDS: Mapping[str, Kind] = {SCREENED: SCREENING, LEARNED: LEARNING}
"""Kinds of jobs by the name that stands in the record."""
