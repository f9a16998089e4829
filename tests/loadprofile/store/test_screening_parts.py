"""What a screening measured of its population comes back byte for byte."""

from __future__ import annotations

import pytest
from recorded import made_worklist, screened

from loadprofile.errors import NotFoundError
from loadprofile.store.database import Database
from loadprofile.store.screening_parts import keep_part, part

LIST = made_worklist(["fraud"])


def test_parts_of_a_screening_are_kept_whole(database: Database) -> None:
    with database.writing() as connection:
        key = screened(connection, LIST)
        keep_part(connection, key, "peers", b"old")
        keep_part(connection, key, "peers", b"\x00new")
        assert part(connection, key, "peers") == b"\x00new"
        with pytest.raises(NotFoundError):
            part(connection, key, "donors")
