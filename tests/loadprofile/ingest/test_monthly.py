"""Monthly tables: both layouts, every row accounted for, wrong files refused in one sentence."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bills import as_table, made_histories
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.errors import MissingColumnsError, NothingToJudgeError, OptionError, UnreadableFileError
from loadprofile.ingest.monthly import MonthlyOptions, read_monthly
from loadprofile.ingest.monthly_values import MONTHS


def put(folder: Path, text: str, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_known_layout_comes_back(tmp_path: Path, suffix: str) -> None:
    histories, _ = made_histories(30, 1)
    kwh = histories.kwh.copy()
    kwh[3, 4] = np.nan
    frame = as_table(histories).assign(**{"8_anterior": kwh[:, 4]})
    path = tmp_path / f"t{suffix}"
    frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
    got = read_monthly([path])
    assert got.histories.ids.tolist() == histories.ids.tolist()
    np.testing.assert_array_equal(got.histories.kwh, kwh)
    np.testing.assert_array_equal(got.histories.as_of, histories.as_of)
    np.testing.assert_array_equal(got.histories.target, histories.target)
    assert {k: v.tolist() for k, v in got.histories.categories.items()} == {
        k: v.tolist() for k, v in histories.categories.items()
    }
    assert (got.counts.read, got.counts.used) == (30, 30)


def test_without_target_and_id(tmp_path: Path) -> None:
    histories, _ = made_histories(5, 1)
    path = tmp_path / "t.csv"
    as_table(histories, target=False).drop(columns="row_id").to_csv(path, index=False)
    got = read_monthly([path]).histories
    assert (got.target == -1).all()
    assert got.ids.tolist() == ["2", "3", "4", "5", "6"]  # lines of the file


def test_another_table_by_map(tmp_path: Path) -> None:
    months = ",".join(f"m{k}" for k in range(1, 13))
    values = ",".join(str(k) for k in range(1, 13))
    path = put(tmp_path, f"customer,{months},seen,street\nA,{values},31/12/2019,x\nB,{values},30/11/2019,\n")
    columns = {f"month_{k}": f"m{k}" for k in range(1, 13)}
    columns |= {"meter_id": "customer", "as_of": "seen", "categories": "street"}
    got = read_monthly([path], MonthlyOptions(columns)).histories
    assert got.kwh[0].tolist() == list(range(12, 0, -1))  # month_1 is the newest, last column
    assert got.as_of.astype(str).tolist() == ["2019-12-31", "2019-11-30"]
    assert got.categories["street"].tolist() == ["x", ""]


def test_bad_rows_are_listed_and_the_rest_is_used(tmp_path: Path) -> None:
    head = "row_id," + ",".join(f"{k}_anterior" for k in range(12, 0, -1)) + ",fecha_inspeccion,target"
    even = ",".join(["5"] * 12)
    path = put(tmp_path, "\n".join([
        head, f"1,{even},2017-01-01,0", f"2,{even.replace('5', 'x', 1)},2017-01-01,0", f"3,{even},soon,1",
        f"4,{even},2017-01-01,7", f"1,{even},2017-01-01,1", f"1,{even},2017-03-01,", f",{even},2017-03-01,0",
        "8,1,2", f"9,{','.join([''] * 12)},2017-03-01,0", f"10,{even.replace('5', '-3', 1)},2017-03-01,0",
    ]) + "\n")  # fmt: skip
    rejects = tmp_path / "rejects.csv"
    got = read_monthly([path], rejects=rejects)
    assert got.histories.ids.tolist() == ["1", "1", "9", "10"]
    assert got.histories.target.tolist() == [0, -1, 0, 0]
    assert np.isnan(got.histories.kwh[2]).all()
    assert got.histories.kwh[3, 0] == -3.0
    assert (got.counts.read, got.counts.used, got.counts.rejected) == (10, 4, 6)
    table = pd.read_csv(rejects).set_index("line")["reason"].to_dict()
    assert table[3] == "month_12: not a number"
    assert table[4] == "not a time stamp"
    assert table[5] == "target is neither 0 nor 1"
    assert table[6] == "this customer has a row of this day already"
    assert table[8] == "no id"
    assert "3 fields in place of 15" in table[9]


def test_the_long_layout(tmp_path: Path) -> None:
    path = put(tmp_path, "meter_id,month,kwh,zone\na,2016-03,5,z\na,2016-04,7,z\nb,2016-04,1,z\n"
        "b,2016-04,1,z\nb,2016-04,2,z\nb,2014-04,2,z\nc,xx,3,z\nc,2016-01,q,z\nd,2016-01,,z\n")  # fmt: skip
    got = read_monthly([path], MonthlyOptions({"categories": "zone"}))
    kwh = dict(zip(got.histories.ids.tolist(), got.histories.kwh, strict=True))
    assert set(kwh) == {"a", "b", "d"}
    assert kwh["a"][-2:].tolist() == [5.0, 7.0]
    assert np.isnan(kwh["a"][:-2]).all()
    assert kwh["b"][-1] == 1.0
    assert (got.histories.as_of == np.datetime64("2016-05-01")).all()
    counts = got.counts
    assert (counts.read, counts.used, counts.outside, counts.duplicate, counts.rejected) == (9, 4, 1, 1, 3)
    assert {(r.line, r.reason) for r in got.rejects.kept} == {
        (8, "not a time stamp"), (9, "kwh: not a number"), (6, "another value for this customer and month"),
    }  # fmt: skip


def test_customers_seen_on_days_of_their_own_need_room_for_their_own_rows(tmp_path: Path) -> None:
    days = np.datetime64("2015-01-01") + np.arange(1200)
    months = days.astype("datetime64[M]")
    lines = [f"c{i},{day},{months[i] - 1},{i}" for i, day in enumerate(days)]
    path = put(tmp_path, "meter_id,as_of,month,kwh\n" + "\n".join(lines) + "\n")
    tracemalloc.start()
    try:
        got = read_monthly([path])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert got.counts.used == len(got.histories) == 1200
    assert most < 30e6  # 1,200 x 1,200 customers and days would be 138 MB


@settings(deadline=None, max_examples=20)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 15), st.integers(0, 3)), min_size=1, max_size=40
    )
)
def test_every_long_row_is_accounted_for(rows: list[tuple[str, int, int]]) -> None:
    import tempfile

    text = "meter_id,month,kwh\n" + "".join(
        f"{name},{np.datetime64('2019-01') + np.timedelta64(at, 'M')},{kwh}\n" for name, at, kwh in rows
    )
    with tempfile.TemporaryDirectory() as folder:
        got = read_monthly([put(Path(folder), text)])
    counts, last = got.counts, max(at for _, at, _ in rows)
    assert counts.read == len(rows)
    assert counts.outside == sum(at <= last - MONTHS for _, at, _ in rows)
    assert counts.used == len({(name, at) for name, at, _ in rows if at > last - MONTHS})
    assert counts.used == np.isfinite(got.histories.kwh).sum()


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        pytest.param("a,b\n1,2\n", UnreadableFileError, "not a table of monthly consumption", id="other"),
        pytest.param("12_anterior,1_anterior\n1,2\n", UnreadableFileError, "month_10, month_11", id="some"),
        pytest.param(
            ",".join(f"month_{k}" for k in range(1, 13)) + "\n" + ",".join("1" * 12) + "\n",
            MissingColumnsError, "as_of", id="no_day",
        ),
        pytest.param("meter_id,month,kwh\na,never,1\n", NothingToJudgeError, "no row", id="nothing"),
    ],
)  # fmt: skip
def test_wrong_files_are_refused(tmp_path: Path, text: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as raised:
        read_monthly([put(tmp_path, text)])
    assert "\n" not in str(raised.value)


def test_what_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="choose among"):
        MonthlyOptions({"kWh": "x"})
    path = put(tmp_path, "meter_id,month,kwh\na,2019-01,1\n")
    with pytest.raises(MissingColumnsError, match="'used'"):
        read_monthly([path], MonthlyOptions({"kwh": "used"}))
    with pytest.raises(UnreadableFileError, match="no such file"):
        read_monthly([tmp_path / "absent.csv"])


def test_the_real_inspections(shared_data: Path) -> None:
    got = read_monthly([shared_data / "monthly/energizados_inspections.parquet"])
    assert (got.counts.read, got.counts.used) == (32505, 32505)
    assert int(got.histories.target.sum()) == 2013
    assert len(got.histories.categories) == 5
    assert int((got.histories.kwh < 0).sum()) == 7
