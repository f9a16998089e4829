"""Learning from the record: a challenger out of stored profiles and verdicts, scored beside the champion.

Nothing that became known after ``as_of`` is used, and of a verified meter nothing later than its visit. Homes
that are kept aside, and meters whose later verdicts score, are never learned from (``loadprofile.learning``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from api.assembly import detectors
from api.http.settings import Settings
from api.jobs.running import Attempt, Kind, LastWrite
from api.rivals import Rival, rival
from loadprofile.cases import Cases, Source, emulated_cases, has_ordinary_window, joined
from loadprofile.emulate.households import simulate_homes
from loadprofile.errors import ModelFileError
from loadprofile.learning.contest import Contest, contest, is_better
from loadprofile.learning.verified import Labels, before, is_held_out, long_enough, looks, verified_cases
from loadprofile.learning.weighing import effective_count, inverse_propensity
from loadprofile.models.model import Model
from loadprofile.profiles import LoadProfiles
from loadprofile.store.contexts import contexts
from loadprofile.store.database import Database
from loadprofile.store.feedback import labels
from loadprofile.store.loading import Group, load_profiles, stored_groups
from loadprofile.store.model_register import add_model, score_model
from loadprofile.store.ordinary import not_ordinary
from loadprofile.training import fit_model
from loadprofile.verdicts import CAUSES, cause_codes

SCORED_SHARE = 0.3
"""Share of the verdicts, the latest, that score and are not learned from, unless a day is given."""

PEERS = 300
"""Other meters among which verified ones are looked at: enough for groups of peers."""

DAYS = 400
"""Days that are looked back from the last reading, or from a visit."""

KIND = "learning"
"""Name of the kind of job."""

Say = Callable[[float, str], None]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be learned; plain values, so that it can stand in the record.

    Attributes:
        name: of the model.
        as_of: ISO moment; nothing is used that became known later.
        score_from: ISO day; verdicts of visits from this day on score. None: the latest ``SCORED_SHARE``.
        populations: emulated utilities to learn from; a quarter as many score.
        iterations: boosting rounds.
        meters: stored meters to learn from at most, drawn by lot.
        simulated_homes: simulated homes beside the stored ones.
        verified_counts: for how many emulated cases a verdict counts on average.
        seed: of everything drawn.
        hemisphere: ``north`` or ``south``.
    """

    name: str
    as_of: str
    score_from: str | None = None
    populations: int = 100
    iterations: int = 160
    meters: int = 1000
    simulated_homes: int = 40
    verified_counts: float = 3.0
    seed: int = 0
    hemisphere: str = "north"

    @property
    def moment(self) -> datetime:
        """``as_of`` as an instant."""
        return datetime.fromisoformat(self.as_of).astimezone(UTC)


@dataclass(frozen=True, eq=False, slots=True)
class Learned:
    """A challenger as it goes into the register: ``register`` is all that is left to do."""

    wish: Wish
    content: bytes
    manifest: Mapping[str, Any]
    scores: Mapping[str, Any]

    def register(self, connection: sa.Connection, *, who: str) -> int:
        """Its key."""
        return add_model(
            connection, self.wish.name, self.manifest, who=who, content=self.content, scores=self.scores,
            as_of=self.wish.moment,
        )  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class _Known:
    """What the record tells: verdicts on either side of a day, and who is no example of an ordinary meter."""

    learned: Labels
    scored: Labels
    last_learned: str | None
    refused: Mapping[str, str]


def work(attempt: Attempt) -> LastWrite:
    """The job: train a challenger, or score a model that is there, beside the model in use."""
    return run(attempt.database, attempt.settings, attempt.arguments, attempt.who, attempt.say)


LEARNING = Kind(work, lambda _connection, _arguments, _state, _reason: None)
"""Nothing is written before the end, so nothing is left behind by a job that fails."""


def run(
    database: Database, settings: Settings, arguments: Mapping[str, Any], who: str, say: Say
) -> LastWrite:
    """What the job does.

    Args:
        database: the record; it is only read until the last write.
        settings: of the service.
        arguments: of the job: ``wish`` and, to score one, ``model``.
        who: who asked for it.
        say: as of ``learn``.
    """
    wish = Wish(**arguments["wish"])
    champion = rival(database, settings)
    if "model" in arguments:
        key = int(arguments["model"])
        scores = score(database, wish, champion, rival(database, settings, key), say)
    else:
        learned = learn(database, wish, champion, say)
        scores = learned.scores

    def last(connection: sa.Connection) -> Mapping[str, Any]:
        made = key if "model" in arguments else learned.register(connection, who=who)
        if "model" in arguments:
            score_model(connection, made, scores, who=who)
        return {"model": made, "better": scores["better"], "because": scores["because"]}

    return last


