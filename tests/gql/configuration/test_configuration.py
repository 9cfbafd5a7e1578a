"""The configuration file: what it gives, and one clear line for every kind of mistake."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gql.configuration.file import (
    Configuration,
    ConfigurationError,
    load_configuration,
    read_configuration,
)
from gql.configuration.hosts import is_loopback
from gql.configuration.mistakes import shown
from gql.configuration.settings import ServerSettings
from providers.settings import SourceSettings

SECRET = "planted-credential-4711"
PLAIN = "AKIA2E0A8F3B244C9986"
HEXADECIMAL = "A1B2C3D4E5F6"
ENVIRONMENT = {"SALES_TOKEN": SECRET, "EVENTS_TOKEN": "other", "EMPTY": "", "SPLIT": "a\r\nX-Evil: b"}
SALES = """
[[sources]]
name = "sales"
provider = "tether"
base_url = "https://acme.example.com/"
token_env = "SALES_TOKEN"
"""
EVENTS = """
[[sources]]
name = "events"
provider = "wacr"
base_url = "http://127.0.0.1:9103"
token_header = "X-Events-Token"
"""
KEY_HASH = "sha256:" + "0123456789abcdef" * 4


def load(tmp_path: Path, text: str) -> Configuration:
    file = tmp_path / "contactgraph.toml"
    file.write_text(text, "utf-8")
    return load_configuration(file, ENVIRONMENT)


def mistakes(tmp_path: Path, text: str) -> list[str]:
    """The lines about a file, without the file's name that each begins with."""
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text)
    prefix = f"{tmp_path / 'contactgraph.toml'}: "
    assert all(line.startswith(prefix) and "\n" not in line for line in caught.value.lines)
    return [line.removeprefix(prefix) for line in caught.value.lines]


def test_a_small_file_has_safe_defaults(tmp_path: Path) -> None:
    configuration = load(tmp_path, SALES)
    server = configuration.server
    assert (server.host, server.port, server.auth.mode) == ("127.0.0.1", 8000, "none")
    assert (server.explain, server.limits.batch, server.origins) == (False, 1, ())
    assert configuration.sources[0].base_url == "https://acme.example.com"


def test_every_part_of_a_large_file_arrives(tmp_path: Path) -> None:
    (tmp_path / "documents.json").write_text('{"board": "{ __typename }"}')
    configuration = load(
        tmp_path,
        f"""
        [server]
        host = "0.0.0.0"
        port = 8080
        cursor_key_env = "EVENTS_TOKEN"
        explain = true
        origins = ["https://app.example.com"]
        [server.auth]
        mode = "api_keys"
        [[server.auth.keys]]
        name = "frontend"
        hash = "{KEY_HASH}"
        sources = ["sales"]
        [server.limits]
        depth = 9
        request_timeout = 12
        [server.cache]
        max_bytes = 1000
        [server.telemetry]
        metrics = false
        [server.documents]
        manifest = "documents.json"
        {SALES}{EVENTS}
        """,
    )
    server = configuration.server
    assert (server.port, server.limits.depth, server.limits.request_timeout) == (8080, 9, 12.0)
    assert (server.cache.max_bytes, server.telemetry.metrics) == (1000, False)
    assert server.auth.keys[0].sources == ("sales",)
    assert configuration.cursor_key is not None
    assert configuration.cursor_key.get_secret_value() == "other"
    assert configuration.documents == {"board": "{ __typename }"}
    assert [source.name for source in configuration.sources] == ["sales", "events"]


def test_persisted_documents_may_be_files_in_a_directory(tmp_path: Path) -> None:
    (tmp_path / "operations").mkdir()
    (tmp_path / "operations" / "board.graphql").write_text("{ __typename }")
    (tmp_path / "operations" / "notes.txt").write_text("not one")
    configuration = load(tmp_path, f'[server.documents]\nmanifest = "operations"\n{SALES}')
    assert configuration.documents == {"board": "{ __typename }"}


