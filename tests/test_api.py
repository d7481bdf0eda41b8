"""The API: who gets in with which token, a call's whole way through it, and sign-in through an OpenID Connect provider."""
from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from records import Problem
from review.workbench.app import create_app
from review.workbench.bench import Bench
from review.workbench.provider import login_of
from store.reviews import tokens
from store.reviews.audit import verify
from store.reviews.schema import Audit
from store.reviews.token_tables import Token
from tests import benches
from tests.benches import Visitor, person

SLOPPY = "sample-002"
ALL = list(tokens.SCOPES)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = benches.bench(tmp_path / "w")
    yield made
    made.database.engine.dispose()


def secret(bench: Bench, login: str, scopes: list[str] = ALL, days: int = 30) -> str:
    with bench.database.writing() as session:
        return tokens.issue(session, "root", session.merge(person(bench, login)), "CRM", scopes, days)


class Program:
    """A program with a token."""

    def __init__(self, bench: Bench, login: str, scopes: list[str] = ALL) -> None:
        self.client = TestClient(create_app(bench), headers={"Authorization": f"Bearer {secret(bench, login, scopes)}"})

    def get(self, path: str) -> tuple[int, Any]:
        answer = self.client.get("/api/v1" + path)
        return answer.status_code, answer.json()

    def post(self, path: str, body: object = None) -> tuple[int, Any]:
        answer = self.client.post("/api/v1" + path, json=body)
        return answer.status_code, answer.json() if answer.content else None


def test_a_call_goes_its_whole_way_through_the_api(bench: Bench) -> None:
    reviewer, agent, boss = Program(bench, "rui"), Program(bench, "sun"), Program(bench, "boss")
    status, page = reviewer.get("/queue?picked=any")
    assert status == 200 and page["total"] == 14 and SLOPPY in [one["call_id"] for one in page["cards"]]
    assert agent.get(f"/cards/{SLOPPY}")[0] == 403, "not published yet"
    status, standing = reviewer.post(f"/cards/{SLOPPY}/claim")
    assert status == 200 and standing["undecided"]
    said = len(reviewer.get(f"/cards/{SLOPPY}")[1]["transcript"])
    status, standing = reviewer.post(f"/cards/{SLOPPY}/correct", {"version": standing["version"], "turn": 2, "do": "split", "at": 4})
    assert (status, standing["changed"]) == (200, []) and len(reviewer.get(f"/cards/{SLOPPY}")[1]["transcript"]) == said + 1
    status, standing = reviewer.post(f"/cards/{SLOPPY}/correct", {"version": standing["version"], "do": "undo"})
    assert status == 200 and len(reviewer.get(f"/cards/{SLOPPY}")[1]["transcript"]) == said
    lines = reviewer.get(f"/cards/{SLOPPY}")[1]["items"]
    judged = {one["item"]: {"verdict": "pass" if one["machine"] == "needs_review" else one["machine"]} for one in lines if not one["human"]}
    status, standing = reviewer.post(f"/cards/{SLOPPY}/review", {"version": standing["version"], "items": judged, "comment": "请注意开头语"})
    assert (status, standing["undecided"]) == (200, 0)
    status, done = reviewer.post(f"/cards/{SLOPPY}/publish", {"version": standing["version"]})
    assert status == 200
    failed = next(one["item"] for one in lines if judged.get(one["item"], {}).get("verdict") == "fail" and one["max_points"])
    assert agent.post(f"/cards/{SLOPPY}/acknowledge") == (204, None)
    status, appeal = agent.post(f"/cards/{SLOPPY}/appeals", {"item": failed, "text": "我说了"})
    assert status == 201 and agent.post(f"/cards/{SLOPPY}/appeals", {"item": failed, "text": "再申诉"})[0] == 409
    assert [one["id"] for one in boss.get("/appeals?undecided=true")[1]] == [appeal["id"]]
    assert reviewer.post(f"/appeals/{appeal['id']}/decision", {"verdict": "pass", "answer": "是"})[0] == 403
    assert boss.post(f"/appeals/{appeal['id']}/decision", {"verdict": "pass", "answer": "确实说了"})[1]["granted"] is True
    card = agent.get(f"/cards/{SLOPPY}")[1]
    item = next(one for one in card["items"] if one["item"] == failed)
    assert (card["card"]["state"], item["human"], item["final"]) == ("final", "fail", "pass")
    assert card["card"]["score"] > done["score"] and card["comment"] == "请注意开头语"
    with bench.database.reading() as session:
        assert verify(session).broken_at is None


