"""Signing in through an OpenID Connect provider (settings [sign_in]): authorization code with PKCE, by Authlib.

What must survive the way to the provider and back (state, nonce, the code's verifier, where to go) travels in a cookie that
is signed with a key of this process and lives for ten minutes. The provider only says who somebody is: what they may do here
is the person's, whom an administrator has added. A first sign-in ties the provider's subject to the person whose login equals
the claim that the settings name; an e-mail address counts only where the provider says that it verified it.
"""
from __future__ import annotations

import logging
import secrets
import time
from typing import Any

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey

from records import Problem
from review.workbench.bench import bench_of, render
from review.workbench.doors import keep, ours
from review.workbench.gate import Refused
from settings import SignIn
from store.reviews import people

COOKIE, LIFETIME = "tingjian-way", 600
PATH = "/sign-in/provider"
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384"]
LEEWAY = 60         # seconds that clocks may differ
# A restart in the middle of a sign-in asks for another try.
_KEY = OctKey.import_key(secrets.token_bytes(32))
_log = logging.getLogger(__name__)
router = APIRouter()


class Provider:
    """A provider by its discovery document. Raises Problem where it does not answer or is another one."""

    def __init__(self, settings: SignIn, back: str) -> None:
        self.settings, self.back = settings, back
        self.issuer = (settings.issuer or "").rstrip("/")
        self.facts = _fetched(f"{self.issuer}/.well-known/openid-configuration")
        if str(self.facts.get("issuer", "")).rstrip("/") != self.issuer:
            raise Problem(f"The provider at {self.issuer} calls itself {self.facts.get('issuer')}: check [sign_in] issuer.")

    def _client(self) -> Any:
        secret = self.settings.client_secret
        return OAuth2Client(self.settings.client_id, secret.get_secret_value() if secret else None, timeout=10, scope="openid profile email",
                            redirect_uri=self.back, code_challenge_method="S256")

    def way(self, state: str, nonce: str, verifier: str) -> str:
        """The address at the provider to which the browser is sent."""
        with self._client() as client:
            return client.create_authorization_url(
                self.facts["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier)[0]

    def claims(self, code: str, nonce: str, verifier: str) -> dict[str, Any]:
        """Who it is, from a token whose signature, issuer, audience, time and nonce were checked. Raises Problem."""
        try:
            with self._client() as client:
                given = client.fetch_token(self.facts["token_endpoint"], code=code, code_verifier=verifier)
            keys = KeySet.import_key_set(_fetched(self.facts["jwks_uri"]))      # pyright: ignore[reportArgumentType]
            claims = jwt.decode(given["id_token"], keys, algorithms=ALGORITHMS).claims
            jwt.JWTClaimsRegistry(
                leeway=LEEWAY, iss={"essential": True, "value": self.facts["issuer"]}, sub={"essential": True},
                aud={"essential": True, "value": self.settings.client_id}, exp={"essential": True},
                nonce={"essential": True, "value": nonce}).validate(claims)
            return claims
        except (AuthlibBaseError, JoseError, httpx.HTTPError, KeyError, ValueError) as fault:
            raise Problem(f"{type(fault).__name__}: {fault}") from fault


def login_of(claims: dict[str, Any], claim: str) -> str | None:
    """The login that the provider vouches for; an address that it has not verified is none."""
    value = claims.get(claim)
    if claim == "email" and claims.get("email_verified") is not True:
        return None
    return str(value) if value else None


@router.get(PATH)
def leave(request: Request, to: str = "/") -> Response:
    """Sends the browser to the provider."""
    provider = _provider(request)
    if isinstance(provider, Response):
        return provider
    state, nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    answer = RedirectResponse(provider.way(state, nonce, verifier), 303)
    kept = {"state": state, "nonce": nonce, "verifier": verifier, "to": ours(to), "exp": int(time.time()) + LIFETIME}
    answer.set_cookie(COOKIE, jwt.encode({"alg": "HS256"}, kept, _KEY), max_age=LIFETIME, httponly=True, samesite="lax",
                      secure=request.url.scheme == "https", path=PATH)
    return answer


@router.get(f"{PATH}/back")
def back(request: Request, code: str = "", state: str = "") -> Response:
    """The browser comes back with a code: signed in, or told why not."""
    try:
        kept = jwt.decode(request.cookies.get(COOKIE, ""), _KEY, algorithms=["HS256"]).claims
        jwt.JWTClaimsRegistry(exp={"essential": True}).validate(kept)
    except (JoseError, ValueError):
        return _failed(request, "expired")
    if not code or not secrets.compare_digest(str(kept["state"]), state):
        return _failed(request, "state")
    provider = _provider(request)
    if isinstance(provider, Response):
        return provider
    try:
        claims = provider.claims(code, str(kept["nonce"]), str(kept["verifier"]))
    except Problem as problem:
        _log.warning("Sign-in through the provider failed: %s", problem)
        return _failed(request, "token")
    login = login_of(claims, provider.settings.claim)
    with bench_of(request).database.writing() as session:
        secret = people.sign_in_as(session, provider.issuer, str(claims["sub"]), login)
    if secret is None:
        return render(request, "sign_in.html", 403, to="/", wrong="not_known_here", named=login or str(claims["sub"]))
    answer = RedirectResponse(ours(str(kept["to"])), 303)
    answer.delete_cookie(COOKIE, path=PATH)
    keep(request, answer, secret)
    return answer


def _provider(request: Request) -> Provider | Response:
    settings = bench_of(request).settings.sign_in
    if not settings.issuer:
        raise Refused
    try:
        return Provider(settings, str(request.url_for("back")))
    except Problem as problem:
        _log.warning("%s", problem)
        return _failed(request, "provider")


def _failed(request: Request, why: str) -> Response:
    return render(request, "sign_in.html", 502 if why in ("provider", "token") else 400, to="/", wrong=f"provider_{why}")


def _fetched(url: str) -> dict[str, Any]:
    try:
        answer = httpx.get(url, timeout=10)
        answer.raise_for_status()
        return answer.json()
    except (httpx.HTTPError, ValueError) as fault:
        raise Problem(f"The OpenID Connect provider does not answer at {url} ({type(fault).__name__}).") from fault
