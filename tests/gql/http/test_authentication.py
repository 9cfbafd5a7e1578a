"""Who may ask: nobody unknown, and whoever may not see a source sees nothing of it."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, get_args

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from gql.configuration.settings import Algorithm, AuthSettings
from gql.execution.call import Caller
from gql.http.authentication import AuthenticationUnavailable, JsonWebTokens, KeySet, Unauthenticated, hash_key, new_key
from providers.apis.fakes import ServerThread
from tests.support.standin import standin_client

ISSUER = "https://login.example.com"
AUDIENCE = "contactgraph"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
TEST_SECONDS = 20.0
"""How long a test waits for what takes no time; far more than it takes."""


class Clock:
    """Stands in for the module `time`."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


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
    """A server of public keys. `keys` are served while it is `up`, and `text` in their stead; `asked` counts the
    requests. Until it is `released` none is answered."""

    def __init__(self, *keys: dict[str, Any], text: str | None = None) -> None:
        self.keys: list[Any] = list(keys)
        self.text = text
        self.up = True
        self.asked = 0
        self.released = threading.Event()
        self.released.set()
        self._arrivals = threading.Semaphore(0)
        self.app = Starlette(routes=[Route("/keys", self._serve)])

    async def _serve(self, request: Request) -> Response:
        self.asked += 1
        self._arrivals.release()
        await asyncio.to_thread(self.released.wait, TEST_SECONDS)
        if not self.up:
            return Response("down", 503)
        return JSONResponse({"keys": self.keys}) if self.text is None else Response(self.text)

    @contextmanager
    def served(self, **arguments: Any) -> Iterator[KeySet]:
        """Its keys, as the gateway reads them."""
        with ServerThread(self.app) as base_url:
            try:
                yield KeySet(f"{base_url}/keys", **arguments)
            finally:
                self.released.set()

    async def reached(self, requests: int = 1) -> None:
        """Comes back when so many further requests have come."""
        for _ in range(requests):
            assert await asyncio.to_thread(self._arrivals.acquire, True, TEST_SECONDS)


def public(key: Any, key_id: str, **members: Any) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPrivateKey):
        jwk = RSAAlgorithm.to_jwk(key.public_key())
    elif isinstance(key, ed25519.Ed25519PrivateKey):
        jwk = OKPAlgorithm.to_jwk(key.public_key())
    else:
        jwk = ECAlgorithm.to_jwk(key.public_key())
    return {**json.loads(jwk), "kid": key_id, "use": "sig", **members}


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


# Algorithms

