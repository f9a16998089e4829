"""An evaluation as a folder: README.md with the tables, CSV files, pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from loadprofile.evaluate.estimates import Estimate
from loadprofile.evaluate.metrics import Ranking
from loadprofile.evaluate.protocols import DROP_RULE, HERE, PACKAGED, Evaluation
from loadprofile.figures.evaluation import confusion, gain_curve, model_bars, pr_roc, reliability
from loadprofile.verdicts import CAUSES, UNDECIDED, Cause

ALARMS = (0.01, 0.05)


def write_evaluation(folder: Path, result: Evaluation, seen: Sequence[str] = ()) -> None:
    """Write tables and pictures.

    Args:
        folder: made if it is not there.
        result: what was measured.
        seen: names of input files that the packaged model was trained on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ranking_frame(result.fraud).to_csv(folder / "fraud.csv", index=False)
    ranking_frame(result.abnormal).to_csv(folder / "abnormal.csv", index=False)
    causes_frame(result).to_csv(folder / "causes.csv", index=False)
    published_frame(result).to_csv(folder / "published.csv", index=False)
    kinds_frame(result).to_csv(folder / "kinds.csv", index=False)
    for name, figure in _pictures(result).items():
        figure.savefig(folder / f"{name}.png")
    (folder / "README.md").write_text(as_markdown(result, seen), encoding="utf-8")


def as_markdown(result: Evaluation, seen: Sequence[str] = ()) -> str:
    """The tables as Markdown, with what they rest on."""
    test = result.test
    base = float((test.cause == str(Cause.FRAUD)).mean())
    odd = float((test.cause != str(Cause.NORMAL)).mean())
    about = (
        f"Protocol injected, seed {result.seed}: {result.meters['train']} meters to fit on, "
        f"{result.meters['test']} other meters to test on ({result.step_minutes}-minute readings, "
        f"{result.days} days in the input). Test rows: {len(test):,} meter windows, "
        f"{100 * base:.1f} % fraud, {100 * odd:.1f} % not ordinary in all. "
        "Intervals are 95 %, resampled over meters."
    )
    lines = [about, ""]
    if seen:
        lines += [f"**The packaged model was trained on {', '.join(seen)}: its row is not a test.**", ""]
    for title, figures in (
        ("Is it fraud? (against everything else)", result.fraud),
        ("Is anything not ordinary?", result.abnormal),
    ):
        lines += [f"### {title}", "", *_ranking_table(figures), ""]
    for name, report in result.causes.items():
        loss, score, error = result.calibration[name]
        more = (
            f"Macro-F1 {_e(report.macro_f1)}; undecided {_e(report.undecided)}; ordinary rows called fraud "
            f"{_e(result.honest_called_fraud[name])}; log loss {_e(loss)}; Brier score of fraud {_e(score)}; "
            f"calibration error of fraud {_e(error)}."
        )
        lines += [
            f"### Causes named by {name}",
            "",
            "| cause | precision | recall | F1 | meters |",
            "|---|---|---|---|---|",
            *(
                f"| {c} | {_e(s.precision)} | {_e(s.recall)} | {_e(s.f1)} | {s.recall.n} |"
                for c, s in report.causes.items()
            ),
            "",
            more,
            "",
        ]
    lines += [
        "### Published theft functions, never planted on the training side",
        "",
        *_published_table(result),
    ]
    return "\n".join(lines) + "\n"


def _e(estimate: Estimate) -> str:
    if np.isnan(estimate.value):
        return "-"
    return f"{estimate.value:.3f} ({estimate.low:.3f}-{estimate.high:.3f})"


def _ranking_table(figures: Mapping[str, Ranking]) -> Iterable[str]:
    yield "| method | AUC | average precision | recall at 1 % false alarms | at 5 % | precision at 50 |"
    yield "|---|---|---|---|---|---|"
    for name, r in sorted(figures.items(), key=lambda item: -item[1].auc.value):
        recalls = " | ".join(_e(r.recall_at[a]) for a in ALARMS)
        yield f"| {name} | {_e(r.auc)} | {_e(r.average_precision)} | {recalls} | {_e(r.precision_at[50])} |"


SHOWN = ("logistic_regression", "random_forest", "isolation_forest (no labels)", DROP_RULE, HERE, PACKAGED)


