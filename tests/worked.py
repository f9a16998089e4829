"""A served record with a made-up screening in it: meters ``M000`` and on, what was found, their cases."""

from __future__ import annotations

from recorded import made_worklist, screened
from serving import Served

CAUSES = ["fraud", "maintenance", "fraud", "data_mismatch", "data_mismatch", "undecided", "fraud", "normal",
          "normal", "normal"]  # fmt: skip


def with_screening(served: Served) -> int:
    """Record a worklist of ten meters; two of them are one incident. Its screening's key."""
    frame = made_worklist(CAUSES, lost=[100.0] * len(CAUSES), incidents={3: "I00001", 4: "I00001"})
    with served.service.database.writing() as connection:
        return screened(connection, frame)


def opened(served: Served, meter: str = "M000") -> dict[str, object]:
    """The open case of a meter, opened if there is none."""
    answer = served.post("/v1/cases", json={"meter_id": meter})
    assert answer.status_code in {200, 201}, answer.text
    found: dict[str, object] = answer.json()
    return found