P384_KEY = ec.generate_private_key(ec.SECP384R1())
P521_KEY = ec.generate_private_key(ec.SECP521R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
ALGORITHMS: tuple[tuple[str, Any], ...] = (
    *((f"{family}{bits}", RSA_KEY) for family in ("RS", "PS") for bits in (256, 384, 512)),
    ("ES256", EC_KEY),
    ("ES384", P384_KEY),
    ("ES512", P521_KEY),
    ("EdDSA", ED_KEY),
)
EVERY_ALGORITHM: Any = tuple(name for name, _ in ALGORITHMS)


def accepting(keys: KeySet, algorithms: Any = EVERY_ALGORITHM) -> JsonWebTokens:
    settings = AuthSettings(
        mode="jwt",
        jwks_url="http://127.0.0.1/keys",
        issuer=ISSUER,
        audience=AUDIENCE,
        algorithms=algorithms,
        sources_claim="contact_sources",
    )
    return JsonWebTokens(settings, keys)


def test_every_algorithm_that_can_be_configured_is_tested() -> None:
    assert sorted(get_args(Algorithm)) == sorted(EVERY_ALGORITHM)


@pytest.mark.parametrize("said", [True, False], ids=["with alg", "without alg"])
@pytest.mark.parametrize(("algorithm", "key"), ALGORITHMS)
async def test_a_token_of_every_algorithm_is_good_whether_its_key_says_the_algorithm_or_not(
    algorithm: str, key: Any, said: bool
) -> None:
    members = {"alg": algorithm} if said else {}
    with Issuer(public(key, "one", **members), public(OTHER_KEY, "two")).served() as keys:
        caller = await accepting(keys).caller(bearer(token(key, algorithm, "one")))
    assert caller == Caller("ann", frozenset({"sales"}))


async def test_one_key_without_alg_serves_every_algorithm_of_its_type() -> None:
    with Issuer(public(RSA_KEY, "rsa")).served() as keys:
        tokens = accepting(keys)
        for algorithm in ("RS256", "PS512", "RS384", "RS256"):
            assert (await tokens.caller(bearer(token(RSA_KEY, algorithm)))).name == "ann"


@pytest.mark.parametrize(
    ("jwk", "key", "algorithm"),
    [
        (public(RSA_KEY, "one", alg="RS256"), RSA_KEY, "RS512"),
        (public(RSA_KEY, "one", alg="RS256"), RSA_KEY, "PS256"),
        (public(RSA_KEY, "one", alg="PS256"), RSA_KEY, "RS256"),
        (public(RSA_KEY, "one"), EC_KEY, "ES256"),
        (public(EC_KEY, "one"), RSA_KEY, "RS256"),
        (public(P384_KEY, "one"), EC_KEY, "ES256"),
        (public(EC_KEY, "one"), P384_KEY, "ES384"),
        (public(EC_KEY, "one"), ED_KEY, "EdDSA"),
    ],
)
async def test_a_key_is_for_no_algorithm_but_its_own(jwk: dict[str, Any], key: Any, algorithm: str) -> None:
    with (
        Issuer(jwk).served() as keys,
        pytest.raises(Unauthenticated, match=r"^the token's key is not one of the issuer's$"),
    ):
        await accepting(keys).caller(bearer(token(key, algorithm, "one")))


async def test_an_algorithm_that_is_not_allowed_is_refused_although_the_key_could_do_it() -> None:
    with (
        Issuer(public(RSA_KEY, "rsa")).served() as keys,
        pytest.raises(Unauthenticated, match=r"^the token's algorithm is not allowed here$"),
    ):
        await accepting(keys, ("RS256",)).caller(bearer(token(RSA_KEY, "PS256")))


async def test_two_keys_of_one_id_are_told_apart_by_the_algorithm() -> None:
    with Issuer(public(OTHER_KEY, "same", alg="PS256"), public(RSA_KEY, "same", alg="RS256")).served() as keys:
        assert (await accepting(keys).caller(bearer(token(RSA_KEY, "RS256", "same")))).name == "ann"
        assert (await accepting(keys).caller(bearer(token(OTHER_KEY, "PS256", "same")))).name == "ann"


# Reading the issuer's keys


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("gql.http.jwks.time", made)
    return made


async def known(keys: KeySet, *key_ids: str) -> list[bool]:
    """Which of the keys are there; none of them may take long, although the issuer does."""
    return [await asyncio.wait_for(keys.key(key_id, "RS256"), TEST_SECONDS) is not None for key_id in key_ids]


async def test_made_up_key_ids_reach_the_issuer_a_few_times_alone(clock: Clock) -> None:
    issuer = Issuer(public(RSA_KEY, "rsa"))
    with issuer.served() as keys:
        assert await known(keys, "rsa", *(f"made-up-{number}" for number in range(20))) == [True] + [False] * 20
        assert issuer.asked == 3
        clock.now += 9.9
        assert await known(keys, "made-up") == [False]
        assert issuer.asked == 3
        clock.now += 0.2
        assert await known(keys, "made-up", "made-up") == [False, False]
        assert issuer.asked == 4
        clock.now += 200.0
        assert await known(keys, *(f"made-up-{number}" for number in range(20))) == [False] * 20
        assert issuer.asked == 7


async def test_a_new_key_is_found_when_its_first_token_comes(clock: Clock) -> None:
    issuer = Issuer(public(RSA_KEY, "rsa"))
    with issuer.served() as keys:
        assert await known(keys, "rsa", "new") == [True, False]
        issuer.keys = [public(OTHER_KEY, "new")]
        assert await known(keys, "new", "rsa") == [True, False]


async def test_keys_are_read_anew_from_time_to_time(clock: Clock) -> None:
    issuer = Issuer(public(RSA_KEY, "rsa"))
    with issuer.served() as keys:
        assert await known(keys, "rsa", "rsa") == [True, True]
        clock.now += 300.0
        assert await known(keys, "rsa") == [True]
        assert issuer.asked == 1
        issuer.keys = [public(OTHER_KEY, "other")]
        clock.now += 0.1
        assert await known(keys, "rsa") == [True], "it does not wait for the reading that it begins"
        for _ in range(int(TEST_SECONDS / 0.01)):
            if not any(await known(keys, "rsa")):
                break
            await asyncio.sleep(0.01)
        assert await known(keys, "rsa", "other") == [False, True]


async def test_a_known_key_does_not_wait_for_an_issuer_that_hangs(clock: Clock) -> None:
    issuer = Issuer(public(RSA_KEY, "rsa"))
    with issuer.served(timeout=10 * TEST_SECONDS) as keys:
        assert await known(keys, "rsa") == [True]
        issuer.released.clear()
        clock.now += 301.0
        assert await known(keys, *["rsa"] * 5) == [True] * 5
        unknown = asyncio.create_task(keys.key("other", "RS256"))
        await issuer.reached(2)
        assert await known(keys, "rsa") == [True]
        assert not unknown.done()
        issuer.keys.append(public(OTHER_KEY, "other"))
        issuer.released.set()
        assert await unknown is not None
        assert issuer.asked == 2


async def test_who_gives_up_waiting_does_not_end_the_reading_for_others() -> None:
    issuer = Issuer(public(RSA_KEY, "rsa"))
    with issuer.served() as keys:
        issuer.released.clear()
        first, second = (asyncio.create_task(keys.key("rsa", "RS256")) for _ in range(2))
        await issuer.reached()
        first.cancel()
        await asyncio.wait([first])
        issuer.released.set()
        assert await second is not None
        assert issuer.asked == 1


async def test_an_issuer_that_hangs_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    issuer = Issuer(public(RSA_KEY, "rsa"))
    with issuer.served(timeout=0.1) as keys:
        issuer.released.clear()
        with pytest.raises(AuthenticationUnavailable):
            await keys.key("rsa", "RS256")
    assert [record.getMessage() for record in caplog.records if record.name == "gql.http.jwks"] == [
        "the keys of server.auth.jwks_url cannot be read: TimeoutError"
    ]


async def test_closing_ends_a_reading_that_is_under_way() -> None:
    issuer = Issuer(public(RSA_KEY, "rsa"))
    with issuer.served(timeout=10 * TEST_SECONDS) as keys:
        issuer.released.clear()
        waiting = asyncio.create_task(keys.key("rsa", "RS256"))
        await issuer.reached()
        await asyncio.wait_for(accepting(keys).aclose(), TEST_SECONDS)
        await asyncio.wait([waiting], timeout=TEST_SECONDS)
        assert waiting.cancelled()
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_known_keys_stay_usable_for_a_day_while_the_issuer_is_down(clock: Clock) -> None:
    issuer = Issuer(public(RSA_KEY, "rsa"))
    with issuer.served() as keys:
        assert await known(keys, "rsa") == [True]
        issuer.up = False
        clock.now += 86_400.0
        assert await known(keys, "rsa", "unknown") == [True, False]
        assert issuer.asked == 2
        clock.now += 10.0
        with pytest.raises(AuthenticationUnavailable):
            await keys.key("rsa", "RS256")
        issuer.up = True
        assert await known(keys, "rsa") == [True]


async def test_nobody_is_let_in_while_no_key_was_ever_read() -> None:
    issuer = Issuer(public(RSA_KEY, "rsa"))
    issuer.up = False
    with issuer.served() as keys, pytest.raises(AuthenticationUnavailable):
        await keys.key("rsa", "RS256")


ODD_SETS = {
    "deep": '{"keys":' + "[" * 200_000,
    "deep in a key": '{"keys":[{"kty":' + "[" * 200_000 + "]" * 200_000 + "}]}",
    "no JSON": "<html>",
    "no object": "[]",
    "no keys": '{"keys":[]}',
    "no list": '{"keys":{"kid":"rsa"}}',
    "keys missing": "{}",
    "nothing": "",
    "no usable one": json.dumps(
        {"keys": [public(RSA_KEY, "rsa", use="enc"), {"kty": "oct", "k": "QUJD", "kid": "x"}, 5]}
    ),
    "no text": json.dumps({"keys": [public(RSA_KEY, "rsa", alg=["RS256"])]}),
    "no text in alg": json.dumps({"keys": [public(RSA_KEY, "rsa", alg={})]}),
    "no text in kid": json.dumps({"keys": [public(RSA_KEY, "rsa") | {"kid": ["rsa"]}]}),
    "too long": json.dumps({"keys": [public(RSA_KEY, "rsa")], "more": "x" * 1_000_000}),
}


@pytest.mark.parametrize("text", ODD_SETS.values(), ids=ODD_SETS.keys())
async def test_an_odd_set_cannot_be_read(text: str, caplog: pytest.LogCaptureFixture) -> None:
    with Issuer(text=text).served() as keys, pytest.raises(AuthenticationUnavailable):
        await keys.key("rsa", "RS256")
    (line,) = [record for record in caplog.records if record.name == "gql.http.jwks"]
    assert line.getMessage().startswith("the keys of server.auth.jwks_url cannot be read: ")
    assert line.exc_info is None


@pytest.mark.parametrize(
    "odd",
    [
        public(OTHER_KEY, "odd", alg=["RS256"]),
        public(OTHER_KEY, "odd", alg={}),
        public(OTHER_KEY, "odd", alg="RSA-OAEP"),
        {**public(OTHER_KEY, "odd"), "kid": ["rsa"]},
        {**public(OTHER_KEY, "odd"), "kid": {"rsa": 1}},
        {**public(OTHER_KEY, "odd"), "kid": 5},
        {**public(OTHER_KEY, "odd"), "use": ["sig"]},
        {**public(OTHER_KEY, "odd"), "kty": ["RSA"]},
        {**public(OTHER_KEY, "odd"), "n": 5},
        {**public(OTHER_KEY, "odd"), "e": None},
        {"kty": "oct", "kid": "odd", "k": None},
        {"kty": "oct", "kid": "odd"},
        {"kty": "EC", "kid": "odd", "crv": ["P-256"], "x": "", "y": ""},
        {},
        [],
        None,
    ],
    ids=repr,
)
async def test_an_odd_key_is_skipped_alone(odd: Any) -> None:
    issuer = Issuer(public(RSA_KEY, "rsa"))
    issuer.keys += [odd, public(EC_KEY, "ec")]
    with issuer.served() as keys:
        assert await known(keys, "rsa", "odd") == [True, False]
        assert await keys.key("ec", "ES256") is not None


def test_keys_that_cannot_be_read_are_503_over_http() -> None:
    with ServerThread(Issuer(text=ODD_SETS["deep"]).app) as base_url:
        auth = f"""
            [server.auth]
            mode = "jwt"
            jwks_url = "{base_url}/keys"
            issuer = "{ISSUER}"
            audience = "{AUDIENCE}"
            """
        with standin_client(auth) as client:
            response = asking_as(client, {"Authorization": f"Bearer {token()}"})
    assert response.status_code == 503
    assert [error["message"] for error in response.json()["errors"]] == ["the issuer's keys cannot be read"]


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
