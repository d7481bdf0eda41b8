"""The workbench asked by somebody who means harm: scripts, SQL, paths, headers, redirects, forged and oversized requests."""
from __future__ import annotations

import random
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from review.workbench.bounded import MOST
from tests.benches import Visitor, bench
from tests.hostile import Clock, Outcome
from tests.hostile.texts import SCRIPTS

SQL = ["' OR 1=1 --", "'; DROP TABLE card; --", "%' UNION SELECT * FROM person --", "\\", "%", "_", "\"", "\0", "😀" * 500, "a" * 8000, "1e999", "-1", "NaN"]
FILTERS = ("team", "agent", "line", "form", "band", "rule", "since", "until", "reviewer", "text", "item", "was", "final", "page", "picked", "state")
AWAY = ["//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "javascript:alert(1)", "%2f%2fevil.example", "http:evil.example"]


@cache
def _visitor(folder: str) -> Visitor:
    return Visitor(bench(Path(folder) / "bench"), "boss")


def filters(folder: Path, scale: float) -> list[Outcome]:
    """SQL and scripts in every filter: an answer below 500, the database as before, nothing of it as markup."""
    visitor, clock, codes = _visitor(str(folder)), Clock("filters"), Counter[str]()
    chance = random.Random(1)
    asked = [(name, value) for name in FILTERS for value in [*SQL, *SCRIPTS]]
    for name, value in chance.sample(asked, max(30, round(len(asked) * min(scale, 1)))):
        with clock.one():
            answer = visitor.client.get("/queue?" + urlencode({name: value}))
        codes[str(answer.status_code)] += 1
        assert answer.status_code < 500, (name, value)
        assert not any(script in answer.text for script in SCRIPTS if script.startswith(("<", '"'))), (name, value)
    assert visitor.get("/calls/sample-001").status == 200
    return [Outcome("SQL and scripts in filters", clock.tried, ", ".join(f"{code} {count}" for code, count in codes.most_common()), clock.slowest)]


def paths(folder: Path, scale: float) -> list[Outcome]:
    """Paths out of the folders that are served, and calls that are not there."""
    visitor, secret = _visitor(str(folder)), "root:x:0:0"
    tried = 0
    for mount in ("/static/", "/wavesurfer/", "/echarts/", "/calls/"):
        for path in ("../../../../../../etc/passwd", "..%2f..%2f..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/etc/passwd", "....//etc/passwd", "%00", "app.py\0.css"):
            answer = visitor.client.get(mount + path.replace("\0", "%00"))
            assert answer.status_code in (303, 307, 400, 403, 404) and secret not in answer.text, (mount, path, answer.status_code)
            tried += 1
    return [Outcome("paths out of what is served", tried, "404 or refused")]


def headers(folder: Path, scale: float) -> list[Outcome]:
    """Line ends in what goes into headers, and hosts to be led to after signing in."""
    stranger = Visitor(_visitor(str(folder)).client.app.state.bench)       # type: ignore[attr-defined]
    tried = 0
    for to in [*AWAY, "/queue\r\nSet-Cookie: a=b", "/\r\nLocation: https://evil.example"]:
        answer = stranger.client.post("/sign-in", data={"login": "boss", "password": "a long enough phrase", "to": to})
        place = answer.headers.get("location", "")
        assert answer.status_code == 303 and place.startswith("/") and not place.startswith(("//", "/\\", "/\t")) and "\n" not in place, (to, place)
        assert "a=b" not in answer.headers.get("set-cookie", "")
        page = stranger.client.get("/sign-in?" + urlencode({"to": to}))
        assert 'value="https:' not in page.text and 'value="//' not in page.text and 'value="javascript' not in page.text
        tried += 2
    return [Outcome("open redirects, header injection", tried, "led to a path of ours, one line")]


def requests(folder: Path, scale: float) -> list[Outcome]:
    """Changes without the session's token, oversized and malformed bodies."""
    visitor, codes = _visitor(str(folder)), Counter[str]()
    visitor.get("/calls/sample-001")
    for path in ("/calls/sample-001/claim", "/people", "/language", "/sign-out", "/calls/sample-001/judge"):
        answer = visitor.client.post(path, data={"csrf": "forged"})
        assert answer.status_code in (400, 403, 422), (path, answer.status_code)
        codes[f"forged {answer.status_code}"] += 1
    for body, kind in ((b"a=" + b"x" * (MOST + 1), "application/x-www-form-urlencoded"), (b'{"version":' + b"1" * (MOST + 1), "application/json")):
        answer = visitor.client.post("/calls/sample-001/judge", content=body, headers={"content-type": kind, "X-CSRF": visitor.csrf})
        assert answer.status_code == 413, answer.status_code
        codes["oversized 413"] += 1
    pieces = iter([b"a" * 65536] * (MOST // 65536 + 2))
    answer = visitor.client.post("/sign-in", content=pieces, headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code in (400, 413), answer.status_code      # cut off while it came, without a length announced
    for body in (b"{", b"[" * 100_000, b'{"version":1e999}', b'{"version":"x"}', b'{"items":[]}', b"\xff\xfe", b'{"version":1,"items":{"a":{"verdict":"<script>"}}}'):
        answer = visitor.client.post("/calls/sample-001/judge", content=body, headers={"content-type": "application/json", "X-CSRF": visitor.csrf})
        assert 400 <= answer.status_code < 500, (body[:30], answer.status_code)
        codes[f"malformed {answer.status_code}"] += 1
    return [Outcome("forged, oversized, malformed requests", codes.total() + 1, ", ".join(f"{what} {count}" for what, count in codes.items()))]