@pytest.mark.parametrize(("login", "scopes", "path", "status"), [
    ("rui", ["queue:read"], "/queue", 200), ("rui", ["cards:read"], "/queue", 403), ("rui", ["queue:read"], "/cards/sample-001", 403),
    ("lead", ALL, "/cards/sample-002", 200), ("lead", ALL, "/cards/sample-001", 403), ("lead", ALL, "/cards/no-such", 403),
    ("sun", ALL, "/queue", 403), ("root", ALL, "/cards/sample-001", 403), ("ana", ALL, "/appeals", 200)])
def test_a_token_opens_what_its_scopes_and_its_person_both_allow(bench: Bench, login: str, scopes: list[str], path: str, status: int) -> None:
    assert Program(bench, login, scopes).get(path)[0] == status


def test_a_token_that_is_wrong_over_revoked_or_of_somebody_gone_opens_nothing(bench: Bench) -> None:
    client = TestClient(create_app(bench))
    good, old, revoked, gone = secret(bench, "rui"), secret(bench, "rui"), secret(bench, "rui"), secret(bench, "rong")
    with bench.database.writing() as session:
        of = {one.secret_sha256: one for one in session.query(Token)}
        of[tokens._digest(old)].expires_at = datetime.now(UTC) - timedelta(seconds=1)
        tokens.revoke(session, "root", of[tokens._digest(revoked)].id)
        session.merge(person(bench, "rong")).active = False
    answers = {name: client.get("/api/v1/queue", headers={"Authorization": value}).status_code for name, value in (
        ("good", f"Bearer {good}"), ("old", f"Bearer {old}"), ("revoked", f"Bearer {revoked}"), ("gone", f"Bearer {gone}"),
        ("wrong", "Bearer tj_nobody"), ("basic", f"Basic {good}"), ("none", ""))}
    assert answers == {"good": 200} | dict.fromkeys(("old", "revoked", "gone", "wrong", "basic", "none"), 401)
    visitor = Visitor(bench, "rui")
    assert visitor.client.get("/api/v1/queue").status_code == 401, "the pages' cookie is no key to the API"
    assert visitor.client.get("/queue", headers={"Authorization": f"Bearer {good}"}).status_code == 200


def test_a_change_on_an_older_version_or_beyond_the_schema_saves_nothing(bench: Bench) -> None:
    reviewer = Program(bench, "rui")
    version = reviewer.post(f"/cards/{SLOPPY}/claim")[1]["version"]
    item = reviewer.get(f"/cards/{SLOPPY}")[1]["items"][0]["item"]
    for body, status in [({"version": version - 1, "items": {item: {"verdict": "pass", "reason": "r"}}}, 409),
                         ({"version": version, "items": {item: {"verdict": "perhaps"}}}, 422),
                         ({"version": version, "items": {"no-such-item": {"verdict": "pass"}}}, 409), ({"items": {}}, 422)]:
        answer = reviewer.post(f"/cards/{SLOPPY}/review", body)
        assert answer[0] == status and answer[1]["message"]
    assert all(one["human"] in (None, "not_applicable") for one in reviewer.get(f"/cards/{SLOPPY}")[1]["items"])


def test_personal_data_are_hidden_and_every_look_is_in_the_log(bench: Bench) -> None:
    card = Program(bench, "rui").get("/cards/sample-011")[1]
    said = "".join(turn["text"] for turn in card["transcript"])
    assert "三三零幺零二" not in said and "330102" not in said
    with bench.database.reading() as session:
        last = session.query(Audit).order_by(Audit.id.desc()).first()
        assert last and (last.who, last.action, last.subject, json.loads(last.detail)) == ("rui", "card.seen", "sample-011", {"by": "api"})


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/queue?page=30308812854819200958464", 403), ("GET", "/appeals?page=1152921504606846977", 403), ("GET", "/queue?page=0", 422),
    ("POST", "/appeals/99999999999999999999999/decision", 403), ("GET", "/nowhere", 404), ("DELETE", "/queue", 405)])
