"""Signed-in pages: passwords, cookies, tokens against forged writes, and an end to guessing."""

from __future__ import annotations

from collections.abc import Iterator
from http.cookies import SimpleCookie

import pytest
from serving import Served, is_problem

from api.http.sessions import COOKIE
from api.http.settings import Settings
from loadprofile.store.logins import FAILURES, SESSIONS, USERS, add_user, disable_user

PASSWORD = "correct horse battery"
WRITE = {"content": "meter_id,feeder_id\nS1,F1\n", "headers": {"content-type": "text/csv"}}


@pytest.fixture(scope="module")
def people(served: Served) -> Served:
    with served.service.database.writing() as connection:
        for name in ("ada", "bob", "cyd", "dan"):
            add_user(connection, name, "analyst", PASSWORD, who="test")
    return served


@pytest.fixture(autouse=True)
def _no_cookies(served: Served) -> Iterator[None]:
    served.client.cookies.clear()
    yield
    served.client.cookies.clear()


def sign_in(served: Served, name: str, password: str = PASSWORD, **headers: str):  # type: ignore[no-untyped-def]
    return served.client.post("/v1/session", json={"name": name, "password": password}, headers=headers)


def write(served: Served, **headers: str):  # type: ignore[no-untyped-def]
    given = WRITE | {"headers": WRITE["headers"] | headers}  # type: ignore[operator]
    return served.client.post("/v1/topology", **given)


def test_a_session_reads_and_with_its_token_writes(people: Served) -> None:
    began = sign_in(people, "ada")
    assert began.status_code == 200
    csrf = began.json()["csrf"]
    assert people.client.get("/v1/session").json() == {"name": "ada", "role": "analyst", "csrf": csrf}
    is_problem(write(people), 403, "forbidden")
    is_problem(write(people, **{"X-CSRF-Token": csrf[:-1] + "x"}), 403, "forbidden")
    assert write(people, **{"X-CSRF-Token": csrf}).status_code == 200
    end = {"X-CSRF-Token": csrf}
    assert people.client.delete("/v1/session", headers=end).status_code == 204


def test_a_closed_session_is_closed_for_whoever_has_the_cookie(people: Served) -> None:
    began = sign_in(people, "ada")
    token = people.client.cookies[COOKIE]
    people.client.delete("/v1/session", headers={"X-CSRF-Token": began.json()["csrf"]})
    people.client.cookies.set(COOKIE, token)
    is_problem(people.client.get("/v1/session"), 401)


def test_another_site_cannot_write_nor_sign_in(people: Served) -> None:
    csrf = sign_in(people, "ada").json()["csrf"]
    for forged in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        is_problem(write(people, **{"X-CSRF-Token": csrf}, **forged), 403)
        is_problem(sign_in(people, "ada", **forged), 403)
    assert write(people, **{"X-CSRF-Token": csrf, "Origin": "http://testserver"}).status_code == 200


def test_the_cookie_is_for_this_site_and_no_script(people: Served) -> None:
    cookie = SimpleCookie(sign_in(people, "ada").headers["set-cookie"])[COOKIE]
    assert (cookie["httponly"], cookie["samesite"].lower(), cookie["path"]) == (True, "lax", "/")
    assert not cookie["secure"], "on this machine alone there is no HTTPS"
    assert Settings(host="0.0.0.0").cookies_over_https_only
    assert Settings(host="127.0.0.1", secure_cookies=True).cookies_over_https_only


def test_the_record_holds_neither_password_nor_token(people: Served) -> None:
    sign_in(people, "ada")
    token = people.client.cookies[COOKIE]
    with people.service.database.reading() as connection:
        rows = [*connection.execute(USERS.select()), *connection.execute(SESSIONS.select())]
    assert not any(token in str(row) or PASSWORD in str(row) for row in rows)
    assert any("$argon2id$" in str(row) for row in rows)


def test_wrong_names_and_passwords_sound_the_same(people: Served) -> None:
    answers = [sign_in(people, "bob", "wrong password"), sign_in(people, "nobody"), sign_in(people, "a\0b")]
    bodies = [is_problem(answer, 401, "sign-in") for answer in answers]
    assert len({body["detail"] for body in bodies}) == 1


def test_many_wrong_passwords_lock_the_name(people: Served) -> None:
    for _ in range(FAILURES):
        is_problem(sign_in(people, "cyd", "wrong password"), 401)
    is_problem(sign_in(people, "cyd"), 401, "sign-in")


def test_guessing_is_limited_for_names_that_do_not_exist_too(people: Served) -> None:
    statuses = [sign_in(people, "ghost", "guess").status_code for _ in range(11)]
    assert statuses[-1] == 429


def test_a_disabled_user_is_out_at_once(people: Served) -> None:
    sign_in(people, "dan")
    assert people.client.get("/v1/session").status_code == 200
    with people.service.database.writing() as connection:
        disable_user(connection, "dan", who="test")
    is_problem(people.client.get("/v1/session"), 401)
    is_problem(sign_in(people, "dan"), 401)


def test_a_key_goes_before_a_cookie(people: Served) -> None:
    sign_in(people, "ada")
    headers = {"Authorization": "Bearer lp_nothing_at_all"}
    is_problem(people.client.get("/v1/session", headers=headers), 401)
    assert people.get("/v1/session", "operator").json()["role"] == "operator"
