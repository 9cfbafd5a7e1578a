"""docs/performance.md has the tables that the benchmarks write, of the figures that stand there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bench.micro import TABLES, medians, tables
from bench.report import machine, put
from bench.whole_stack.many_clients import Measured

PAGE = (Path(__file__).resolve().parents[2] / "docs/performance.md").read_text("utf-8")
CAPTION = re.compile(r"^.*\d{4}-\d\d-\d\d; \d+ cores, Python 3\.\d+\.\n\n")


def between(marker: str) -> str:
    """Returns what stands between two markers of the page."""
    found = re.search(f"<!-- {marker} -->\n(.*)\n<!-- /{marker} -->", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def written(table: str) -> list[list[str]]:
    """Returns the cells of the rows, of all tables of a part, without heads and rules."""
    rows = [re.split(r" *\| *", line.strip("| ")) for line in table.splitlines() if line.startswith("|")]
    return [row for row in rows if not re.fullmatch("[-:]+", row[-1]) and row[-1] not in ("benchmark", "MB")]


@pytest.mark.parametrize("marker", ["micro", "stack", "clients"])
def test_every_table_says_when_and_on_what_it_was_measured(marker: str) -> None:
    assert CAPTION.match(between(marker))


def test_the_table_of_the_parts_is_the_one_that_its_figures_make() -> None:
    measured: dict[str, float] = {}
    rows = written(between("micro"))
    expected = [(table, *row) for table in TABLES for row in table.rows]
    for (table, _, names), row in zip(expected, rows, strict=True):
        figures = row[1:-1] if table.apart else row[1].split("; ")
        for name, figure in zip(names, figures, strict=True):
            measured[name] = float(figure.replace(",", "")) * table.calls / 1_000_000
    assert CAPTION.sub("", between("micro")) == tables(measured)


def test_every_benchmark_in_the_table_is_one() -> None:
    sources = "".join(
        file.read_text("utf-8") for file in (Path(__file__).resolve().parents[2] / "bench").glob("test_*.py")
    )
    named = {name.partition("[")[0] for table in TABLES for _, names in table.rows for name in names}
    assert named <= set(re.findall(r"^def (test_\w+)", sources, re.MULTILINE))


def test_figures_of_pytest_benchmark_become_microseconds_of_one_call(tmp_path: Path) -> None:
    names = [name for table in TABLES for _, names in table.rows for name in names]
    figures = tmp_path / "figures.json"
    figures.write_text(json.dumps({"benchmarks": [{"name": name, "stats": {"median": 0.0016}} for name in names]}))
    rows = {row[0]: row[1:-1] for row in written(tables(medians(figures)))}
    assert rows["encoded"] == ["1,600"]
    assert rows["planned; with a filter"] == ["1,600; 1,600"]
    assert rows["own client"] == ["10", "10"]


def test_a_benchmark_that_was_not_measured_is_named() -> None:
    with pytest.raises(SystemExit, match="test_write_100_cursors"):
        tables({name: 1.0 for table in TABLES for _, names in table.rows for name in names if "write" not in name})


def test_the_table_of_the_clients_is_the_one_that_its_figures_make() -> None:
    before, connected, first, last = (float(row[1]) for row in written(between("clients")))
    measured = Measured(True, before, connected, [first, *[0.0] * 10, last])
    made = measured.table(10_000)
    assert CAPTION.match(made)
    assert CAPTION.sub("", made) == CAPTION.sub("", between("clients"))


def test_a_report_replaces_what_stands_between_its_markers(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text("before\n<!-- a -->\nold\n<!-- /a -->\n<!-- b -->\nkept\n<!-- /b -->\n")
    put(file, "a", "new")
    assert file.read_text() == "before\n<!-- a -->\nnew\n<!-- /a -->\n<!-- b -->\nkept\n<!-- /b -->\n"
    with pytest.raises(SystemExit, match="<!-- c -->"):
        put(file, "c", "new")
    assert re.fullmatch(r"\d+ cores, Python 3\.\d+", machine())
