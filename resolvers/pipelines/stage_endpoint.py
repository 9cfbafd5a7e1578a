"""A pipeline's stages by the pipeline endpoint, where an installation has one (DESIGN.md 7)."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from providers.source import Source
from providers.spi.errors import Final, SourceUnauthenticated
from providers.spi.page import Stage
from providers.spi.provider import InvalidAnswer, Pipeline
from providers.spi.record import SourceRecord
from providers.spi.request import Response
from resolvers.request.keys import Key
from resolvers.request.operation import Operation


class StagesByEndpoint(NamedTuple):
    """The endpoint's answer: the stages in the pipeline's order."""

    stages: list[Stage]
    response: Response


async def stages_by_endpoint(operation: Operation, source: Source, pipeline: Pipeline) -> StagesByEndpoint | None:
    """Returns what the endpoint says, asked once an operation; None where there is none. Raises SourceError."""
    key: Key[StagesByEndpoint | None] = Key("stages", (source.name, pipeline))
    return await operation.once(key, lambda: _ask(operation, source, pipeline))


def shared_names(operation: Operation, source: Source) -> set[str | None]:
    """Returns the stages, as far as the operation was told, whose name another one has, too: under names, an answer
    has one bucket for all of them."""
    key: Key[set[str | None]] = Key("shared names", (source.name,))
    return operation.kept(key, set)


async def _ask(operation: Operation, source: Source, pipeline: Pipeline) -> StagesByEndpoint | None:
    provider = source.provider
    try:
        # Decoded here: one answer holds all pipelines of a type.
        response, _ = await operation.ask(source, provider.stages_request(pipeline), _undecoded)
        stages = provider.stages(response, pipeline)
    except SourceUnauthenticated:
        raise
    except (Final, InvalidAnswer):
        # It is not on the reference pages: an installation may lack it, or keep it to itself.
        return None
    if not stages and pipeline.native_id is None:
        return None
    names = Counter(stage.name for stage in stages)
    shared_names(operation, source).update(stage.native_id for stage in stages if names[stage.name] > 1)
    return StagesByEndpoint(stages, response)


def _undecoded(response: Response, source: SourceRecord) -> Response:
    return response