LONG = "expected an integer of 64 bits at most (TOML, Integer)"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"[server]\nport = {'1' * 5_000}\n{SALES}", f"expected TOML: {LONG}"),
        (f"[server]\nport = 0x{'f' * 5_000}\n{SALES}", f"server.port: {LONG}"),
        (f"{SALES}\ntimeout = 0x{'f' * 5_000}", f"sources[0].timeout: {LONG}"),
        (f"{SALES}\ntimeout = -9223372036854775809", f"sources[0].timeout: {LONG}"),
        ("[server", "expected TOML: Expected ']' at the end of a table declaration (at end of document)"),
        ("x = 1\ny =", "expected TOML: Invalid value (at end of document)"),
        ("\n\nname = = 1", "expected TOML: Invalid value (at line 3, column 8)"),
        ("", "sources: expected at least one [[sources]] table"),
        ("sources = []", "sources: expected at least one [[sources]] table"),
        ("sources = 3", "sources = 3: expected a list"),
        ("sources = [1]", "sources[0] = 1: expected a table"),
        (SALES + "[sever]", "sever: no such key at the top of the file; did you mean server?"),
        (SALES + "[server]\nprot = 1", "server.prot: no such key in [server]; did you mean port?"),
        (
            SALES + "[server.limits]\ndept = 1",
            "server.limits.dept: no such key in [server.limits]; did you mean depth?",
        ),
        (SALES + "time_out = 3", "sources[0].time_out: no such key in [[sources]]; did you mean timeout?"),
        (SALES + "[server]\nport = 99999", "server.port = 99999: expected at most 65535"),
        (SALES + '[server]\nport = "80"', 'server.port = "80": expected a whole number'),
        (SALES + "[server]\nport = true", "server.port = true: expected a whole number"),
        (SALES + "[server]\nexplain = 1", "server.explain = 1: expected true or false"),
        (SALES + "[server.limits]\ncost = 0", "server.limits.cost = 0: expected at least 1"),
        (
            SALES + '[server]\norigins = ["*"]',
            'server.origins[0] = "*": expected an origin such as https://app.example.com',
        ),
        (SALES + '[server.auth]\nmode = "jwt"', 'server.auth: expected jwks_url, issuer, audience with mode = "jwt"'),
        (
            SALES + '[server.auth]\nmode = "basic"',
            "server.auth.mode = \"basic\": expected 'none', 'api_keys' or 'jwt'",
        ),
        (
            SALES + '[server.auth]\nmode = "api_keys"',
            'server.auth: expected at least one [[server.auth.keys]] table with mode = "api_keys"',
        ),
        (
            SALES + f'[[server.auth.keys]]\nname = "x"\nhash = "{KEY_HASH}"',
            'server.auth: expected mode = "api_keys" beside keys, not "none"',
        ),
        (
            SALES + f'[server.auth]\nmode = "api_keys"\n[[server.auth.keys]]\nname = "x"\nhash = "{KEY_HASH}"\n'
            'sources = ["sale"]',
            'server.auth.keys[0].sources = "sale": expected names of sources (sales)',
        ),
        (
            SALES + '[server]\nhost = "0.0.0.0"',
            'server.host = "0.0.0.0": expected a loopback address as long as server.auth.mode is "none"; configure'
            " [server.auth], or set server.auth.allow_anonymous = true",
        ),
        (SALES + "[server.documents]\nonly = true", "server.documents: expected manifest with only = true"),
        (
            SALES + '[server.documents]\nmanifest = "none.json"',
            'server.documents.manifest = "none.json": cannot be read: No such file or directory',
        ),
        (SALES + SALES, 'sources[1].name = "sales": expected a name of its own, sources[0] has this one'),
        (
            SALES.replace('"sales"', '"Sales"'),
            'sources[0].name = "Sales": expected a text that matches ^[a-z][a-z0-9_-]{0,31}$',
        ),
        (
            SALES.replace("tether", "tetter"),
            'sources[0].provider = "tetter": expected one of tether, askelephant, wacr, autokonnect; did you mean'
            " tether?",
        ),
        (
            SALES.replace("https:", "ftp:"),
            'sources[0].base_url = "ftp://acme.example.com": expected an http or https URL with a host',
        ),
        (
            SALES.replace("acme.", "acme ."),
            'sources[0].base_url = "https://acme .example.com": expected a URL of ASCII characters without blanks'
            " (xn--… for other letters in a host)",
        ),
        (
            SALES.replace(".com/", ".com:99999/"),
            'sources[0].base_url = "https://acme.example.com:99999": expected a URL with a host and, behind a colon, a'
            " port from 1 to 65535",
        ),
        (
            SALES.replace("acme.example.com", "[::1"),
            'sources[0].base_url = "https://[::1": expected a URL with a host and, behind a colon, a port from 1 to'
            " 65535",
        ),
        *(
            (
                SALES.replace(".com/", f".com{path}"),
                'sources[0].base_url = "https://acme.example.com/…": expected a URL without . and .. in its path',
            )
            for path in ("/../x", "/a/./b", "/%2e%2e", "/api/.%2E/", "/.")
        ),
        (
            SALES + 'default_region = "UK"',
            'sources[0].default_region = "UK": expected the code of a country that has phone numbers, such as KE (GB,'
            " not UK)",
        ),
        (
            SALES + '[server.auth]\nsources_claim = "sources"',
            'server.auth: expected mode = "jwt" beside sources_claim, not "none"',
        ),
        (SALES + '[server.auth]\nissuer = ""', 'server.auth.issuer = "": expected at least 1 characters'),
        (
            SALES
            + '[server.auth]\nmode = "api_keys"\n'
            + "".join(f'[[server.auth.keys]]\nname = "{name}"\nhash = "{KEY_HASH}"\n' for name in "ab"),
            "server.auth: expected a hash of its own for each of keys: who asks is told apart by it",
        ),
        (
            SALES.replace('base_url = "https://acme.example.com/"', ""),
            "sources[0].base_url: is missing, expected a value",
        ),
        (SALES + 'token_header = "X-T"', "sources[0]: expected exactly one of token_env and token_header"),
        (
            SALES.replace("SALES_TOKEN", "OTHER_TOKEN"),
            'sources[0].token_env = "OTHER_TOKEN": expected the name of an environment variable that is set',
        ),
        (
            SALES.replace("SALES_TOKEN", "EMPTY"),
            'sources[0].token_env = "EMPTY": expected the name of an environment variable that is set',
        ),
        (
            SALES.replace("SALES_TOKEN", "SPLIT"),
            'sources[0].token_env = "SPLIT": expected printable ASCII characters in this variable',
        ),
        (
            SALES + '[server]\ncursor_key_env = "CURSOR_KEY"',
            'server.cursor_key_env = "CURSOR_KEY": expected the name of an environment variable that is set',
        ),
        (
            SALES + '[server.cache]\nredis_url_env = "EVENTS_TOKEN"',
            'server.cache.redis_url_env = "EVENTS_TOKEN": expected a URL that begins with redis:// or rediss:// or'
            " unix:// in this variable",
        ),
        (SALES + "timeout = -1", "sources[0].timeout = -1.0: expected more than 0.0"),
        (SALES + 'auth_scheme = "basic"', "sources[0].auth_scheme: expected 'bearer' or 'raw'"),
    ],
)
def test_a_mistake_is_one_line_naming_key_value_and_what_was_expected(tmp_path: Path, text: str, line: str) -> None:
    assert mistakes(tmp_path, text) == [line]


