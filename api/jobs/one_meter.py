"""One meter at once, judged against the facts that the last screening left of its population.

What the meter shows is measured anew from what is stored of it now; what others did is what the screening
measured. Its coincidences with others are those of the screening while its change is still the one found
then; otherwise they are asked anew, but for those questions that need the readings of others (who swapped
with it, whose load was added to it): they stay unanswered. Readings after the population's last day do not
count before the next screening.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from api.assembly import detectors, prior_for
from api.jobs.chosen_model import ChosenModel, Models
from api.jobs.population_facts import Index, PartFacts, facts_of, index_of
from api.jobs.stored_meters import context_of
from loadprofile.errors import LoadProfileError, NothingToJudgeError
from loadprofile.features.balance import no_balance
from loadprofile.features.change import change_features
from loadprofile.features.cohorts import find_cohorts
from loadprofile.features.context_columns import context_features
from loadprofile.features.daily import DailyBlocks, daily_blocks
from loadprofile.features.extract import describe
from loadprofile.features.peer_differences import correlated, differences, own_numbers
from loadprofile.features.peers import Foreseen, PeerGroups, group_peers, usual_power
from loadprofile.features.slot_scan import Seen, Surprises, scan, surprises
from loadprofile.features.table import FeatureTable, below, beside
from loadprofile.fleet import LINKED
from loadprofile.profiles import LoadProfiles
from loadprofile.screening import LEAST_DAYS, Survey, can_be_judged, verdicts_on
from loadprofile.store.database import Database
from loadprofile.store.findings import screening
from loadprofile.store.loading import Group, profile_batches, stored_groups
from loadprofile.store.meters import key_of
from loadprofile.worklist import only_row

KEPT = 8
"""Parts of populations that stay in memory, some megabytes each."""


@dataclass(frozen=True, eq=False, slots=True)
class Judged:
    """What was found about one meter.

    Attributes:
        row: the row of the worklist, without a rank.
        screening_key: whose facts it was held against.
        first, last: days that were judged.
        as_screened: whether its coincidences with others are those of that screening.
        known_as_of: what was known of the others.
    """

    row: Mapping[Any, Any]
    screening_key: int
    first: np.datetime64
    last: np.datetime64
    as_screened: bool
    known_as_of: datetime


class OneMeter:
    """Judges single meters; facts and models stay in memory."""

    def __init__(self, database: Database, models: Models) -> None:
        self.database = database
        self.models = models
        self._indexes: OrderedDict[int, Index] = OrderedDict()
        self._parts: OrderedDict[tuple[int, str], tuple[PartFacts, Surprises]] = OrderedDict()
        self._lock = threading.Lock()
        self._detectors = detectors()

    def judge(self, meter_id: str, chosen: ChosenModel | None = None) -> Judged:
        """Judge one meter on what is known of it now.

        Args:
            meter_id: which.
            chosen: another model than that of the screening.

        Raises:
            NotFoundError: no such meter, or no screening was done yet.
            NothingToJudgeError: too few readings, or none of an interval length that was screened.
        """
        with self.database.reading() as connection:
            row = screening(connection)
            key = row["screening_key"]
            meter_key = key_of(connection, meter_id)
            facts, found = self._facts(connection, key, meter_id)
            group = Group(
                facts.step_minutes, facts.timezone, (meter_id,), (meter_key,),
                int(facts.days[0].astype(np.int64)), int(facts.days[-1].astype(np.int64)),
            )  # fmt: skip
            (cube,) = profile_batches(connection, group)
            context = context_of(connection, group, None, [meter_id])
        fitted = self.models.of(
            chosen or ChosenModel(row["model_key"], row["model_name"], row["settings"]["model_sha256"])
        )
        blocks = daily_blocks(cube)
        judged = can_be_judged(blocks)
        if not judged.any():
            raise NothingToJudgeError(1, f"fewer than {LEAST_DAYS} days of readings in the span screened")
        at = _place(facts, meter_id)
        own = describe(cube, facts.hemisphere)
        peers = _peers(facts, at, blocks, own)
        changed = change_features(cube, blocks, peers.expected(slice(None)))
        linked = beside([own, changed]).select(LINKED)
        shared, incident, as_screened = _shared(facts, found, at, cube, linked)
        balance = shared.group("balance") if at is not None else no_balance(cube.meter_ids)
        known = context_features(cube, blocks, changed, context)
        expected = peers.expected(slice(None))
        unlike = _unlike_peers(facts, at, peers, blocks, expected)
        features = beside([own, changed, unlike, balance, known, shared.group("cohort")])
        measured = Survey(cube, features, blocks, Foreseen(expected), incident, context)
        prior = prior_for(fitted, row["settings"].get("prevalence"))
        verdicts, _ = verdicts_on(measured, judged, self._detectors, fitted, prior)
        return Judged(only_row(verdicts), key, cube.days[0], cube.days[-1], as_screened, row["as_of"])

    def warm_up(self) -> None:
        """Judge some meter of the last screening, so that the first who asks does not wait for everything."""
        with suppress(LoadProfileError):
            with self.database.reading() as connection:
                index = index_of(connection, screening(connection)["screening_key"])
            self.judge(next(iter(index.place)))

    def _facts(self, connection: sa.Connection, key: int, meter_id: str) -> tuple[PartFacts, Surprises]:
        with self._lock:
            index = _kept(self._indexes, key, 2, lambda: index_of(connection, key))
            at = index.place.get(meter_id)
            if at is None:
                at = _fitting(index, stored_groups(connection, [meter_id]))
            name = index.names[at]

            def read() -> tuple[PartFacts, Surprises]:
                facts = facts_of(connection, key, name)
                return facts, surprises(facts.counts)

            found: tuple[PartFacts, Surprises] = _kept(self._parts, (key, name), KEPT, read)
            return found


def _kept(held: OrderedDict[Any, Any], key: Any, most: int, read: Any) -> Any:
    if key not in held:
        held[key] = read()
        while len(held) > most:
            held.popitem(last=False)
    held.move_to_end(key)
    return held[key]


def _fitting(index: Index, groups: tuple[Group, ...]) -> int:
    """A part with the interval length and the zone of a meter that was not screened."""
    for group in sorted(groups, key=lambda g: -g.last_day):
        same = (index.steps == group.step_minutes) & (index.timezones == group.timezone)
        if same.any():
            return int(np.argmax(same))
    raise NothingToJudgeError(1, "no readings of an interval length and zone that was screened")


def _place(facts: PartFacts, meter_id: str) -> int | None:
    found = np.flatnonzero(facts.meter_ids == meter_id)
    return int(found[0]) if len(found) else None


def _peers(facts: PartFacts, at: int | None, blocks: DailyBlocks, own: FeatureTable) -> PeerGroups:
    """The meter in the group that it had, or in the one whose meters it is nearest to."""
    shapes = group_peers(blocks, own).shapes
    if at is not None:
        label, steady = int(facts.labels[at]), bool(facts.steady[at])
    else:
        label, steady = _nearest(facts, shapes[0]), False
    return PeerGroups(
        blocks, shapes, np.array([label], dtype=np.int64), np.array([steady]), usual_power(blocks.power),
        facts.spread,
    )  # fmt: skip


def _nearest(facts: PartFacts, shape: NDArray[np.float64]) -> int:
    groups = int(facts.labels.max(initial=-1)) + 1
    if groups == 0 or not np.isfinite(shape).all():
        return -1
    # the points that the groups were made from: see ``features.peers``
    points = np.sqrt(np.clip(facts.shapes, 0.0, 25.0))
    centres = np.stack([points[facts.labels == g].mean(axis=0) for g in range(groups)])
    return int(np.argmin(((centres - np.sqrt(np.clip(shape, 0.0, 25.0))) ** 2).sum(axis=1)))


def _unlike_peers(
    facts: PartFacts, at: int | None, peers: PeerGroups, blocks: DailyBlocks, expected: NDArray[np.float32]
) -> FeatureTable:
    """Columns ``peers.*`` of the meter among the others of its group."""
    others = np.flatnonzero(facts.labels == peers.labels[0])
    others = others[others != (-1 if at is None else at)]
    together = np.full((len(others) + 1, 2), np.nan)
    together[-1] = correlated(blocks.power, expected)[0]
    labels = np.full(len(together), peers.labels[0])
    table = differences(
        np.append(facts.meter_ids[others], blocks.meter_ids), labels,
        np.concatenate([facts.shapes[others], peers.shapes]),
        np.concatenate([facts.own[others], own_numbers(blocks.power)]), together,
    )  # fmt: skip
    return table.take(slice(len(others), None))


def _shared(
    facts: PartFacts, found: Surprises, at: int | None, cube: LoadProfiles, linked: FeatureTable
) -> tuple[FeatureTable, NDArray[np.int64], bool]:
    """What the meter shares with others, its incident, and whether both are the screening's."""
    if at is not None and np.array_equal(facts.linked.values[at], linked.values[0], equal_nan=True):
        return facts.shared.take(slice(at, at + 1)), facts.incident[at : at + 1], True
    others = np.arange(len(facts.meter_ids)) != (-1 if at is None else at)
    table = below([facts.linked.take(np.flatnonzero(others)), linked])

    def look(_: Surprises, onset: NDArray[np.float64], end: NDArray[np.float64]) -> Seen:
        return _alone(scan(cube, found, onset[-1:], end[-1:]), len(table))

    asked = find_cohorts(table, facts.counts, (), None, None, look)
    mine = int(asked.incident[-1])
    incident = -1
    if mine >= 0:
        numbers = facts.incident[others][asked.incident[:-1] == mine]
        known = numbers[numbers >= 0]
        incident = int(np.bincount(known).argmax()) if len(known) else -1
    row = asked.features.take(slice(len(table) - 1, len(table)))
    balance = [] if at is None else [facts.shared.take(slice(at, at + 1)).group("balance")]
    return beside([row, *balance]), np.array([incident], dtype=np.int64), False


def _alone(seen: Seen, n: int) -> Seen:
    """What was seen of one meter, as the last of ``n`` of which nothing else is known."""

    def last(value: NDArray[Any], other: Any) -> NDArray[Any]:
        return np.concatenate([np.full(n - 1, other, dtype=value.dtype), value])

    nobody: dict[str, Any] = dict.fromkeys(("gap", "zero", "up", "down"), -1)
    nobody |= dict.fromkeys(("known", "sided"), False)
    shares = ("jump_share", "jump_surprise", "joined", "joined_share", "joined_surprise")
    nobody |= dict.fromkeys(shares, np.nan)
    return replace(seen, **{name: last(getattr(seen, name), other) for name, other in nobody.items()})
