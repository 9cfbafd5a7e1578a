"""From what a resolver gives to a field's value: the connection, and its sources' failures in the answer's errors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphql import GraphQLError

from gql.errors import over_budget, source_extensions
from gql.schema.core.context import Info
from providers.spi.budget import BudgetExceeded
from providers.spi.errors import SourceError
from resolvers.model.records import Outcome, SourceErrorPolicy


def settle(info: Info, outcome: Outcome, policy: SourceErrorPolicy) -> Any:
    """Returns the outcome's connection, or None, and puts the failures of sources into the answer's errors.

    PARTIAL: one error a failed source. SLICES_ONLY: none, unless there is no connection to tell it. FAIL: null
    when any source failed (DESIGN.md 8).
    """
    if not outcome.failures:
        return outcome.connection
    connection = None if policy is SourceErrorPolicy.FAIL else outcome.connection
    if connection is None or policy is not SourceErrorPolicy.SLICES_ONLY:
        report(info, outcome.failures)
    return connection


def report(info: Info, failures: Iterable[SourceError]) -> None:
    """Puts failures into the answer's errors, located at the field that is being resolved."""
    raw = info._raw_info  # Strawberry gives no public way to the nodes
    info.context.errors.extend(
        GraphQLError(
            failure.message,
            nodes=raw.field_nodes,
            path=raw.path.as_list(),
            original_error=failure,
            extensions=source_extensions(failure),
        )
        for failure in failures
    )


def report_over_budget(info: Info, error: BudgetExceeded) -> None:
    """Puts into the answer's errors, once an operation, that a field has less than there is."""
    if any(known.original_error is error for known in info.context.errors):
        return
    raw = info._raw_info
    message, extensions = over_budget(error)
    info.context.errors.append(
        GraphQLError(
            message, nodes=raw.field_nodes, path=raw.path.as_list(), original_error=error, extensions=extensions
        )
    )
