"""From the click in the worklist to a meter-year on the screen, in a real browser against a real server.

    python tests/benchmarks/heat_map.py [--times 20]

Needs Debian's chromium. The town is simulated (36 homes, a year of half-hours each). Each click begins at the
worklist and opens one of the first cases; "first" clicks have a new browser without anything kept, the others
a browser that has been there before. Times are on the browser's own clock.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from service import ROOT, server

sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
BOUND_MS = 500.0


def signed_in(browser: Any, site: str, name: str, password: str) -> Any:
    """A page of a new browser without anything kept."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(f"{site}/sign-in")
    page.fill("[name=name]", name)
    page.fill("[name=password]", password)
    page.click("text=Sign in >> nth=-1")
    page.wait_for_url(lambda url: "sign-in" not in url)
    return page


def clicked(page: Any, site: str, meter: str) -> float:
    """Milliseconds from the click on a meter to its drawn heat map."""
    page.goto(f"{site}/worklist", wait_until="load")
    page.evaluate("addEventListener('click', () => sessionStorage.setItem('clicked', Date.now()), true)")
    page.click(f"tr[data-meter={meter}] th a")
    page.wait_for_selector("#heatmap[data-drawn]", timeout=30_000)
    return float(
        page.evaluate(
            "performance.timeOrigin + performance.getEntriesByName('heatmap')[0].startTime"
            " - Number(sessionStorage.getItem('clicked'))"
        )
    )


def main() -> None:
    """Print one line for new browsers and one for known ones."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=20)
    given = options.parse_args()
    from playwright.sync_api import sync_playwright
    from town import PASSWORD, build

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server is ended with us
    place = shutil.which("chromium") or shutil.which("chromium-browser")
    if place is None:
        raise SystemExit("chromium is not installed")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        town = build(Path(folder) / "record.db")
        meters = town.suspects[:5]
        with server(f"sqlite:///{town.path}", 1) as (port, _, _):
            site = f"http://127.0.0.1:{port}"
            browser = playwright.chromium.launch(executable_path=place, args=["--no-sandbox"])
            new = [
                clicked(signed_in(browser, site, "ada", PASSWORD), site, meters[k % len(meters)])
                for k in range(given.times)
            ]
            page = signed_in(browser, site, "ada", PASSWORD)
            known = [clicked(page, site, meters[k % len(meters)]) for k in range(given.times)]
            browser.close()
    print(f"{'browser':>8} {'clicks':>7} {'p50 ms':>7} {'p90 ms':>7} {'worst ms':>9}  within {BOUND_MS:g} ms")
    for name, times in (("new", new), ("known", known)):
        p50, p90, worst = np.percentile(times, [50, 90, 100])
        share = np.mean(np.array(times) <= BOUND_MS)
        print(f"{name:>8} {len(times):7} {p50:7.0f} {p90:7.0f} {worst:9.0f}  {share:.0%}")


if __name__ == "__main__":
    main()
