"""Real homes rewritten in the layout of the CER trial files, and the same readings as a long Parquet file.

Nobody may pass the trial files on, so the reader is exercised on homes that may be used, moved onto trial
days. The writer knows nothing of the reader: it numbers the half-hours of each local day as they come. So
``cer_homes`` checks the reader's code table, both long days and the short day from the other side.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ZONE = "Europe/Dublin"
FIRST_DAY = pd.Timestamp("2009-01-01")


@dataclass(frozen=True)
class CerHomes:
    """The same readings three times.

    ``folder`` holds ``File1.txt`` and so on, ``parquet`` is long with naive local times of ``timezone``,
    ``frame`` has one row per instant (UTC) and one column per meter. ``duplicates`` rows were written twice.
    """

    folder: Path
    parquet: Path
    timezone: str
    frame: pd.DataFrame
    duplicates: int


def cer_codes(instants: pd.DatetimeIndex) -> np.ndarray:
    """Day codes of half-hour instants: day of the trial, then half-hour of the local day.

    The half-hours of a long day are numbered 1 to 50. A short day has 46; as in the real files they are
    numbered 1, 4, 5 ... 48: codes 2 and 3 are absent.
    """
    local = instants.tz_convert(ZONE)
    day = local.tz_localize(None).normalize()
    number = ((day - FIRST_DAY).days + 1).to_numpy()
    begin = day.tz_localize(ZONE)
    end = (day + pd.Timedelta(days=1)).tz_localize(ZONE)
    order = ((local - begin) // pd.Timedelta(minutes=30)).to_numpy() + 1
    length = ((end - begin) // pd.Timedelta(minutes=30)).to_numpy()
    code = np.where((length == 46) & (order > 1), order + 2, order)
    return number * 100 + code


def write_cer(
    frame: pd.DataFrame, folder: Path, rng: np.random.Generator, files: int = 3, doubled: float = 0.002
) -> int:
    """Write homes as CER files: meters spread over files, rows shuffled, some written twice.

    Returns how many rows were written twice.
    """
    folder.mkdir(parents=True, exist_ok=True)
    codes = cer_codes(frame.index)
    again = 0
    for number, columns in enumerate(np.array_split(np.arange(frame.shape[1]), files), start=1):
        part = frame.iloc[:, columns].to_numpy()
        row, column = np.nonzero(~np.isnan(part))
        lines = pd.DataFrame(
            {"meter": frame.columns[columns].to_numpy()[column], "code": codes[row], "kwh": part[row, column]}
        )
        twice = lines.iloc[rng.choice(len(lines), int(len(lines) * doubled), replace=False)]
        again += len(twice)
        lines = pd.concat([lines, twice])
        lines.iloc[rng.permutation(len(lines))].to_csv(
            folder / f"File{number}.txt", sep=" ", header=False, index=False
        )
    return again


def write_long(frame: pd.DataFrame, path: Path, *, naive: bool = True) -> None:
    """Write homes as a long Parquet file, in local time without offset (or as instants)."""
    times = frame.index.tz_convert(ZONE).tz_localize(None) if naive else frame.index
    values = frame.to_numpy()
    row, column = np.nonzero(~np.isnan(values))
    long = pd.DataFrame(
        {
            "meter_id": frame.columns.astype(str).to_numpy()[column],
            "timestamp": times[row],
            "kwh": values[row, column],
        }
    )
    long.to_parquet(path, index=False)


def on_trial_days(frame: pd.DataFrame, first: str) -> pd.DataFrame:
    """Homes moved to begin at an instant of the trial, with meter numbers as in the trial."""
    index = pd.date_range(first, periods=len(frame), freq="30min", tz="UTC")
    return pd.DataFrame(
        frame.to_numpy(np.float32), index=index, columns=np.arange(1000, 1000 + frame.shape[1])
    )


@pytest.fixture(scope="session")
def cer_homes(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> CerHomes:
    """The 60 London homes of 2013 on the trial's year 2010, with its short and its long day."""
    homes = pd.read_parquet(shared_data / "halfhourly/london.parquet")
    frame = on_trial_days(homes, "2010-01-01")
    root = tmp_path_factory.mktemp("cer_homes")
    again = write_cer(frame, root / "files", np.random.default_rng(2010))
    write_long(frame, root / "homes.parquet")
    return CerHomes(root / "files", root / "homes.parquet", ZONE, frame, again)
