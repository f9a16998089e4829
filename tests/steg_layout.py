"""Small STEG-style tables for tests: made clients, made invoices, and files of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.csv

from loadprofile.ingest.steg.values import Clients, Invoices

HEADER = (
    "client_id,invoice_date,tarif_type,counter_number,counter_statue,counter_code,reading_remarque,"
    "counter_coefficient,consommation_level_1,consommation_level_2,consommation_level_3,"
    "consommation_level_4,old_index,new_index,months_number,counter_type"
)
CLIENT_HEADER = "disrict,client_id,client_catg,region,creation_date,target"


def made_clients(count: int, seed: int = 0) -> Clients:
    """Clients of four districts; one in ten is called a fraud."""
    rng = np.random.default_rng(seed)
    days = np.datetime64("1990-01-01") + rng.integers(0, 9000, count)
    return Clients(
        np.array([f"c{i}" for i in range(count)]),
        rng.choice([60, 62, 63, 69], count).astype(np.int32),
        rng.choice([101, 103, 104, 311], count).astype(np.int32),
        rng.choice([11, 12, 51], count, p=[0.9, 0.05, 0.05]).astype(np.int32),
        days.astype("datetime64[D]"),
        (rng.random(count) < 0.1).astype(np.float32),
    )


def write_clients(path: Path, clients: Clients) -> Path:
    lines = [CLIENT_HEADER]
    for i, name in enumerate(clients.client_ids.tolist()):
        year, month, day = str(clients.created[i]).split("-")
        cells = (clients.district[i], name, clients.category[i], clients.region[i])
        lines.append(",".join(map(str, cells)) + f",{day}/{month}/{year},{clients.target[i]:.1f}")
    path.write_text("\n".join(lines) + "\n")
    return path


def write_invoices(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def write_table(path: Path, table: pyarrow.Table) -> Path:
    pyarrow.csv.write_csv(table, path)
    return path


def invoices_of(rows: list[dict[str, object]], clients: int = 1) -> Invoices:
    """Invoices from dicts (``date`` as ISO text, ``levels`` as a list), sorted as a reading sorts them."""
    usual: dict[str, object] = {
        "client": 0, "energy": 0, "counter": 1, "tariff": 11, "status": 0, "code": 203, "remark": 6,
        "coefficient": 1, "months": 4,
    }  # fmt: skip
    full = [usual | row for row in rows]
    for at, row in enumerate(full):
        row["day"] = int(np.datetime64(str(row["date"])).astype("datetime64[D]").astype(int))
        row["line"] = at + 2
    full.sort(key=lambda r: (r["client"], r["energy"], r["counter"], r["day"], r["old_index"]))
    column = {name: np.array([row[name] for row in full], dtype=np.int32) for name in usual}
    starts = np.zeros(clients + 1, dtype=np.int64)
    np.cumsum(np.bincount(column["client"], minlength=clients), out=starts[1:])
    return Invoices(
        starts=starts, client=column["client"], date=np.array([r["day"] for r in full], dtype=np.int32),
        energy=column["energy"].astype(np.int8), counter=column["counter"].astype(np.int64),
        tariff=column["tariff"], status=column["status"], code=column["code"], remark=column["remark"],
        coefficient=column["coefficient"],
        levels=np.array([r["levels"] for r in full], dtype=np.int32).reshape(len(full), 4),
        old_index=np.array([r["old_index"] for r in full], dtype=np.int32),
        new_index=np.array([r["new_index"] for r in full], dtype=np.int32),
        months=column["months"], line=np.array([r["line"] for r in full], dtype=np.int64),
    )  # fmt: skip
