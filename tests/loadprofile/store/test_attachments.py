"""Attachments: kinds, sizes and names that are taken, and those that are not."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from loadprofile.errors import NotFoundError, RefusedError
from loadprofile.store import attachments as module
from loadprofile.store.attachments import attach, attachment, attachments
from loadprofile.store.cases import history, open_case
from loadprofile.store.database import Database
from loadprofile.store.meters import ensure_meters
from loadprofile.store.work_tables import ATTACHMENTS

JPEG = b"\xff\xd8\xff\xe0picture"


def test_a_file_is_kept_once_and_comes_back(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    monkeypatch.setattr(module, "MOST_OF_A_CASE", 2)
    with database.writing() as connection:
        ensure_meters(connection, ["A"])
        case_key, _ = open_case(connection, ["A"], "fraud", who="ann")
        key = attach(connection, case_key, "meter.jpg", "image/jpeg", JPEG, who="bob")
        assert attach(connection, case_key, "again.jpg", "image/jpeg", JPEG, who="bob") == key
        attach(connection, case_key, "notes.txt", "text/plain", "gruß".encode(), who="bob")
        for name, kind, content in (
            ("x.jpg", "image/jpeg", b"GIF89a"), ("x.svg", "image/svg+xml", b"<svg/>"),
            ("x.txt", "text/plain", b"\xff\xfe"), ("x.txt", "text/plain", b"a\0b"),
            ("x.txt", "text/plain", b""),
            ("x.jpg", "image/jpeg", JPEG + b"x" * 100), ("../x.jpg", "image/jpeg", JPEG + b"2"),
            ("C:x.jpg", "image/jpeg", JPEG + b"2"), (".x.jpg", "image/jpeg", JPEG + b"2"),
            ("a\nb.jpg", "image/jpeg", JPEG + b"2"), ("full.jpg", "image/jpeg", JPEG + b"3"),
        ):  # fmt: skip
            with pytest.raises(RefusedError):
                attach(connection, case_key, name, kind, content, who="bob")
        with pytest.raises(NotFoundError):
            attach(connection, 99, "x.jpg", "image/jpeg", JPEG, who="bob")
        listed = attachments(connection, case_key)
        assert listed["name"].tolist() == ["meter.jpg", "notes.txt"]
        assert "content" not in listed
        assert attachment(connection, key)["content"] == JPEG
        assert history(connection, case_key)["what"].tolist() == ["opened", "attached", "attached"]
        connection.execute(sa.update(ATTACHMENTS).values(content=b"altered"))
        with pytest.raises(NotFoundError):
            attachment(connection, key)
