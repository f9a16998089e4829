"""The page that describes the API, from files served here: nothing is fetched from elsewhere."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>loadprofile API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/static/vendor/swagger-ui.css"></head>
<body><div id="api"></div>
<script src="/static/vendor/swagger-ui-bundle.js"></script><script src="/static/api-docs.js"></script>
</body></html>
"""
# The library styles elements one by one; scripts stay limited to files of ours.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@router.get("/docs")
def describe() -> HTMLResponse:
    """Every call, with a worked example of each."""
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": POLICY})