def _published_table(result: Evaluation) -> Iterable[str]:
    shown = [name for name in SHOWN if name in result.fraud]
    yield f"| function | {' | '.join(shown)} |"
    yield f"|---|{'---|' * len(shown)}"
    for kind, found in result.published.items():
        cells = [f"{found[n][0].value:.3f} / {found[n][1].value:.2f}" for n in shown]
        yield f"| {kind} (n={found[shown[0]][1].n}) | {' | '.join(cells)} |"
    yield ""
    yield "Each cell: AUC / recall at 1 % false alarms, of the score for fraud, against honest rows."


def ranking_frame(figures: Mapping[str, Ranking]) -> pd.DataFrame:
    """One row for each method, every figure with its interval in columns of its own."""
    rows = []
    for name, r in figures.items():
        row: dict[str, object] = {"method": name, "base_rate": r.base_rate}
        parts = {"auc": r.auc, "average_precision": r.average_precision}
        parts |= {f"recall_at_{a:g}": e for a, e in r.recall_at.items()}
        parts |= {f"precision_at_{k}": e for k, e in r.precision_at.items()}
        parts |= {f"kwh_at_{k}": e for k, e in r.kwh_at.items()}
        for what, e in parts.items():
            row |= {what: e.value, f"{what}_low": e.low, f"{what}_high": e.high, f"{what}_n": e.n}
        rows.append(row)
    return pd.DataFrame(rows)


def causes_frame(result: Evaluation) -> pd.DataFrame:
    """Method, cause, precision, recall, F1 with intervals."""
    rows = []
    for name, report in result.causes.items():
        for cause, score in report.causes.items():
            row: dict[str, object] = {"method": name, "cause": cause}
            for what, e in (("precision", score.precision), ("recall", score.recall), ("f1", score.f1)):
                row |= {what: e.value, f"{what}_low": e.low, f"{what}_high": e.high, f"{what}_n": e.n}
            rows.append(row)
    return pd.DataFrame(rows)


def published_frame(result: Evaluation) -> pd.DataFrame:
    """Kind, method, AUC and recall at 1 % false alarms with intervals."""
    return pd.DataFrame(
        [
            {
                "kind": kind, "method": name,
                "auc": auc.value, "auc_low": auc.low, "auc_high": auc.high,
                "recall_at_0.01": recall.value, "recall_low": recall.low, "recall_high": recall.high,
                "n": recall.n,
            }
            for kind, found in result.published.items()
            for name, (auc, recall) in found.items()
        ]
    )  # fmt: skip


def kinds_frame(result: Evaluation) -> pd.DataFrame:
    """For each planted kind, what the programs said of it."""
    rows = []
    for scored in result.scored:
        if scored.probabilities is None:
            continue
        frame = pd.DataFrame(scored.probabilities, columns=[f"p_{c}" for c in CAUSES])
        frame["right"] = result.calls[scored.name] == result.test.cause
        frame["undecided"] = result.calls[scored.name] == UNDECIDED
        frame["visible"] = result.test.visible
        found = frame.groupby([result.test.cause, result.test.kind]).mean()
        found.insert(0, "rows", frame.groupby([result.test.cause, result.test.kind]).size())
        found.index.names = ["cause", "kind"]
        rows.append(found.reset_index().assign(method=scored.name))
    return pd.concat(rows, ignore_index=True)


def _pictures(result: Evaluation) -> dict[str, Figure]:
    test = result.test
    truth = test.cause == str(Cause.FRAUD)
    lost = np.maximum(np.nan_to_num(test.lost_kwh), 0.0)
    by_name = {s.name: s for s in result.scored}
    pictures = {}
    for tag, name in (("here", HERE), ("packaged", PACKAGED)):
        pictures[f"calibration_{tag}"] = reliability(by_name[name].fraud, truth)
        pictures[f"gain_{tag}"] = gain_curve(by_name[name].fraud, truth, lost)
        pictures[f"confusion_{tag}"] = confusion(
            result.causes[name].confusion, [*map(str, CAUSES)], [*map(str, CAUSES), UNDECIDED]
        )
    shown = [n for n in SHOWN if n in by_name]
    pictures["curves"] = pr_roc({n: (by_name[n].fraud, truth) for n in shown})
    for what, figures in (("fraud", result.fraud), ("abnormal", result.abnormal)):
        auc = [figures[n].auc for n in figures]
        pictures[f"methods_{what}"] = model_bars(
            list(figures),
            np.array([e.value for e in auc]), np.array([e.low for e in auc]), np.array([e.high for e in auc]),
            "AUC (0.5 = chance), 95 % interval over meters", 0.5,
        )  # fmt: skip
    return pictures
