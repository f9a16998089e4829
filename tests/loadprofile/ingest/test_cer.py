"""The CER layout: codes, clock changes, units, faults, and the round trip of real homes."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cer_layout import CerHomes, on_trial_days, write_cer, write_long

from loadprofile.cube import ReadOptions, read_profiles
from loadprofile.errors import OptionError, UnreadableFileError
from loadprofile.ingest.cer import MeterCodes, code_table
from loadprofile.ingest.readings import FIRST_PASS, ORDINARY, SECOND_PASS, Vocabulary


def simulated(rng: np.random.Generator, meters: int, days: int, first: str) -> pd.DataFrame:
    values = rng.gamma(1.0, 0.3, (days * 48, meters)).round(3).astype(np.float32)
    values[rng.random(values.shape) < 0.05] = np.nan
    return on_trial_days(pd.DataFrame(values), first)


def test_half_hours_of_ordinary_long_and_short_days() -> None:
    day, minute, fold = code_table()

    def slots(number: int) -> list[tuple[int, int, int]]:
        at = range(number * 100, number * 100 + 100)
        return [(c % 100, minute[c] // 30, fold[c]) for c in at if day[c] >= 0]

    assert slots(195) == [(c, c - 1, ORDINARY) for c in range(1, 49)]
    for number in (298, 669):
        assert slots(number)[:7] == [
            (1, 0, ORDINARY), (2, 1, ORDINARY), (3, 2, FIRST_PASS), (4, 3, FIRST_PASS),
            (5, 2, SECOND_PASS), (6, 3, SECOND_PASS), (7, 4, ORDINARY),
        ]  # fmt: skip
        assert slots(number)[-1] == (50, 47, ORDINARY)
    # 00:30 to 01:00 ended when the clock showed 02:00: the files number it 4, and lack 2 and 3
    assert slots(452)[:4] == [(1, 0, ORDINARY), (2, 1, ORDINARY), (4, 1, ORDINARY), (5, 4, ORDINARY)]
    assert str(np.datetime64(int(day[45204]), "D")) == "2010-03-28"


def test_the_short_day_from_rows_to_cube(tmp_path: Path) -> None:
    codes = [1, *range(4, 49)]
    lines = [f"1000 452{c:02} {i + 1}" for i, c in enumerate(codes)]
    (tmp_path / "File1.txt").write_text("\n".join([*lines, "1000 45202 2", "1000 45203 9", "1000 45249 9"]))
    intake = read_profiles([tmp_path])
    (cube,) = intake.profiles
    assert cube.kwh[0, 0, :5].tolist()[:2] == [1.0, 2.0]
    assert cube.kwh[0, 0, 4:].tolist() == list(range(3, 47))
    assert np.flatnonzero(~cube.exists[0]).tolist() == [2, 3]
    assert np.isnan(cube.kwh[0, 0, 2:4]).all()
    assert (intake.counts.used, intake.counts.duplicate, intake.counts.rejected) == (46, 1, 2)
    assert [r.reason for r in intake.rejects] == [
        "half-hour 3 of day 452: skipped by the clock change",
        "half-hour 49 of day 452: that day has no such half-hour",
    ]


def test_the_long_day_from_rows_to_cube(tmp_path: Path) -> None:
    lines = [f"1000 298{c:02} {c}" for c in range(1, 51)]
    (tmp_path / "File1.txt").write_text("\n".join(reversed(lines)))
    intake = read_profiles([tmp_path / "File1.txt"])
    (cube,) = intake.profiles
    assert cube.kwh[0, 0].tolist() == [1.0, 2.0, 4.0, 5.0, *map(float, range(7, 51))]
    assert (intake.counts.read, intake.counts.used, intake.counts.folded) == (50, 48, 2)
    assert cube.folded_kwh.tolist() == [9.0]
    assert cube.kwh.sum() + cube.folded_kwh[0] == sum(range(1, 51))


def test_days_grow_backwards_and_forwards(tmp_path: Path) -> None:
    for number, day in enumerate((300, 297, 303), start=1):
        lines = [f"{1000 + number} {day}{c:02} {day}.5" for c in range(1, 49)]
        (tmp_path / f"File{number}.txt").write_text("\n".join([*lines, f"1009 {day}10 {number}"]))
    (cube,) = read_profiles([tmp_path]).profiles
    assert cube.meter_ids.tolist() == ["1001", "1002", "1003", "1009"]
    assert cube.days[[0, -1]].astype(str).tolist() == ["2009-10-24", "2009-10-30"]
    assert [np.flatnonzero(~np.isnan(row).all(axis=1)).tolist() for row in cube.kwh] == [
        [3],
        [0],
        [6],
        [0, 3, 6],
    ]
    assert cube.kwh[3, [0, 3, 6], 9].tolist() == [2.0, 1.0, 3.0]
    assert cube.kwh[0, 3].tolist() == [300.5] * 48


def test_files_and_parquet_give_the_same_cube(tmp_path: Path, rng: np.random.Generator) -> None:
    """Blocks of meters, growing days, three files, both clock changes: simulated homes, bit for bit."""
    frame = simulated(rng, 300, 20, "2010-10-20")
    early = simulated(rng, 300, 12, "2010-03-20")
    frame = pd.concat([early, frame])
    again = write_cer(frame, tmp_path / "files", rng)
    write_long(frame, tmp_path / "long.parquet")
    write_long(frame, tmp_path / "instants.parquet", naive=False)
    cer = read_profiles([tmp_path / "files"])
    assert cer.counts.duplicate == again
    for name in ("long.parquet", "instants.parquet"):
        other = read_profiles([tmp_path / name], ReadOptions(timezone="Europe/Dublin"))
        one, two = cer.profiles[0], other.profiles[0]
        np.testing.assert_array_equal(one.kwh, two.kwh)
        np.testing.assert_array_equal(one.meter_ids, two.meter_ids)
        np.testing.assert_array_equal(one.days, two.days)
        np.testing.assert_array_equal(one.exists, two.exists)
        np.testing.assert_allclose(one.folded_kwh, two.folded_kwh, rtol=1e-12)
        assert (cer.counts.used, cer.counts.folded) == (other.counts.used, other.counts.folded)


def test_round_trip_of_real_homes(cer_homes: CerHomes) -> None:
    """Real homes through CER text and through Parquet: one cube, and every value where it was."""
    cer = read_profiles([cer_homes.folder])
    table = read_profiles([cer_homes.parquet], ReadOptions(timezone=cer_homes.timezone))
    (one,), (two,) = cer.profiles, table.profiles
    np.testing.assert_array_equal(one.kwh, two.kwh)
    np.testing.assert_array_equal(one.exists, two.exists)
    assert cer.counts.duplicate == cer_homes.duplicates
    assert cer.counts.used + cer.counts.folded == int(cer_homes.frame.notna().to_numpy().sum())
    assert one.timezone == two.timezone == "Europe/Dublin"
    # and back: each instant of the source found in the cube, the repeated hour as its mean
    local = cer_homes.frame.index.tz_convert(cer_homes.timezone).tz_localize(None)
    folded = cer_homes.frame.astype(np.float64).groupby(local).mean().astype(np.float32)
    day = (folded.index.normalize() - pd.Timestamp(one.days[0])).days.to_numpy()
    slot = ((folded.index - folded.index.normalize()) // pd.Timedelta(minutes=30)).to_numpy()
    np.testing.assert_array_equal(one.kwh[:, day, slot], folded.to_numpy().T)
    assert np.isnan(one.kwh).sum() == folded.isna().to_numpy().sum() + 2 * len(one)


def test_zip_nested_zip_and_folder_read_alike(tmp_path: Path, rng: np.random.Generator) -> None:
    write_cer(simulated(rng, 5, 4, "2010-10-30"), tmp_path / "files", rng, files=2)
    texts = sorted((tmp_path / "files").iterdir())
    with zipfile.ZipFile(tmp_path / "flat.zip", "w", zipfile.ZIP_DEFLATED) as flat:
        for text in texts:
            flat.write(text, text.name)
        flat.writestr("Manifest.txt", "not data")
    nested = tmp_path / "nested"
    nested.mkdir()
    with zipfile.ZipFile(nested / "CER.zip", "w") as outer:
        for text in texts:
            with zipfile.ZipFile(tmp_path / f"{text.name}.zip", "w", zipfile.ZIP_DEFLATED) as inner:
                inner.write(text, text.name)
            outer.write(tmp_path / f"{text.name}.zip", f"data/{text.name}.zip")
    want = read_profiles([tmp_path / "files"])
    for path in (tmp_path / "flat.zip", nested / "CER.zip", nested):
        got = read_profiles([path])
        np.testing.assert_array_equal(got.profiles[0].kwh, want.profiles[0].kwh)
        assert got.counts == want.counts


def test_large_and_small_meter_numbers() -> None:
    vocabulary = Vocabulary()
    codes = MeterCodes(vocabulary)
    assert codes(np.array([7000, 3, 7000, 20_000])).tolist() == [0, 1, 0, 2]
    assert codes(np.array([10**17, 3])).tolist() == [3, 1]
    assert vocabulary.names == ["7000", "3", "20000", "100000000000000000"]


def test_units_and_the_doubled_year(tmp_path: Path) -> None:
    lines = [f"{m} {d}{c:02} 0.5" for m in (1000, 1001) for d in range(195, 200) for c in range(1, 49)]
    (tmp_path / "File1.txt").write_text("\n".join(lines))
    taken_as_energy = read_profiles([tmp_path])
    assert "about twice what Irish homes use" in taken_as_energy.warnings[0]
    as_power = read_profiles([tmp_path], ReadOptions(unit="kW"))
    assert as_power.warnings == ()
    np.testing.assert_array_equal(as_power.profiles[0].kwh * 2, taken_as_energy.profiles[0].kwh)


def test_customers_by_the_allocations_table(tmp_path: Path) -> None:
    lines = [f"{m} 195{c:02} 0.1" for m in (1000, 1001, 1002, 1003) for c in range(1, 49)]
    (tmp_path / "File1.txt").write_text("\n".join(lines))
    with pytest.raises(OptionError, match="allocations"):
        read_profiles([tmp_path], ReadOptions(customers="sme"))
    table = tmp_path / "SME and Residential allocations.csv"
    table.write_text("ID,Code,Tariff\n1000,1,A\n1001,2,\n1002,3,\n1003,2,\n")
    for kind, ids in (("residential", ["1000"]), ("sme", ["1001", "1003"]), ("other", ["1002"])):
        intake = read_profiles([tmp_path], ReadOptions(customers=kind))
        assert intake.profiles[0].meter_ids.tolist() == ids
        assert intake.counts.left_out == 48 * (4 - len(ids))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        pytest.param("File1.txt", b"", "empty", id="empty"),
        pytest.param("File1.txt", b"\x00\x01\x02" * 2000, "binary", id="binary"),
        pytest.param("File1.txt", b"meter,day\nx,y\n", "no line reads", id="something_else"),
        pytest.param("File1.txt", b"1000 00000 1\n1000 19560 1\n", "no line reads", id="impossible_codes"),
        pytest.param("cer.zip", b"PK\x03\x04 and then nothing", "damaged zip", id="half_a_zip"),
    ],
)
def test_files_that_are_no_cer_files(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableFileError, match=reason) as caught:
        read_profiles([tmp_path / name], ReadOptions(format="cer"))
    assert caught.value.exit_code == 3
    assert str(caught.value).count("\n") == 0


def test_a_cut_off_zip(tmp_path: Path, rng: np.random.Generator) -> None:
    text = "".join(f"1000 195{c:02} {v:.3f}\n" for c in range(1, 49) for v in rng.random(200))
    with zipfile.ZipFile(tmp_path / "whole.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("File1.txt", text)
    whole = (tmp_path / "whole.zip").read_bytes()
    (tmp_path / "half.zip").write_bytes(whole[: len(whole) // 2])
    middle = len(whole) // 2
    (tmp_path / "hole.zip").write_bytes(whole[:middle] + b"\xff" * 400 + whole[middle + 400 :])
    for name in ("half.zip", "hole.zip"):
        with pytest.raises(UnreadableFileError, match="archive"):
            read_profiles([tmp_path / name])
