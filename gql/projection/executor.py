"""Compiled projection: answers from plain records without a Python call per field (docs/performance.md).

An executor of graphql-core that completes a sub-tree of plain attributes, computed fields and leaves with a function
generated once per document, selection and type. Three decisions keep its answers equal to graphql-core's:

- selections are merged by graphql-core's own `collect_subfields`, so that aliases, fragments and @skip/@include need
  no code here;
- whatever is unusual in a value (null where none may be, another class, an exception, an awaitable) makes the
  function give up, and graphql-core completes that sub-tree from the untouched record: every error is its own;
- only registered classes are read, and of these only declared members, never properties.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec
from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLAbstractType,
    GraphQLLeafType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    Undefined,
    VariableNode,
)
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import AwaitableOrValue, Path, is_awaitable

from gql.projection.budget import CURRENT
from gql.projection.compiler import CONDITIONS, PlanKey, ProjectionCompiler, Projector, Refused, plan_key
from gql.projection.registry import Computed, ProjectionRegistry
from providers.spi.budget import Budget, BudgetExceeded, Counter

__all__ = ["Computed", "Plans", "ProjectingExecutor", "Projection", "ProjectionRegistry", "encode"]

_OF_THE_ANSWER: Final = frozenset({Counter.OBJECTS, Counter.ANSWER_BYTES})

logger = logging.getLogger(__name__)


class _Variant:
    """The plans of one document for one combination of the values that @skip and @include read."""

    __slots__ = ("objects", "plans", "seen", "weights")

    def __init__(self) -> None:
        self.seen = 0
        self.plans: dict[PlanKey, Projector | None] = {}
        self.objects: dict[PlanKey, dict[type, Projector] | str] = {}
        self.weights: dict[PlanKey, int] = {}


class Plans:
    """The compiled plans of one parsed and validated document under one `Projection`, to be kept with the document.

    Plans are made when a document is executed the second time with the same @skip/@include values, or `at_once`. At
    most `max_variants` combinations of these are kept; the least recently used one goes first.

    `projected` counts the sub-trees that were projected, `bailed` those that had an unusual value and were completed
    by graphql-core; `refusals` says why selections were left to it, and how often the compiler met that reason.
    """

    __slots__ = ("_conditions", "_max_variants", "_variants", "bailed", "document", "projected", "refusals")

    def __init__(self, document: DocumentNode, *, max_variants: int = 16) -> None:
        self.document = document
        self.projected = 0
        self.bailed = 0
        self.refusals: dict[str, int] = {}
        self._conditions = _condition_variables(document)
        self._max_variants = max_variants
        self._variants: dict[tuple[object, ...], _Variant] = {}

    @property
    def compiled(self) -> int:
        """How many plans are kept."""
        return sum(plan is not None for variant in self._variants.values() for plan in variant.plans.values())

    @property
    def variants(self) -> int:
        """How many combinations of @skip/@include values are kept."""
        return len(self._variants)

    def variant(self, variables: Mapping[str, object], *, at_once: bool = False) -> _Variant | None:
        """Returns the plans for these coerced variable values; None when this execution has to do without.

        `at_once`: the first execution has them too.
        """
        if self._conditions is None:
            return None
        key = tuple([variables.get(name, Undefined) for name in self._conditions])
        variant = self._variants.pop(key, None) or _Variant()
        self._variants[key] = variant  # the most recently used one stands last
        if len(self._variants) > self._max_variants:
            del self._variants[next(iter(self._variants))]
        variant.seen += 1
        return variant if at_once or variant.seen > 1 else None

    def refuse(self, reason: str) -> None:
        """Notes why a selection is left to graphql-core."""
        self.refusals[reason] = self.refusals.get(reason, 0) + 1


def _condition_variables(document: DocumentNode) -> tuple[str, ...] | None:
    """Returns the variables that @skip and @include read anywhere in the document.

    None when another directive stands at a definition or at a fragment: `collect_subfields` does not tell which
    fields came through it, so the whole document is left to graphql-core.
    """
    names: set[str] = set()
    selection_sets: list[SelectionSetNode] = []
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
            if definition.directives:
                return None
            selection_sets.append(definition.selection_set)
    while selection_sets:
        for selection in selection_sets.pop().selections:
            for directive in selection.directives or ():
                if directive.name.value in CONDITIONS:
                    values = [argument.value for argument in directive.arguments or ()]
                    names.update(value.name.value for value in values if isinstance(value, VariableNode))
                elif not isinstance(selection, FieldNode):
                    return None
            nested = getattr(selection, "selection_set", None)  # a fragment spread has none
            if nested is not None:
                selection_sets.append(nested)
    return tuple(sorted(names))


class ProjectingExecutor(Executor[None]):
    """graphql-core's executor without incremental delivery, which projects what it has plans for.

    Plain execution when projection is switched off, with middleware (a schema extension that has `resolve`), with an
    abort signal, and when the operation has a directive (such as the one that disables error propagation).
    """

    def __init__(
        self,
        *args: Any,
        projection: Projection,
        plans: Plans,
        budget: Budget | None = None,
        at_once: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        plain = self.middleware_manager is not None or self.abort_signal is not None
        self._projection = projection
        self._plans = plans
        self._budget = budget
        self._variant = (
            plans.variant(self.variable_values.coerced, at_once=at_once) if projection.enabled and not plain else None
        )

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: None,
    ) -> AwaitableOrValue[dict[str, Any]]:
        """Completes an object, projected if possible."""
        projected = self._project(return_type, field_details_list, result)
        if projected is not None:
            return cast(dict[str, Any], projected)
        if self._budget is not None:
            self._budget.spend(Counter.OBJECTS)
        return super().complete_object_value(return_type, field_details_list, info, path, result, position_context)

    def complete_list_value(
        self,
        return_type: GraphQLList[GraphQLOutputType],
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: None,
    ) -> AwaitableOrValue[list[Any]]:
        """Completes a list, projected if possible."""
        projected = self._project(return_type, field_details_list, result)
        if projected is not None:
            return cast(list[Any], projected)
        return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)

    def complete_abstract_value(
        self,
        return_type: GraphQLAbstractType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: None,
    ) -> AwaitableOrValue[dict[str, Any]]:
        """Completes a value of an interface or a union, projected if possible."""
        projected = self._project(return_type, field_details_list, result)
        if projected is not None:
            return cast(dict[str, Any], projected)
        return super().complete_abstract_value(return_type, field_details_list, info, path, result, position_context)

    def _project(self, return_type: GraphQLOutputType, details: FieldDetailsList, value: object) -> object:
        """Returns the completed value, None when graphql-core has to complete it."""
        variant = self._variant
        if variant is None:
            return None
        key = plan_key(return_type, details)
        try:
            plan = variant.plans[key]
        except KeyError:
            plan = variant.plans[key] = self._compile(variant, return_type, details)
        if plan is None:
            return None
        CURRENT.budget = self._budget
        try:
            projected = plan(value)
        except BudgetExceeded:
            raise
        except Exception:  # noqa: BLE001  whatever is odd: graphql-core does the sub-tree again and says what it is
            self._plans.bailed += 1
            return None
        finally:
            CURRENT.budget = None
        self._plans.projected += 1
        return projected

    def complete_leaf_value(self, return_type: GraphQLLeafType, result: Any) -> Any:  # type: ignore[override]
        """Completes a leaf, and counts the bytes of what a source wrote."""
        completed = super().complete_leaf_value(return_type, result)
        if completed.__class__ is msgspec.Raw and self._budget is not None:
            self._budget.spend(Counter.ANSWER_BYTES, memoryview(completed).nbytes)
        return completed

    def handle_field_error(
        self,
        raw_error: Exception,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        path: Path,
    ) -> None:
        """Handles a field's error. What the answer as a whole used too much of ends the operation, and no field alone.

        A field that is over it would be null, and every one behind it an error of its own.
        """
        if isinstance(raw_error, BudgetExceeded) and raw_error.counter in _OF_THE_ANSWER:
            raise raw_error
        super().handle_field_error(raw_error, return_type, field_details_list, path)

    def _compile(
        self, variant: _Variant, return_type: GraphQLOutputType, details: FieldDetailsList
    ) -> Projector | None:
        refuse = self._plans.refuse
        compiler = ProjectionCompiler(
            self,
            self._projection.registry,
            variant.objects,
            variant.weights,
            structs=self._projection.structs,
            refuse=refuse,
        )
        try:
            return compiler.plan(return_type, details)
        except Refused as refused:
            refuse(str(refused))
        except Exception:  # graphql-core answers then, and reports what is wrong with the selection itself
            logger.warning("projection of %s failed to compile", return_type, exc_info=True)
            refuse(f"{return_type}: failed to compile")
        return None


class Projection:
    """Executes documents of one schema, projecting the records of a registry.

    With `structs` the projected parts of `data` are msgspec structs (`encode` writes them; nothing else may walk
    them), without it they are dicts. With `enabled=False` graphql-core alone completes the same answers.
    """

    def __init__(
        self, schema: GraphQLSchema, registry: ProjectionRegistry, *, enabled: bool = True, structs: bool = True
    ) -> None:
        """Raises ValueError when the registry names something that the schema does not have."""
        registry.check(schema)
        self.schema = schema
        self.registry = registry
        self.enabled = enabled
        self.structs = structs

    async def execute(
        self,
        plans: Plans,
        *,
        root_value: object = None,
        context_value: object = None,
        variable_values: dict[str, Any] | None = None,
        operation_name: str | None = None,
        hide_suggestions: bool = False,
        budget: Budget | None = None,
        at_once: bool = False,
    ) -> ExecutionResult:
        """Returns the result of one operation of the document in `plans`, which has to be valid for the schema.

        `at_once`: plans are made already for the first execution, which is then as large as to be worth it.
        Raises BudgetExceeded when the answer has more objects, or more of the sources' own bytes, than `budget` allows.
        """
        executor = ProjectingExecutor.build(
            self.schema,
            plans.document,
            root_value,
            context_value,
            variable_values,
            operation_name,
            hide_suggestions=hide_suggestions,
            projection=self,
            plans=plans,
            budget=budget,
            at_once=at_once,
        )
        if isinstance(executor, list):
            return ExecutionResult(None, executor)
        try:
            result = executor.execute_operation()
            if is_awaitable(result):
                result = await result
            return cast(ExecutionResult, result)
        finally:
            # The executor's helpers are its own methods: with them goes the cycle that would keep all of a request's
            # records until the garbage collector comes by.
            del executor.async_helpers


def _plain(value: object) -> object:
    """Returns what an instance of a subclass of str, int or float stands for: built-in scalars let such pass."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    raise TypeError(f"a response cannot hold a {type(value).__name__}")


_ENCODER: Final = msgspec.json.Encoder(enc_hook=_plain)


def encode(result: ExecutionResult) -> bytes:
    """Returns the response as JSON in UTF-8: `data`, then `errors` and `extensions` if there are any."""
    return _ENCODER.encode(result.formatted)
