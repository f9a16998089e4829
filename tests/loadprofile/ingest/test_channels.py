"""Export and reactive channels: both layouts, whose row a reject is, negative values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.context import read_channels
from loadprofile.errors import MissingColumnsError, UnreadableFileError

STAMPS = pd.date_range("2013-01-01", periods=96, freq="30min").strftime("%Y-%m-%dT%H:%M").tolist()


def stacked(values: dict[tuple[str, str], list[float]]) -> str:
    lines = [
        f"{meter},{when},{channel},{value}"
        for (meter, channel), row in values.items()
        for when, value in zip(STAMPS, row, strict=True)
    ]
    return "\n".join(["meter_id,timestamp,channel,value", *lines]) + "\n"


def put(folder: Path, text: str) -> Path:
    path = folder / "channels.csv"
    path.write_text(text)
    return path


def test_both_layouts_say_the_same(tmp_path: Path, rng: np.random.Generator) -> None:
    export, reactive = (np.round(rng.random(96), 3).tolist() for _ in range(2))
    tall = put(tmp_path, stacked({("a", "export_kwh"): export, ("a", "Reactive"): reactive}))
    one = read_channels(tall, "UTC", tmp_path / "r.csv")
    frame = pd.DataFrame(
        {"meter_id": "a", "timestamp": STAMPS, "export_kwh": export, "reactive_kvarh": reactive}
    )
    frame.to_parquet(tmp_path / "wide.parquet")
    two = read_channels(tmp_path / "wide.parquet", "UTC", tmp_path / "r.csv")
    for mine, theirs, truth in zip(one[:2], two[:2], (export, reactive), strict=True):
        assert mine is not None
        assert theirs is not None
        np.testing.assert_array_equal(mine[0].kwh, theirs[0].kwh)
        np.testing.assert_allclose(mine[0].kwh.ravel(), truth, atol=1e-6)
        assert (mine[0].step_minutes, mine[0].meter_ids.tolist()) == (30, ["a"])
    assert not (tmp_path / "r.csv").exists()


def test_rejects_are_told_once_with_line_and_reason(tmp_path: Path) -> None:
    text = stacked({("a", "export"): [0.5] * 96, ("a", "reactive"): [0.1] * 96})
    text += (
        "a,2013-01-05T00:00,voltage,230\na,2013-01-05T00:30,export,-1\na,never,reactive,1\n"
        ",2013-01-05T00:00,export,1\na,2013-01-01T00:00,export,0.7\nb,2013-01-01\n"
    )
    export, reactive, notes = read_channels(put(tmp_path, text), "UTC", tmp_path / "r.csv")
    assert export is not None
    assert reactive is not None
    told = pd.read_csv(tmp_path / "r.csv")
    assert sorted(zip(told["line"] - 194, told["reason"], strict=True)) == [
        (0, "channel is none of export_kwh, reactive_kvarh"), (1, "a negative export_kwh"),
        (2, "not a time stamp"), (3, "no meter id"),
        (4, "conflicts with 0.5 kWh, already read for this meter and time"), (5, "2 fields in place of 4"),
    ]  # fmt: skip
    assert export[0].kwh[0, 0, 0] == np.float32(0.5)
    assert "4 rejected, 1 conflicting" in notes[0]
    assert "1 rejected, 0 conflicting, listed in" in notes[1]


def test_a_channel_that_is_not_there_is_none(tmp_path: Path) -> None:
    export, reactive, _ = read_channels(
        put(tmp_path, stacked({("a", "reactive"): [1.0] * 96})), "UTC", tmp_path / "r.csv"
    )
    assert export is None
    assert reactive is not None


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        pytest.param("meter_id,timestamp,kvarh\n", MissingColumnsError, "export_kwh", id="columns"),
        pytest.param(
            "meter_id,timestamp,channel,value\na,2013-01-01,u,1\n",
            UnreadableFileError,
            "no row of export_kwh or reactive_kvarh",
            id="only_others",
        ),
        pytest.param("meter_id,channel,value\na,export,1\n", MissingColumnsError, "timestamp", id="no_time"),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        read_channels(put(tmp_path, text), "UTC", tmp_path / "r.csv")
    with pytest.raises(UnreadableFileError, match="no such file"):
        read_channels(tmp_path / "absent.csv", "UTC", tmp_path / "r.csv")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b"]),
            st.sampled_from(["export", "reactive_kvarh", "EXPORT_KWH", "volt", ""]),
            st.one_of(st.integers(-3, 9).map(str), st.sampled_from(["", "x"])),
        ),
        max_size=40,
    ),
    st.randoms(use_true_random=False),
)
def test_no_row_is_lost(tmp_path: Path, rows: list[tuple[str, str, str]], random: object) -> None:
    sound = {(m, c): [1.0] * 96 for m in "ab" for c in ("export", "reactive")}
    lines = [f"{m},2013-01-{3 + k // 48:02d}T{k % 48 // 2:02d}:{k % 2 * 30:02d},{c},{v}" for k, (m, c, v) in
             enumerate(rows)]  # fmt: skip
    body = [*stacked(sound).splitlines()[1:], *lines]
    random.shuffle(body)  # type: ignore[attr-defined]
    path = put(tmp_path, "\n".join(["meter_id,timestamp,channel,value", *body]) + "\n")
    rejects = tmp_path / "r.csv"
    rejects.unlink(missing_ok=True)
    export, reactive, _ = read_channels(path, "UTC", rejects)
    assert export is not None
    assert reactive is not None
    kept = sum(int(np.isfinite(cube.kwh).sum()) for cube in (*export, *reactive))
    blank = sum(v == "" and c not in ("volt", "") for _, c, v in rows)
    told = len(pd.read_csv(rejects)) if rejects.exists() else 0
    assert kept + blank + told == len(body)
