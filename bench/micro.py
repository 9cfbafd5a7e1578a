"""The table of the parts, from pytest-benchmark's figures.

    python -m bench.micro FIGURES.json [--report FILE]

prints it; --report replaces what stands between the two `micro` markers of a file. `make bench` with
REPORT=docs/performance.md measures and does both.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from bench.report import machine, put
from bench.test_transport_bench import CALLS

_MICRO = 1_000_000
_FEW = 10
"""Below this, a figure has a digit behind the point."""


class Table(NamedTuple):
    """`rows` are titles with the benchmarks whose medians they show, in one cell or (`apart`) in a cell each.

    A median is that of `calls` calls.
    """

    head: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]
    calls: int = 1
    apart: bool = False


def _side_by_side(name: str) -> Sequence[str]:
    return name.replace("]", "-1]"), name.replace("]", "-16]")


TABLES = (
    Table(
        ("a page of 100 contacts (16 fields and tags)", "µs"),
        (
            ("executed by graphql-core alone", ("test_execute_100_contacts[plain]",)),
            ("executed with projection", ("test_execute_100_contacts[structs]",)),
            ("encoded", ("test_encode_100_contacts[structs]",)),
            ("compiled, once a document", ("test_compile_a_page_of_contacts",)),
            ("decoded into records: Tether", ("test_decode_100_contacts[tether]",)),
            ("… AskElephant", ("test_decode_100_contacts[askelephant]",)),
            (
                "… WA.cr; with tags",
                ("test_decode_100_contacts[wacr]", "test_decode_100_contacts_and_their_tags[wacr]"),
            ),
            (
                "… AutoKonnect; with tags",
                ("test_decode_100_contacts[autokonnect]", "test_decode_100_contacts_and_their_tags[autokonnect]"),
            ),
        ),
    ),
    Table(
        ("four sources", "µs"),
        (
            ("planned; with a filter", ("test_plan_four_sources[plain]", "test_plan_four_sources[filtered]")),
            ("4 × 100 contacts merged in the sources' own order", ("test_merge_four_lists_by_rank",)),
            (
                "… by a date; by a name",
                ("test_merge_four_lists_by_key[UPDATED_AT]", "test_merge_four_lists_by_key[LAST_NAME]"),
            ),
            ("100 cursors written; read", ("test_write_100_cursors", "test_read_100_cursors")),
        ),
    ),
    Table(
        ("a call of 11 kB, CPU", "µs, one at a time", "µs, 16 at a time"),
        (
            ("own client", _side_by_side("test_160_calls_of_a_transport[own]")),
            ("an httpx transport", _side_by_side("test_160_calls_of_a_transport[over_httpx]")),
            ("`httpx.AsyncClient`", ("test_160_calls_of_an_httpx_client[1]", "test_160_calls_of_an_httpx_client[16]")),
            ("a source, limits and retries included", _side_by_side("test_160_calls_of_a_source[uncached]")),
            ("… from the cache", _side_by_side("test_160_calls_of_a_source[cached]")),
        ),
        CALLS,
        apart=True,
    ),
)


def medians(figures: Path) -> dict[str, float]:
    """Returns the median of every benchmark of a file that pytest-benchmark wrote, in seconds."""
    found = json.loads(figures.read_text("utf-8"))["benchmarks"]
    return {each["name"]: each["stats"]["median"] for each in found}


def tables(measured: Mapping[str, float]) -> str:
    """Returns the tables as Markdown. `measured`: medians in seconds. Raises SystemExit when one was not measured."""
    missing = [name for table in TABLES for _, names in table.rows for name in names if name not in measured]
    if missing:
        raise SystemExit(f"not measured: {', '.join(missing)}")
    return "\n\n".join("\n".join(_lines(table, measured)) for table in TABLES)


def _lines(table: Table, measured: Mapping[str, float]) -> list[str]:
    lines = [
        f"| {' | '.join((*table.head, 'benchmark'))} |",
        f"| --- | {'---: | ' * (len(table.head) - 1)}--- |",
    ]
    for title, names in table.rows:
        cells = [_figure(measured[name] / table.calls * _MICRO) for name in names]
        shown = names if len(names) == 1 else dict.fromkeys(name.partition("[")[0] for name in names)
        figures = " | ".join(cells) if table.apart else "; ".join(cells)
        lines.append(f"| {title} | {figures} | {', '.join(f'`{name}`' for name in shown)} |")
    return lines


def _figure(microseconds: float) -> str:
    return f"{microseconds:,.0f}" if microseconds >= _FEW else f"{microseconds:.1f}"


def main() -> None:
    """Prints the tables, and writes them where they are wanted."""
    parser = argparse.ArgumentParser(description="The table of the parts.", allow_abbrev=False)
    parser.add_argument("figures", type=Path, help="what pytest-benchmark wrote by --benchmark-json")
    parser.add_argument("--report", type=Path, help="a file that has the two `micro` markers")
    asked = parser.parse_args()
    text = f"Medians, {datetime.now(UTC).date()}; {machine()}.\n\n{tables(medians(asked.figures))}"
    print(text)
    if asked.report is not None:
        put(asked.report, "micro", text)


if __name__ == "__main__":
    main()
