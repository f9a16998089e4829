"""What a caller may see of the work: everything, or for a field team the cases assigned to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from api.http.callers import Caller
from api.http.problems import not_found
from loadprofile.store.cases import case


def allowed_case(connection: sa.Connection, caller: Caller, case_key: int) -> Mapping[str, Any]:
    """A case that this caller may see.

    Raises:
        ProblemError: 404 for a field team whose case it is not, as if there were none.
        NotFoundError: there is none.
    """
    row = case(connection, case_key)
    if not caller.sees_all and row["assignee"] != caller.name:
        raise not_found("case", case_key)
    return row
