"""Scores to probabilities, learned on meters that the scoring model never saw.

Platt 1999 (a logistic curve on the score, with his smoothed targets), isotonic regression where
there is enough to learn its steps from, temperature scaling (Guo et al. 2017, ICML) with a shift
per class for the six answers, and the change of prior of Saerens et al. 2002 (Neural Computation 14).
A score that cannot be judged (NaN) has no probability (NaN) either.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit, log_softmax
from sklearn.base import BaseEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.utils.validation import check_is_fitted

from loadprofile.errors import OptionError, ShapeError

METHODS = ("auto", "platt", "isotonic")
MARGIN_FLOOR = 1e-6
"""Probabilities are kept this far from 0 and 1 before their logarithm is taken."""


def logit(probability: ArrayLike) -> NDArray[np.float64]:
    """Log odds, finite also at 0 and 1 (cut at ``MARGIN_FLOOR``)."""
    p = np.clip(np.asarray(probability, dtype=np.float64), MARGIN_FLOOR, 1 - MARGIN_FLOOR)
    return np.asarray(np.log(p) - np.log1p(-p))


class BinaryCalibrator(BaseEstimator):  # type: ignore[misc]
    """A monotone map from a score (log odds or any real number, higher = more so) to a probability.

    Platt's curve needs few cases; isotonic regression makes no assumption on the form but needs many.
    ``auto`` takes isotonic only when both classes have ``least_each`` cases *and* its log loss on
    held-out folds is lower. The map never turns the order round: a score that says nothing (or the
    opposite) gives the base rate for everybody.

    Args (stored):
        method: ``auto``, ``platt`` or ``isotonic``.
        least_each: cases of each class that ``auto`` wants before it considers isotonic.
        folds: folds of that comparison, over groups.
        seed: of the folds.

    Attributes:
        method_: what was chosen.
        slope_, intercept_: of Platt's curve (always fitted).
        steps_at_, steps_: isotonic nodes (empty when Platt was chosen).
        held_out_loss_: method -> held-out log loss, where they were compared.
    """

    def __init__(self, method: str = "auto", least_each: int = 200, folds: int = 5, seed: int = 0) -> None:
        self.method = method
        self.least_each = least_each
        self.folds = folds
        self.seed = seed

    def fit(self, scores: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> BinaryCalibrator:
        """Learn from ``(n,)`` scores and ``(n,)`` bool; NaN scores are left out.

        Args:
            scores: of rows that the scoring model did not learn from.
            y: the truth.
            groups: ``(n,)`` meters; rows of one meter stay in one fold.

        Raises:
            ShapeError: lengths differ or only one class is left.
            OptionError: no such method.
        """
        if self.method not in METHODS:
            raise OptionError("method", self.method, f"known are {', '.join(METHODS)}")
        s, t = np.asarray(scores, dtype=np.float64), np.asarray(y).astype(np.bool_)
        if s.ndim != 1 or s.shape != t.shape:
            raise ShapeError("scores", s.shape, t.shape)
        g = np.arange(len(s)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
        known = ~np.isnan(s)
        s, t, g = s[known], t[known], g[known]
        if t.all() or not t.any():
            raise ShapeError("y", "one class", "both classes")
        self.held_out_loss_: dict[str, float] = {}
        self.method_ = self.method if self.method != "auto" else self._chosen(s, t, g)
        self.slope_, self.intercept_ = _platt(s, t)
        steps = _isotonic(s, t) if self.method_ == "isotonic" else (np.empty(0), np.empty(0))
        self.steps_at_, self.steps_ = steps
        return self

    def transform(self, scores: ArrayLike) -> NDArray[np.float64]:
        """``(n,)`` probabilities, strictly between 0 and 1; NaN for NaN."""
        check_is_fitted(self)
        s = np.asarray(scores, dtype=np.float64)
        if self.method_ == "isotonic":
            found = np.interp(s, self.steps_at_, self.steps_)
        else:
            found = expit(self.slope_ * s + self.intercept_)
        return np.where(np.isnan(s), np.nan, np.clip(found, MARGIN_FLOOR, 1 - MARGIN_FLOOR))

    def _chosen(self, s: NDArray[np.float64], t: NDArray[np.bool_], g: NDArray[np.intp]) -> str:
        names = np.unique(g)
        if min(t.sum(), (~t).sum()) < self.least_each or len(names) < self.folds:
            return "platt"
        fold_of = np.empty(int(names.max()) + 1, dtype=np.intp)
        fold_of[names] = np.random.default_rng(self.seed).permutation(len(names)) % self.folds
        fold = fold_of[g]
        found = {"platt": np.full(len(s), np.nan), "isotonic": np.full(len(s), np.nan)}
        for held_out in range(self.folds):
            learn, held = fold != held_out, fold == held_out
            if t[learn].all() or not t[learn].any():
                return "platt"
            for name, p in found.items():
                part = BinaryCalibrator(name).fit(s[learn], t[learn])
                p[held] = part.transform(s[held])
        self.held_out_loss_ = {
            name: float(-np.mean(np.where(t, np.log(p), np.log1p(-p)))) for name, p in found.items()
        }
        return "isotonic" if self.held_out_loss_["isotonic"] < self.held_out_loss_["platt"] else "platt"


def _platt(s: NDArray[np.float64], t: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope (never negative) and intercept that minimise the log loss against Platt's smoothed targets."""
    ones, zeros = int(t.sum()), int((~t).sum())
    target = np.where(t, (ones + 1) / (ones + 2), 1 / (zeros + 2))
    middle, spread = float(np.median(s)), float(np.std(s)) or 1.0
    z = (s - middle) / spread

    def loss(at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        f = at[0] * z + at[1]
        value = -np.mean(target * log_expit(f) + (1 - target) * log_expit(-f))
        rest = expit(f) - target
        return float(value), np.array([np.mean(rest * z), np.mean(rest)])

    base = float(target.mean())
    start = np.array([0.0, np.log(base / (1 - base))])
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, None), (None, None)]).x
    return float(best[0] / spread), float(best[1] - best[0] * middle / spread)


