"""Tables of what programs said: by cause, by slice, of honest meters, of dates, energies and sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from loadprofile.cases import Cases
from loadprofile.emulate.scenario import UNTOUCHED
from loadprofile.evaluate.cells import Cell, Table
from loadprofile.evaluate.estimates import Estimate
from loadprofile.evaluate.judged import Judged
from loadprofile.evaluate.metrics import CauseReport, cause_report, ranking
from loadprofile.evaluate.quantities import QUANTITIES
from loadprofile.evaluate.reliability import expected_calibration_error, log_loss
from loadprofile.evaluate.shares import RESAMPLES, median_of, share_of
from loadprofile.verdicts import CAUSES, UNDECIDED, Cause, cause_codes

NORMAL, FRAUD = str(Cause.NORMAL), str(Cause.FRAUD)
BILLED_AS_USED = {NORMAL, str(Cause.SUPER_CONSUMPTION)}
"""Nothing goes unbilled under these answers, so no energy is estimated."""

LEAST_KWH = 1.0
"""Rows that lost less than this are no test of an energy estimate."""

STRENGTHS = ((0.0, 0.05), (0.05, 0.1), (0.1, 0.2), (0.2, 0.4), (0.4, 0.7), (0.7, np.inf))
CLARITIES = ((0.0, 2.0), (2.0, 5.0), (5.0, 10.0), (10.0, 20.0), (20.0, 50.0), (50.0, np.inf))


def cause_reports(judged: Judged, seed: int) -> dict[str, CauseReport]:
    """Program -> precision, recall, F1 and confusion over all rows."""
    c = judged.cases
    return {
        name: cause_report(c.cause, s.cause, c.home, seed=seed, resamples=RESAMPLES)
        for name, s in judged.said.items()
    }


def overall(judged: Judged, seed: int) -> Table:
    """One line for each program, over all rows and over those that somebody could see."""
    rows: list[dict[str, Cell]] = []
    for which, keep in _visibility(judged):
        c = judged.cases.take(keep)
        for name, s in judged.said.items():
            figures = summary(s.probabilities[keep], s.cause[keep], c, seed)
            rows.append({"rows": which, "program": name, "n": len(c), **figures})
    note = (
        "k = number of thefts among the rows. All programs are told the mix of the training side as their "
        "prior. Rows 'visible' leave out what was planted too faintly for anybody to see."
    )
    return Table("overall", "Overall", rows, note)


def summary(
    probabilities: NDArray[np.float64], said: NDArray[np.str_], cases: Cases, seed: int
) -> dict[str, Cell]:
    """The figures that a line about one program on some rows holds.

    Args:
        probabilities: ``(m, 6)``.
        said: ``(m,)`` the named causes.
        cases: the ``m`` rows.
        seed: of the resamples.
    """
    truth, odd, fraud = cause_codes(cases.cause), cases.cause != NORMAL, cases.cause == FRAUD
    homes, k = cases.home, max(int(fraud.sum()), 1)
    any_ = ranking(1 - probabilities[:, 0], odd, homes, seed=seed, resamples=RESAMPLES)
    theft = ranking(probabilities[:, -1], fraud, homes, visits=(k,), seed=seed, resamples=RESAMPLES)
    report = cause_report(cases.cause, said, homes, seed=seed, resamples=RESAMPLES)
    called = said == FRAUD
    return {
        "AUC not ordinary": any_.auc, "recall at 1 % false alarms": any_.recall_at[0.01],
        "macro-F1": report.macro_f1, "undecided": report.undecided,
        "AUC fraud": theft.auc, "fraud recall at 1 %": theft.recall_at[0.01],
        "fraud precision at k": theft.precision_at[k],
        "fraud calls that are fraud": share_of(fraud[called], homes[called]),
        "log loss": log_loss(probabilities, truth, homes, RESAMPLES),
        "calibration error": expected_calibration_error(probabilities, truth, homes, resamples=RESAMPLES),
    }  # fmt: skip


def _visibility(judged: Judged) -> Iterable[tuple[str, NDArray[np.bool_]]]:
    faint = judged.cases.faint & (judged.cases.cause != NORMAL)
    return (("all", np.ones(len(faint), dtype=np.bool_)), ("visible", ~faint))


def by_cause(judged: Judged, reports: Mapping[str, CauseReport], seed: int) -> Table:
    """Program x cause: precision, recall, F1, AUC against the rest, calibration error."""
    c = judged.cases
    rows: list[dict[str, Cell]] = []
    for name, s in judged.said.items():
        for at, cause in enumerate(CAUSES):
            score, hit = reports[name].causes[cause], c.cause == str(cause)
            p = s.probabilities[:, at]
            rows.append(
                {
                    "program": name, "cause": str(cause), "homes": score.recall.n,
                    "precision": score.precision, "recall": score.recall, "F1": score.f1,
                    "AUC": ranking(p, hit, c.home, seed=seed, resamples=RESAMPLES).auc,
                    "calibration error": expected_calibration_error(p, hit, c.home, resamples=RESAMPLES),
                }
            )  # fmt: skip
    return Table("causes", "By cause", rows, "An undecided row costs recall and not precision.")


def confusions(reports: Mapping[str, CauseReport]) -> Table:
    """Program x truth: how many rows were called what."""
    answers = [*map(str, CAUSES), UNDECIDED]
    rows = [
        {"program": name, "was": str(cause)} | dict(zip(answers, map(int, counts), strict=True))
        for name, report in reports.items()
        for cause, counts in zip(CAUSES, report.confusion, strict=True)
    ]
    return Table("confusion", "What was called what (rows)", rows)


def by_kind(judged: Judged) -> Table:
    """Program x kind: recall, undecided, the commonest wrong answer."""
    c = judged.cases
    rows: list[dict[str, Cell]] = []
    for name, s in judged.said.items():
        for kind in sorted(set(c.kind.tolist())):
            at = c.kind == kind
            cause = str(c.cause[at][0])
            wrong = s.cause[at][(s.cause[at] != cause) & (s.cause[at] != UNDECIDED)]
            names, counts = np.unique(wrong, return_counts=True)
            rows.append(
                {
                    "program": name, "cause": cause, "kind": kind, "rows": int(at.sum()),
                    "faint": float(c.faint[at].mean()),
                    "recall": share_of(s.cause[at] == cause, c.home[at]),
                    "recall if visible": share_of(
                        s.cause[at & ~c.faint] == cause, c.home[at & ~c.faint]
                    ),
                    "undecided": float((s.cause[at] == UNDECIDED).mean()),
                    "commonest wrong answer": str(names[counts.argmax()]) if len(names) else "",
                }
            )  # fmt: skip
    rows.sort(key=lambda row: (row["program"], row["cause"], row["kind"]))  # type: ignore[arg-type,return-value]
    return Table("kinds", "By kind", rows, brief=False)


def slices(judged: Judged) -> list[tuple[str, str, NDArray[np.bool_]]]:
    """(dimension, value, rows): by strength, clarity, span, interval length and data set."""
    c = judged.cases
    planted = c.kind != UNTOUCHED
    found: list[tuple[str, str, NDArray[np.bool_]]] = []
    for what, values, edges in (("strength", c.visible, STRENGTHS), ("clarity", c.clarity, CLARITIES)):
        for low, high in edges:
            name = f"{low:g} to {high:g}" if np.isfinite(high) else f"over {low:g}"
            found.append((what, name, planted & (values >= low) & (values < high)))
    found += [("trace", "faint", planted & c.faint), ("trace", "visible", planted & ~c.faint)]
    found += [("days", f"{d}", c.days == d) for d in np.unique(c.days)]
    found += [("step", f"{s} min", c.step_minutes == s) for s in np.unique(c.step_minutes)]
    return found + [("data set", str(s), c.source == s) for s in np.unique(c.source)]


def by_slice(judged: Judged, seed: int) -> Table:
    """Program x slice: recall of each planted cause, and of all of them together."""
    c = judged.cases
    rows: list[dict[str, Cell]] = []
    planted_causes = [str(cause) for cause in CAUSES if cause is not Cause.NORMAL]
    for name, s in judged.said.items():
        right = s.cause == c.cause
        for what, value, at in slices(judged):
            if not at.any():
                continue
            odd = at & (c.cause != NORMAL)
            auc: Cell = ""
            if what in {"days", "step", "data set"}:
                score = 1 - s.probabilities[at, 0]
                auc = ranking(score, c.cause[at] != NORMAL, c.home[at], seed=seed, resamples=RESAMPLES).auc
            row: dict[str, Cell] = {
                "program": name, "by": what, "value": value, "rows": int(at.sum()),
                "AUC not ordinary": auc, "recall of planted": share_of(right[odd], c.home[odd]),
            }  # fmt: skip
            for cause in planted_causes:
                rows_of = at & (c.cause == cause)
                row[cause] = float(right[rows_of].mean()) if rows_of.any() else float("nan")
            rows.append(row)
    return Table("slices", "Recall by strength, clarity, span, step and data set", rows)


def honest(judged: Judged, field: NDArray[np.float64]) -> Table:
    """False alarms on untouched meters and on honest look-alikes, at two priors."""
    c = judged.cases
    rows: list[dict[str, Cell]] = []
    groups = {
        "untouched": c.kind == UNTOUCHED,
        "look-alikes": (c.cause == NORMAL) & (c.kind != UNTOUCHED),
    }
    for name, s in judged.said.items():
        for told, said in (("mix of the rows", s.cause), ("the field", judged.at_prior(name, field)[1])):
            for group, at in groups.items():
                named = (said != NORMAL) & (said != UNDECIDED)
                rows.append(
                    {
                        "program": name, "prior told": told, "meters": group, "rows": int(at.sum()),
                        "named a cause": share_of(named[at], c.home[at]),
                        "called fraud": share_of(said[at] == FRAUD, c.home[at]),
                        "undecided": share_of(said[at] == UNDECIDED, c.home[at]),
                    }
                )  # fmt: skip
    note = (
        "Untouched: nothing was planted (real meters may have faults of their own). Look-alikes: honest life "
        "was planted. The field prior is the packaged model's: "
        + ", ".join(f"{cause} {100 * p:.0f} %" for cause, p in zip(CAUSES, field, strict=True)) + "."
    )  # fmt: skip
    return Table("honest", "Honest false alarms", rows, note)


def dates(judged: Judged) -> Table:
    """Error of the onset in days, and how often its 80 % interval holds the truth."""
    c = judged.cases
    rows: list[dict[str, Cell]] = []
    for name, s in judged.said.items():
        error = np.abs((s.onset - c.onset) / np.timedelta64(1, "D"))
        held = (s.onset_low <= c.onset) & (c.onset <= s.onset_high)
        bounded = ~np.isnat(s.onset_low) & ~np.isnat(s.onset_high)
        dated = (c.cause != NORMAL) & ~np.isnat(c.onset)
        for which, cause, at in _answered(judged, s.cause, dated):
            rows.append(
                {
                    "program": name, "rows": which, "cause": cause, "n": int(at.sum()),
                    "a date given": share_of(~np.isnat(s.onset[at]), c.home[at]),
                    "median error, days": median_of(error[at], c.home[at]),
                    "within 1 day": share_of(error[at] <= 1, c.home[at]),
                    "80 % interval holds": share_of(held[at & bounded], c.home[at & bounded]),
                }
            )  # fmt: skip
    note = (
        "Rows without a date count as not within a day, and are left out of the median and of the interval."
    )
    return Table("onset", "When it began", rows, note)


def energies(judged: Judged) -> Table:
    """Relative error of the energy not billed, and how often its 80 % interval holds the truth."""
    c = judged.cases
    rows: list[dict[str, Cell]] = []
    lost = np.nan_to_num(c.lost_kwh)
    dear = (lost >= LEAST_KWH) & ~np.isin(c.cause, list(BILLED_AS_USED))
    for name, s in judged.said.items():
        known = ~np.isnan(s.lost_kwh)
        with np.errstate(invalid="ignore", divide="ignore"):
            error = np.where(known, np.abs(s.lost_kwh - lost) / lost, np.nan)
            ratio = np.where(known, s.lost_kwh / lost, np.nan)
        held = (s.lost_kwh_low <= lost) & (lost <= s.lost_kwh_high)
        for which, cause, at in _answered(judged, s.cause, dear):
            total = lost[at & known].sum()
            rows.append(
                {
                    "program": name, "rows": which, "cause": cause, "n": int(at.sum()),
                    "median relative error": median_of(error[at], c.home[at]),
                    "median said / true": median_of(ratio[at], c.home[at]),
                    "sum said / sum true": float(s.lost_kwh[at & known].sum() / total) if total else np.nan,
                    "80 % interval holds": share_of(held[at & known], c.home[at & known]),
                }
            )  # fmt: skip
    note = f"Rows that lost at least {LEAST_KWH:g} kWh; a verdict of normal says 0 kWh and is 100 % off."
    return Table("energy", "How much was not billed", rows, note)


def _answered(
    judged: Judged, said: NDArray[np.str_], among: NDArray[np.bool_]
) -> Iterable[tuple[str, str, NDArray[np.bool_]]]:
    """(which rows, cause, rows): named rightly and all visible, all causes together and each."""
    c = judged.cases
    for which, keep in (("named rightly", said == c.cause), ("all visible", ~c.faint)):
        yield which, "all", among & keep
        for cause in CAUSES:
            at = among & keep & (c.cause == str(cause))
            if at.any():
                yield which, str(cause), at


def explained(judged: Judged) -> Table:
    """Share of the rightly named rows whose top evidence speaks of what the planted kind alters."""
    c = judged.cases
    rows: list[dict[str, Cell]] = []
    for name, s in judged.said.items():
        speaks = speaks_of(s.top_evidence, c.kind)
        right = (s.cause == c.cause) & (c.cause != NORMAL)
        for cause in ("all", *map(str, CAUSES[1:])):
            at = right if cause == "all" else right & (c.cause == cause)
            rows.append(
                {
                    "program": name, "cause": cause, "rows named rightly": int(at.sum()),
                    "top evidence names the quantity": share_of(speaks[at], c.home[at]),
                }
            )  # fmt: skip
    return Table("explained", "Does the first sentence speak of what happened?", rows)


def explained_by_kind(judged: Judged) -> Table:
    """The same for each kind, with the commonest other statement."""
    c = judged.cases
    rows: list[dict[str, Cell]] = []
    for name, s in judged.said.items():
        right = (s.cause == c.cause) & (c.cause != NORMAL)
        for kind in sorted(set(c.kind[right].tolist())):
            at = right & (c.kind == kind)
            top = s.top_evidence[at]
            speaks = speaks_of(top, c.kind[at])
            others, counts = np.unique(top[~speaks], return_counts=True)
            hit: Estimate = share_of(speaks, c.home[at])
            rows.append(
                {
                    "program": name, "kind": kind, "rows": int(at.sum()), "names the quantity": hit,
                    "commonest other": str(others[counts.argmax()]) if len(others) else "",
                }
            )  # fmt: skip
    return Table("explained_kinds", "Explanations by kind", rows, brief=False)


def speaks_of(evidence: NDArray[np.str_], kinds: NDArray[np.str_]) -> NDArray[np.bool_]:
    """``(m,)`` whether each evidence name is one that speaks of the kind in the same row."""
    none: frozenset[str] = frozenset()
    return np.array(
        [e in QUANTITIES.get(k, none) for e, k in zip(evidence.tolist(), kinds.tolist(), strict=True)],
        dtype=np.bool_,
    )
