"""Layouts told from content."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadprofile.errors import OptionError, UnreadableFileError
from loadprofile.ingest.options import ReadOptions
from loadprofile.ingest.sniff import sources_of


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        pytest.param("1392 19503 0.14\n1392 19504 0.138\n", "cer", id="cer"),
        pytest.param("1392\t19503\t.14\n", "cer", id="cer_tabs"),
        pytest.param("1392,19503,0.14\n1392,19504,0.138\n", "cer", id="cer_commas"),
        pytest.param("1392 19503 0.14\nbroken\n1392 19504 0.138\n", "cer", id="cer_with_a_bad_line"),
        pytest.param("meter_id,timestamp,kwh\na,2013-01-01,1\n", "long", id="long"),
        pytest.param("LCLid,Tariff,DateTime,KWH/hh (per half hour) \nM,S,2013-01-01,1\n", "long", id="lcl"),
        pytest.param("KWH;MPAN;Timestamp\n1;a;2013-01-01\n", "long", id="long_in_another_order"),
        pytest.param("timestamp,a,b\n2013-01-01,1,2\n", "wide", id="wide"),
        pytest.param(",a,b\n2013-01-01 00:00,1,2\n", "wide", id="wide_unnamed_index"),
    ],
)  # fmt: skip
def test_layouts(tmp_path: Path, text: str, layout: str) -> None:
    path = tmp_path / "any name.dat"
    path.write_text(text)
    assert sources_of([path], ReadOptions()).layout == layout


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("client_id,invoice_date,tarif_type\nx,2014-03-24,11\n", id="steg_invoices"),
        pytest.param("disrict,client_id,client_catg\n60,x,11\n", id="steg_clients"),
        pytest.param("row_id,12_anterior,1_anterior,target\n1,2,3,0\n", id="monthly"),
    ],
)
def test_layouts_that_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    for options in (ReadOptions(), ReadOptions(format="long"), ReadOptions(format="wide")):
        with pytest.raises(OptionError, match=r"--format (steg|monthly)"):
            sources_of([path], options)


def test_folders(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="without CSV"):
        sources_of([tmp_path], ReadOptions())
    with pytest.raises(UnreadableFileError, match="no File"):
        sources_of([tmp_path], ReadOptions(format="cer"))
    for name in ("File1.txt", "file2.txt"):
        (tmp_path / name).write_text("1392 19503 0.14\n")
    (tmp_path / "SME and Residential allocations.csv").write_text("ID,Code\n1392,1\n")
    (tmp_path / "README.txt").write_text("About the trial\n")
    found = sources_of([tmp_path], ReadOptions())
    assert [Path(t.name).name for t in found.texts] == ["File1.txt", "file2.txt"]
    with pytest.raises(OptionError, match="at least one"):
        sources_of([], ReadOptions())
