"""``python -m bench.matching``: how well and how fast contacts are matched, compared with others.

On generated worlds whose truth is known: this program, Splink 5 on the same cleaned rows, and exact
keys, each in its own process; then on labelled data of third parties (febrl3, febrl4). The seeds
are none of those used for tuning. It needs ``requirements-bench.txt``.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.matchers import MATCHERS, Matched
from bench.people import people
from bench.scores import Scores, score

_ROOT = Path(__file__).parents[1]
_NAMES = (
    *("seed, rows", "", "P", "R", "F1", "B³ P", "B³ R", "B³ F1"),
    *("doubles", "strangers", "doubts", "s", "CPU s", "MB"),
)
# Tuning used seeds below 10.
_SEEDS = (11, 12, 13)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.matching", description=__doc__)
    parser.add_argument("--scale", type=float, default=0.05)
    parser.add_argument("--seeds", type=int, nargs="+", default=_SEEDS)
    parser.add_argument("--only", choices=sorted(MATCHERS), nargs="+", default=list(MATCHERS))
    parser.add_argument("--febrl", action="store_true", help="febrl3 and febrl4 as well")
    options = parser.parse_args(arguments)
    print(f"| {' | '.join(_NAMES)} |\n| --- | --- |{' ---: |' * (len(_NAMES) - 2)}")
    for seed in options.seeds:
        for line in rows(seed, options.scale, options.only):
            print(line, flush=True)
    if options.febrl:
        from bench.febrl import febrl_lines

        print("\n".join(["", *febrl_lines()]))


def rows(seed: int, scale: float, names: Sequence[str]) -> list[str]:
    """Returns a line of the table for each matcher."""
    world_people = people(seed, scale)
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "people"
        file.write_bytes(msgspec.msgpack.encode(world_people))
        for name in names:
            process = subprocess.run(
                [sys.executable, "-m", "bench.matchers", name, str(file)],
                cwd=_ROOT,
                stdout=subprocess.PIPE,
                check=True,
            )
            matched = msgspec.json.decode(process.stdout.splitlines()[-1], type=Matched)
            groups = msgspec.msgpack.decode(Path(f"{file}.{name}").read_bytes())
            head = f"| {seed}, {len(world_people.truth):,} | {name}"
            lines.append(head + _row(score(groups, world_people.truth), matched))
    return lines


def _row(scores: Scores, matched: Matched) -> str:
    shares = (
        *(scores.precision, scores.recall, scores.f1),
        *(scores.b3_precision, scores.b3_recall, scores.b3_f1),
    )
    counts = f"{scores.doubles:,} | {scores.strangers:,} | {matched.doubtful_pairs:,}"
    share_cells = " | ".join(f"{share:.4f}" for share in shares)
    costs = f"{matched.seconds:.1f} | {matched.cpu_seconds:.1f} | {matched.peak_mb:,.0f}"
    return f" | {share_cells} | {counts} | {costs} |"


if __name__ == "__main__":
    main()
