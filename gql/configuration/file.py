"""The configuration file: TOML in, checked and frozen settings with their credentials out (DESIGN.md 2)."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import Field, SecretStr, ValidationError

from gql.configuration.hosts import is_loopback
from gql.configuration.mistakes import ConfigurationError, mistakes_of, nearest, one_line, shown, unknown_key
from gql.configuration.reserved_headers import MEANT_OTHERWISE, credential_headers
from gql.configuration.settings import ServerSettings, Table, Tuple
from providers.open_sources import SourceConfigurationError, open_sources
from providers.registry import PROVIDERS
from providers.settings import SourceSettings

__all__ = ["Configuration", "ConfigurationError", "load_configuration", "read_configuration"]

_REDIS_SCHEMES: Final = ("redis://", "rediss://", "unix://")
_INTEGERS: Final = "expected an integer of 64 bits at most (TOML, Integer)"


class Configuration(Table):
    """The whole file, and what it names outside. No repr shows a credential.

    `environment` is where `token_env` keys are looked up; `cursor_key` and `redis_url` come from there;
    `documents` are the persisted documents, text by id.
    """

    server: ServerSettings = ServerSettings()
    sources: Tuple[SourceSettings]
    environment: Mapping[str, str] = Field(default_factory=dict, exclude=True, repr=False)
    cursor_key: SecretStr | None = Field(default=None, exclude=True)
    redis_url: SecretStr | None = Field(default=None, exclude=True)
    documents: Mapping[str, str] = Field(default_factory=dict, exclude=True)

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any]) -> Configuration:
        """Returns the configuration in TOML's tables. Raises ConfigurationError with one line a mistake."""
        unknown = [key for key in tables if key not in ("server", "sources")]
        if unknown:
            raise ConfigurationError(*(unknown_key((key,), ("server", "sources")) for key in unknown))
        if not tables.get("sources"):
            raise ConfigurationError("sources: expected at least one [[sources]] table")
        try:
            configuration = cls.model_validate(tables)
        except ValidationError as error:
            raise ConfigurationError(*mistakes_of(error, cls)) from None
        mistakes = tuple(_mistakes_between_tables(configuration))
        if mistakes:
            raise ConfigurationError(*mistakes)
        return configuration

    def listening_on(self, host: str | None, port: int | None) -> Configuration:
        """Returns the configuration with another host and port where given.

        Raises ConfigurationError when nobody is authenticated and the host is more than loopback.
        """
        changes = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
        server = self.server.model_copy(update=changes)
        if server.auth.mode == "none" and not server.auth.allow_anonymous and not is_loopback(server.host):
            raise ConfigurationError(
                f"server.host{shown('server.host', server.host)}: expected a loopback address as long as"
                ' server.auth.mode is "none"; configure [server.auth], or set server.auth.allow_anonymous = true'
            )
        return self.model_copy(update={"server": server})


def load_configuration(
    path: Path,
    environment: Mapping[str, str] | None = None,
    *,
    host: str | None = None,
    port: int | None = None,
) -> Configuration:
    """Returns the configuration in a TOML file, its `*_env` keys looked up in `environment` (the process's own).

    `host` and `port`, where given, stand in for the file's. Raises ConfigurationError with one line a mistake, each
    beginning with the file's name.
    """
    try:
        text = path.read_bytes().decode()
        configuration = read_configuration(text).listening_on(host, port)
        return _with_environment(configuration, os.environ if environment is None else environment, path.parent)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror or type(error).__name__}") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: expected UTF-8, byte {error.start} is not") from None
    except ConfigurationError as error:
        raise ConfigurationError(*(f"{path}: {line}" for line in error.lines)) from None


