"""What novelty costs: kinds and data sets that the training side does not hold.

The models here are lighter than the one in the main tables (fewer rounds, fewer folds), so each figure
stands beside the same light model's figure when the kind or the data set is known to it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from loadprofile.cases import Cases
from loadprofile.classify.causes import SEEN_ALWAYS, CauseOdds
from loadprofile.evaluate.cells import Cell, Table
from loadprofile.evaluate.judged import own_signs
from loadprofile.evaluate.shares import share_of
from loadprofile.evaluate.splits import assert_disjoint
from loadprofile.evaluate.verdict_tables import NORMAL, summary
from loadprofile.route import name_causes
from loadprofile.training import ODDS_GROUPS, names_in
from loadprofile.verdicts import CAUSES

KIND_FOLDS = 5
ITERATIONS = 60
"""Boosting rounds of the light models."""
ODDS_FOLDS = 3

Answer = tuple[NDArray[np.float64], NDArray[np.str_]]
"""``(m, 6)`` probabilities and ``(m,)`` named causes."""


def light_odds(train: Cases, seed: int) -> Callable[[Cases], Answer]:
    """Fit the light model; the result answers for other rows at the prior of the training rows."""
    names = names_in(train.table.names, ODDS_GROUPS)
    odds = CauseOdds(folds=ODDS_FOLDS, max_iter=ITERATIONS, seed=seed).fit(
        train.table.select(names).values, train.cause, homes=train.home, kinds=train.kind
    )

    def answer(cases: Cases) -> Answer:
        p = odds.predict_proba(cases.table.select(names).values)
        return p, name_causes(p, own_signs(cases), np.ones(len(cases), dtype=np.bool_))

    return answer


def kind_folds(cases: Cases, seed: int) -> list[frozenset[str]]:
    """Every kind but the untouched in one of ``KIND_FOLDS`` folds; each cause is spread over the folds."""
    rng = np.random.default_rng(seed)
    folds: list[set[str]] = [set() for _ in range(KIND_FOLDS)]
    at = 0
    for cause in CAUSES:
        kinds = sorted(set(cases.kind[cases.cause == str(cause)].tolist()) - {SEEN_ALWAYS})
        for place in rng.permutation(len(kinds)):
            folds[at % KIND_FOLDS].add(kinds[place])
            at += 1
    return [frozenset(fold) for fold in folds if fold]


def kinds_left_out(
    train: Cases, test: Cases, known: Callable[[Cases], Answer], seed: int, each: Callable[[int], None]
) -> tuple[Table, Table]:
    """Recall of kinds that were kept out of training, beside their recall when known.

    Args:
        train: rows to fit on.
        test: rows of other homes.
        known: the light model of all training rows.
        seed: of folds and fits.
        each: called after each fit (progress).

    Returns:
        One table by cause and one by kind.

    Raises:
        LeakError: a home stands on both sides.
    """
    assert_disjoint({"train": train.home, "test": test.home})
    when_known = known(test)[1]
    when_new = np.full(len(test), "", dtype=when_known.dtype)
    for number, fold in enumerate(kind_folds(train, seed)):
        rest = train.take(~np.isin(train.kind, list(fold)))
        rows = np.isin(test.kind, list(fold))
        if len(set(rest.cause.tolist())) == len(CAUSES) and rows.any():
            when_new[rows] = light_odds(rest, seed)(test.take(rows))[1]
        each(number)
    asked = when_new != ""
    by_cause: list[dict[str, Cell]] = []
    for cause in ("planted causes", *map(str, CAUSES)):
        of = (test.cause != NORMAL) if cause == "planted causes" else (test.cause == cause)
        row: dict[str, Cell] = {
            "cause": "normal (look-alikes)" if cause == NORMAL else cause,
            "kinds": len(set(test.kind[asked & of].tolist())),
        }
        for tag, at in (("", asked & of), (", visible", asked & of & ~test.faint)):
            row[f"known{tag}"] = share_of(when_known[at] == test.cause[at], test.home[at])
            row[f"never seen{tag}"] = share_of(when_new[at] == test.cause[at], test.home[at])
        odd = asked & of
        row["never seen: called normal"] = share_of(when_new[odd] == NORMAL, test.home[odd])
        by_cause.append(row)
    by_kind: list[dict[str, Cell]] = []
    for kind in sorted(set(test.kind[asked].tolist())):
        at = asked & (test.kind == kind)
        by_kind.append(
            {
                "cause": str(test.cause[at][0]), "kind": kind, "rows": int(at.sum()),
                "known": share_of(when_known[at] == test.cause[at], test.home[at]),
                "never seen": share_of(when_new[at] == test.cause[at], test.home[at]),
            }
        )  # fmt: skip
    note = (
        f"Kinds in {KIND_FOLDS} folds, each fold kept out of training once; recall on test homes. 'Known' is "
        "the same light model with all kinds in training."
    )
    return (
        Table("left_out_kinds", "Leave kinds out: recall by cause", by_cause, note),
        Table("left_out_kinds_each", "Leave kinds out: recall by kind", by_kind, brief=False),
    )


def data_sets_left_out(
    train: Cases, test: Cases, known: Callable[[Cases], Answer], seed: int, each: Callable[[int], None]
) -> Table:
    """Each data set judged by a model that was fitted on the others only, beside one that knew it.

    Arguments as in ``kinds_left_out``.

    Raises:
        LeakError: a home stands on both sides.
    """
    assert_disjoint({"train": train.home, "test": test.home})
    rows: list[dict[str, Cell]] = []
    names = sorted(set(test.source.tolist()))
    for number, name in enumerate(names):
        others, own = train.take(train.source != name), test.take(test.source == name)
        if len(set(others.cause.tolist())) == len(CAUSES):
            for what, answer in (("all data sets", known), ("the others only", light_odds(others, seed))):
                p, said = answer(own)
                untouched = own.kind == SEEN_ALWAYS
                rows.append(
                    {
                        "tested on": name, "trained on": what, "n": len(own),
                        **summary(p, said, own, seed),
                        "untouched named a cause": share_of(
                            ~np.isin(said[untouched], [NORMAL, "undecided"]), own.home[untouched]
                        ),
                    }
                )  # fmt: skip
        each(number)
    note = "" if len(names) > 1 else "Needs two inputs or more: each INPUT of the command is a data set."
    return Table("left_out_data_sets", "Leave one data set out", rows, note)