def _isotonic(
    s: NDArray[np.float64], t: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes of the isotonic map, kept off 0 and 1 by half a case at either end of the sample."""
    edge = 0.5 / len(s)
    fitted = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip").fit(s, t.astype(np.float64))
    return fitted.X_thresholds_.astype(np.float64), fitted.y_thresholds_.astype(np.float64)


class ClassCalibrator(BaseEstimator):  # type: ignore[misc]
    """Several classes: ``softmax(logits / temperature + shift)``, fitted by held-out log loss.

    One temperature keeps the order of the classes of a row but for the shifts; the shifts repair what
    class weights and resampling did. A small penalty holds the shift of a class that the held-out
    cases hardly show.

    Args (stored):
        penalty: weight of the squared shifts (per case: divided by the number of rows).

    Attributes:
        temperature_: positive; above 1 = the model was too sure.
        shift_: ``(c,)``, sums to 0.
        loss_before_, loss_after_: mean log loss of the rows it was fitted on.
    """

    def __init__(self, penalty: float = 1.0) -> None:
        self.penalty = penalty

    def fit(self, logits: ArrayLike, y: ArrayLike, weights: ArrayLike | None = None) -> ClassCalibrator:
        """Learn from ``(n, c)`` logits (or log probabilities) and ``(n,)`` class numbers 0..c-1.

        Rows with a NaN are left out. ``weights``: ``(n,)``, not negative.

        Raises:
            ShapeError: shapes do not fit, no row is left, or a class number is out of range.
        """
        z, t = np.asarray(logits, dtype=np.float64), np.asarray(y)
        if z.ndim != 2 or t.shape != (len(z),):
            raise ShapeError("logits", z.shape, (len(t), "classes"))
        w = np.ones(len(z)) if weights is None else np.asarray(weights, dtype=np.float64)
        if w.shape != t.shape:
            raise ShapeError("weights", w.shape, t.shape)
        known = ~np.isnan(z).any(axis=1)
        z, t, w = z[known], t[known].astype(np.intp), w[known]
        n, c = z.shape
        if not w.sum() > 0:
            raise ShapeError("logits", "no row with weight and without NaN", "at least one")
        if t.min() < 0 or t.max() >= c:
            raise ShapeError("y", (int(t.min()), int(t.max())), (0, c - 1))
        w = w / w.sum()
        z = np.maximum(z - z.max(axis=1, keepdims=True), np.log(MARGIN_FLOOR) * 2)
        hit = np.zeros((n, c))
        hit[np.arange(n), t] = 1.0

        def loss(at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            sharp, shift = np.exp(at[0]), at[1:]
            log_p = log_softmax(sharp * z + shift, axis=1)
            rest = w[:, None] * (np.exp(log_p) - hit)
            pull = self.penalty / n
            value = -np.sum(w * log_p[np.arange(n), t]) + pull * np.sum(shift**2)
            slope = np.concatenate([[sharp * np.sum(rest * z)], rest.sum(axis=0) + 2 * pull * shift])
            return float(value), slope

        bounds = [(np.log(0.01), np.log(100.0)), *[(-20.0, 20.0)] * c]
        best = minimize(loss, np.zeros(c + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
        self.temperature_ = float(np.exp(-best[0]))
        self.shift_ = best[1:] - best[1:].mean()
        self.loss_before_ = float(-np.sum(w * log_softmax(z, axis=1)[np.arange(n), t]))
        self.loss_after_ = float(-np.sum(w * np.log(self.transform(z)[np.arange(n), t])))
        return self

    def transform(self, logits: ArrayLike) -> NDArray[np.float64]:
        """``(n, c)`` probabilities whose rows sum to 1; a row with a NaN stays NaN."""
        check_is_fitted(self)
        z = np.asarray(logits, dtype=np.float64)
        if z.ndim != 2 or z.shape[1] != len(self.shift_):
            raise ShapeError("logits", z.shape, ("rows", len(self.shift_)))
        z = np.maximum(z - z.max(axis=1, keepdims=True), np.log(MARGIN_FLOOR) * 2)
        return np.asarray(np.exp(log_softmax(z / self.temperature_ + self.shift_, axis=1)))


def prior_shift(
    probabilities: ArrayLike, trained_prior: ArrayLike, wished_prior: ArrayLike
) -> NDArray[np.float64]:
    """The same evidence under another prior: ``p * wished / trained``, made to sum to 1 again.

    For a model trained with as many thefts as ordinary meters and used where 2 % steal. Holds when
    only the shares of the classes differ and not what each class looks like (Saerens et al. 2002).

    Args:
        probabilities: ``(n, c)`` rows that sum to 1 (NaN rows stay NaN).
        trained_prior: ``(c,)`` positive shares behind the probabilities.
        wished_prior: ``(c,)`` shares not below 0 where they will be used. Both need not sum to 1.

    Raises:
        ShapeError: lengths do not fit.
        OptionError: a trained share is not positive, a wished share is negative, or all are 0.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    old, new = np.asarray(trained_prior, dtype=np.float64), np.asarray(wished_prior, dtype=np.float64)
    if p.ndim != 2 or old.shape != (p.shape[1],) or new.shape != old.shape:
        raise ShapeError("prior", (old.shape, new.shape), p.shape[1:])
    if not (old > 0).all():
        raise OptionError("trained_prior", old.tolist(), "every share must be positive")
    if not ((new >= 0).all() and new.sum() > 0):
        raise OptionError("wished_prior", new.tolist(), "shares must not be negative, nor all 0")
    moved: NDArray[Any] = p * (new / new.sum()) / (old / old.sum())
    total = moved.sum(axis=1, keepdims=True)
    # A row that is sure of a class nobody wishes for has nothing left: it falls back on the prior.
    return np.where(total == 0, new / new.sum(), moved / np.where(total == 0, 1.0, total))
