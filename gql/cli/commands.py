"""The command line: contactgraph demo | serve | check | schema | key (DESIGN.md 2)."""

from __future__ import annotations

import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from gql.cli.check import CheckedSource, check_sources
from gql.configuration.file import Configuration, ConfigurationError, load_configuration
from gql.http.authentication import hash_key, new_key
from gql.http.server import CannotListen, address, listen, serve, serve_workers, settle_memory
from gql.telemetry import configure_logging
from providers.settings import SourceSettings

__all__ = ["application", "main"]

T = TypeVar("T")

application = typer.Typer(
    name="contactgraph",
    help="One GraphQL endpoint over the contacts of several REST APIs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

ConfigurationFile = Annotated[Path, typer.Option("--config", help="The configuration file (TOML).", show_default=False)]
Port = Annotated[int, typer.Option(min=0, max=65_535, help="Where to listen; 0 takes any free port.")]


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    application()


@application.command()
def demo(port: Port = 8000) -> None:
    """Serves four made-up sources on this machine; needs no configuration and no internet."""
    # Imported here: the other commands need none of the made-up servers.
    from gql.cli.demo import demo_configuration
    from gql.http.app import create_app

    async def run() -> None:
        listener = listen("127.0.0.1", port)
        async with demo_configuration() as configuration:
            app = create_app(configuration, started=settle_memory)
            await serve(app, listener, configuration.server, lambda: _announce(configuration, address(listener)))

    configure_logging("warning")
    _run(run())


@application.command(name="serve")
def serve_command(
    config: ConfigurationFile,
    host: Annotated[
        str | None, typer.Option(help="Where to listen instead of server.host.", show_default=False)
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="Where to listen instead of server.port.", show_default=False),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="How many processes; one a core.")] = 1,
) -> None:
    """Serves the sources of a configuration file."""
    from gql.http.app import CONFIGURATION_FILE, LISTENING_HOST, create_app

    configuration = _load(config, host, port)
    server = configuration.server
    configure_logging(server.telemetry.log_level)
    try:
        listener = listen(server.host, server.port)
    except CannotListen as error:
        _fail(str(error), 1)
    if workers > 1:
        _announce(configuration, address(listener))
        environment = {CONFIGURATION_FILE: str(config.resolve()), LISTENING_HOST: server.host}
        serve_workers("gql.http.app:worker_app", listener, server, workers, environment)
        return
    app = create_app(configuration, started=settle_memory)
    _run(serve(app, listener, server, lambda: _announce(configuration, address(listener))))


@application.command()
def check(config: ConfigurationFile) -> None:
    """Asks every source one small question; exit code 1 if any does not answer."""
    configuration = _load(config)
    configure_logging("error")
    checked = _run(check_sources(configuration))
    _show(checked)
    if any(each.result == "fails" for each in checked):
        raise typer.Exit(1)


@application.command()
def schema(
    federation: Annotated[bool, typer.Option("--federation", help="As a subgraph, for composition.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of standard output.")] = None,
) -> None:
    """Prints the schema (SDL)."""
    from gql.schema.sdl import api_sdl, federation_sdl

    text = federation_sdl() if federation else api_sdl()
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        _fail(f"{out}: cannot be written: {error.strerror}", 1)


@application.command()
def key() -> None:
    """Makes an API key: the key for its holder, the hash for [[server.auth.keys]]."""
    made = new_key()
    typer.echo(f"key:  {made}")
    typer.echo(f"hash: {hash_key(made)}")


def _load(path: Path, host: str | None = None, port: int | None = None) -> Configuration:
    try:
        return load_configuration(path, host=host, port=port)
    except ConfigurationError as error:
        _fail(str(error), 2)


def _run(main: Coroutine[Any, Any, T]) -> T:
    """Runs it on uvloop. What cannot be listened on ends the process with one line."""
    try:
        return uvloop.run(main)
    except CannotListen as error:
        _fail(str(error), 1)


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)


def _announce(configuration: Configuration, url: str) -> None:
    width = max(len(source.name) for source in configuration.sources)
    provider_width = max(len(source.provider) for source in configuration.sources)
    lines = [f"contactgraph answers at {url}/graphql"]
    lines += [
        f"  {source.name:<{width}}  {source.provider:<{provider_width}}  {source.base_url}  {_credential(source)}"
        for source in configuration.sources
    ]
    typer.echo("\n".join(lines))


def _credential(source: SourceSettings) -> str:
    """Where the credential comes from, never the credential."""
    return f"token from {source.token_env}" if source.token_env else f"token from the caller's {source.token_header}"


def _show(checked: list[CheckedSource]) -> None:
    colours = {"works": "green", "fails": "red", "not asked": "yellow"}
    table = Table("source", "provider", "result", "milliseconds", "")
    for each in checked:
        milliseconds = "" if each.milliseconds is None else f"{each.milliseconds:.0f}"
        result = f"[{colours[each.result]}]{each.result}[/]"
        table.add_row(each.name, each.provider, result, milliseconds, each.words.replace("[", r"\["))
    # Where no terminal sets the width, no line is broken: other programs read them.
    Console(width=None if sys.stdout.isatty() else _UNBROKEN).print(table)


_UNBROKEN = 200
