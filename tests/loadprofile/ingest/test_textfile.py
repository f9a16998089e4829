"""Texts in chunks of whole lines, whatever they are packed in, and how their tables are written."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadprofile.errors import UnreadableFileError
from loadprofile.ingest.dialect import dialect_of, parse_block
from loadprofile.ingest.textfile import filled_lines, head, line_chunks, text_sources


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.sampled_from(["", "a", "été", "x" * 50, "1 2 3\r"]), min_size=1, max_size=40),
    size=st.integers(8, 200),
    packed=st.booleans(),
)
def test_chunks_lose_nothing_and_know_their_lines(
    tmp_path: Path, lines: list[str], size: int, packed: bool
) -> None:
    text = "\n".join(["first", *lines]).encode()
    path = tmp_path / ("t.csv.gz" if packed else "t.csv")
    path.write_bytes(gzip.compress(text) if packed else text)
    (source,) = text_sources(path)
    chunks = list(line_chunks(source, size))
    assert b"".join(block for block, _, _ in chunks) == text
    for block, first, done in chunks:
        assert text.split(b"\n")[first - 1 :][0] == block.split(b"\n")[0]
        assert 0 < done <= 1
    for block, _, _ in chunks[:-1]:
        assert block.endswith(b"\n")


@given(lines=st.lists(st.sampled_from([b"", b"\r", b"a", b" ", b"ab\r"]), max_size=20), final=st.booleans())
def test_filled_lines_against_its_twin(lines: list[bytes], final: bool) -> None:
    block = b"\n".join(lines) + (b"\n" if final else b"")
    want = [i for i, line in enumerate(block.split(b"\n")) if line not in (b"", b"\r")]
    assert filled_lines(block).tolist() == want


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("Zähler;Wert\n1;2\n".encode(encoding))
    (source,) = text_sources(path)
    assert head(source).decode() == "Zähler;Wert\n1;2\n"


@pytest.mark.parametrize(
    ("text", "delimiter", "decimal", "header", "skip"),
    [
        pytest.param("a,b\n1,2.5\n", ",", ".", ("a", "b"), 1, id="plain"),
        pytest.param(" a ; b \n1;2,5\n", ";", ",", ("a", "b"), 1, id="german"),
        pytest.param("sep=;\na;b\n1;2\n", ";", ".", ("a", "b"), 2, id="excel_says_so"),
        pytest.param("\n\na\tb\n1\t2\n", "\t", ".", ("a", "b"), 3, id="empty_lines_above"),
        pytest.param('t,a\nx,"0,5"\n', ",", ",", ("t", "a"), 1, id="quoted_decimal_comma"),
        pytest.param("a,b\n1,2,\n3,4,\n", ",", ".", ("a", "b", ""), 1, id="delimiter_at_each_end"),
        pytest.param("a,b\nr1,2,3\nr2,4,5\n", ",", ".", ("", "a", "b"), 1, id="row_names_of_R"),
    ],
)
def test_how_a_table_is_written(
    tmp_path: Path, text: str, delimiter: str, decimal: str, header: tuple[str, ...], skip: int
) -> None:
    (tmp_path / "t.csv").write_text(text)
    found = dialect_of(text_sources(tmp_path / "t.csv")[0])
    assert (found.delimiter, found.decimal, found.header, found.skip) == (delimiter, decimal, header, skip)


def test_blocks_know_the_line_of_every_row(tmp_path: Path) -> None:
    text = "a,b\n1,2\n\n3,4,5\n\r\n6,x\n7,8"
    (tmp_path / "t.csv").write_bytes(text.encode())
    dialect = dialect_of(text_sources(tmp_path / "t.csv")[0])
    block = parse_block(text.encode(), 1, dialect, frozenset({0}), (0, 1))
    assert block.line.tolist() == [2, 6, 7]
    assert block.bad == [(4, "3 fields in place of 2", "3,4,5")]
    assert block.table.column("1").to_pylist() == ["2", "x", "8"]


def test_a_stray_quotation_mark_costs_its_own_row_only(tmp_path: Path) -> None:
    text = 'a,b\n1,2\n3,"4\n5,6\n'
    (tmp_path / "t.csv").write_text(text)
    dialect = dialect_of(text_sources(tmp_path / "t.csv")[0])
    block = parse_block(text.encode(), 1, dialect, frozenset({0}), (0, 1))
    assert block.line.tolist() == [2, 4]
    assert block.bad == [(3, "a quotation mark that is not closed", '3,"4')]


def test_a_lone_carriage_return_ends_no_line(tmp_path: Path) -> None:
    text = b"a,b\r\n1,2\r\n3,4\r5,6\r\n7,8\r\n"
    (tmp_path / "t.csv").write_bytes(text)
    dialect = dialect_of(text_sources(tmp_path / "t.csv")[0])
    block = parse_block(text, 1, dialect, frozenset({0}), (0, 1))
    assert block.line.tolist() == [2, 4]
    assert [(line, reason) for line, reason, _ in block.bad] == [(3, "3 fields in place of 2")]


def test_a_zip_without_text(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("picture.png", "x")
    with pytest.raises(UnreadableFileError, match=r"without a \.txt or \.csv"):
        text_sources(tmp_path / "z.zip")
