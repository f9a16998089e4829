"""Static files: kept for ever under an address that changes with them, and only then."""

from __future__ import annotations

from town import Visitor

from api.pages.assets import FOR_EVER, STATIC, asset


def test_an_address_changes_with_the_file(ada: Visitor) -> None:
    for name in ("page.css", "heatmap.js", "vendor/echarts.min.js"):
        kept = ada.get(asset(name))
        assert kept.content == (STATIC / name).read_bytes()
        assert kept.headers["cache-control"] == FOR_EVER
        assert "cache-control" not in ada.get(f"/static/{name}").headers
    assert asset("page.css") != asset("page.js").replace(".js", ".css")


def test_scripts_bring_nothing_from_elsewhere() -> None:
    for path in STATIC.glob("*.*"):
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, path
        assert "https://" not in text, path
        assert "eval(" not in text, path
