"""The command line: ``loadprofile demo | screen | train | evaluate | features | serve ...``.

Exit codes: 0 done, 2 usage, 3 unreadable input, 4 nothing could be judged. A bad row never ends a
run: it is counted, listed with line and reason in ``<out>.rejects.csv``, and summed up at the end.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from api.options import BillReading, Engine, Hemisphere, Inputs, Quiet, no_use, takes_readings, unlike
from api.progress import Progress
from api.service_cli import add_to as add_service_commands
from loadprofile.errors import LoadProfileError
from loadprofile.ingest.options import ReadOptions

# Commands import what they need themselves: help and usage errors must not wait for numba and scikit-learn.

app = typer.Typer(
    name="loadprofile",
    help="What is wrong behind a smart meter's load profile, and how sure that is.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for worklist and pictures.")] = Path("demo"),
    meters: Annotated[int, typer.Option(min=40, help="Number of simulated meters.")] = 120,
    seed: Annotated[int, typer.Option(help="Seed of the simulation.")] = 7,
    quiet: Quiet = False,
) -> None:
    """Show the main job end to end on simulated meters."""
    from api.demo import run_demo

    run_demo(out, meters=meters, seed=seed, progress=Progress(quiet))


@app.command()
@takes_readings
def screen(
    inputs: Inputs,
    reading: ReadOptions | BillReading,
    first: str | None,
    last: str | None,
    model: Annotated[str, typer.Option(help="default, or the path of a model file.")] = "default",
    events: Annotated[Path | None, typer.Option(help="Columns meter_id,timestamp,code[,vocabulary].")] = None,
    registers: Annotated[
        Path | None, typer.Option(help="Columns meter_id,timestamp,register_kwh[,multiplier].")
    ] = None,
    outages: Annotated[
        Path | None, typer.Option(help="Known interruptions: columns meter_id,start,end.")
    ] = None,
    topology: Annotated[Path | None, typer.Option(help="Columns meter_id,feeder_id.")] = None,
    feeders: Annotated[
        Path | None, typer.Option(help="Readings of the feeders, where they are not among the input.")
    ] = None,
    holidays: Annotated[
        Path | None, typer.Option(help="Days off of all meters: columns date[,name].")
    ] = None,
    weather: Annotated[
        Path | None,
        typer.Option(
            help="Outdoors: columns timestamp,temperature_c[,irradiance] (degrees Celsius, W/m2), any step "
            "up to a day."
        ),
    ] = None,
    channels: Annotated[
        Path | None,
        typer.Option(
            help="Energy sent out and reactive energy of each interval: columns meter_id,timestamp,"
            "channel,value, the channel being export_kwh or reactive_kvarh; or meter_id,timestamp,"
            "export_kwh,reactive_kvarh."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Worklist to write, .csv or .parquet.")] = Path("worklist.csv"),
    report: Annotated[Path | None, typer.Option(help="Folder for pages and pictures.")] = None,
    pages: Annotated[int, typer.Option(min=0, help="Meters that get a page in the report.")] = 20,
    engine: Engine = "local",
    prevalence: Annotated[
        float | None, typer.Option(help="Share of meters believed to be fraud (default: the model's).")
    ] = None,
    visits: Annotated[
        int | None, typer.Option(min=0, help="Visits the crew can make: how far down the list that is.")
    ] = None,
    visit_cost: Annotated[
        float | None, typer.Option(help="Cost of a visit in kWh: which visits pay for themselves.")
    ] = None,
    precision: Annotated[
        float | None, typer.Option(help="Wished share of visits that find fraud: how far that carries.")
    ] = None,
    hemisphere: Hemisphere = "north",
    quiet: Quiet = False,
) -> None:
    """Screen meters, or bills: a ranked, explained worklist."""
    if isinstance(reading, BillReading):
        from api.bills import screen_bills

        no_use(
            {"events": events, "registers": registers, "outages": outages, "topology": topology,
             "feeders": feeders, "holidays": holidays, "weather": weather, "channels": channels,
             "report": report, **unlike(engine=(engine, "local"), hemisphere=(hemisphere, "north"))},
            "needs interval readings, not bills",
        )  # fmt: skip
        bills = Progress(quiet)
        bills.say(
            *screen_bills(
                inputs, reading, out, model=model, prevalence=prevalence, visits=visits,
                visit_cost=visit_cost, precision=precision, progress=bills,
            )
        )  # fmt: skip
        return
    from api.assembly import engine_named, model_named, write_pieces
    from api.context import channels_beside, feeders_apart, read_context
    from api.fleets import read_any, screen_any, spool_folder, timezone_of
    from api.reporting import write_screening_report
    from api.summaries import reading_summary, screening_summary
    from api.visits import plan
    from loadprofile.report.folder import LISTED

    progress = Progress(quiet)
    rejects = Path(f"{out}.rejects.csv")
    chosen, fitted = engine_named(engine), model_named(model)
    with spool_folder(out) as folder:
        with progress.step("reading"):
            intake = read_any(inputs, reading, folder, rejects, first, last)
            context, context_notes = read_context(
                events, registers, outages, topology, feeders, out, timezone_of(intake),
                holidays=holidays, weather=weather, channels=channels,
            )  # fmt: skip
            context_notes += channels_beside(intake, context)
            intake, context, feeder_notes = feeders_apart(intake, context)
            context_notes += feeder_notes
        with progress.step("judging"):
            result = screen_any(
                intake, fitted, folder, context=context, hemisphere=hemisphere, prevalence=prevalence,
                engine=chosen, shown=0 if report is None else max(pages, LISTED),
            )  # fmt: skip
            write_pieces(result.rows(), out)
    crew = plan(result.worklist, visits=visits, visit_cost=visit_cost, precision=precision)
    notes = (*context_notes, *intake.warnings, *result.warnings)
    if report is not None:
        with progress.step("drawing"):
            write_screening_report(
                report, result, fitted, intake.counts, notes, pages=pages, hemisphere=hemisphere
            )
    progress.say(
        *reading_summary(intake.counts, rejects), *notes, *screening_summary(result, out, report), *crew
    )


@app.command()
@takes_readings
def train(
    inputs: Inputs,
    reading: ReadOptions | BillReading,
    first: str | None,
    last: str | None,
    out: Annotated[Path, typer.Option(help="Model file to write (.lpm).")],
    labels: Annotated[
        Path | None,
        typer.Option(help="Verified causes, columns meter_id,cause: their meters are learned too."),
    ] = None,
    populations: Annotated[int, typer.Option(min=4, help="Emulated utilities to learn from.")] = 60,
    seed: Annotated[int, typer.Option(help="Seed of everything drawn.")] = 0,
    hemisphere: Hemisphere = "north",
    quiet: Quiet = False,
) -> None:
    """Train a model on a utility's own meters, with verified causes where there are some; or on its bills."""
    if isinstance(reading, BillReading):
        from api.bills import train_bills

        no_use({"labels": labels}, "bills bring their verdicts in the column target")
        no_use(
            unlike(populations=(populations, 60), hemisphere=(hemisphere, "north")), "means nothing for bills"
        )
        bills = Progress(quiet)
        bills.say(*train_bills(inputs, reading, out, seed=seed, progress=bills))
        return
    from api.assembly import read
    from api.learning import train_on
    from api.summaries import reading_summary

    progress = Progress(quiet)
    rejects = Path(f"{out}.rejects.csv")
    with progress.step("reading"):
        intake = read(inputs, reading, rejects, first, last)
    said = train_on(
        intake, out, labels=labels, populations=populations, seed=seed, hemisphere=hemisphere,
        inputs=inputs, progress=progress,
    )  # fmt: skip
    progress.say(*reading_summary(intake.counts, rejects), *intake.warnings, *said)