def test_several_mistakes_are_a_line_each(tmp_path: Path) -> None:
    assert mistakes(tmp_path, SALES + "timeout = 0\nretries = -1\n[server]\nport = -1") == [
        "server.port = -1: expected at least 0",
        "sources[0].timeout = 0.0: expected more than 0.0",
        "sources[0].retries = -1: expected at least 0",
    ]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml: cannot be read: No such file or directory"):
        load_configuration(tmp_path / "none.toml", ENVIRONMENT)


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be read: Is a directory"):
        load_configuration(tmp_path, ENVIRONMENT)


def test_a_file_that_is_no_text_says_where(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"# \xff")
    with pytest.raises(ConfigurationError, match=r"x\.toml: expected UTF-8, byte 2 is not"):
        load_configuration(tmp_path / "x.toml", ENVIRONMENT)


@pytest.mark.parametrize(
    "text",
    [
        SALES + f'token = "{SECRET}"',
        SALES + f'api_key = "{SECRET}"',
        SALES.replace("SALES_TOKEN", SECRET),
        SALES.replace("SALES_TOKEN", SECRET.replace("-", "_")),
        EVENTS.replace("X-Events-Token", f"Bearer {SECRET}"),
        SALES.replace("acme", f"user:{SECRET}@acme"),
        SALES.replace("acme", f"{SECRET}@acme"),
        SALES + f'proxy = "ftp://user:{SECRET}@proxy.example.com"',
        SALES + f'[server.auth]\nmode = "api_keys"\n[[server.auth.keys]]\nname = "x"\nhash = "{SECRET}"',
        SALES + f'[server.auth]\nmode = "api_keys"\n[[server.auth.keys]]\nname = "x"\nhash = "{PLAIN}"',
        SALES.replace("SALES_TOKEN", PLAIN),
        SALES + f'[server.cache]\nredis_url_env = "redis://:{SECRET}@localhost"',
        SALES + f'[server]\ncursor_key_env = "{SECRET}"',
        SALES.replace(".com/", f".com/?api_key={SECRET}"),
        SALES.replace(".com/", f".com/#{SECRET}"),
        SALES.replace("acme", f"{SECRET}/?#%@acme"),
        SALES.replace("acme.example.com/", f"user:{SECRET}"),
        SALES.replace("acme", f"user:{SECRET}%40acme"),
        SALES.replace("https://acme", f"user:{SECRET}@acme"),
        SALES.replace("https://acme.example.com/", SECRET),
        SALES.replace("https://acme.example.com/", f"ftp://acme.example.com/hooks/{SECRET}"),
        SALES + f'auth_scheme = "Bearer {SECRET}"',
        SALES.replace("SALES_TOKEN", HEXADECIMAL),
        SALES + f'proxy = "{SECRET}"',
        SALES + f'proxy = "socks9://user:{SECRET}@proxy.example.com"',
        SALES + f'[server]\norigins = ["https://app.example.com/?key={SECRET}"]',
        SALES + f'[server]\nhost = "redis://:{SECRET}@localhost"',
        SALES + f'[server.auth]\njwks_url = "https://user:{SECRET}@id.example.com/keys"',
        SALES + f'[server.auth]\njwks_url = "http://id.example.com/keys?token={SECRET}"',
        SALES + f'[server.auth]\nmode = "api_keys"\n[[server.auth.keys]]\nname = "{SECRET * 3}"\nhash = "{KEY_HASH}"',
        SALES + f'[server.cache]\nredis_url = "redis://:{SECRET}@localhost"',
        SALES + f'[server.documents]\nmanifest = "https://user:{SECRET}@example.com/"',
    ],
)
def test_a_credential_in_the_wrong_place_is_not_repeated(tmp_path: Path, text: str) -> None:
    (line,) = mistakes(tmp_path, text)
    assert SECRET not in line
    assert SECRET.replace("-", "_") not in line
    assert PLAIN not in line
    assert HEXADECIMAL not in line


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("base_url", "https://user:pa/ss@acme.example.com:8443/v2/", ' = "https://***@acme.example.com:8443/…"'),
        ("base_url", "https://acme.example.com/?api_key=1", ' = "https://acme.example.com/…"'),
        ("base_url", "https://acme.example.com:pass", ' = "https://acme.example.com:***"'),
        ("proxy", "ftp://[::1]:3128", ' = "ftp://[::1]:3128"'),
        ("proxy", None, ""),
        ("manifest", "operations/board.json", ' = "operations/board.json"'),
        ("manifest", "board.json?v=1", ' = "board.json…"'),
        ("default_region", "me@UK", ' = "***@UK"'),
        ("token_env", "S3_TOKEN", ' = "S3_TOKEN"'),
    ],
)
def test_what_is_shown_of_a_value_is_what_helps_to_find_it(key: str, value: str | None, expected: str) -> None:
    assert shown(f"sources[0].{key}", value) == expected


