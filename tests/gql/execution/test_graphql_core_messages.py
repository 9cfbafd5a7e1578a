"""The words of graphql-core errors that are matched on, as the installed release writes them."""

from __future__ import annotations

import pytest
from graphql import GraphQLError, GraphQLSyntaxError, ScalarLeafsRule, build_schema, parse, specified_rules, validate
from graphql.language.parser import MAX_NESTING_DEPTH

from gql.execution.graphql_core_messages import (
    has_too_many_tokens,
    is_nested_too_deeply,
    names,
    validation_took_too_long,
    without_suggestion,
)

SCHEMA = build_schema("type Query { hello(count: Int): String thing: Thing } type Thing { name: String thing: Thing }")


def syntax_error(text: str, tokens: int = 1_000_000) -> GraphQLSyntaxError:
    with pytest.raises(GraphQLSyntaxError) as raised:
        parse(text, max_lexical_tokens=tokens, max_comments=tokens)
    return raised.value


def validation_errors(text: str) -> list[GraphQLError]:
    return validate(SCHEMA, parse(text), specified_rules)


def test_the_installed_graphql_core_writes_the_words_that_are_matched_on() -> None:
    tokens = syntax_error("{ hello hello hello }", tokens=3)
    comments = syntax_error("#\n" * 5 + "{ hello }", tokens=4)
    nested = syntax_error("{ a " * (MAX_NESTING_DEPTH + 1))
    other = syntax_error("{ hello ")
    assert [has_too_many_tokens(each) for each in (tokens, comments, nested, other)] == [True, True, False, False]
    assert [is_nested_too_deeply(each) for each in (tokens, comments, nested, other)] == [False, False, True, False]

    too_long = validation_errors("{ " + "thing { name } " * 2_000 + "}")
    assert [validation_took_too_long(each) for each in too_long] == [True]
    too_many = validation_errors("{ " + " ".join(f"unheardOf{number}" for number in range(200)) + " }")
    assert "Validation aborted." in too_many[-1].message
    assert not any(validation_took_too_long(each) for each in too_many)

    (leaf,) = validate(SCHEMA, parse("{ thing }"), [ScalarLeafsRule])
    assert (
        leaf.message
        == "Field 'thing' of type 'Thing' must have a selection of subfields. Did you mean 'thing { ... }'?"
    )
    assert without_suggestion(leaf) == "Field 'thing' of type 'Thing' must have a selection of subfields."

    (unknown,) = validation_errors("{ hello(size: 1) }")
    (literal,) = validation_errors('{ hello(count: "three") }')
    assert names(unknown, "size")
    assert not names(literal, "count")
