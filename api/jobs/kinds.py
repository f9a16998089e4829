"""Which work each kind of job is."""

from __future__ import annotations

from collections.abc import Mapping

from api.jobs import screening
from api.jobs.running import Kind

KINDS: Mapping[str, Kind] = {screening.KIND: screening.SCREENING}
"""Kinds of jobs by the name that stands in the record."""