def test_no_repr_shows_a_credential(tmp_path: Path) -> None:
    configuration = load(tmp_path, SALES + '[server]\ncursor_key_env = "SALES_TOKEN"')
    assert configuration.cursor_key is not None
    for text in (repr(configuration), str(configuration), str(configuration.model_dump())):
        assert SECRET not in text


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
    ],
)
def test_loopback_is_what_nobody_else_can_reach(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_anonymous_callers_elsewhere_have_to_be_allowed(tmp_path: Path) -> None:
    allowed = load(tmp_path, SALES + '[server]\nhost = "0.0.0.0"\n[server.auth]\nallow_anonymous = true')
    assert allowed.server.host == "0.0.0.0"
    with pytest.raises(ConfigurationError, match=r"server\.host"):
        load(tmp_path, SALES).listening_on("192.168.0.1", None)


@given(st.text(max_size=300))
@settings(max_examples=300)
def test_any_text_is_a_configuration_or_one_error(text: str) -> None:
    try:
        read_configuration(text)
    except ConfigurationError as error:
        lines = error.lines
    else:
        return
    assert lines
    assert all(re.fullmatch(r"[^\n]+", line) for line in lines)


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=10), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(["host", "port", "auth", "limits", "cache", "telemetry", "documents", "origins"]), JSON_LIKE)
@settings(max_examples=300)
def test_any_value_anywhere_is_judged_in_single_lines(key: str, value: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Configuration.from_tables({"server": {key: value}, "sources": [{"name": "a", "provider": value}]})
    assert all(re.fullmatch(r"[^\n]+", line) for line in caught.value.lines)


def documented_tables(model: type[BaseModel], name: str = "server") -> Iterator[tuple[str, str, FieldInfo]]:
    """Every key of a part of the file with the table it is in."""
    for key, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from documented_tables(inner, f"{name}.{key}")
        else:
            yield name, key, field


@pytest.mark.parametrize(
    ("table", "key", "field"), [*documented_tables(ServerSettings), *documented_tables(SourceSettings, "[sources]")]
)
def test_the_operations_page_has_every_key_with_its_default(table: str, key: str, field: FieldInfo) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs/operations.md").read_text("utf-8")
    section = page.partition(f"### [{table}]\n")[2].partition("\n##")[0]
    row = re.search(rf"^\| `{key}` \| (?:`(.*?)` )?\|", section, re.MULTILINE)
    assert row, f"docs/operations.md, [{table}]: no row for {key}"
    documented = tomllib.loads(f"value = {row[1]}")["value"] if row[1] else None
    default = None if field.is_required() else field.default
    assert documented == (list(default) if isinstance(default, tuple) else default)


KEYS = """
[server.auth]
mode = "api_keys"
[[server.auth.keys]]
name = "ann"
hash = "sha256:{}"
""".replace("{}", "a" * 64)
FORWARDED = """
[[sources]]
name = "events"
provider = "autokonnect"
base_url = "https://events.example.com"
token_header = "HEADER"
"""


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key", "authorization"])
def test_a_header_in_which_callers_prove_who_they_are_is_not_handed_on_to_a_source(tmp_path: Path, header: str) -> None:
    assert mistakes(tmp_path, KEYS + FORWARDED.replace("HEADER", header)) == [
        f"sources[0].token_header: expected a header of its own, not {header}: the gateway reads it itself "
        '(server.auth.mode = "api_keys")'
    ]


@pytest.mark.parametrize(
    "header", ["Host", "Content-Length", "Connection", "Transfer-Encoding", "Upgrade", "TE", "Origin"]
)
def test_a_header_that_has_a_meaning_already_is_none_for_a_credential(tmp_path: Path, header: str) -> None:
    assert mistakes(tmp_path, FORWARDED.replace("HEADER", header)) == [
        f"sources[0].token_header: expected a header without a meaning of its own, not {header.lower()}"
    ]
