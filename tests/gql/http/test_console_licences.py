"""What is bundled into the console is given along with its licences. Without a built console these tests skip."""

import json
import re
from pathlib import Path

import pytest

from gql.http.graphiql import FOLDER

CONSOLE = Path(__file__).resolve().parents[3] / "console"
HEADING = re.compile(r"^=+\n(\S+) (\S+) \((.+)\)\n=+\n", re.MULTILINE)

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="GraphiQL is not built here (make install)")


def sections() -> dict[str, str]:
    """The text about each bundled package, by name and version."""
    text = (FOLDER / "licences.txt").read_text("utf-8")
    found = list(HEADING.finditer(text))
    ends = [each.start() for each in found[1:]] + [len(text)]
    return {f"{each[1]} {each[2]}": text[each.end() : end] for each, end in zip(found, ends, strict=True)}


def test_every_package_that_the_console_is_made_of_has_its_licence_there() -> None:
    packages = json.loads((CONSOLE / "package.json").read_text("utf-8"))["dependencies"]
    told = sections()
    assert [name for name, version in packages.items() if "Copyright" not in told.get(f"{name} {version}", "")] == []


def test_so_has_what_only_a_worker_uses_and_what_a_package_has_bundled_itself() -> None:
    told = {name.rpartition(" ")[0]: text for name, text in sections().items()}
    assert "Jon Schlinkert" in told["picomatch-browser"]
    assert "markedjs NOTICES AND INFORMATION" in told["monaco-editor"]