def test_what_no_database_has_is_refused_with_a_message(bench: Bench, method: str, path: str, status: int) -> None:
    answer = Program(bench, "boss").client.request(method, "/api/v1" + path, json={"verdict": "pass", "answer": "x"} if method == "POST" else None)
    assert answer.status_code == status and answer.json()["message"]


def test_a_body_that_is_no_json_is_refused_with_a_message(bench: Bench) -> None:
    answer = Program(bench, "rui").client.post(f"/api/v1/cards/{SLOPPY}/review", content=b"\xff\xfe", headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422) and answer.json()["message"]


def test_the_description_names_every_route_its_answers_and_the_key(bench: Bench) -> None:
    described = TestClient(create_app(bench)).get("/api/v1/openapi.json").json()
    assert described["servers"] == [{"url": "/api/v1"}]
    calls = [(path, method, one) for path, methods in described["paths"].items() for method, one in methods.items()]
    assert len(calls) == 11
    for path, method, one in calls:
        assert one["security"] == [{"HTTPBearer": []}] and {"401", "403", "409"} <= set(one["responses"]), (path, method)
        assert one["description"], (path, method)


def test_an_administrator_makes_a_token_sees_it_once_and_revokes_it(bench: Bench) -> None:
    root = Visitor(bench, "root")
    root.get("/tokens")
    page = root.client.post("/tokens", data={"csrf": root.csrf, "name": "CRM", "login": "rui", "scopes": ["queue:read"], "days": "30"}).text
    made = page.split("<code>")[1].split("<")[0]
    assert made not in root.get("/tokens").text
    ask = TestClient(create_app(bench), headers={"Authorization": f"Bearer {made}"})
    assert ask.get("/api/v1/queue").status_code == 200
    with bench.database.reading() as session:
        token = session.query(Token).one()
        assert token.used_at is not None
    assert root.post(f"/tokens/{token.id}/revoke").status == 303
    assert ask.get("/api/v1/queue").status_code == 401
    assert Visitor(bench, "boss").get("/tokens").status == 403


@pytest.mark.parametrize(("scopes", "days", "name"), [(["everything"], 30, "x"), ([], 30, "x"), (["queue:read"], 0, "x"), (["queue:read"], 9999, "x"), (["queue:read"], 30, " ")])
def test_a_token_without_scope_name_or_end_is_refused(bench: Bench, scopes: list[str], days: int, name: str) -> None:
    with pytest.raises(Problem), bench.database.writing() as session:
        tokens.issue(session, "root", session.merge(person(bench, "rui")), name, scopes, days)


# --- OpenID Connect ------------------------------------------------------------------------------------------------------

class FakeProvider:
    """A provider on this machine, which lets in whoever `claims` says; `spoil` changes the token's claims before they are signed."""

    def __init__(self) -> None:
        self.key, self.claims, self.spoil = RSAKey.generate_key(2048, {"kid": "k"}), {}, {}
        self.codes: dict[str, dict[str, str]] = {}
        self.signing = self.key
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                base = outer.issuer
                self.give({"/.well-known/openid-configuration": {
                    "issuer": base, "authorization_endpoint": f"{base}/authorize", "token_endpoint": f"{base}/token", "jwks_uri": f"{base}/keys"},
                    "/keys": {"keys": [outer.key.as_dict(private=False)]}}[self.path])

            def do_POST(self) -> None:
                sent = {name: value[0] for name, value in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()}
                asked = outer.codes.pop(sent["code"])
                assert create_s256_code_challenge(sent["code_verifier"]) == asked["code_challenge"]
                now = int(time.time())
                claims = {"iss": outer.issuer, "aud": "tingjian", "sub": "s-1", "nonce": asked["nonce"], "iat": now, "exp": now + 60, **outer.claims, **outer.spoil}
                self.give({"access_token": "a", "token_type": "Bearer", "id_token": jwt.encode({"alg": "RS256", "kid": "k"}, claims, outer.signing)})

            def give(self, body: object) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def let_in(self, address: str) -> str:
        """What the browser brings back after the person has signed in there."""
        asked = {name: value[0] for name, value in parse_qs(urlsplit(address).query).items()}
        self.codes["c"] = asked
        return f"{urlsplit(asked['redirect_uri']).path}?code=c&state={asked['state']}"


