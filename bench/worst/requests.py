"""The worst requests, at least one for every limit that is looked at before execution. Each finding adds its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

from gql.configuration.settings import LimitSettings
from providers.spi.budget import Counter

__all__ = ["REQUESTS", "WorstRequest"]

_LIMITS: Final = LimitSettings()


class WorstRequest(msgspec.Struct, frozen=True):
    """A request, and what must come of it.

    `refused`: the setting that its one error names, "" for a limit without a setting, None when it is answered. An
    answered one may use no more than `at_most` says, and no more than the limits in any case. `mistake`: its errors
    are the client's mistakes.
    """

    name: str
    query: str
    variables: Mapping[str, Any] = {}
    world: Literal["office", "many"] = "office"
    refused: str | None = None
    mistake: bool = False
    at_most: Mapping[Counter, int] = {}


def _times(count: int, field: str) -> str:
    return " ".join(f"a{number}: {field}" for number in range(count))


def _contains(count: int) -> list[dict[str, Any]]:
    return [{"email": {"contains": f"no-such-{number}"}} for number in range(count)]


_FILTERED: Final = "query($f: ContactFilter) { contacts(first: 10, filter: $f) { totalCount nodes { id } } }"
_AUTOKONNECT: Final = (
    'query($f: ContactFilter) { contacts(first: 10, sources: ["autokonnect"], filter: $f) { nodes { id } } }'
)
_ENTITIES: Final = "query($r: [_Any!]!) { _entities(representations: $r) { ... on Contact { id } } }"
_INTROSPECTED: Final = "__schema { types { name fields { name args { name } type { name ofType { name } } } } }"
_ROWS: Final = "nodes { id firstName lastName email emails phone phones tags { id name } source { id name } }"


def _documents() -> Iterator[WorstRequest]:
    nested = "[" * 180 + "1" + "]" * 180
    yield WorstRequest(
        "lists nested in an argument", f"{{ {_times(8, f'contacts(first: {nested}) {{ totalCount }}')} }}", mistake=True
    )
    braces = "{a:" * 90 + "1" + "}" * 90
    yield WorstRequest(
        "objects nested in an argument",
        f"{{ {_times(5, f'contacts(first: {braces}) {{ totalCount }}')} }}",
        mistake=True,
    )
    yield WorstRequest(
        "lists nested too deeply", f"{{ contacts(first: {'[' * 300}1{']' * 300}) {{ totalCount }} }}", refused=""
    )
    yield WorstRequest("a long document", "{ sources { name } } #" + "x" * 100_000, refused="document_bytes")
    yield WorstRequest("many tokens", "{ " + "__typename " * 3_001 + "}", refused="tokens")
    yield WorstRequest("many comments", "{ __typename }" + "\n#" * 3_001, refused="tokens")
    deep = "contacts { nodes { stage { " * 8 + "id" + " } } }" * 8
    yield WorstRequest("deep fields", f"{{ {deep} }}", refused="depth")
    yield WorstRequest("many aliases", f"{{ sources {{ {_times(101, 'name')} }} }}", refused="aliases")
    doubled = "".join(f"fragment F{n} on Source {{ ...F{n + 1} x{n}: name ...F{n + 1} }} " for n in range(7))
    yield WorstRequest(
        "aliases that double",
        f"{{ sources {{ ...F0 }} }} {doubled} fragment F7 on Source {{ y: name }}",
        refused="aliases",
    )
    yield WorstRequest("many roots", f"{{ {_times(51, '__typename')} }}", refused="root_fields")
    fragments = " ".join(
        f"fragment F{n} on Contact {{ id firstName lastName email phone company status nativeId displayName }}"
        for n in range(150)
    )
    yield WorstRequest(
        "many fragments",
        f"{{ contacts(first: 2) {{ nodes {{ {' '.join(f'...F{n}' for n in range(150))} }} }} }} {fragments}",
    )
    yield WorstRequest(
        "fields that overlap", "{ contacts { " + ("nodes { " + "id " * 30 + "} ") * 80 + "} }", refused=""
    )
    chain = "".join(f"fragment F{n} on Contact {{ ...F{n + 1} }} " for n in range(250))
    yield WorstRequest(
        "a chain of fragments",
        f"{{ contacts {{ nodes {{ ...F0 }} }} }} {chain} fragment F250 on Contact {{ id }}",
        refused="",
    )
    yield WorstRequest("many mistakes", "{ " + " ".join(f"unheardOf{n}" for n in range(45)) + " }", mistake=True)
    yield WorstRequest(
        "a long wrong literal", "{ contacts(first: [" + "1, " * 1_400 + "]) { totalCount } }", mistake=True
    )
    yield WorstRequest(
        "unused variables", "query(" + " ".join(f"$v{n}: Int" for n in range(500)) + ") { __typename }", mistake=True
    )
    spreads = "... on Query { " * 60 + "__typename" + " }" * 60
    yield WorstRequest("inline fragments in each other", f"{{ {spreads} }}")
    yield WorstRequest(
        "a fragment that spreads itself", "{ contacts { nodes { ...A } } } fragment A on Contact { ...A }", mistake=True
    )
    yield WorstRequest("no document", "{", mistake=True)
    yield WorstRequest("JSON nested deeply", _FILTERED, {"f": _nested_not(70)}, refused="json_depth")


def _nested_not(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {"email": {"eq": "a"}}
    for _ in range(depth):
        value = {"not": value}
    return value


def _introspection() -> Iterator[WorstRequest]:
    for count in (1, 3):
        yield WorstRequest(f"{count} x __schema", f"{{ {_times(count, _INTROSPECTED)} }}")
    for count in (4, 24):
        yield WorstRequest(f"{count} x __schema", f"{{ {_times(count, _INTROSPECTED)} }}", refused="cost")
    yield WorstRequest("24 x _service", f"{{ {_times(24, '_service { sdl }')} }}", refused="cost")
    wide = '__type(name: "Contact") { fields { name args { name } type { name fields { name type { name } } } } }'
    yield WorstRequest("25 x __type", f"{{ {_times(25, wide)} }}", at_most={Counter.UPSTREAM_CALLS: 0})
    yield WorstRequest("26 x __type", f"{{ {_times(26, wide)} }}", refused="cost")


def _arguments() -> Iterator[WorstRequest]:
    yield WorstRequest("or of 1,000 contains", _AUTOKONNECT, {"f": {"or": _contains(1_000)}}, "many")
    yield WorstRequest(
        "or of 1,001 contains", _AUTOKONNECT, {"f": {"or": _contains(1_001)}}, "many", refused="conditions"
    )
    yield WorstRequest(
        "or of 15,000 contains", _AUTOKONNECT, {"f": {"or": _contains(15_000)}}, "many", refused="conditions"
    )
    aliases = _times(48, "contacts(first: 1, filter: $f) { totalCount }")
    yield WorstRequest(
        "a variable of 2,000 conditions in 48 aliases",
        f"query($f: ContactFilter) {{ {aliases} }}",
        {"f": {"or": _contains(2_000)}},
        refused="conditions",
    )
    yield WorstRequest(
        "a variable of 30 conditions in 48 aliases",
        f"query($f: ContactFilter) {{ {aliases} }}",
        {"f": {"or": _contains(30)}},
        refused="conditions",
    )
    spread = (
        "query($f: ContactFilter) { "
        + "...A " * 40
        + "} fragment A on Query { contacts(first: 1, filter: $f) { totalCount } }"
    )
    yield WorstRequest(
        "a variable in a fragment spread often", spread, {"f": {"or": _contains(100)}}, refused="conditions"
    )
    yield WorstRequest(
        "phone in 58,000",
        _FILTERED,
        {"f": {"phone": {"in": [f"+2547{n:08}" for n in range(58_000)]}}},
        "many",
        refused="operands",
    )
    yield WorstRequest(
        "phone in 9,000", _AUTOKONNECT, {"f": {"phone": {"in": [f"+2547{n:08}" for n in range(9_000)]}}}, "many"
    )
    yield WorstRequest(
        "email not in 9,000",
        _AUTOKONNECT,
        {"f": {"email": {"notIn": [f"{n}@example.com" for n in range(9_000)]}}},
        "many",
    )
    yield WorstRequest(
        "literal of many operands", "{ contacts(filter: {email: {in: [" + '"a" ' * 2_900 + "]}}) { totalCount } }"
    )
    yield WorstRequest("empty filters", _AUTOKONNECT, {"f": {"or": [{}] * 5_000}}, "many", refused="conditions")
    yield WorstRequest("and of ors", _AUTOKONNECT, {"f": {"and": [{"or": _contains(30)} for _ in range(30)]}}, "many")
    yield WorstRequest("not in each other", _AUTOKONNECT, {"f": _nested_not(18)}, "many")
    yield WorstRequest(
        "many sort keys",
        "query($o: [ContactOrder!]) { contacts(orderBy: $o) { totalCount } }",
        {"o": [{"field": "EMAIL"}] * 2_000},
        refused="conditions",
    )
    yield WorstRequest(
        "every kind of operator",
        _AUTOKONNECT,
        {"f": {"and": [{"email": {"contains": "a", "startsWith": f"z{n}"}} for n in range(400)]}},
        "many",
    )


def _calls() -> Iterator[WorstRequest]:
    matches = "contacts(first: 100) { nodes { matches { id } } }"
    yield WorstRequest("matches of a page", f"{{ {matches} }}", at_most={Counter.UPSTREAM_CALLS: 50})
    yield WorstRequest("matches of a page of many", f"{{ {matches} }}", {}, "many")
    yield WorstRequest("matches in eight aliases", f"{{ {_times(8, matches)} }}", {}, "many", refused="cost")
    yield WorstRequest("person of a page", "{ contacts(first: 100) { nodes { person { displayName } } } }")
    for outer, inner in (
        ("matches", "matches"),
        ("matches", "person"),
        ("person { contacts", "matches"),
        ("person { contacts", "person"),
    ):
        leaf = "{ id }" if inner == "matches" else "{ displayName }"
        close = " }" if outer.startswith("person") else ""
        yield WorstRequest(
            f"{inner} under {outer.split()[0]}",
            f"{{ contacts(first: 2) {{ nodes {{ {outer} {{ {inner} {leaf} }}{close} }} }} }}",
            refused="",
        )
    yield WorstRequest(
        "matches three times in each other",
        "{ contacts(first: 2) { nodes { matches { matches { matches { id } } } } } }",
        refused="",
    )
    yield WorstRequest(
        "matches in each other by fragments",
        "{ contacts { nodes { ...A } } } fragment A on Contact { matches { ...B } }"
        " fragment B on Contact { matches { id } }",
        refused="",
    )
    for count, setting in ((12_000, "operands"), (3_000, "cost")):
        representations = [{"__typename": "Contact", "id": f"id{n}"} for n in range(count)]
        yield WorstRequest(f"_entities of {count:,}", _ENTITIES, {"r": representations}, refused=setting)
    yield WorstRequest(
        "_entities of 1,000 strangers",
        _ENTITIES,
        {"r": [{"__typename": "Contact", "id": f"id{n}"} for n in range(1_000)]},
        mistake=True,
    )
    yield WorstRequest(
        "nodes of 5,000", "query($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": ["a"] * 5_000}, mistake=True
    )
    yield WorstRequest(
        "nodes of 20,000", "query($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": ["a"] * 20_000}, refused="operands"
    )
    stages = "pipelineStages { nodes { contacts(first: 100) { nodes { id } } } }"
    yield WorstRequest("boards of full pages", f"{{ {_times(10, stages)} }}", {}, "many", refused="cost")
    yield WorstRequest("a board", f"{{ {stages} }}", {}, "many")
    yield WorstRequest(
        "every contact sorted", "{ contacts(first: 100, orderBy: [{field: CREATED_AT}]) { nodes { id } } }", {}, "many"
    )
    yield WorstRequest(
        "50 sorted lists",
        f"{{ {_times(50, 'contacts(first: 1, orderBy: [{field: CREATED_AT}]) { nodes { id } }')} }}",
        {},
        "many",
    )
    yield WorstRequest(
        "a search in 50 aliases",
        "{ " + " ".join(f'a{n}: contacts(first: 1, search: "x{n}") {{ totalCount }}' for n in range(50)) + " }",
        {},
        "many",
    )


def _answers() -> Iterator[WorstRequest]:
    yield WorstRequest("a page of everything", f"{{ contacts(first: 100) {{ {_ROWS} }} }}", {}, "many")
    yield WorstRequest(
        "ten pages of everything", f"{{ {_times(10, f'contacts(first: 100) {{ {_ROWS} }}')} }}", {}, "many"
    )
    yield WorstRequest(
        "raw a hundred times a row", f"{{ contacts(first: 100) {{ nodes {{ {_times(100, 'raw')} }} }} }}", {}, "many"
    )
    yield WorstRequest(
        "a name a hundred times a row",
        f"{{ contacts(first: 100) {{ nodes {{ {_times(100, 'displayName')} }} }} }}",
        {},
        "many",
    )
    yield WorstRequest(
        "a source a hundred times a row",
        f"{{ contacts(first: 100) {{ nodes {{ {_times(100, 'source { id }')} }} }} }}",
        {},
        "many",
    )
    yield WorstRequest(
        "250 pages nested",
        "{ contacts(first: 100) { nodes { stage { contacts(first: 100) { nodes { tags { id } } } } } } }",
        {},
        "many",
        refused="cost",
    )
    capabilities = "capabilities { filters { field operators } orders { field } search }"
    yield WorstRequest(
        "capabilities of a page",
        f"{{ contacts(first: 100) {{ nodes {{ source {{ {capabilities} }} }} }} }}",
        {},
        "many",
        at_most={Counter.OBJECTS: _LIMITS.objects},
    )
    yield WorstRequest(
        "sources in 50 aliases", f"{{ {_times(50, 'sources { name }')} }}", {}, "many", at_most={Counter.OBJECTS: 200}
    )


REQUESTS: Final = (*_documents(), *_introspection(), *_arguments(), *_calls(), *_answers())