def learn(database: Database, wish: Wish, champion: Rival, say: Say) -> Learned:
    """Train a challenger and score it beside the champion.

    Args:
        database: the record; it is only read.
        wish: what is to be learned.
        champion: the model that it has to beat.
        say: hears how far it is (0..1) and at what; whatever it raises ends the work.

    Raises:
        NothingToJudgeError: nothing to learn from.
        ModelFileError: the champion is of another version and cannot be asked.
    """
    say(0.0, "reading")
    known = _known(database, wish, None, champion.knows_until)
    learn_from, score_on = _sources(database, wish, known)
    say(0.1, "looking at verified meters")
    verified, rows = _verified(database, wish, known.learned, known.refused)
    emulated = emulated_cases(
        learn_from, detectors(), populations=wish.populations, seed=wish.seed,
        each=lambda k: say(0.15 + 0.5 * (k + 1) / wish.populations, "emulated utilities"),
    )  # fmt: skip
    own = inverse_propensity(known.learned.propensity[rows])
    cases = joined([emulated, verified]) if verified is not None else emulated
    weights = np.concatenate([np.ones(len(emulated)), wish.verified_counts * own])
    say(0.65, f"fitting {len(cases)} cases")
    prior = dict(zip(CAUSES, champion.fitted.prior.tolist(), strict=True))
    manifest = _manifest(wish, known, learn_from, own)
    fitted = fit_model(
        cases, seed=wish.seed, iterations=wish.iterations, prior=prior, weights=weights, manifest=manifest
    )
    content = _file_of(fitted)
    say(0.8, "scoring")
    scores = _scores(database, wish, known, score_on, champion, fitted, say)
    return Learned(wish, content, dict(fitted.manifest) | {"prior": _named(fitted)}, scores)


def score(database: Database, wish: Wish, champion: Rival, challenger: Rival, say: Say) -> Mapping[str, Any]:
    """Score a model of the register beside the champion: one from outside, or under another champion.

    Only verdicts of visits later than either may know of count, and homes that are kept aside.
    """
    say(0.0, "reading")
    latest = max((d for d in (champion.knows_until, challenger.knows_until) if d), default=None)
    known = _known(database, wish, challenger.knows_until or "", latest)
    _, score_on = _sources(database, wish, known)
    return _scores(database, wish, known, score_on, champion, challenger.fitted, say)


def _known(database: Database, wish: Wish, cut: str | None, rival_knows: str | None) -> _Known:
    """Verdicts known at ``as_of``; those of visits up to ``cut`` (None: as wished) were learned from."""
    with database.reading() as connection:
        frame = labels(connection, wish.moment)
        refused = not_ordinary(connection, wish.moment)
    found = Labels(
        frame["meter_id"].to_numpy().astype(np.str_),
        frame["cause"].to_numpy().astype(np.str_),
        frame["kind"].fillna("").to_numpy().astype(np.str_),
        np.array(frame["visited_on"].tolist(), dtype="datetime64[D]"),
        frame["propensity"].to_numpy().astype(np.float64),
    )
    days = found.visited_on
    if cut is None:
        cut = _last_learned(days, wish.score_from)
    early = days <= np.datetime64(cut, "D") if cut else np.zeros(len(days), dtype=np.bool_)
    late = ~early
    if rival_knows:
        late &= days > np.datetime64(rival_knows, "D")
    late &= ~np.isin(found.meter_ids, found.meter_ids[early])  # a home on both sides would be a leak
    return _Known(found.take(early), found.take(late), cut or None, refused)


def _last_learned(days: NDArray[np.datetime64], score_from: str | None) -> str | None:
    if score_from is not None:
        return str(np.datetime64(date.fromisoformat(score_from), "D") - 1)
    if not len(days):
        return None
    ordered = np.sort(days)
    return str(ordered[max(round((1 - SCORED_SHARE) * len(days)) - 1, 0)])


