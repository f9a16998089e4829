"""Signed-in pages: a session by a random cookie that scripts cannot read, behind limits on guessing."""

from __future__ import annotations

from fastapi import Response

from api.http.callers import Caller
from api.http.problems import ProblemError
from api.http.service import Service
from loadprofile.store.logins import LONGEST, Session, compared, log_in, session_of, stored_hash

COOKIE = "loadprofile_session"


def sign_in(service: Service, name: str, password: str, address: str) -> Session:
    """A new session. It takes a moment by design: call it in a thread, under ``service.passwords``.

    Raises:
        ProblemError: 401 for a wrong name or password and for a locked name, all in the same words; 429.
    """
    service.sign_ins.check(name[:100], address)
    service.strangers.check("sign in", address)
    fits = name.isprintable() and len(name) <= 200 and len(password) <= LONGEST
    session = _begun(service, name, password) if fits else None
    if session is None:
        raise ProblemError(
            401, "sign-in", "Not signed in",
            "name or password is wrong, or the name is locked for some minutes after many wrong ones",
        )  # fmt: skip
    return session


def _begun(service: Service, name: str, password: str) -> Session | None:
    """Between the two questions to the record the password is compared: nobody waits for that."""
    with service.database.reading() as connection:
        stored = stored_hash(connection, name)
    guess = compared(stored, password)
    hours = service.settings.session_hours
    return service.writer.run(lambda c: log_in(c, name, password, guess=guess, hours=hours))


def caller_of(session: Session) -> Caller:
    """Whose session it is. The log gets no name, only enough of a hash to follow one session."""
    mark = f"session {session.csrf[:6]}"
    return Caller(session.caller.name, session.caller.role, session.caller.id, mark, session.csrf)


def caller_of_cookie(service: Service, token: str) -> Caller | None:
    """Whose session a cookie is; None where it is none, or has ended."""
    with service.database.reading() as connection:
        session = session_of(connection, token[:200])
    return None if session is None else caller_of(session)


def set_cookie(response: Response, service: Service, token: str) -> None:
    """Give a browser the session: unreadable by scripts, not sent along by other sites."""
    response.set_cookie(
        COOKIE, token, max_age=int(service.settings.session_hours * 3600), path="/", httponly=True,
        secure=service.settings.cookies_over_https_only, samesite="lax",
    )  # fmt: skip


def drop_cookie(response: Response, service: Service) -> None:
    """Take it back."""
    response.delete_cookie(
        COOKIE, path="/", httponly=True, secure=service.settings.cookies_over_https_only, samesite="lax"
    )
