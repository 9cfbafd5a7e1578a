"""Who may ask: nobody unknown, and whoever may not see a source sees nothing of it."""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from gql.authentication import (
    AuthenticationUnavailable,
    Caller,
    JsonWebTokens,
    KeySet,
    Unauthenticated,
    hash_key,
    new_key,
)
from gql.settings import AuthSettings
from providers.fakes import ServerThread
from tests.standin import standin_client

ISSUER = "https://login.example.com"
AUDIENCE = "contactgraph"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def asking_as(client: TestClient, headers: Mapping[str, str]) -> Any:
    return client.post("/graphql", json={"query": "{ sources }"}, headers=dict(headers))


# API keys


@pytest.fixture(scope="module")
def keys() -> tuple[str, str]:
    return new_key(), new_key()


@pytest.fixture(scope="module")
def client(keys: tuple[str, str]) -> Iterator[TestClient]:
    all_sources, one_source = keys
    auth = f"""
        [server.auth]
        mode = "api_keys"
        [[server.auth.keys]]
        name = "everything"
        hash = "{hash_key(all_sources)}"
        [[server.auth.keys]]
        name = "events alone"
        hash = "{hash_key(one_source)}"
        sources = ["events"]
        """
    with standin_client(auth) as made:
        yield made


def test_a_key_opens_the_sources_that_it_is_for(client: TestClient, keys: tuple[str, str]) -> None:
    all_sources, one_source = keys
    assert asking_as(client, {"Authorization": f"Bearer {all_sources}"}).json()["data"]["sources"] == [
        "sales",
        "events",
    ]
    assert asking_as(client, {"X-API-Key": one_source}).json()["data"]["sources"] == ["events"]


def test_blanks_around_a_key_are_no_part_of_it(client: TestClient, keys: tuple[str, str]) -> None:
    for name, value in (
        ("X-API-Key", f"{keys[1]} \t"),
        ("X-API-Key", f"\t{keys[1]}"),
        ("Authorization", f" Bearer {keys[1]} "),
    ):
        assert asking_as(client, {name: value}).json()["data"]["sources"] == ["events"]


def test_without_a_key_the_answer_is_401_and_says_how(client: TestClient) -> None:
    response = asking_as(client, {})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="contactgraph"'
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}
    assert "X-API-Key" in error["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": "cg_wrong"},
        {"Authorization": "Bearer cg_wrong"},
        {"Authorization": "Bearer " + "x" * 100_000},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"Authorization": "Bearer"},
        {"X-API-Key": ""},
    ],
)
def test_a_wrong_key_opens_nothing_and_is_not_repeated(client: TestClient, headers: dict[str, str]) -> None:
    response = asking_as(client, headers)
    assert response.status_code == 401
    assert "cg_wrong" not in response.text


def test_the_hash_of_a_key_is_no_key(client: TestClient, keys: tuple[str, str]) -> None:
    for form in (hash_key(keys[0]), hash_key(keys[0]).removeprefix("sha256:")):
        assert asking_as(client, {"X-API-Key": form}).status_code == 401


def test_a_key_sent_twice_opens_nothing(client: TestClient, keys: tuple[str, str]) -> None:
    headers = [("X-API-Key", "cg_wrong"), ("X-API-Key", keys[0]), ("Content-Type", "application/json")]
    assert client.post("/graphql", content=b'{"query":"{ sources }"}', headers=headers).status_code == 401


def test_health_needs_no_key(client: TestClient) -> None:
    assert client.get("/healthz").status_code == 200


def test_new_keys_differ_and_are_long() -> None:
    made = {new_key() for _ in range(50)}
    assert len(made) == 50
    assert all(len(key) >= 43 for key in made)


# JSON web tokens


