"""What comments and pages refer to is in this repository."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PAGES = [PROJECT / "README.md", PROJECT / "CHANGELOG.md", *sorted((PROJECT / "docs").rglob("*.md"))]
DECISIONS = sorted((PROJECT / "docs/adr").glob("*.md"))
CODE = [
    file
    for folder in ("gql", "resolvers", "providers", "tests", "bench")
    for pattern in ("*.py", "*.json")
    for file in sorted((PROJECT / folder).rglob(pattern))
    if "node_modules" not in file.parts and "console" not in file.parts and file != Path(__file__)
]

# Pages that were beside this repository when it was begun, and that nobody who clones it has.
ELSEWHERE = re.compile(r"SPEED\.md|STYLE\.md|apis/README|\bissues? \d")


def numbers(words: str) -> set[int]:
    """Returns the numbers of "5", "5 and 7", "4 to 8" and "3, 5 and 12"."""
    span = re.fullmatch(r"(\d+) to (\d+)", words)
    return set(range(int(span[1]), int(span[2]) + 1)) if span else {int(each) for each in re.findall(r"\d+", words)}


def referred(pattern: str) -> dict[int, str]:
    """Returns the numbers that code refers to by a pattern, each with a file that does."""
    found: dict[int, str] = {}
    for file in CODE:
        for words in re.findall(pattern, file.read_text("utf-8")):
            found |= dict.fromkeys(numbers(words), file.name)
    return found


def test_a_comment_names_a_section_of_the_design_that_there_is() -> None:
    sections = {
        int(each) for each in re.findall(r"^## (\d+)\. ", (PROJECT / "docs/DESIGN.md").read_text("utf-8"), re.M)
    }
    named = referred(r"DESIGN\.md (\d+(?:(?:, \d+)*,? (?:and|to) \d+)?)")
    assert len(named) > 5
    assert {number: file for number, file in named.items() if number not in sections} == {}


def test_a_comment_names_a_part_of_its_section_by_its_heading() -> None:
    text = (PROJECT / "docs/DESIGN.md").read_text("utf-8")
    parts = {number: text.partition(f"\n## {number}. ")[2].partition("\n## ")[0] for number in range(1, 11)}
    named = {
        (int(number), heading, file.name)
        for file in CODE
        for number, heading in re.findall(r'DESIGN\.md (\d+), "([^"]+)"', file.read_text("utf-8"))
    }
    assert len(named) > 5
    assert {each for each in named if f"**{each[1]}" not in parts[each[0]]} == set()


def test_a_comment_names_a_trap_that_there_is() -> None:
    traps = {int(each) for each in re.findall(r"^(\d+)\. ", (PROJECT / "docs/TRAPS.md").read_text("utf-8"), re.M)}
    named = referred(r"\b[Tt]raps? (\d+(?:(?:, \d+)*,? and \d+)?)")
    assert len(named) > 5
    assert {number: file for number, file in named.items() if number not in traps} == {}


def test_nothing_refers_to_pages_that_are_elsewhere() -> None:
    assert [file.name for file in [*CODE, *PAGES] if ELSEWHERE.search(file.read_text("utf-8"))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_file_that_a_page_names_is_there(page: Path) -> None:
    named = re.findall(
        r"`((?!gql/console/)(?:gql|resolvers|providers|tests|bench)/[\w/]+\.\w+)`", page.read_text("utf-8")
    )
    assert [file for file in named if not (PROJECT / file).exists()] == []


def test_the_page_about_providers_names_every_file_that_lists_them() -> None:
    text = (PROJECT / "docs/providers.md").read_text("utf-8")
    lists = [
        file.relative_to(PROJECT).as_posix()
        for folder in ("gql", "resolvers", "providers")
        for file in (PROJECT / folder).rglob("*.py")
        if len(set(re.findall(r"\b(tether|askelephant|wacr|autokonnect)\b", file.read_text("utf-8")))) == 4
    ]
    assert "providers/registry.py" in lists
    assert [file for file in lists if f"`{file}`" not in text] == []


def test_a_docstring_says_what_a_function_does_and_commands_nothing() -> None:
    commands = re.compile(r'"""(Return|Raise|Give|Add|Complete|Let|Note|Put|Send|Run|Write|Start|Stop|Take) ')
    assert [file.name for file in CODE if commands.search(file.read_text("utf-8"))] == []


def test_every_layer_says_what_it_is_for() -> None:
    silent = [
        file.relative_to(PROJECT).as_posix()
        for layer in ("gql", "resolvers", "providers")
        for file in sorted((PROJECT / layer).rglob("__init__.py"))
        if not ast.get_docstring(ast.parse(file.read_text("utf-8")))
    ]
    assert silent == []


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda decision: decision.stem)
def test_a_decision_has_two_paragraphs_what_and_why_not_the_other_way(decision: Path) -> None:
    head, *paragraphs = decision.read_text("utf-8").strip().split("\n\n")
    assert re.fullmatch(rf"# {int(decision.stem[:4])}\. .+", head)
    assert len(paragraphs) == 2
