"""docs/capabilities.md is what the capability tables say."""

from __future__ import annotations

from pathlib import Path

from providers.capability_table import COMMON_FIELDS, markdown

PAGE = Path(__file__).resolve().parents[2] / "docs" / "capabilities.md"


def cells_of(field: str, operator: str, text: str) -> list[str]:
    """Returns the cells after field and operators of the one row of the common filters that has both."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    (found,) = [row[2:] for row in rows if row[0] == f"`{field}`" and operator in row[1].split(", ")]
    return found


def test_the_page_in_docs_is_the_generated_one() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), (
        "run: python -m providers.capability_table > docs/capabilities.md"
    )


def test_every_common_field_and_operator_has_one_cell_a_provider() -> None:
    text = markdown()
    for field, operators in COMMON_FIELDS.items():
        for operator in operators:
            assert len(cells_of(field, operator, text)) == 4


def test_the_page_says_what_is_pushed_and_what_is_not() -> None:
    text = markdown()
    head = next(line for line in text.splitlines() if line.startswith("| field |"))
    providers = [cell.strip() for cell in head.strip("|").split("|")][2:]
    assert dict(zip(providers, cells_of("updatedAt", "gte", text), strict=True)) == {
        "tether": "applied here",
        "askelephant": "pushed exactly",
        "wacr": "applied here",
        "autokonnect": "applied here",
    }
    assert dict(zip(providers, cells_of("assigneeId", "in", text), strict=True))["wacr"] == "pushed exactly"
    assert dict(zip(providers, cells_of("stage", "eq", text), strict=True))["wacr"] == "no such field"
    assert "| wacr | `wacr.groupId` | eq, like | pushed, re-checked here |" in text
    names = next(line for line in text.splitlines() if line.startswith("| `LAST_NAME` |"))
    assert names.split(" | ")[3] == (
        'pushed with `text_collation = "casefold"`; else read whole; SORT_INEXACT above `scan_limit`'
    )
    back = next(line for line in text.splitlines() if line.startswith("| backward paging |")).strip("| ").split(" | ")
    assert dict(zip(providers, back[1:], strict=True)) == {
        "tether": "yes",
        "askelephant": (
            "from a cursor, from the end of an order that it makes, and from its own end; from the end of several "
            "sources without `orderBy` it is read whole"
        ),
        "wacr": "yes",
        "autokonnect": "yes",
    }
    assert "| askelephant | `askElephant.crmAssociations` | eq | pushed exactly, required |" in text
