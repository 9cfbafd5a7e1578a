"""The whole stack against another gateway, in one command: queries written, both measured, ratios in a table.

    python -m bench.whole_stack.run --bench DIR --peers DIR [--rounds 3] [--baseline tailcall] [--report FILE]

The gateway benchmark (its run.py, its nginx upstream) and the installation of its peers are no part of this
repository: --bench and --peers say where they are. What else is given goes to its run.py (--seconds, --warmup, ...).
Over its upstream the gateway is started once to write the queries with their cursors; then its run.py starts
everything again and measures. --report replaces what stands between the two `stack` markers of a file.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from bench.report import machine, put

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
QUERIES = HERE / "queries"
URL = "http://127.0.0.1:18110/graphql"
GATEWAY = (
    *(sys.executable, "-c", "from gql.cli.commands import main; main()", "serve"),
    *("--config", str(HERE / "gateway.toml")),
)
OURS = "ours"
START_SECONDS = 60.0
STOP_SECONDS = 15.0
TITLES = {"q1": "Q1 page", "q2": "Q2 federated", "q3": "Q3 board"}

Rounds = Mapping[str, Sequence[Mapping[str, Any]]]


def environment() -> dict[str, str]:
    """Returns what the gateway is started with. The benchmark's upstream takes any token."""
    return {"BENCH_TOKEN": "any", **os.environ}


@contextmanager
def running(command: Sequence[str], answers: str) -> Iterator[None]:
    """Runs a command until the block is left; it is entered when the URL answers, whatever the status is."""
    process = subprocess.Popen(command, cwd=PROJECT, env=environment(), stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                httpx.get(answers, timeout=1.0)
                break
            except httpx.TransportError:
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"did not start: {shlex.join(command)}") from None
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def write_queries(bench: Path, peers: Path) -> None:
    """Writes the queries, with the cursors that the gateway gives over the benchmark's upstream."""
    with TemporaryDirectory() as folder:
        making = [sys.executable, str(bench / "upstream" / "nginx_conf.py"), str(peers / "data"), folder]
        file = subprocess.run(making, check=True, capture_output=True, text=True).stdout.strip()
        upstream = ("nginx", "-c", file, "-g", "daemon off;")
        with running(upstream, "http://127.0.0.1:9101/"), running(GATEWAY, URL):
            subprocess.run([sys.executable, str(HERE / "write_queries.py"), URL], cwd=PROJECT, check=True)


def measure(bench: Path, peers: Path, baseline: str, rounds: int, others: Sequence[str]) -> Rounds:
    """Returns what the benchmark measured: by gateway, a mapping a round."""
    with TemporaryDirectory() as folder:
        figures = Path(folder, "figures.json")
        command = [
            *(sys.executable, str(bench / "run.py"), "--peers", str(peers), "--json", str(figures)),
            *("--rounds", str(rounds), "--only", f"{baseline},{OURS}", "--baseline", baseline),
            *("--target", f"{OURS}={shlex.join(GATEWAY)},{URL}", "--cwd", f"{OURS}={PROJECT}"),
            *("--queries", f"{OURS}={QUERIES}", *others),
        ]
        subprocess.run(command, cwd=bench, env=environment(), check=True)
        if not figures.exists():
            raise SystemExit("nothing was measured")
        measured: Rounds = json.loads(figures.read_text())
        return measured


def table(measured: Rounds, baseline: str) -> str:
    """Returns medians over the rounds as a Markdown table, with ours as a ratio to the baseline.

    CPU seconds per 1,000 queries and queries a second are those at 32 connections, the time of a query at one.
    Raises SystemExit when a gateway was not measured.
    """
    missing = [name for name in (baseline, OURS) if not measured.get(name)]
    if missing:
        raise SystemExit(f"not measured: {', '.join(missing)}")

    def figure(name: str, query: str, load: str, key: str) -> float:
        return float(median(row[query][load][key] for row in measured[name]))

    def line(title: str, load: str, key: str, form: str) -> list[str]:
        theirs = [figure(baseline, query, load, key) for query in TITLES]
        own = [figure(OURS, query, load, key) for query in TITLES]
        cells = [f"{mine:{form}} ({mine / other:.2f})" for mine, other in zip(own, theirs, strict=True)]
        return [
            f"| {title} | {baseline} | " + " | ".join(f"{other:{form}}" for other in theirs) + " |",
            f"| | contactgraph (ratio) | {' | '.join(cells)} |",
        ]

    def calls(name: str) -> str:
        return " | ".join(f"{median(row[query]['calls_single'] for row in measured[name]):.1f}" for query in TITLES)

    rounds = min(len(measured[name]) for name in (baseline, OURS))
    return "\n".join(
        [
            f"Medians of {rounds} interleaved rounds, {datetime.now(UTC).date()}; {machine()}.",
            "",
            f"| | gateway | {' | '.join(TITLES.values())} |",
            "| --- | --- | ---: | ---: | ---: |",
            *line("CPU seconds per 1,000 queries", "c32", "cpu_per_1000", ".3f"),
            *line("queries a second", "c32", "rps", ".0f"),
            *line("milliseconds a query, median", "c1", "p50_ms", ".2f"),
            f"| upstream calls a query | {baseline} | {calls(baseline)} |",
            f"| | contactgraph | {calls(OURS)} |",
        ]
    )


def main() -> None:
    """Writes the queries, measures, and prints the table."""
    parser = argparse.ArgumentParser(description="The whole stack in the gateway benchmark.", allow_abbrev=False)
    parser.add_argument("--bench", type=Path, required=True, help="the gateway benchmark's folder")
    parser.add_argument("--peers", type=Path, required=True, help="where its install.sh put things")
    parser.add_argument("--baseline", default="tailcall", help="the gateway to compare with")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--report", type=Path, help="a file that has the two markers")
    asked, others = parser.parse_known_args()
    bench, peers = asked.bench.resolve(), asked.peers.resolve()
    for needed in (bench / "run.py", peers / "data"):
        if not needed.exists():
            parser.error(f"{needed}: there is no such thing")
    write_queries(bench, peers)
    text = table(measure(bench, peers, asked.baseline, asked.rounds, others), asked.baseline)
    print(text)
    if asked.report is not None:
        put(asked.report, "stack", text)


if __name__ == "__main__":
    main()
