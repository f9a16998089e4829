"""Clients with invoices: what a model learns beside the odds, and their verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from loadprofile.bills.arithmetic import arithmetic, check_shares
from loadprofile.bills.cases import BillCases
from loadprofile.bills.judging import bill_verdicts
from loadprofile.bills.model import BillModel
from loadprofile.bills.steg import StegBills, StegView, bill_table, learned_from, steg_cases, yardsticks_of
from loadprofile.bills.steg_losses import fit_steg_losses, steg_losses
from loadprofile.bills.steg_peers import steg_peers
from loadprofile.bills.steg_phrases import PHRASES, UNITS
from loadprofile.bills.steg_words import STEG_SIGN_OF, credited_bills, steg_words, together
from loadprofile.bills.words import category_words, feature_words
from loadprofile.errors import ModelFileError
from loadprofile.verdicts import Verdicts


def steg_training(bills: StegBills, view: StegView, seed: int = 0) -> tuple[BillCases, dict[str, Any]]:
    """Cases to learn from, and the parts that judging needs beside the odds.

    Means of kinds of bills, shares of broken checks and errors of energy come from the clients whose target
    is known and from nobody else. The amounts of a training client are in the means it is held against; a
    screened client's are not.
    """
    yardsticks = yardsticks_of(bills)
    rows = learned_from(bills.clients)
    own = bills.of(rows)
    parts = {
        "yardsticks": yardsticks,
        "check_shares": check_shares(own.checks),
        "identity": view.identity,
        "cut_last": view.cut_last,
        **fit_steg_losses(own, steg_peers(own), seed),
    }
    return steg_cases(own, bill_table(own, yardsticks, view)), parts


def view_of(parts: Mapping[str, Any]) -> StegView:
    """The view that a model learned with."""
    return StegView(bool(parts["identity"]), int(parts["cut_last"]))


def judge_steg(model: BillModel, bills: StegBills, prevalence: float | None = None) -> Verdicts:
    """Verdicts on clients.

    Args:
        model: trained on the same layout.
        bills: as the model's view shows them.
        prevalence: share of fraud among these clients; None = as in training.

    Raises:
        ModelFileError: the model was trained on another layout.
    """
    if model.reads != "steg":
        name = str(model.manifest.get("name", "given"))
        raise ModelFileError(name, f"trained on {model.reads} bills, not steg")
    table = bill_table(bills, model.extras["yardsticks"], view_of(model.extras))
    cases, peers = steg_cases(bills, table), steg_peers(bills)
    return bill_verdicts(
        model, cases, steg_losses(peers, model.extras),
        (steg_words(bills, peers, table), feature_words(table, PHRASES, UNITS, STEG_SIGN_OF),
         category_words(model, cases), together(table)), STEG_SIGN_OF,
        credit=lambda signs: credited_bills(signs, table, peers),
        judged=np.diff(bills.invoices.starts) > 0, prevalence=prevalence,
        broken=arithmetic(bills, model.extras["check_shares"]),
    )  # fmt: skip