@app.command()
@takes_readings
def evaluate(
    inputs: Inputs,
    reading: ReadOptions | BillReading,
    first: str | None,
    last: str | None,
    out: Annotated[Path, typer.Option(help="Folder for tables and pictures.")],
    protocol: Annotated[
        str,
        typer.Option(
            help="injected: planted phenomena, split by meter. causes: all that tells causes apart, each "
            "INPUT a data set of its own. cer: single weeks with published thefts. Bills have their own, and "
            "take them by themselves: rolling (monthly: later visits judged by models of earlier ones), "
            "bt4012 (steg: published, reproduced and own results, split by client)."
        ),
    ] = "injected",
    populations: Annotated[int, typer.Option(min=2, help="Emulated utilities on each side.")] = 16,
    seed: Annotated[int, typer.Option(help="Seed of everything drawn.")] = 0,
    model: Annotated[str, typer.Option(help="Model that stands beside the others.")] = "default",
    parts: Annotated[
        str | None,
        typer.Option(
            help="causes: some of verdicts,kinds,data-sets,prevalence,features,classifiers,learning "
            "(default: all)."
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Measure offline, on meters that were never trained on."""
    if isinstance(reading, BillReading):
        from api.bills import evaluate_bill_files

        no_use(
            {"parts": parts, **unlike(populations=(populations, 16), model=(model, "default"))},
            "means nothing for bills",
        )
        bills = Progress(quiet)
        chosen = None if protocol == "injected" else protocol
        bills.say(*evaluate_bill_files(inputs, reading, out, protocol=chosen, seed=seed, progress=bills))
        return
    from api.assembly import model_named
    from api.evaluation import evaluate_inputs

    progress = Progress(quiet)
    said = evaluate_inputs(
        inputs, reading, first, last, out, protocol=protocol, populations=populations, seed=seed, parts=parts,
        model=model_named(model), progress=progress,
    )  # fmt: skip
    progress.say(*said)


@app.command()
@takes_readings
def features(
    inputs: Inputs,
    reading: ReadOptions | BillReading,
    first: str | None,
    last: str | None,
    out: Annotated[Path, typer.Option(help="Feature table to write, .parquet or .csv.")],
    engine: Engine = "local",
    hemisphere: Hemisphere = "north",
    quiet: Quiet = False,
) -> None:
    """Write every feature of every meter, or of every customer's bills."""
    if isinstance(reading, BillReading):
        from api.bills import bill_features

        no_use(unlike(engine=(engine, "local"), hemisphere=(hemisphere, "north")), "means nothing for bills")
        bills = Progress(quiet)
        bills.say(*bill_features(inputs, reading, out, progress=bills))
        return
    from api.assembly import engine_named, feature_table, read, write_table
    from api.summaries import reading_summary

    progress = Progress(quiet)
    rejects = Path(f"{out}.rejects.csv")
    chosen = engine_named(engine)
    with progress.step("reading"):
        intake = read(inputs, reading, rejects, first, last)
    with progress.step("measuring"):
        table = feature_table(intake.profiles, hemisphere, chosen)
    write_table(table.to_frame().reset_index(), out)
    progress.say(
        *reading_summary(intake.counts, rejects),
        *intake.warnings,
        f"{len(table.names)} features of {len(table)} meters: {out}",
    )


add_service_commands(app)

_UNUSABLE = 2
"""Exit code where a file or folder that was named cannot be used."""


def main() -> None:
    """Run a command; errors raised on purpose become one sentence and an exit code."""
    try:
        app()
    except LoadProfileError as error:
        _say_error(str(error))
        sys.exit(error.exit_code)
    except OSError as error:
        if error.filename is None or error.strerror is None:
            raise
        _say_error(f"{error.filename}: {error.strerror}")
        sys.exit(_UNUSABLE)


def _say_error(text: str) -> None:
    Console(stderr=True).print(f"error: {text}", highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
