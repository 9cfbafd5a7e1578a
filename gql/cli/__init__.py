"""The command line: `contactgraph`."""

from gql.cli.commands import main

__all__ = ["main"]