class Issuer:
    """A server of public keys. `keys` are served while `up`; `asked` counts the requests."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.up = True
        self.asked = 0
        self.app = Starlette(routes=[Route("/keys", self._serve)])

    async def _serve(self, request: Request) -> Response:
        self.asked += 1
        return JSONResponse({"keys": self.keys}) if self.up else Response("down", 503)


def public(key: Any, key_id: str) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": key_id, "use": "sig"}


@pytest.fixture(scope="module")
def issuer_url() -> Iterator[tuple[Issuer, str]]:
    issuer = Issuer()
    issuer.keys = [public(RSA_KEY, "rsa"), public(EC_KEY, "ec")]
    with ServerThread(issuer.app) as base_url:
        yield issuer, f"{base_url}/keys"


@pytest.fixture
def tokens(issuer_url: tuple[Issuer, str]) -> JsonWebTokens:
    settings = AuthSettings(
        mode="jwt", jwks_url=issuer_url[1], issuer=ISSUER, audience=AUDIENCE, sources_claim="contact_sources"
    )
    return JsonWebTokens(settings, KeySet(issuer_url[1]))


def token(key: Any = RSA_KEY, algorithm: str = "RS256", key_id: str | None = "rsa", **changes: Any) -> str:
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ann",
        "exp": time.time() + 600,
        "contact_sources": ["sales"],
        **changes,
    }
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, key, algorithm, headers={"kid": key_id} if key_id else None)


def bearer(text: str) -> dict[bytes, bytes]:
    return {b"authorization": f"Bearer {text}".encode()}


@pytest.mark.parametrize(("key", "algorithm", "key_id"), [(RSA_KEY, "RS256", "rsa"), (EC_KEY, "ES256", "ec")])
async def test_a_good_token_tells_who_asks_and_what_they_see(
    tokens: JsonWebTokens, key: Any, algorithm: str, key_id: str
) -> None:
    assert await tokens.caller(bearer(token(key, algorithm, key_id))) == Caller("ann", frozenset({"sales"}))


@pytest.mark.parametrize(
    ("claim", "seen"),
    [
        (["sales", "events"], {"sales", "events"}),
        ("sales events", {"sales", "events"}),
        ([], set()),
        (None, set()),
        (5, set()),
    ],
)
async def test_the_claim_names_the_sources_and_without_it_nothing_is_seen(
    tokens: JsonWebTokens, claim: Any, seen: set[str]
) -> None:
    assert (await tokens.caller(bearer(token(contact_sources=claim)))).sources == frozenset(seen)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (token(exp=time.time() - 3600), "the token has expired"),
        (token(iss="https://evil.example"), "the token is not valid here"),
        (token(aud="another"), "the token is not valid here"),
        (token(exp=None), "the token is not valid here"),
        (token(iss=None), "the token is not valid here"),
        (token(aud=None), "the token is not valid here"),
        (token(nbf=time.time() + 3600), "the token is not valid here"),
        (token(OTHER_KEY), "the token is not valid here"),
        (token(key_id="unknown"), "the token's key is not one of the issuer's"),
        (token(key_id=None), "the token's key is not one of the issuer's"),
        (token("x" * 64, "HS256"), "the token's algorithm is not allowed here"),
        (token(None, "none"), "the token's algorithm is not allowed here"),
        (token(RSA_KEY, "RS512"), "the token's algorithm is not allowed here"),
        ("not.a.token", "the token is not valid here"),
        ("x" * 20_000, "the token is too long"),
    ],
    ids=lambda value: value[:24],
)
async def test_a_bad_token_is_refused_with_the_reason(tokens: JsonWebTokens, text: str, reason: str) -> None:
    with pytest.raises(Unauthenticated, match=f"^{reason}$") as caught:
        await tokens.caller(bearer(text))
    assert caught.value.challenge == 'Bearer realm="contactgraph", error="invalid_token"'


async def test_the_public_key_is_no_secret_for_hmac(tokens: JsonWebTokens) -> None:
    forged = jwt.api_jws.PyJWS().encode(b'{"sub":"eve"}', b"public" * 8, "HS256", headers={"kid": "rsa"})
    with pytest.raises(Unauthenticated, match="algorithm"):
        await tokens.caller(bearer(forged))


async def test_the_issuer_is_asked_once_for_many_callers(issuer_url: tuple[Issuer, str], tokens: JsonWebTokens) -> None:
    issuer, _ = issuer_url
    before = issuer.asked
    await asyncio.gather(*(tokens.caller(bearer(token())) for _ in range(20)))
    assert issuer.asked == before + 1


async def test_made_up_key_ids_do_not_reach_the_issuer(issuer_url: tuple[Issuer, str], tokens: JsonWebTokens) -> None:
    issuer, _ = issuer_url
    await tokens.caller(bearer(token()))
    before = issuer.asked
    for number in range(20):
        with pytest.raises(Unauthenticated):
            await tokens.caller(bearer(token(key_id=f"made-up-{number}")))
    assert issuer.asked == before


async def test_a_new_key_is_found_after_the_pause() -> None:
    issuer = Issuer()
    issuer.keys = [public(RSA_KEY, "rsa")]
    with ServerThread(issuer.app) as base_url:
        keys = KeySet(f"{base_url}/keys", pause=0.0)
        assert await keys.key("new") is None
        issuer.keys.append(public(OTHER_KEY, "new"))
        assert await keys.key("new") is not None


async def test_known_keys_stay_usable_while_the_issuer_is_down() -> None:
    issuer = Issuer()
    issuer.keys = [public(RSA_KEY, "rsa")]
    with ServerThread(issuer.app) as base_url:
        keys = KeySet(f"{base_url}/keys", refresh=0.0, pause=0.0)
        assert await keys.key("rsa") is not None
        issuer.up = False
        assert await keys.key("rsa") is not None
        assert issuer.asked >= 2


async def test_nobody_is_let_in_while_no_key_was_ever_read() -> None:
    issuer = Issuer()
    issuer.up = False
    with ServerThread(issuer.app) as base_url, pytest.raises(AuthenticationUnavailable):
        await KeySet(f"{base_url}/keys").key("rsa")


def test_tokens_are_asked_for_over_http(issuer_url: tuple[Issuer, str]) -> None:
    auth = f"""
        [server.auth]
        mode = "jwt"
        jwks_url = "{issuer_url[1]}"
        issuer = "{ISSUER}"
        audience = "{AUDIENCE}"
        sources_claim = "contact_sources"
        """
    with standin_client(auth) as client:
        good = asking_as(client, {"Authorization": f"Bearer {token()}"})
        bad = asking_as(client, {"Authorization": f"Bearer {token(OTHER_KEY)}"})
    assert good.json() == {"data": {"sources": ["sales"]}}
    assert bad.status_code == 401
    assert bad.headers["www-authenticate"].endswith('error="invalid_token"')
