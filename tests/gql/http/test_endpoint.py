"""GraphQL over HTTP: media types, status codes, methods, malformed requests, errors, and what browsers may do."""

import json
import logging
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from httpx import Response
from starlette.testclient import TestClient

from gql.http.graphiql import ConsolePage
from providers.apis.fakes import ServerThread
from tests.support.standin import SECRET, standin_app, standin_client

ROOT = Path(__file__).resolve().parents[3]
NODE_TESTS = ROOT / "tests/node"
GRAPHQL_RESPONSE = "application/graphql-response+json"
AUDIT_SECONDS = 60


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with standin_client() as made:
        yield made


def ask(client: TestClient, query: str, accept: str = "application/json", **members: Any) -> Response:
    response: Response = client.post("/graphql", json={"query": query, **members}, headers={"Accept": accept})
    return response


def only_error(response: Response) -> dict[str, Any]:
    body = response.json()
    assert "data" not in body
    (error,) = body["errors"]
    assert isinstance(error, dict)
    return error


# Media types


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/json", "application/json"),
        (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE),
        ("*/*", "application/json"),
        ("", "application/json"),
        ("application/*", "application/json"),
        (f"{GRAPHQL_RESPONSE}, application/json;q=0.9", GRAPHQL_RESPONSE),
        (f"application/json, {GRAPHQL_RESPONSE}", GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE};q=0.3, application/json;q=0.8", "application/json"),
        (f"{GRAPHQL_RESPONSE};q=0, */*", "application/json"),
        ("application/json;charset=UTF-8", "application/json"),
        ("text/event-stream, nonsense, application/json;q=0.1", "application/json"),
    ],
)
def test_the_answer_has_the_media_type_that_the_client_likes_best(
    client: TestClient, accept: str, expected: str
) -> None:
    response = ask(client, "{ hello }", accept)
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{expected}; charset=utf-8"
    assert response.json() == {"data": {"hello": "hello world"}}


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml", "application/json;q=0", "*/*;q=0", "application/json;charset=utf-16"]
)
def test_nothing_acceptable_is_406(client: TestClient, accept: str) -> None:
    response = ask(client, "{ hello }", accept)
    assert response.status_code == 406
    assert only_error(response)["extensions"] == {"code": "BAD_USER_INPUT"}


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "application/jsonp"],
)
def test_a_body_that_a_form_can_send_is_415(client: TestClient, content_type: str) -> None:
    response = client.post("/graphql", content=b'{"query":"{ hello }"}', headers={"Content-Type": content_type})
    assert response.status_code == 415
    assert "application/json" in only_error(response)["message"]


def test_a_body_in_another_charset_is_415(client: TestClient) -> None:
    headers = {"Content-Type": "application/json; charset=utf-16"}
    assert client.post("/graphql", content='{"query":"{hello}"}'.encode("utf-16"), headers=headers).status_code == 415
    headers = {"Content-Type": 'application/json; charset="UTF-8"'}
    assert client.post("/graphql", content=b'{"query":"{hello}"}', headers=headers).status_code == 200


def test_a_compressed_body_is_415_and_says_what_is_taken(client: TestClient) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    response = client.post("/graphql", content=b"\x1f\x8b", headers=headers)
    assert (response.status_code, response.headers["accept-encoding"]) == (415, "identity")


# Status codes


@pytest.mark.parametrize(
    ("query", "members"),
    [
        ("{", {}),
        ("", {}),
        ("{ nothingLikeThis }", {}),
        ("query($n: Int!) { number(value: $n) }", {"variables": {"n": "x"}}),
        ("query($n: Int!) { number(value: $n) }", {}),
        ("query A { hello } query B { hello }", {}),
        ("query A { hello }", {"operationName": "C"}),
        ("fragment F on Query { hello }", {}),
    ],
)
def test_a_request_error_is_400_as_graphql_response_and_200_as_json(
    client: TestClient, query: str, members: dict[str, Any]
) -> None:
    modern = ask(client, query, GRAPHQL_RESPONSE, **members)
    legacy = ask(client, query, **members)
    assert (modern.status_code, legacy.status_code) == (400, 200)
    assert modern.json() == legacy.json()
    assert only_error(modern)["extensions"]["code"] == "BAD_USER_INPUT"


def test_two_operations_are_told_apart_by_name(client: TestClient) -> None:
    query = 'query A { hello } query B { hello(name: "b") }'
    assert ask(client, query, operationName="B").json() == {"data": {"hello": "hello b"}}


def test_data_with_errors_beside_it_is_partial_success(client: TestClient) -> None:
    modern = ask(client, "{ hello partial }", GRAPHQL_RESPONSE)
    legacy = ask(client, "{ hello partial }")
    assert (modern.status_code, legacy.status_code) == (294, 200)
    assert modern.json() == legacy.json()
    assert modern.json()["data"] == {"hello": "hello world", "partial": "half"}
    (error,) = modern.json()["errors"]
    assert error["path"] == ["partial"]
    assert error["extensions"] == {
        "code": "SOURCE_RATE_LIMITED",
        "source": "sales",
        "status": 429,
        "retryAfter": 12.0,
    }


# Methods


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_another_method_is_405_and_names_those_that_are_allowed(client: TestClient, method: str) -> None:
    response = client.request(method, "/graphql")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST, HEAD, OPTIONS"


def test_get_takes_the_parameters_from_the_query_string(client: TestClient) -> None:
    query = "query A($name: String) { hello(name: $name) } query B { hello }"
    params = {"query": query, "operationName": "A", "variables": '{"name": "你"}', "extensions": "{}"}
    assert client.get("/graphql", params=params).json() == {"data": {"hello": "hello 你"}}


def test_head_is_get_without_the_body(client: TestClient) -> None:
    got, head = (client.request(method, "/graphql?query={hello}") for method in ("GET", "HEAD"))
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == got.headers["content-length"] == str(len(got.content))


def test_a_mutation_by_get_is_405(client: TestClient) -> None:
    response = client.get("/graphql", params={"query": "mutation { __typename }"})
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("query_string", "named"),
    [
        ("", "query"),
        ("query=%ff", "query string"),
        ("query={hello}&query={hello}", "query"),
        ("query={hello}&variables=1", "variables"),
        ("query={hello}&variables={", "variables"),
        ("query={hello}&variables=" + "[" * 5000, "variables"),
        ("query={hello}&extensions=[]", "extensions"),
        ("&".join(["x=1"] * 60), "query string"),
    ],
)
def test_a_malformed_query_string_is_400_naming_the_parameter(
    client: TestClient, query_string: str, named: str
) -> None:
    response = client.get(f"/graphql?{query_string}")
    assert response.status_code == 400
    assert named in only_error(response)["message"]


# Bodies


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"1",
        b"1e999",
        b'"text"',
        b"true",
        b"[]",
        b'[{"query":"{ hello }"}]',
        b"{",
        b"{}",
        b'{"query": null}',
        b'{"query": "{ hello }"',
        b'{"query": "{ hello }"} {}',
        b'{"query": 1}',
        b'{"query": ["{ hello }"]}',
        b'{"query": "{ hello }", "operationName": 1}',
        b'{"query": "{ hello }", "variables": []}',
        b'{"query": "{ hello }", "variables": "{}"}',
        b'{"query": "{ hello }", "variables": {"a": NaN}}',
        b'{"query": "{ hello }", "variables": {"a": 1e400}}',
        b'{"query": "{ hello }", "variables": {"a": ' + b"9" * 10_000 + b"}}",
        b'{"query": "{ hello }", "variables": {"a": ' + b"[" * 100 + b"]" * 100 + b"}}",
        b'{"query": "{ hello }", "variables": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b'{"query": "{ hello }", "extensions": 0}',
        b'{"query": "\xff"}',
        b'{"query": "\\ud800"}',
        b"\xef\xbb\xbf" + b'{"query": "{ hello }"}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"\x00\x01\x02",
    ],
    ids=lambda body: repr(body[:60]),
)
@pytest.mark.parametrize("accept", ["application/json", GRAPHQL_RESPONSE])
def test_a_malformed_body_is_400_whatever_it_is(client: TestClient, body: bytes, accept: str) -> None:
    response = client.post("/graphql", content=body, headers={"Content-Type": "application/json", "Accept": accept})
    assert response.status_code == 400
    assert only_error(response)["extensions"]["code"] in ("BAD_USER_INPUT", "QUERY_TOO_COMPLEX")


def test_a_refused_member_is_named(client: TestClient) -> None:
    response = client.post("/graphql", json={"query": "{ hello }", "variables": [1]})
    assert only_error(response)["message"] == "variables: expected `object | null`, got `array`"


def test_null_members_count_as_not_given(client: TestClient) -> None:
    response = ask(client, "{ hello }", operationName=None, variables=None, extensions=None)
    assert response.json() == {"data": {"hello": "hello world"}}


def test_an_absurd_number_in_a_variable_is_the_clients_mistake(client: TestClient) -> None:
    response = ask(client, "query($n: Int!) { number(value: $n) }", variables={"n": 10**300})
    assert only_error(response)["extensions"]["code"] == "BAD_USER_INPUT"


def test_a_body_over_the_limit_is_413_and_names_the_setting() -> None:
    with standin_client("[server.limits]\nbody_bytes = 200") as client:
        assert ask(client, "{ hello }").status_code == 200
        response = ask(client, "{ hello }" + " " * 200)
        assert response.status_code == 413
        assert only_error(response)["extensions"] == {
            "code": "QUERY_TOO_COMPLEX",
            "setting": "server.limits.body_bytes",
            "limit": 200,
        }
        chunked = client.post(
            "/graphql", content=iter([b'{"query":"', b" " * 300]), headers={"Content-Type": "application/json"}
        )
        assert chunked.status_code == 413


def test_a_batch_is_refused_unless_it_is_configured() -> None:
    batch = [{"query": "{ hello }"}, {"query": "{ nothing }"}, {"query": '{ hello(name: "b") }'}]
    with standin_client() as client:
        assert "server.limits.batch" in only_error(client.post("/graphql", json=batch))["message"]
    with standin_client("[server.limits]\nbatch = 3") as client:
        answers = client.post("/graphql", json=batch).json()
        assert [answer.get("data") for answer in answers] == [{"hello": "hello world"}, None, {"hello": "hello b"}]
        response = client.post("/graphql", json=[*batch, *batch])
        assert response.status_code == 400
        assert only_error(response)["extensions"]["setting"] == "server.limits.batch"


# Errors


def test_an_internal_error_is_masked_and_logged_under_the_id_that_the_client_gets(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        response = ask(client, "{ hello broken }")
    assert response.json()["data"] == {"hello": "hello world", "broken": None}
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert SECRET not in response.text
    (record,) = caplog.records
    assert error["extensions"]["errorId"] in record.getMessage()
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], RuntimeError)


def test_a_field_error_that_reaches_the_root_leaves_data_null(client: TestClient) -> None:
    response = ask(client, "{ brokenRoot }", GRAPHQL_RESPONSE)
    assert response.status_code == 294
    assert response.json()["data"] is None
    assert response.json()["errors"][0]["path"] == ["brokenRoot"]


@pytest.mark.parametrize("query", ["{", "{ nothing }", "{ refused }", "{ number(value: 99999999999) }"])
def test_a_clients_mistake_is_no_line_in_the_log(
    client: TestClient, caplog: pytest.LogCaptureFixture, query: str
) -> None:
    with caplog.at_level(logging.WARNING):
        (error,) = ask(client, query).json()["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert caplog.records == []


def test_a_refused_argument_is_named(client: TestClient) -> None:
    (error,) = ask(client, "{ refused }").json()["errors"]
    assert error["message"] == "first: expected 0 to 100, got 101"
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "first"}
    assert error["path"] == ["refused"]


def test_an_operation_that_hangs_ends_with_the_request_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gql.execution.gateway.GRACE", 0.0)
    with standin_client("[server.limits]\nrequest_timeout = 0.05") as client:
        response = ask(client, "{ slow }", GRAPHQL_RESPONSE)
    assert response.status_code == 503
    assert only_error(response)["extensions"]["setting"] == "server.limits.request_timeout"


# What a request may wish for


def test_no_cache_asks_past_the_cache(client: TestClient) -> None:
    wishes = [{}, {"Cache-Control": "max-age=0"}, {"Cache-Control": "max-age=0, No-Cache"}]
    answers = [client.post("/graphql", json={"query": "{ fresh }"}, headers=headers).json() for headers in wishes]
    assert [answer["data"]["fresh"] for answer in answers] == [False, False, True]


def test_a_forwarded_credential_goes_to_its_own_source(client: TestClient) -> None:
    headers = {"X-Events-Token": "callers-own", "X-Sales-Token": "nobody's"}
    response = client.post("/graphql", json={"query": "{ credentials }"}, headers=headers)
    assert response.json() == {"data": {"credentials": ["events=callers-own"]}}


def test_a_console_that_was_not_built_says_how_it_is_built_and_that_the_endpoint_answers(tmp_path: Path) -> None:
    response = ConsolePage(tmp_path).response()
    text = bytes(response.body).decode()
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for words in ("has no GraphiQL", "make install", "npm run build", "pip install .", "answers a POST"):
        assert words in text


def test_blanks_around_a_headers_value_are_no_part_of_it(client: TestClient) -> None:
    values = {"X-Events-Token": " \tcallers-own \t", "Cache-Control": "no-cache ", "Accept": "application/json\t"}
    response = client.post("/graphql", json={"query": "{ credentials fresh }"}, headers=values)
    assert response.json() == {"data": {"credentials": ["events=callers-own"], "fresh": True}}


def test_a_header_that_comes_several_times_is_one_list(client: TestClient) -> None:
    headers = [("Cache-Control", "max-age=0 "), ("X-Events-Token", "a "), ("Cache-Control", "no-cache")]
    headers += [("X-Events-Token", "b"), ("X-Events-Token", "\tc"), ("Content-Type", "application/json")]
    response = client.post("/graphql", content=b'{"query":"{ credentials fresh }"}', headers=headers)
    assert response.json() == {"data": {"credentials": ["events=a, b, c"], "fresh": True}}


def test_a_credential_that_no_header_can_carry_on_is_refused_without_being_shown(client: TestClient) -> None:
    headers = [(b"X-Events-Token", b"caf\xe9-secret"), (b"Content-Type", b"application/json")]
    response = client.post("/graphql", content=b'{"query":"{ hello }"}', headers=headers)
    assert response.status_code == 400
    assert only_error(response)["message"].startswith("X-Events-Token: ")
    assert "secret" not in response.text


def test_explain_is_answered_only_where_it_is_configured(client: TestClient) -> None:
    headers = {"X-Contactgraph-Explain": "1"}
    assert "extensions" not in client.post("/graphql", json={"query": "{ hello }"}, headers=headers).json()
    with standin_client("[server]\nexplain = true") as explaining:
        query = {"query": "{ contacts(first: 3) { nodes { id } } }"}
        assert "extensions" not in explaining.post("/graphql", json=query).json()
        extensions = explaining.post("/graphql", json=query, headers=headers).json()["extensions"]
        assert extensions == {"plan": [], "cost": 4}


# Persisted documents

KNOWN = {"greeting": "query($name: String) { hello(name: $name) }"}


def test_a_persisted_document_is_asked_for_by_its_id() -> None:
    with standin_client(documents=KNOWN) as client:
        body = {"documentId": "greeting", "variables": {"name": "p"}}
        assert client.post("/graphql", json=body).json() == {"data": {"hello": "hello p"}}
        assert client.get("/graphql?documentId=greeting").json() == {"data": {"hello": "hello world"}}
        apollo = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "greeting"}}}
        assert client.post("/graphql", json=apollo).json() == {"data": {"hello": "hello world"}}
        assert ask(client, "{ hello }").json() == {"data": {"hello": "hello world"}}


def test_an_unknown_id_is_not_found() -> None:
    with standin_client(documents=KNOWN) as client:
        response = client.post("/graphql", json={"documentId": "other"}, headers={"Accept": GRAPHQL_RESPONSE})
        assert response.status_code == 400
        assert only_error(response)["extensions"]["code"] == "PERSISTED_DOCUMENT_NOT_FOUND"


def test_free_text_is_forbidden_where_only_persisted_documents_are_allowed() -> None:
    with standin_client("[server.documents]\nmanifest = 'x'\nonly = true", KNOWN) as client:
        assert only_error(ask(client, "{ hello }"))["extensions"]["code"] == "FORBIDDEN"
        assert "data" in client.post("/graphql", json={"documentId": "greeting"}).json()


# Browsers


def test_a_browser_gets_graphiql_that_may_load_from_here_alone(client: TestClient) -> None:
    response = client.get("/graphql", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))
    assert policy["script-src"] == "'self'"
    assert policy["connect-src"] == "'self'"
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert not re.search(r"(src|href)=\"https?://", response.text)


def test_graphiql_can_be_turned_off() -> None:
    with standin_client("[server]\ngraphiql = false") as client:
        assert client.get("/graphql", headers={"Accept": "text/html"}).status_code == 406
        assert client.get("/graphql/assets/x.js").status_code == 404


def test_the_root_leads_to_the_endpoint(client: TestClient) -> None:
    assert client.get("/").headers["location"] == "graphql"


@pytest.mark.parametrize("path", ["/graphql/assets/..%2f..%2fapp.py", "/graphql/assets/../../app.py", "/nothing"])
def test_files_outside_the_assets_are_not_found(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_get_that_another_sites_page_sends_is_refused(client: TestClient, site: str) -> None:
    response = client.get("/graphql?query={hello}", headers={"Sec-Fetch-Site": site, "Origin": "https://evil.example"})
    assert response.status_code == 403
    assert only_error(response)["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_get_of_our_own_page_is_answered(client: TestClient, site: str) -> None:
    assert client.get("/graphql?query={hello}", headers={"Sec-Fetch-Site": site}).status_code == 200


PREFLIGHT = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}


def test_no_origin_may_ask_from_another_site_until_it_is_named(client: TestClient) -> None:
    response = client.options("/graphql", headers=PREFLIGHT)
    assert (response.status_code, response.headers["allow"]) == (204, "GET, POST, HEAD, OPTIONS")
    for answer in (response, client.post("/graphql", json={"query": "{ hello }"}, headers=PREFLIGHT)):
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_named_origin_may_ask_and_another_one_not() -> None:
    with standin_client('[server]\norigins = ["https://app.example.com"]') as client:
        wished = {**PREFLIGHT, "Access-Control-Request-Headers": "content-type, x-events-token, x-contactgraph-explain"}
        allowed = client.options("/graphql", headers=wished)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == "https://app.example.com"
        assert "access-control-allow-credentials" not in allowed.headers
        other = {**PREFLIGHT, "Origin": "https://evil.example"}
        assert "access-control-allow-origin" not in client.options("/graphql", headers=other).headers
        cross = {"Sec-Fetch-Site": "cross-site", "Origin": "https://app.example.com"}
        assert client.get("/graphql?query={hello}", headers=cross).status_code == 200


@pytest.mark.parametrize("path", ["/graphql?query={hello}", "/healthz", "/metrics", "/nothing"])
def test_every_answer_has_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_answers_with_personal_data_are_not_stored(client: TestClient) -> None:
    assert ask(client, "{ hello }").headers["cache-control"] == "no-store"


# Operation


def test_health_says_alive_and_ready_while_the_application_runs() -> None:
    application = standin_app()
    before = TestClient(application)
    assert (before.get("/healthz").status_code, before.get("/readyz").status_code) == (200, 503)
    assert ask(before, "{ hello }").status_code == 503
    with TestClient(application) as running:
        assert running.get("/readyz").json() == {"status": "ready", "sources": 2}


def test_metrics_count_requests_by_outcome_and_hold_no_credential() -> None:
    with standin_client() as client:
        for query in ("{ hello }", "{ hello }", "{ partial }", "{ nothing }", "{ broken }"):
            ask(client, query)
        text = client.get("/metrics").text
    counts = dict(re.findall(r'contactgraph_request_seconds_count\{outcome="(\w+)"\} (\S+)', text))
    assert counts == {"ok": "2.0", "partial": "1.0", "refused": "1.0", "failed": "1.0"}
    assert 'contactgraph_documents_total{result="hit"} 1.0' in text
    assert 'contactgraph_upstream_calls_total{source="sales",status="OK"} 0.0' in text
    assert SECRET not in text


def test_metrics_can_be_turned_off() -> None:
    with standin_client("[server.telemetry]\nmetrics = false") as client:
        assert client.get("/metrics").status_code == 404


# The audits of the npm package graphql-http


@pytest.mark.integration
@pytest.mark.skipif(
    not (NODE_TESTS / "node_modules/graphql-http").is_dir(), reason="run `make integration`: it installs the audits"
)
def test_every_audit_of_graphql_http_passes() -> None:
    with ServerThread(standin_app()) as base_url:
        done = subprocess.run(
            [ROOT / "console/with-node", "node", "audit.mjs", f"{base_url}/graphql"],
            cwd=NODE_TESTS,
            capture_output=True,
            text=True,
            timeout=AUDIT_SECONDS,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(done.stdout)
    assert len(results) > 50
    assert [each for each in results if each["status"] != "ok"] == []
