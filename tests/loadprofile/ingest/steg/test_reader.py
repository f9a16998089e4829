"""Reading STEG-style tables: repairs are exact, the rest is refused with a reason, and the counts add up."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from steg_layout import HEADER, made_clients, write_clients, write_invoices, write_table

from loadprofile.emulate.invoice_faults import FileFaults
from loadprofile.emulate.invoices import make_invoices
from loadprofile.errors import InputError, OptionError, UnreadableFileError, WrongTableError
from loadprofile.ingest.steg.reader import StegIntake, read_steg

GOOD = "c0,2014-03-24,11,1335667,0,203,8,1,82,0,0,0,14302,14384,4,ELEC"
NEXT = "c0,2014-07-24,11,1335667,0,203,8,1,16,0,0,0,14384,14400,4,ELEC"
MANY = FileFaults(
    shifted=3000, shifted_from_counter=1000, letter=2000, foreign=1000, duplicate=2000, zero=500
)


def read_rows(folder: Path, rows: list[str]) -> StegIntake:
    clients = write_clients(folder / "clients.csv", made_clients(3))
    return read_steg([clients, write_invoices(folder / "invoices.csv", rows)])


def cells(intake: StegIntake) -> set[tuple[str, ...]]:
    """Repaired cells without those of whole columns."""
    return {(str(row), *rest) for _, row, *rest in intake.repairs if row}


def adds_up(intake: StegIntake, rows: int) -> bool:
    account = intake.invoice_rows
    return account.read == rows and account.kept + account.repaired == len(intake.invoices)


@pytest.mark.parametrize("form", ["csv", "zip", "parquet"])
def test_every_planted_fault_is_repaired_and_nothing_else_is_touched(tmp_path: Path, form: str) -> None:
    clients = made_clients(500)
    made = make_invoices(clients, np.random.default_rng(4), faults=MANY)
    first = write_clients(tmp_path / "clients.csv", clients)
    path = tmp_path / f"bills.{form}"
    offset = 0
    if form == "parquet":
        pq.write_table(made.table, path, row_group_size=4000)
        offset = 1  # rows are counted from 1, without a header
    else:
        write_table(tmp_path / "bills.csv", made.table)
        if form == "zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.write(tmp_path / "bills.csv", "bills.csv")
    audit, rejects = tmp_path / "audit.csv", tmp_path / "rejects.csv"
    intake = read_steg([path, first], audit=audit, rejects=rejects)
    with audit.open() as stream:
        found = [row for row in csv.DictReader(stream) if row["row"] != "0"]
    names = ("row", "column", "before", "after", "rule")
    told = made.faults.copy()
    told["row"] -= offset
    if offset:
        lines = told["before"].str.extract(r"same as line (\d+)")[0]
        same = lines.notna()
        told.loc[same, "before"] = "same as line " + (lines[same].astype(int) - 1).astype(str)
    assert {tuple(row[n] for n in names) for row in found} == set(map(tuple, told.astype(str).to_numpy()))
    assert len(found) == len(told) > 300
    with rejects.open() as stream:
        assert [int(row["line"]) + offset for row in csv.DictReader(stream)] == made.rejects["line"].tolist()
    assert adds_up(intake, made.table.num_rows)
    account = intake.invoice_rows
    assert account.duplicate == (told["rule"] == "exact duplicate left out").sum()
    assert account.rejected == len(made.rejects)


def test_invoices_are_sorted_and_belong_to_their_clients(tmp_path: Path) -> None:
    clients = made_clients(60)
    made = make_invoices(clients, np.random.default_rng(1), faults=FileFaults())
    intake = read_steg(
        [write_clients(tmp_path / "c.csv", clients), write_table(tmp_path / "i.csv", made.table)]
    )
    bills = intake.invoices
    keys = np.stack([bills.client, bills.energy, bills.counter, bills.date, bills.old_index])
    assert (np.lexsort(keys[::-1]) == np.arange(len(bills))).all()
    assert (np.repeat(np.arange(60), np.diff(bills.starts)) == bills.client).all()
    names = made.table["client_id"].to_numpy()[bills.line - 2]
    assert (clients.client_ids[bills.client] == names).all()
    assert (bills.new_index == made.table["new_index"].to_numpy()[bills.line - 2]).all()
    assert list(cells(intake)) == []
    assert np.array_equal(intake.clients.created, clients.created)
    assert np.array_equal(intake.clients.target, clients.target)


def test_misspelt_and_right_headers_read_the_same(tmp_path: Path) -> None:
    wrong = read_rows(tmp_path, [GOOD, NEXT])
    text = (tmp_path / "invoices.csv").read_text()
    for misspelt, right in (("consommation_", "consumption_"), ("statue", "status"), ("tarif_", "tariff_"),
                            ("remarque", "remark")):  # fmt: skip
        text = text.replace(misspelt, right)
    (tmp_path / "invoices.csv").write_text(text)
    right = read_steg([tmp_path / "invoices.csv", tmp_path / "clients.csv"])
    assert np.array_equal(wrong.invoices.levels, right.invoices.levels)
    assert wrong.repairs.by_rule()["misspelt header"] == 8
    assert right.repairs.by_rule()["misspelt header"] == 1  # disrict
    assert ("clients.csv", "0", "district", "disrict", "district", "misspelt header") in {
        (Path(f).name, str(r), *rest) for f, r, *rest in wrong.repairs
    }


@pytest.mark.parametrize(
    ("row", "after", "rule"),
    [
        pytest.param(GOOD.replace(",0,203", ",A,203"), -1, "not a number: taken as unknown", id="letter"),
        pytest.param(GOOD.replace(",0,203", ",0.0,203"), 0, "number written in another way", id="text"),
        pytest.param(
            GOOD.replace(",0,203", ",618,203"), -1, "no known status: taken as unknown", id="foreign"
        ),
        pytest.param(
            GOOD.replace(",0,203", ",99999999999,203"), -1, "out of range: taken as unknown", id="huge"
        ),
    ],
)
def test_a_status_that_is_none(tmp_path: Path, row: str, after: int, rule: str) -> None:
    intake = read_rows(tmp_path, [row, NEXT])
    assert intake.invoices.status.tolist() == [after, 0]
    assert {cell[-1] for cell in cells(intake)} == {rule}
    assert intake.invoice_rows.repaired == 1


def test_one_odd_value_does_not_move_a_row(tmp_path: Path) -> None:
    odd = GOOD.replace(",203,8,", ",203,203,")
    intake = read_rows(tmp_path, [odd, *[NEXT.replace("14400", str(14400 + i)) for i in range(40)]])
    assert 203 in intake.invoices.remark
    assert "row shifted one column to the right" not in intake.repairs.by_rule()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param(GOOD.replace("14302", ""), "old_index: blank", id="blank_index"),
        pytest.param(GOOD.replace("14302", "x"), "old_index: not a number", id="text_index"),
        pytest.param(GOOD.replace("14302", "1.5"), "old_index: not a whole number", id="half"),
        pytest.param(GOOD.replace("14302", "99999999999"), "old_index: out of range", id="huge"),
        pytest.param(GOOD.replace("2014-03-24", "2014-13-24"), "invoice_date: no such day", id="date"),
        pytest.param(GOOD.replace("2014-03-24", "soon"), "invoice_date: not a date", id="no_date"),
        pytest.param(GOOD.replace("ELEC", "WATER"), "counter_type: neither ELEC nor GAZ", id="energy"),
        pytest.param(GOOD.replace("c0", "c9"), "client not in the client table", id="stranger"),
        pytest.param(GOOD.replace("c0", ""), "no client_id", id="nobody"),
        pytest.param(GOOD + ",1", "17 fields in place of 16", id="fields"),
        pytest.param("c0,2014-03-24,11,0,0,0,0,0,0,0,0,0,0,0,0,ELEC", "every number is zero", id="zero"),
    ],
)  # fmt: skip
def test_what_cannot_be_repaired_is_refused_with_a_reason(tmp_path: Path, row: str, reason: str) -> None:
    intake = read_rows(tmp_path, [NEXT, row])
    assert [(r.line, r.reason.startswith(reason)) for r in intake.rejects.kept] == [(3, True)]
    assert len(intake.invoices) == 1
    assert intake.invoice_rows.rejected == 1


def test_a_day_first_invoice_and_a_spelling_are_mended(tmp_path: Path) -> None:
    intake = read_rows(tmp_path, [GOOD.replace("2014-03-24", "24/03/2014").replace("ELEC", "elec"), NEXT])
    assert str(np.datetime64("1970-01-01") + intake.invoices.date[0]) == "2014-03-24"
    assert cells(intake) == {
        ("2", "invoice_date", "24/03/2014", "2014-03-24", "dates written day first"),
        ("2", "counter_type", "elec", "ELEC", "spelling"),
    }


CELLS = st.sampled_from(
    ["0", "1", "A", "", "203", "6", "14384", "-5", "1.5", "x", "ELEC", "2014-03-24", "c0"]
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 15), CELLS, st.booleans()), max_size=12))
def test_rows_add_up_whatever_is_in_them(tmp_path: Path, edits: list[tuple[int, str, bool]]) -> None:
    rows = [GOOD, NEXT]
    for at, cell, again in edits:
        fields = rows[-1].split(",")
        fields[at] = cell
        rows.append(",".join(fields))
        if again:
            rows.append(rows[-1])
    intake = read_rows(tmp_path, rows)
    assert adds_up(intake, len(rows))
    account = intake.invoice_rows
    assert account.duplicate == intake.repairs.by_rule().get("exact duplicate left out", 0)
    assert account.rejected == intake.rejects.rejected == len(intake.rejects.kept)
    lines = set(intake.invoices.line.tolist())
    refused = {reject.line for reject in intake.rejects.kept}
    left_out = {int(row) for row, column, *_ in cells(intake) if column == "*"}
    assert lines | refused | left_out == set(range(2, len(rows) + 2))
    assert len(lines) + len(refused) + len(left_out) == len(rows)


def test_wrong_files_are_refused_in_one_sentence(tmp_path: Path) -> None:
    clients = write_clients(tmp_path / "clients.csv", made_clients(2))
    good = write_invoices(tmp_path / "invoices.csv", [GOOD])
    other = tmp_path / "other.csv"
    other.write_text("meter_id,timestamp,kwh\na,2014-01-01T00:00,1\n")
    with pytest.raises(WrongTableError, match=r"other\.csv: not a STEG client table .* lacks client_id"):
        read_steg([clients, other])
    short = tmp_path / "short.csv"
    short.write_text(HEADER.replace(",months_number", "") + "\n" + GOOD + "\n")
    with pytest.raises(
        WrongTableError, match=r"short\.csv: not a STEG invoice table: it lacks months_number"
    ):
        read_steg([clients, short])
    with pytest.raises(OptionError, match="no STEG client table"):
        read_steg([good])
    with pytest.raises(OptionError, match="no STEG invoice table"):
        read_steg([clients])
    with pytest.raises(UnreadableFileError, match="no such file"):
        read_steg([clients, tmp_path / "nowhere.csv"])
    strangers = write_invoices(tmp_path / "strangers.csv", [GOOD.replace("c0", "d7")])
    with pytest.raises(InputError, match="none of its clients"):
        read_steg([clients, strangers])


def test_columns_of_other_names_are_read_where_they_are_named(tmp_path: Path) -> None:
    clients = write_clients(tmp_path / "clients.csv", made_clients(2))
    path = write_invoices(tmp_path / "invoices.csv", [GOOD, NEXT])
    right = read_steg([clients, path])
    called = {"client_id": "Kunde", "old_index": "Alter Stand", "tarif_type": "Tarif"}
    text = path.read_text()
    for name, word in called.items():
        text = text.replace(name, word)
    path.write_text(text)
    with pytest.raises(WrongTableError, match=r"it lacks client_id.*; name others with --map NAME=COLUMN$"):
        read_steg([clients, path])
    found = read_steg([clients, path], called=called)
    assert np.array_equal(found.invoices.old_index, right.invoices.old_index)
    assert np.array_equal(found.invoices.tariff, right.invoices.tariff)
    with pytest.raises(OptionError, match="client and invoice tables have disrict, client_id"):
        read_steg([clients, path], called={"kunde": "Kunde"})


def test_a_client_row_is_refused_or_counted_as_duplicate(tmp_path: Path) -> None:
    path = write_clients(tmp_path / "clients.csv", made_clients(3))
    head, *rows = path.read_text().splitlines()
    odd = rows[1].replace("c1", "c7").split(",")
    odd[3], odd[5] = "north", "yes"
    path.write_text("\n".join([head, *rows, rows[0], rows[1][:-3] + "0.5", "60,,11,101,01/01/2000,0",
                               ",".join(odd)]) + "\n")  # fmt: skip
    intake = read_steg([path, write_invoices(tmp_path / "invoices.csv", [GOOD])])
    account = intake.client_rows
    assert (account.read, account.kept, account.repaired, account.duplicate, account.rejected) == (
        7,
        3,
        1,
        1,
        2,
    )
    assert intake.clients.region[-1] == -1
    assert np.isnan(intake.clients.target[-1])
    assert ("8", "target", "yes", "", "target neither 0 nor 1: taken as unknown") in cells(intake)
    assert [r.reason for r in intake.rejects.kept] == ["client_id again, with other values", "no client_id"]


def test_the_real_client_reads_without_a_repair(shared_data: Path) -> None:
    folder = shared_data / "steg"
    intake = read_steg([folder / "invoices_train_Client_0.csv", folder / "client_train.parquet"])
    assert len(intake.clients) == 135_493
    assert int(np.nansum(intake.clients.target)) == 7_566
    assert intake.invoice_rows.kept == len(intake.invoices) == 35
    assert cells(intake) == set()
    assert str(intake.clients.created[0]) == "1994-12-31"
    bills = intake.invoices
    assert bills.old_index[0] == 3685
    assert bills.new_index[-1] == 17_078
    assert bills.levels[:, 1].tolist().count(0) == 33  # two bills reached the second level
    assert (np.diff(bills.starts) > 0).nonzero()[0].tolist() == [0]


def test_a_parquet_file_of_numbers_reads_like_the_text(tmp_path: Path) -> None:
    clients = made_clients(40)
    made = make_invoices(clients, np.random.default_rng(2), faults=FileFaults())
    path = write_clients(tmp_path / "c.csv", clients)
    text = read_steg([path, write_table(tmp_path / "i.csv", made.table)])
    numbers = made.table.set_column(
        4, "counter_statue", made.table["counter_statue"].cast(pa.string()).cast(pa.int64())
    )
    numbers = numbers.set_column(
        1, "invoice_date", made.table["invoice_date"].cast(pa.string()).cast(pa.date32())
    )
    pq.write_table(numbers, tmp_path / "i.parquet")
    binary = read_steg([path, tmp_path / "i.parquet"])
    for name in ("date", "status", "levels", "new_index", "counter"):
        assert np.array_equal(getattr(text.invoices, name), getattr(binary.invoices, name))