def read_configuration(text: str) -> Configuration:
    """Returns the configuration in a TOML text, without what its `*_env` keys name.

    Raises ConfigurationError with one line a mistake.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"expected TOML: {one_line(str(error))}") from None
    except RecursionError:
        raise ConfigurationError("expected TOML that is not nested this deeply") from None
    except ValueError:
        # Python's own limit for the digits of an integer: tomllib lets it through.
        raise ConfigurationError(f"expected TOML: {_INTEGERS}") from None
    long = [key for key, value in _values(tables) if isinstance(value, int) and not -(2**63) <= value < 2**63]
    if long:
        raise ConfigurationError(*(f"{key}: {_INTEGERS}" for key in long))
    return Configuration.from_tables(tables)


def _values(tables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every value that is no table and no list, with its key's path. Dotted keys nest deeper than Python recurses."""
    waiting: list[tuple[str, Any]] = [("", tables)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(one_line(f"{path}.{key}" if path else key), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{path}[{index}]", inner) for index, inner in enumerate(value)]
        else:
            yield path, value


def _mistakes_between_tables(configuration: Configuration) -> Iterator[str]:
    """What is wrong although every table by itself is right."""
    first: dict[str, int] = {}
    for index, source in enumerate(configuration.sources):
        if source.provider not in PROVIDERS:
            key = f"sources[{index}].provider"
            near = nearest(source.provider, PROVIDERS)
            hint = f"; did you mean {near}?" if near else ""
            yield f"{key}{shown(key, source.provider)}: expected one of {', '.join(PROVIDERS)}{hint}"
        if source.name in first:
            taken = f"sources[{first[source.name]}] has this one"
            yield f'sources[{index}].name = "{source.name}": expected a name of its own, {taken}'
        first.setdefault(source.name, index)
        header = (source.token_header or "").lower()
        if header in credential_headers(configuration.server.auth):
            reads = f'the gateway reads it itself (server.auth.mode = "{configuration.server.auth.mode}")'
            yield f"sources[{index}].token_header: expected a header of its own, not {source.token_header}: {reads}"
        elif header in MEANT_OTHERWISE:
            yield f"sources[{index}].token_header: expected a header without a meaning of its own, not {header}"
    for index, api_key in enumerate(configuration.server.auth.keys):
        for name in api_key.sources or ():
            if name not in first:
                expected = f"expected names of sources ({', '.join(first)})"
                yield f'server.auth.keys[{index}].sources = "{name}": {expected}'


def _with_environment(configuration: Configuration, environment: Mapping[str, str], folder: Path) -> Configuration:
    """The configuration with what is outside the file: credentials and persisted documents."""
    mistakes: list[str] = []

    def look_up(key: str, name: str | None) -> SecretStr | None:
        value = "" if name is None else environment.get(name, "")
        if name is not None and not value:
            mistakes.append(f"{key}{shown(key, name)}: expected the name of an environment variable that is set")
        elif not value.isascii() or not value.isprintable():
            mistakes.append(f"{key}{shown(key, name)}: expected printable ASCII characters in this variable")
        return SecretStr(value) if value else None

    server = configuration.server
    for index, source in enumerate(configuration.sources):
        look_up(f"sources[{index}].token_env", source.token_env)
    cursor_key = look_up("server.cursor_key_env", server.cursor_key_env)
    redis_url = look_up("server.cache.redis_url_env", server.cache.redis_url_env)
    if redis_url is not None and not redis_url.get_secret_value().startswith(_REDIS_SCHEMES):
        name = server.cache.redis_url_env
        expected = f"expected a URL that begins with {' or '.join(_REDIS_SCHEMES)} in this variable"
        mistakes.append(f"server.cache.redis_url_env{shown('redis_url_env', name)}: {expected}")
    documents: Mapping[str, str] = {}
    if server.documents.manifest is not None:
        try:
            documents = _read_manifest(folder / server.documents.manifest)
        except (OSError, ValueError) as error:
            reason = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else one_line(str(error))
            mistakes.append(f"server.documents.manifest{shown('manifest', server.documents.manifest)}: {reason}")
    if not mistakes:
        mistakes.extend(_unusable_sources(configuration, environment))
    if mistakes:
        raise ConfigurationError(*mistakes)
    return configuration.model_copy(
        update={
            "environment": environment,
            "cursor_key": cursor_key,
            "redis_url": redis_url,
            "documents": documents,
        }
    )


def _unusable_sources(configuration: Configuration, environment: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with certificates, proxies and addresses: known when a source is made, which connects nowhere."""
    try:
        open_sources(configuration.sources, environment)
    except SourceConfigurationError as error:
        index = next(i for i, source in enumerate(configuration.sources) if source.name == error.source)
        yield one_line(f"sources[{index}].{error.key}: {error.problem}")


def _read_manifest(path: Path) -> dict[str, str]:
    """The persisted documents of a directory or a JSON file. Raises OSError or ValueError with the reason."""
    if path.is_dir():
        return {file.stem: file.read_text("utf-8") for file in sorted(path.glob("*.graphql"))}
    try:
        documents = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise ValueError("expected a JSON file or a directory of .graphql files") from None
    if not isinstance(documents, dict) or not all(isinstance(text, str) for text in documents.values()):
        raise ValueError("expected a JSON object of ids and document texts")
    return documents