@pytest.fixture
def provider(bench: Bench) -> Iterator[FakeProvider]:
    made = FakeProvider()
    bench.settings.sign_in.issuer = made.issuer
    bench.settings.sign_in.client_secret = SecretStr("kept")
    yield made
    made.server.shutdown()
    made.server.server_close()


def through(bench: Bench, provider: FakeProvider, to: str = "/queue") -> tuple[Visitor, Any]:
    visitor = Visitor(bench)
    way = visitor.client.get("/sign-in/provider", params={"to": to})
    return visitor, visitor.client.get(provider.let_in(way.headers["location"]))


def test_whom_the_provider_names_is_signed_in_and_stays_the_same_under_another_name(bench: Bench, provider: FakeProvider) -> None:
    provider.claims = {"preferred_username": "rui"}
    visitor, answer = through(bench, provider)
    assert (answer.status_code, answer.headers["location"]) == (303, "/queue")
    assert "Rui" in visitor.get("/queue").text
    provider.claims = {"preferred_username": "root"}
    assert "Rui" in through(bench, provider)[0].get("/queue").text, "the subject is Rui's: a new name at the provider changes nobody"


@pytest.mark.parametrize(("spoil", "status"), [
    ({"aud": "another"}, 502), ({"nonce": "another"}, 502), ({"exp": 1}, 502), ({"iss": "https://elsewhere.example"}, 502),
    ({"preferred_username": "nobody"}, 403)])
def test_a_token_that_is_not_for_us_or_names_nobody_lets_nobody_in(bench: Bench, provider: FakeProvider, spoil: dict[str, Any], status: int) -> None:
    provider.claims, provider.spoil = {"preferred_username": "rui"}, spoil
    visitor, answer = through(bench, provider)
    assert answer.status_code == status and visitor.get("/queue").status == 303


def test_a_token_signed_by_another_key_lets_nobody_in(bench: Bench, provider: FakeProvider) -> None:
    provider.claims, provider.signing = {"preferred_username": "rui"}, RSAKey.generate_key(2048, {"kid": "k"})
    assert through(bench, provider)[1].status_code == 502


def test_coming_back_without_the_cookie_or_with_another_state_is_refused(bench: Bench, provider: FakeProvider) -> None:
    provider.claims = {"preferred_username": "rui"}
    visitor = Visitor(bench)
    back = provider.let_in(visitor.client.get("/sign-in/provider").headers["location"])
    assert Visitor(bench).client.get(back).status_code == 400
    assert visitor.client.get(back.split("&state=")[0] + "&state=forged").status_code == 400


def test_after_the_provider_the_way_leads_only_to_pages_of_ours(bench: Bench, provider: FakeProvider) -> None:
    provider.claims = {"preferred_username": "rui"}
    assert through(bench, provider, "//elsewhere.example")[1].headers["location"] == "/"


def test_a_provider_that_does_not_answer_leaves_the_password(bench: Bench, provider: FakeProvider) -> None:
    assert "统一登录" in Visitor(bench).get("/sign-in").text
    bench.settings.sign_in.issuer = "http://127.0.0.1:9"
    answer = Visitor(bench).get("/sign-in/provider")
    assert answer.status == 502 and 'name="password"' in answer.text


@pytest.mark.parametrize(("claims", "claim", "login"), [
    ({"email": "a@b.cn", "email_verified": True}, "email", "a@b.cn"), ({"email": "a@b.cn"}, "email", None),
    ({"email": "a@b.cn", "email_verified": "true"}, "email", None), ({"preferred_username": "rui"}, "preferred_username", "rui"), ({}, "sub", None)])
def test_an_address_that_the_provider_did_not_verify_is_nobodys(claims: dict[str, Any], claim: str, login: str | None) -> None:
    assert login_of(claims, claim) == login
