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


def test_the_layers_import_one_way() -> None:
    answer = lint_imports(ROOT)

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert broken_contracts(answer.stdout) == set()
    assert "Contracts: 5 kept, 0 broken." in answer.stdout


LAYERED = "Imports go one way: gql -> resolvers -> providers"
INDEPENDENT = "No provider knows another"
GRAPHQL = "Strawberry and GraphQL begin in gql"
SERVING = "Only gql serves; the fakes are servers too"
RESOLVERS = "Resolvers know neither HTTP nor a single provider"


@pytest.mark.parametrize(
    ("module", "statement", "contracts"),
    [
        ("providers/planted.py", "import resolvers", {LAYERED}),
        ("providers/planted.py", "import gql", {LAYERED}),
        ("resolvers/planted.py", "import gql", {LAYERED}),
        ("providers/wacr/planted.py", "import providers.apis.tether", {INDEPENDENT}),
        ("providers/autokonnect/planted.py", "from providers.apis.askelephant import client", {INDEPENDENT}),
        ("resolvers/planted.py", "import strawberry", {GRAPHQL}),
        ("providers/planted.py", "from graphql import parse", {GRAPHQL}),
        ("providers/fakes/planted.py", "import graphql", {GRAPHQL}),
        ("resolvers/planted.py", "from starlette.requests import Request", {SERVING}),
        ("providers/planted.py", "import uvicorn", {SERVING}),
        ("providers/tether/planted.py", "import starlette", {SERVING}),
        ("resolvers/planted.py", "import httpx", {RESOLVERS}),
        ("resolvers/planted.py", "from providers.apis.wacr import client", {RESOLVERS}),
        ("resolvers/planted.py", "import providers.apis.fakes", {RESOLVERS}),
    ],
)
def test_a_wrong_import_breaks_its_contract(tree: Path, module: str, statement: str, contracts: set[str]) -> None:
    (tree / module).write_text(statement + "\n", encoding="utf-8")

    answer = lint_imports(tree)

    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert broken_contracts(answer.stdout) == contracts


def test_the_fakes_may_be_servers(tree: Path) -> None:
    (tree / "providers/fakes/planted.py").write_text("import starlette.routing\nimport uvicorn\n", encoding="utf-8")

    answer = lint_imports(tree)

    assert answer.returncode == 0, answer.stdout + answer.stderr
