"""Bills through the doors: read, train, screen, evaluate, features.

Each format is one function from files to ``Bills``; everything behind it is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from api.assembly import write_table
from api.hashing import sha256
from api.options import BillReading
from api.progress import Progress
from api.steg_bills import steg
from api.values import Bills, Evaluated, Files
from api.visits import plan
from loadprofile.bills.cases import BillCases, monthly_cases, monthly_layout
from loadprofile.bills.fitting import fit_bill_model
from loadprofile.bills.judging import judge_monthly
from loadprofile.bills.losses import fit_losses
from loadprofile.bills.model import BillModel
from loadprofile.errors import ModelFileError, NothingToJudgeError, OptionError
from loadprofile.evaluate.bills import evaluate_bills, fits
from loadprofile.evaluate.cells import write_tables
from loadprofile.ingest.monthly import MonthlyIntake, MonthlyOptions, read_monthly
from loadprofile.verdicts import CAUSES, UNDECIDED, Cause
from loadprofile.worklist import worklist

JOBS = 2


def read_bills(inputs: Sequence[Path], reading: BillReading, files: Files) -> Bills:
    """The inputs in the format that was asked for; rejected rows and repairs go to ``files``.

    Raises:
        InputError: not readable as that format.
        OptionError: an option that does not fit the files.
        NothingToJudgeError: not one usable row.
    """
    return FORMATS[reading.format](inputs, reading, files)


def _monthly(inputs: Sequence[Path], reading: BillReading, files: Files) -> Bills:
    options = MonthlyOptions(reading.column_map, reading.dayfirst, reading.decimal)
    intake = read_monthly(inputs, options, files.rejects)
    histories = intake.histories
    cases, layout = monthly_cases(histories), monthly_layout(histories.categories)

    def training(seed: int) -> tuple[BillCases, dict[str, object]]:
        if not cases.known.any():
            raise NothingToJudgeError(len(cases), "the table has no column target to learn from")
        return cases, fit_losses(histories, seed)

    def rolling(seed: int, progress: Progress) -> Evaluated:
        with progress.bar("fits", fits(cases, layout)) as each:
            tables = evaluate_bills(cases, layout, seed=seed, jobs=JOBS, each=each)
        return Evaluated(("# Bills, judged on later visits",), tables)

    return Bills(
        layout, _monthly_account(intake, files.rejects),
        training=training,
        judge=lambda model, p: judge_monthly(model, histories, p),
        table=lambda: _table(cases),
        protocols={"rolling": rolling},
    )  # fmt: skip


def _table(cases: BillCases) -> pd.DataFrame:
    frame = cases.features.to_frame().reset_index()
    frame.insert(1, "as_of", cases.as_of.astype(str))
    beside = pd.DataFrame({name: values.astype(object) for name, values in cases.categories.items()})
    return pd.concat([frame, beside], axis=1)


FORMATS: Mapping[str, Callable[[Sequence[Path], BillReading, Files], Bills]] = {
    "monthly": _monthly,
    "steg": steg,
}
"""Format -> its reader."""


def _monthly_account(intake: MonthlyIntake, rejects: Path | None) -> tuple[str, ...]:
    counts = intake.counts
    parts = [
        f"{value:,} {word}"
        for value, word in (
            (counts.used, "used"),
            (counts.outside, "outside the twelve months"),
            (counts.duplicate, "duplicate"),
            (counts.rejected, "rejected"),
        )
        if value
    ]
    lines = [
        f"{counts.read:,} rows: {', '.join(parts)}; {len(intake.histories):,} histories of twelve months"
    ]
    if counts.rejected and rejects is not None:
        lines.append(f"rejected rows with their reasons: {rejects}")
    return tuple(lines)


def bill_model_named(name: str, reading: BillReading) -> BillModel:
    """The bill model in a file.

    Raises:
        ModelFileError: no such file, or not a model of bills of this format.
        OptionError: the packaged model, which knows interval readings only.
    """
    first = f"loadprofile train INPUT --format {reading.format} --out MODEL"
    if name == "default":
        raise OptionError("model", name, f"it reads interval data; train one on bills first: {first}")
    if not Path(name).is_file():
        raise ModelFileError(name, f"no such file; train one first: {first}")
    model = BillModel.load(name)
    if model.reads != reading.format:
        raise ModelFileError(name, f"trained on {model.reads} bills, not {reading.format}")
    return model


def train_bills(
    inputs: Sequence[Path], reading: BillReading, out: Path, *, seed: int, progress: Progress
) -> tuple[str, ...]:
    """Learn a model from bills with verdicts and write it."""
    with progress.step("reading"):
        bills = read_bills(inputs, reading, Files.beside(out, reading))
    manifest = {
        "name": out.stem,
        "made_by": f"loadprofile train --format {reading.format}",
        "attribution": "the user's own bills",
        "data": [
            {"name": p.name, "attribution": "the user's own bills", "files": {p.name: sha256(p)}}
            for p in inputs
            if p.is_file()
        ],
        "versions": {name: version(name) for name in ("loadprofile", "numpy", "scikit-learn", "skops")},
    }
    with progress.step("fitting"):
        cases, extras = bills.training(seed)
        model = fit_bill_model(cases, bills.layout, seed=seed, extras=extras, manifest=manifest)
    model.save(str(out))
    return (
        *bills.account,
        *bills.warnings,
        (
            f"{model.manifest['visits']:,} verdicts, {model.manifest['frauds']:,} of them fraud, up to "
            f"{model.manifest['created_as_of'][:10]}; calibrated on {model.manifest['calibrated_on']:,} "
            f"of them, kept apart, of which {model.manifest['prior']:.1%} are fraud"
        ),
        f"model: {out}",
    )


def screen_bills(
    inputs: Sequence[Path],
    reading: BillReading,
    out: Path,
    *,
    model: str,
    prevalence: float | None,
    visits: int | None,
    visit_cost: float | None,
    precision: float | None,
    progress: Progress,
) -> tuple[str, ...]:
    """Judge bills with a trained model and write the worklist."""
    fitted = bill_model_named(model, reading)
    if prevalence is not None and not 0.0 < prevalence < 1.0:
        raise OptionError("prevalence", prevalence, "a share strictly between 0 and 1")
    if reading.identity is not None or reading.cut_last is not None:
        given = "identity" if reading.identity is not None else "cut-last"
        raise OptionError(given, "given", "the model knows with what it was trained")
    with progress.step("reading"):
        bills = read_bills(inputs, reading, Files.beside(out, reading))
    with progress.step("judging"):
        frame = worklist(bills.judge(fitted, prevalence))
    write_table(frame, out)
    crew = plan(frame, visits=visits, visit_cost=visit_cost, precision=precision)
    notes = _seen_in_training(inputs, fitted)
    counts = frame["cause"].value_counts().to_dict()
    named = [f"{counts[name]:,} {name}" for name in (*map(str, CAUSES), UNDECIDED) if counts.get(name)]
    foreseen = f"{frame['p_fraud'].sum():,.1f} frauds expected among them"
    answers = f"{len(frame):,} customers: {', '.join(named)}; {foreseen}"
    return (*bills.account, *bills.warnings, *notes, answers, *_unnamed(frame), f"worklist: {out}", *crew)


def _unnamed(frame: pd.DataFrame) -> tuple[str, ...]:
    """That most frauds are not named as such, where this is so: who waits for a name drives to nobody."""
    seen = frame[frame["expected_recovery"] > 0]
    expected = float(seen["p_fraud"].sum())
    met = float(seen.loc[seen["cause"] == Cause.FRAUD, "p_fraud"].sum())
    if expected < 1.0 or met >= expected / 2.0:
        return ()
    found = f"of {expected:,.1f} frauds with energy to recover {met:,.1f} are among those named fraud"
    why = "most odds are too low for a name"
    whom = "whom to visit is told by the rank (--visits or --visit-cost) or by p_fraud (--precision)"
    return (f"{found}: {why}; {whom}",)


def _seen_in_training(inputs: Sequence[Path], model: BillModel) -> tuple[str, ...]:
    trained = {h for d in model.manifest.get("data", []) for h in dict(d.get("files", {})).values()}
    seen = [p.name for p in inputs if p.is_file() and sha256(p) in trained]
    if not seen:
        return ()
    return (
        f"warning: the model was trained on {', '.join(seen)}: its probabilities there are not a forecast",
    )


def evaluate_bill_files(
    inputs: Sequence[Path],
    reading: BillReading,
    out: Path,
    *,
    protocol: str | None,
    seed: int,
    progress: Progress,
) -> tuple[str, ...]:
    """Run a protocol (None = that of the format) and write its tables.

    Raises:
        OptionError: a protocol that these bills cannot answer.
    """
    out.mkdir(parents=True, exist_ok=True)
    with progress.step("reading"):
        bills = read_bills(inputs, reading, Files.beside(out / "rows", reading))
    chosen = next(iter(bills.protocols)) if protocol is None else protocol
    if chosen not in bills.protocols:
        known = ", ".join(bills.protocols)
        raise OptionError("protocol", chosen, f"{reading.format} bills are evaluated with {known}")
    found = bills.protocols[chosen](seed, progress)
    write_tables(out, (*found.about, *bills.account), found.tables, {})
    return (*bills.account, *bills.warnings, f"tables: {out / 'README.md'}")


def bill_features(
    inputs: Sequence[Path], reading: BillReading, out: Path, *, progress: Progress
) -> tuple[str, ...]:
    """Write every feature of every row, with its day and categories."""
    with progress.step("reading"):
        bills = read_bills(inputs, reading, Files.beside(out, reading))
    with progress.step("measuring"):
        frame = bills.table()
    write_table(frame, out)
    return (
        *bills.account,
        *bills.warnings,
        f"{len(frame.columns) - 1} columns of {len(frame):,} rows: {out}",
    )
