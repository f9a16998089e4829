"""The allocations table of the CER trial, with its known blemishes."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from loadprofile.errors import OptionError, UnreadableFileError
from loadprofile.ingest.allocations import Allocation, find_allocations, read_allocations

ROWS: list[list[object]] = [
    ["ID", "Code", "Residential - Tariff allocation", "Residential - stimulus allocation", "SME allocation"],
    [1000, 3, None, None, None],
    [1002, 1, "b", 3, None],
    [1003.0, 1.0, "E", "E", None],
    ["1004", "1", "A", "W ", None],
    [1005, 2, None, None, 4],
    [1006, 2, None, None, "C"],
]
WANT = {
    "1000": Allocation("other", "", "", ""),
    "1002": Allocation("residential", "B", "3", ""),
    "1003": Allocation("residential", "E", "E", ""),
    "1004": Allocation("residential", "A", "W", ""),
    "1005": Allocation("sme", "", "", "4"),
    "1006": Allocation("sme", "", "", "C"),
}
LEGEND = [
    [None, None],
    ["Code", "1 Residential"],
    ["7001", "2"],
    ["Tariff", "b"],
    [None, None],
    [1, 1],
    [2, 2],
]


def workbook(path: Path, rows: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row, legend in zip(rows, LEGEND, strict=True):
        sheet.append([*row, None, *legend])
    book.save(path)
    return path


def test_workbook_and_csv(tmp_path: Path) -> None:
    path = workbook(tmp_path / "SME and Residential allocations.xlsx", ROWS)
    assert read_allocations(path) == WANT
    text = "\n".join(
        ",".join("" if c is None else str(c) for c in [*row, *legend])
        for row, legend in zip(ROWS, LEGEND, strict=True)
    )
    csv = tmp_path / "a.csv"
    csv.write_text("\ufeff" + text + "\n", encoding="utf-8")
    assert read_allocations(csv) == WANT
    assert find_allocations([tmp_path]) == path
    assert find_allocations([tmp_path / "File1.txt"]) == path


def test_an_overwritten_header_costs_nothing(tmp_path: Path) -> None:
    rows = [[1001, 1, "C", 2, None], *ROWS[1:]]
    got = read_allocations(workbook(tmp_path / "over.xlsx", rows))
    assert got == {"1001": Allocation("residential", "C", "2", ""), **WANT}


def test_what_cannot_be_an_allocations_table(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\nx,1\n1000,9\n")
    with pytest.raises(UnreadableFileError, match="no row with a meter number"):
        read_allocations(wrong)
    wrong.write_bytes(b"PK\x03\x04 not a workbook")
    with pytest.raises(UnreadableFileError, match="workbook"):
        read_allocations(wrong)
    wrong.write_text("1000,1\n1000,2\n")
    with pytest.raises(OptionError, match="both residential and sme"):
        read_allocations(wrong)
    with pytest.raises(UnreadableFileError, match="no such file"):
        read_allocations(tmp_path / "absent.csv")
