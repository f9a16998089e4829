"""Holidays, weather, export and reactive energy from files to the worklist, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import screened

from api.cli import main
from api.demo import write_wide
from loadprofile.emulate.households import simulate_homes
from loadprofile.profiles import LoadProfiles

ONSET = 60
SUNNY, BLIND = "SIM0009", "SIM0002"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated homes: one gets panels whose export is counted, one an active register that goes blind."""
    out = tmp_path_factory.mktemp("utility")
    rng = np.random.default_rng(6)
    homes = simulate_homes(36, 120, 60, np.random.default_rng(31), start=np.datetime64("2023-03-01"))
    used, export = homes.kwh.astype(np.float64), np.zeros(homes.kwh.shape)
    shown, hour = used.copy(), np.arange(24)
    at = {name: row for row, name in enumerate(homes.meter_ids.tolist())}
    made = 1.5 * np.clip(np.cos((hour - 12.5) / 6.5 * np.pi / 2), 0, None) * rng.uniform(0.2, 1, (120, 1))
    made[:ONSET] = 0
    made[:, (hour < 7) | (hour > 18)] = 0
    panels, theft = at[SUNNY], at[BLIND]
    shown[panels] = np.maximum(used[panels] - made, 0.03 * used[panels])
    export[panels] = np.maximum(made - used[panels], 0)
    shown[theft, ONSET:] *= 0.35
    reactive = 0.02 + 0.25 * used**0.7
    write_wide(homes.with_kwh(np.round(shown, 3).astype(np.float32)), out / "readings.csv")
    channels(out / "channels.csv", homes, np.round(export, 3), np.round(reactive, 3))
    stamps = pd.date_range("2023-03-01", periods=120 * 8, freq="3h")
    air = pd.DataFrame({"timestamp": stamps, "temperature_c": rng.normal(12, 4, len(stamps)).round(1)})
    pd.concat([air, air.iloc[:1]]).to_csv(out / "weather.csv", index=False)
    (out / "holidays.csv").write_text("date\n2023-04-07\n2023-04-10\n2023-05-01\n")
    return out


def channels(path: Path, homes: LoadProfiles, export: np.ndarray, reactive: np.ndarray) -> None:
    stamps = pd.date_range("2023-03-01", periods=120 * 24, freq="h").strftime("%Y-%m-%dT%H:%M")
    parts = [
        pd.DataFrame(
            {"meter_id": name, "timestamp": stamps, "channel": channel, "value": values[row].ravel()}
        )
        for channel, values in (("export_kwh", export), ("reactive_kvarh", reactive))
        for row, name in enumerate(homes.meter_ids.tolist())
    ]
    stranger = pd.DataFrame(
        {"meter_id": ["X"] * 48, "timestamp": stamps[:48], "channel": "reactive", "value": 1.0}
    )
    pd.concat([*parts, stranger]).to_csv(path, index=False)


def statements(worklist: pd.DataFrame, meter: str) -> dict[str, str]:
    (row,) = worklist.loc[worklist["meter_id"] == meter, "evidence"]
    return {said["name"]: said["sentence"] for said in json.loads(row)}


def test_panels_are_explained_and_a_blind_register_is_seen(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = screened(monkeypatch, folder / "plain.csv", folder / "readings.csv")
    known = screened(
        monkeypatch, folder / "known.csv", folder / "readings.csv", "--channels", folder / "channels.csv",
        "--weather", folder / "weather.csv", "--holidays", folder / "holidays.csv",
    )  # fmt: skip
    panels = statements(known, SUNNY)
    assert "own generation" in panels["super_consumption.own_generation"]
    assert not {"fraud.bypass_window", "fraud.drop", "fraud.reactive_stays"} & set(panels)
    theft = statements(known, BLIND)
    assert "while reactive energy" in theft["fraud.reactive_stays"]
    assert "outdoor temperature explains" in theft["fraud.drop"]
    assert "fraud.reactive_stays" not in statements(plain, BLIND)
    honest = [name for name in known["meter_id"] if name != BLIND]
    assert sum("fraud.reactive_stays" in statements(known, name) for name in honest) <= 1
    rejects = pd.read_csv(folder / "known.csv.weather.rejects.csv")
    assert rejects["reason"].tolist() == ["stands there twice"]


@pytest.mark.parametrize(
    ("option", "text", "words"),
    [
        ("--weather", "timestamp,temperature_c\n2023-03-01,300\n2023-03-02,301\n2023-03-03,299\n", "kelvin"),
        ("--channels", "meter_id,timestamp,kvarh\nA,2023-03-01,1\n", "export_kwh"),
        ("--holidays", "day,name\n2023-03-01,x\n", "date"),
    ],
)
def test_a_wrong_file_is_one_sentence_and_exit_code_3(
    folder: Path, option: str, text: str, words: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = folder / "wrong.csv"
    path.write_text(text)
    monkeypatch.setattr(
        "sys.argv",
        [
            "loadprofile", "screen", str(folder / "readings.csv"), option, str(path),
            "--out", str(folder / "w.csv"),
        ],
    )  # fmt: skip
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    assert words in capsys.readouterr().err
