"""The demo: the main job end to end on simulated meters, which it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from api.assembly import model_named, read, screen, write_table
from api.progress import Progress
from api.reporting import write_screening_report
from api.summaries import reading_summary, screening_summary
from loadprofile.emulate.households import simulate_homes
from loadprofile.emulate.scenario import draw
from loadprofile.ingest.options import ReadOptions
from loadprofile.profiles import LoadProfiles

NOTE = (
    "simulated meters: these homes and what was done to them are made by a program; "
    "what is found here says nothing about accuracy on real meters"
)
DAYS = 182
SHARE_TOUCHED = 0.15


def run_demo(out: Path, *, meters: int, seed: int, progress: Progress) -> None:
    """Simulate a small utility, write it as a CSV, then do what ``screen`` does with any CSV."""
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    with progress.step(f"simulating {meters} homes, {DAYS} days"):
        homes = simulate_homes(meters, DAYS, 30, rng, start=np.datetime64("2024-01-01"))
        scenario = draw(homes, rng, prevalence=SHARE_TOUCHED)
        write_wide(scenario.profiles, out / "readings.csv")
        labels = scenario.labels
        pd.DataFrame(
            {"meter_id": homes.meter_ids, "cause": labels.cause, "kind": labels.kind, "onset": labels.onset}
        ).to_csv(out / "what_was_done.csv", index=False)
    model = model_named("default")
    rejects = out / "worklist.csv.rejects.csv"
    with progress.step("reading"):
        intake = read([out / "readings.csv"], ReadOptions(), rejects, None, None)
    with progress.step("judging"):
        result = screen(intake.profiles, model)
    write_table(result.worklist, out / "worklist.csv")
    with progress.step("drawing"):
        write_screening_report(
            out / "report",
            result,
            model,
            intake.counts,
            (NOTE, *intake.warnings),
            pages=8,
            hemisphere="north",
        )
    progress.say(
        NOTE,
        *reading_summary(intake.counts, rejects),
        *screening_summary(result, out / "worklist.csv", out / "report"),
        f"what was really done to them: {out / 'what_was_done.csv'}",
    )


def write_wide(profiles: LoadProfiles, path: Path) -> None:
    """A cube as a wide CSV: first column the time stamp, one column for each meter, kWh."""
    n, d, s = profiles.kwh.shape
    slots = np.arange(s) * np.timedelta64(profiles.step_minutes, "m")
    stamps = (profiles.days.astype("datetime64[m]")[:, None] + slots).reshape(d * s)
    frame = pd.DataFrame(
        profiles.kwh.reshape(n, d * s).T, index=pd.Index(stamps, name="timestamp"), columns=profiles.meter_ids
    )
    frame.to_csv(path, float_format="%.3f", date_format="%Y-%m-%dT%H:%M")
