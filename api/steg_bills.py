"""Client and invoice tables through the doors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from api.options import BillReading
from api.progress import Progress
from api.values import Bills, Evaluated, Files
from loadprofile.bills.model import BillModel
from loadprofile.bills.steg import STEG, StegView, bill_table, learned_from, steg_bills, yardsticks_of
from loadprofile.bills.steg_judging import judge_steg, steg_training, view_of
from loadprofile.errors import NothingToLearnError
from loadprofile.evaluate.bt4012 import MADE, bt4012_pieces, evaluate_bt4012
from loadprofile.ingest.steg.audit import RowAccount
from loadprofile.ingest.steg.reader import StegIntake, read_steg
from loadprofile.verdicts import Verdicts

JOBS = 2
MADE_MARK = ".made"
"""A file of this ending beside a table says that the table is made (``tests/benchmarks/invoices.py``)."""


def steg(inputs: Sequence[Path], reading: BillReading, files: Files) -> Bills:
    """Read a client table and an invoice table, in whatever order.

    Raises:
        InputError: not readable as that.
        OptionError: only one of the two tables, or a negative number of invoices to cut off.
    """
    intake = read_steg(inputs, called=reading.column_map, audit=files.audit, rejects=files.rejects)
    clients, invoices = intake.clients, intake.invoices
    view = StegView(reading.identity is not False, reading.cut_last or 0)
    made = is_made(inputs)

    def judge(model: BillModel, prevalence: float | None) -> Verdicts:
        return judge_steg(model, steg_bills(clients, invoices, view_of(model.extras)), prevalence)

    def table() -> pd.DataFrame:
        bills = steg_bills(clients, invoices, view)
        frame = bill_table(bills, yardsticks_of(bills), view).to_frame().reset_index()
        frame["target"] = clients.target
        return frame

    def bt4012(seed: int, progress: Progress) -> Evaluated:
        pieces = bt4012_pieces(identity=view.identity, cut_last=reading.cut_last)
        with progress.bar("fits", pieces) as each:
            found = evaluate_bt4012(
                clients, invoices, seed=seed, made=made, identity=view.identity, cut_last=reading.cut_last,
                jobs=JOBS, each=each,
            )  # fmt: skip
        return Evaluated(("# Report 002 on client and invoice tables", *found.about), found.tables)

    def training(seed: int):  # type: ignore[no-untyped-def] # noqa: ANN202
        if not np.isfinite(clients.target).any():
            raise NothingToLearnError(len(clients), "the client table has no column target to learn from")
        return steg_training(steg_bills(clients, invoices, view), view, seed)

    return Bills(
        STEG, steg_account(intake, files), training, judge, table, {"bt4012": bt4012},
        warnings=(f"WARNING: {MADE}",) if made else (),
    )  # fmt: skip


def is_made(inputs: Sequence[Path]) -> bool:
    """Whether one of the files, or a file in one of the folders, is marked as made."""
    places = [file for path in inputs for file in (path.iterdir() if path.is_dir() else (path,))]
    return any(path.suffix == MADE_MARK or Path(f"{path}{MADE_MARK}").exists() for path in places)


def steg_account(intake: StegIntake, files: Files) -> tuple[str, ...]:
    """Where every row went, and what was mended."""
    lines = [_rows("clients", intake.client_rows), _rows("invoices", intake.invoice_rows)]
    if len(intake.repairs):
        rules = ", ".join(f"{count:,} {rule}" for rule, count in sorted(intake.repairs.by_rule().items()))
        where = f": {files.audit}" if files.audit is not None else ""
        lines.append(f"{len(intake.repairs):,} cells repaired ({rules}){where}")
    if intake.client_rows.rejected + intake.invoice_rows.rejected and files.rejects is not None:
        lines.append(f"rejected rows with their reasons: {files.rejects}")
    without = len(learned_from(intake.clients)) < len(intake.clients)
    known = int(np.isfinite(intake.clients.target).sum())
    lines.append(
        f"{known:,} of {len(intake.clients):,} clients have a target" if known or without else "no targets"
    )
    return tuple(lines)


def _rows(kind: str, account: RowAccount) -> str:
    parts = [
        f"{value:,} {word}"
        for value, word in (
            (account.kept, "taken as they stood"),
            (account.repaired, "repaired"),
            (account.duplicate, "duplicate"),
            (account.rejected, "rejected"),
        )
        if value
    ]
    return f"{account.read:,} rows of {kind}: {', '.join(parts)}"
