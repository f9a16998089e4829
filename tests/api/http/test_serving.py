"""The command as it runs: a key at the first start, answers on this machine, an end when it is told to."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def ask(port: int, path: str, key: str = "") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
    try:
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("processes", [1, 2])
def test_serve_prints_a_key_once_and_ends_cleanly(tmp_path: Path, processes: int) -> None:
    port = free_port()
    words = [
        "serve",
        "--port",
        port,
        "--database",
        tmp_path / "r.db",
        "--processes",
        processes,
        "--workers",
        0,
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", *map(str, words)],
            env=environment, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            assert "shown this once" in process.stdout.readline()
            key = process.stdout.readline().strip()
            assert key.startswith("lp_")
            for _ in range(300):
                try:
                    if ask(port, "/readyz")[0] == 200:
                        break
                except OSError:
                    time.sleep(0.1)
            assert json.loads(ask(port, "/v1/session", key)[1])["role"] == "operator"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(40)
            process.stdout.close()
    assert process.returncode in {0, -signal.SIGTERM}
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert key not in (tmp_path / "log").read_text()
    assert {"/readyz", "/v1/session"} <= {line.get("route") for line in lines}
