"""``Idempotency-Key``: the same write twice changes nothing and is answered as the first time.

The answer is kept in the transaction of the write itself: either both are there or neither, whatever dies in
between. Only answers of writes that happened are kept; one that was refused may be mended and sent again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
import sqlalchemy as sa
from fastapi import Depends, Header, Request
from fastapi.responses import Response

from api.http.callers import Caller
from api.http.problems import ProblemError
from api.http.security import known_caller
from api.http.service import Service, service_of
from loadprofile.errors import ConflictError
from loadprofile.store.access_tables import IDEMPOTENCY
from loadprofile.store.idempotency import Answer, answered, once

REPLAYED = "Idempotent-Replayed"

Work = Callable[[sa.Connection], tuple[int, Mapping[str, Any]]]
"""A write: it gives the status and the body of the answer, and changes nothing but the record."""


@dataclass(frozen=True, slots=True)
class Once:
    """Runs a write under the key that came with it, if one did."""

    service: Service
    caller: Caller
    key: str | None

    def run(
        self,
        request_hash: str,
        prepare: Callable[[], Work],
        after: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> Response:
        """The answer to a write: of now, or of the first time.

        Args:
            request_hash: of everything that makes two requests the same.
            prepare: what comes before the transaction (reading a file); not called for a replay.
            after: told the body of an answer that is new, once it is committed.

        Raises:
            ProblemError: 409 for another request under the same key, or while the first is at work.
        """
        if self.key is None:
            work = prepare()
            status, body = self.service.writer.run(work)
            fresh: Mapping[str, Any] | None = body
            answer = _as_answer(status, body)
        else:
            answer, fresh = self._run_once(self.key, request_hash, prepare)
        if fresh is not None and after is not None:
            after(fresh)
        response = Response(answer.response, status_code=answer.status, media_type=answer.media_type)
        if fresh is None:
            response.headers[REPLAYED] = "true"
        return response

    def _run_once(
        self, key: str, request_hash: str, prepare: Callable[[], Work]
    ) -> tuple[Answer, Mapping[str, Any] | None]:
        """The answer, and its body if the write happened now."""
        mine, token = (self.caller.mark, key), object()
        if self.service.running.setdefault(mine, token) is not token:
            raise ProblemError(
                409, "in-progress", "Still at work",
                "the first request with this Idempotency-Key is not done yet", headers={"Retry-After": "1"},
            )  # fmt: skip
        try:
            kept = self._kept(key, request_hash)
            if kept is not None:
                return kept, None
            work = prepare()
            return self.service.writer.run(lambda c: self._claimed(c, key, request_hash, work))
        except ConflictError as error:
            if error.kind != "idempotency key":
                raise
            raise ProblemError(
                409, "idempotency-key", "Key used for another request",
                "this Idempotency-Key came with another request before; take a new one",
            ) from None  # fmt: skip
        finally:
            self.service.running.pop(mine, None)

    def _kept(self, key: str, request_hash: str) -> Answer | None:
        """The answer of an earlier call, before any work is done for this one."""
        with self.service.database.reading() as connection:
            return earlier(connection, key, self.caller.mark, request_hash)

    def _claimed(
        self, connection: sa.Connection, key: str, request_hash: str, work: Work
    ) -> tuple[Answer, Mapping[str, Any] | None]:
        kept = once(connection, key, self.caller.mark, request_hash)
        if kept is not None:
            return kept, None
        status, body = work(connection)
        answer = _as_answer(status, body)
        answered(connection, key, self.caller.mark, answer)
        return answer, body


def earlier(connection: sa.Connection, key: str, caller: str, request_hash: str) -> Answer | None:
    """What ``once`` would give, asked in a view in which nothing can be written.

    Raises:
        ConflictError: the key was used for another request.
    """
    row = connection.execute(
        sa.select(IDEMPOTENCY).where(IDEMPOTENCY.c.caller == caller, IDEMPOTENCY.c.key == key)
    ).first()
    if row is None or row.status is None:
        return None
    if row.request_hash != request_hash:
        raise ConflictError("idempotency key", key, "was used for another request")
    return Answer(row.status, row.media_type, bytes(row.response))


def _as_answer(status: int, body: Mapping[str, Any]) -> Answer:
    return Answer(status, "application/json", orjson.dumps(body, default=str))


def request_hash(request: Request, body_hash: str) -> str:
    """What makes two requests the same: method, path, query, kind and content of the body."""
    told = (request.method, request.url.path, request.url.query, request.headers.get("content-type", ""))
    return hashlib.sha256("\n".join((*told, body_hash)).encode()).hexdigest()


async def _whole_request(request: Request) -> str:
    return request_hash(request, hashlib.sha256(await request.body()).hexdigest())


RequestHash = Annotated[str, Depends(_whole_request)]
"""For routes whose small body the framework reads; uploads hash theirs while they come in."""


async def _once(
    request: Request,
    caller: Annotated[Caller, Depends(known_caller)],
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=200,
            pattern=r"^[!-~]+$",
            description="Drawn by the client for this write; the same write again is only answered again.",
            examples=["5f1c7a52-0001"],
        ),
    ] = None,
) -> Once:
    return Once(service_of(request), caller, key)


WriteOnce = Annotated[Once, Depends(_once)]