def _sources(database: Database, wish: Wish, known: _Known) -> tuple[list[Source], list[Source]]:
    """Ordinary meters to learn from, and those that are kept aside to score on."""
    rng = np.random.default_rng([wish.seed, 1])
    learn_from: list[Source] = []
    score_on: list[Source] = []
    with database.reading() as connection:
        for group in stored_groups(connection, as_of=wish.moment):
            mine = np.array([m for m in group.meter_ids if m not in known.refused], dtype=np.str_)
            mine = mine[~np.isin(mine, known.scored.meter_ids)]
            aside = is_held_out(mine)
            verified = np.isin(mine, known.learned.meter_ids)
            for to, ids in ((learn_from, mine[~aside]), (score_on, mine[aside & ~verified])):
                drawn = rng.permutation(ids)[: wish.meters]
                to.extend(_cubes(connection, group, drawn.tolist(), wish))
    start = np.datetime64("2022-01-01")
    for to, homes in ((learn_from, wish.simulated_homes), (score_on, max(wish.simulated_homes // 2, 8))):
        made = simulate_homes(homes, DAYS, 30, rng, start=start)
        name = "simulated" if to is learn_from else "simulated aside"
        to.append(Source(name, made, float(homes), "simulated homes"))
    return learn_from, score_on


def _cubes(connection: sa.Connection, group: Group, ids: list[str], wish: Wish) -> list[Source]:
    last = np.datetime64(group.last_day, "D")
    found = load_profiles(connection, ids, last - DAYS + 1, last, wish.moment) if ids else ()
    same = [c for c in found if (c.step_minutes, c.timezone) == (group.step_minutes, group.timezone)]
    name = f"stored {group.step_minutes}min"
    return [Source(name, c, float(len(c)), "meters of the record") for c in same if has_ordinary_window(c)]


def _verified(
    database: Database, wish: Wish, told: Labels, refused: Mapping[str, str]
) -> tuple[Cases | None, Rows]:
    """Verified meters as cases, each as it looked before its visit, and the row of ``told`` behind each."""
    parts: list[Cases] = []
    rows: list[Rows] = []
    rng = np.random.default_rng([wish.seed, 2])
    for day, at in looks(told.visited_on):
        with database.reading() as connection:
            groups = stored_groups(connection, None, day - DAYS + 1, day, wish.moment)
            others = np.array(sorted({m for g in groups for m in g.meter_ids if m not in refused}))
            ids = {*rng.permutation(others)[:PEERS].tolist(), *told.meter_ids[at].tolist()}
            cubes = load_profiles(connection, ids, day - DAYS + 1, day, wish.moment)
            seen = [(c, _context(connection, c, day, wish)) for c in cubes if long_enough(c)]
        for cube, context in seen:
            found, of = verified_cases(
                cube, told.take(at), detectors(), context=context, hemisphere=wish.hemisphere,
                source=f"stored {cube.step_minutes}min", number=-1 - len(parts),
            )  # fmt: skip
            parts.append(found)
            rows.append(at[of])
    if not sum(map(len, parts)):
        return None, np.empty(0, dtype=np.intp)
    return joined(parts), np.concatenate(rows)


def _context(connection: sa.Connection, cube: LoadProfiles, day: np.datetime64, wish: Wish) -> Any:
    known = contexts(
        connection, cube.meter_ids.tolist(), timezone=cube.timezone, first=cube.days[0], last=day,
        as_of=wish.moment,
    )  # fmt: skip
    return before(known, day)


def _scores(
    database: Database,
    wish: Wish,
    known: _Known,
    score_on: list[Source],
    champion: Rival,
    challenger: Model,
    say: Say,
) -> Mapping[str, Any]:
    """Both models on later verdicts and on emulated cases of homes kept aside."""
    contests: dict[str, Contest] = {}
    verified, rows = _verified(database, wish, known.scored, known.refused)
    if verified is not None:
        weights = inverse_propensity(known.scored.propensity[rows])
        contests["later verdicts"] = _beside(champion, challenger, verified, champion.fitted.prior, weights)
    utilities = max(wish.populations // 4, 2)
    emulated = emulated_cases(
        score_on, detectors(), populations=utilities, seed=wish.seed + 500_000, errors=False,
        each=lambda k: say(0.85 + 0.13 * (k + 1) / utilities, "scoring on emulated utilities"),
    )  # fmt: skip
    shares = np.bincount(cause_codes(emulated.cause), minlength=len(CAUSES)) + 1.0
    contests["emulated cases"] = _beside(champion, challenger, emulated, shares / shares.sum(), None)
    better, why = is_better(contests)
    return {
        "champion": {"model_key": champion.key, "name": champion.name, "sha256": champion.sha256},
        "better": better,
        "because": why,
        "sets": {name: found.plain() for name, found in contests.items()},
        "verdicts_until": known.last_learned,
        "as_of": wish.as_of,
    }


def _beside(
    champion: Rival, challenger: Model, cases: Cases, prior: NDArray[np.float64], weights: Any
) -> Contest:
    try:
        first, second = (
            m.at_prior(m.probabilities(cases.table), prior) for m in (champion.fitted, challenger)
        )
    except KeyError as error:
        raise ModelFileError(
            champion.name, f"it was made by another version of this program: {error}"
        ) from None
    return contest(first, second, cause_codes(cases.cause), cases.home, weights)


def _manifest(
    wish: Wish, known: _Known, sources: list[Source], weights: NDArray[np.float64]
) -> dict[str, Any]:
    return {
        "name": wish.name,
        "made_by": "the service, from its record",
        "created_as_of": wish.as_of,
        "attribution": "meters of the record, and simulated homes",
        "data": [{"name": s.name, "meters": len(s.profiles), "attribution": s.attribution} for s in sources],
        "wish": asdict(wish),
        "verified": len(weights),
        "verified_effective": effective_count(weights),
        "verdicts_until": known.last_learned,
        "not_ordinary": len(known.refused),
        "versions": {name: version(name) for name in ("loadprofile", "numpy", "scikit-learn", "skops")},
    }


def _file_of(fitted: Model) -> bytes:
    with TemporaryDirectory(prefix="loadprofile-") as folder:
        path = Path(folder) / "model.lpm"
        fitted.save(str(path))
        return path.read_bytes()


def _named(fitted: Model) -> dict[str, float]:
    return dict(zip(map(str, CAUSES), fitted.prior.tolist(), strict=True))
