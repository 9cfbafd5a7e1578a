"""The direction of imports (DESIGN.md 1): the real tree keeps it, and each contract of pyproject.toml is seen to break.

The planted modules are put into a copy of the packages, beside the same pyproject.toml that `make check` reads.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("gql", "resolvers", "providers")
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """What `lint-imports` answers over the packages in `root`: text, and exit code 1 when a contract is broken."""
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache", "--no-logo"], cwd=root, capture_output=True, text=True, check=False, timeout=120
    )


def broken_contracts(output: str) -> set[str]:
    """The names of the contracts that the summary in `output` calls broken."""
    return set(re.findall(r"^(.+?) BROKEN\b", output, flags=re.MULTILINE))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the three packages, without what is built or cached, and of pyproject.toml."""
    for layer in LAYERS:
        shutil.copytree(ROOT / layer, tmp_path / layer, ignore=shutil.ignore_patterns("__pycache__", "console"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_real_tree_keeps_every_contract() -> None:
    answer = lint_imports(ROOT)

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert broken_contracts(answer.stdout) == set()
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in answer.stdout


LAYERED = "Imports go one way: gql -> resolvers -> providers"
GQL = "The folders of gql import one way"
SCHEMA = "The folders of gql.schema import one way"
RESOLVER_FOLDERS = "The folders of resolvers import one way"
STREAMS = "The kinds of stream do not know each other"
PROVIDER_FOLDERS = "The folders of providers import one way"
INDEPENDENT = "No provider knows another"
FAKES = "A fake models the outside: it imports fake_kit alone"
GRAPHQL = "Strawberry and GraphQL begin in gql"
SERVING = "Only gql serves; the fakes are servers too"
RESOLVERS = "Resolvers know neither HTTP nor a single provider"
CONTRACTS = {
    LAYERED,
    GQL,
    SCHEMA,
    RESOLVER_FOLDERS,
    STREAMS,
    PROVIDER_FOLDERS,
    INDEPENDENT,
    FAKES,
    GRAPHQL,
    SERVING,
    RESOLVERS,
}

PLANTED = [
    ("providers/spi/planted.py", "import resolvers", {LAYERED}),
    ("providers/spi/planted.py", "import gql", {LAYERED}),
    ("resolvers/model/planted.py", "import gql", {LAYERED}),
    ("gql/schema/core/planted.py", "from gql.http import endpoint", {GQL}),
    ("gql/telemetry.py", "from gql.configuration import settings", {GQL}),
    ("gql/planted.py", "", {GQL}),
    ("gql/schema/inputs/planted.py", "from gql.schema.types import contact", {SCHEMA}),
    ("gql/schema/core/planted.py", "import gql.schema.sdl", {SCHEMA}),
    ("resolvers/request/planted.py", "from resolvers.planning import plan", {RESOLVER_FOLDERS}),
    ("resolvers/tags.py", "import resolvers.contacts", {RESOLVER_FOLDERS}),
    ("resolvers/planted.py", "", {RESOLVER_FOLDERS}),
    ("resolvers/streams/page_token/planted.py", "from resolvers.streams.page_number import forward", {STREAMS}),
    ("resolvers/streams/base.py", "import resolvers.streams.reversed", {STREAMS}),
    ("providers/spi/planted.py", "from providers.http import urls", {PROVIDER_FOLDERS}),
    ("providers/planted.py", "", {PROVIDER_FOLDERS}),
    ("providers/apis/wacr/planted.py", "import providers.apis.tether", {INDEPENDENT}),
    ("providers/apis/autokonnect/planted.py", "from providers.apis.askelephant import client", {INDEPENDENT}),
    ("providers/apis/wacr/fake/planted.py", "from providers.spi import query", {FAKES}),
    ("providers/apis/tether/fake/planted.py", "from providers.apis.tether import decode", {FAKES}),
    ("resolvers/model/planted.py", "import strawberry", {GRAPHQL}),
    ("providers/spi/planted.py", "from graphql import parse", {GRAPHQL}),
    ("providers/fake_kit/planted.py", "import graphql", {GRAPHQL}),
    ("resolvers/model/planted.py", "from starlette.requests import Request", {SERVING}),
    ("providers/spi/planted.py", "import uvicorn", {SERVING}),
    ("providers/apis/tether/planted.py", "import starlette", {SERVING}),
    ("resolvers/model/planted.py", "import httpx", {RESOLVERS}),
    ("resolvers/model/planted.py", "from providers.apis.wacr import client", {RESOLVERS}),
    ("resolvers/model/planted.py", "import providers.fake_kit", {RESOLVERS}),
]


@pytest.mark.parametrize(("module", "statement", "contracts"), PLANTED)
def test_a_wrong_import_breaks_its_contract(tree: Path, module: str, statement: str, contracts: set[str]) -> None:
    """A module that exists gets the line at its end."""
    with (tree / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{statement}\n")

    answer = lint_imports(tree)

    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert broken_contracts(answer.stdout) == contracts


def test_every_contract_is_seen_to_break() -> None:
    assert set.union(*(contracts for _, _, contracts in PLANTED)) == CONTRACTS


def test_what_only_a_type_checker_imports_is_no_dependency(tree: Path) -> None:
    (tree / "providers/spi/planted.py").write_text(
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import gql\n", encoding="utf-8"
    )

    answer = lint_imports(tree)

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_fakes_may_be_servers(tree: Path) -> None:
    (tree / "providers/apis/wacr/fake/planted.py").write_text(
        "import starlette.routing\nimport uvicorn\n", encoding="utf-8"
    )

    answer = lint_imports(tree)

    assert answer.returncode == 0, answer.stdout + answer.stderr
