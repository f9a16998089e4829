"""Make the invoice table of full size for a client table, in the real layout, marked as made.

    python tests/benchmarks/invoices.py --clients ../shared/data/steg/client_train.parquet --out made

Writes ``OUT/invoices.csv`` (4.48 million rows for 135,493 clients), ``OUT/invoices.csv.made`` (by which every
command says that no figure on them means anything) and ``OUT/causes.csv`` (what was planted in whose bills).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyarrow.csv

from loadprofile.emulate.invoices import MadeInvoices, make_invoices
from loadprofile.ingest.readings import RejectLog
from loadprofile.ingest.steg.audit import RepairLog
from loadprofile.ingest.steg.clients import read_clients
from loadprofile.ingest.steg.layout import CLIENT_COLUMNS, StegTable, find_columns
from loadprofile.ingest.steg.values import Clients
from loadprofile.ingest.tables import open_tables

MARK = "The invoices beside this file are made. No figure of accuracy on them means anything.\n"


def clients_of(path: Path) -> Clients:
    """The client table, without invoices."""
    (table,) = open_tables(path)
    clients, _ = read_clients(
        [StegTable(table, find_columns(table.header, CLIENT_COLUMNS), ())], RepairLog(), RejectLog()
    )
    return clients


def write_made(made: MadeInvoices, folder: Path) -> Path:
    """The table, its mark, and the ledger of what was planted; returns the table's path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "invoices.csv"
    pyarrow.csv.write_csv(made.table, path)
    Path(f"{path}.made").write_text(MARK, encoding="utf-8")
    made.causes.to_csv(folder / "causes.csv", index=False)
    return path


def main() -> None:
    """Read the options, make, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=Path, required=True, help="client table, real or made")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--invoices", type=int, default=None, help="how many; default as in the real file")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    clients = clients_of(options.clients)
    made = make_invoices(clients, np.random.default_rng(options.seed), invoices=options.invoices)
    print(f"{made.table.num_rows:,} made invoices: {write_made(made, options.out)}")


if __name__ == "__main__":
    main()
