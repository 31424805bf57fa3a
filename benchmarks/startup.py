"""`zoo --help` costs at most 1.5 times `python -c 'import click'`: exits with 1 when it does not.

Run: python benchmarks/startup.py [runs]
"""

from __future__ import annotations

import sys

from measure import measure, report

LIMIT = 1.5  # issue 1/8, "Speed and memory"


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    commands = {
        "import click": [sys.executable, "-c", "import click"],
        "zoo --help": [sys.executable, "-m", "zoo", "--help"],
        "import numpy": [sys.executable, "-c", "import numpy"],
    }
    figures = {name: measure(argv, runs=runs, warmup=2) for name, argv in commands.items()}
    ratio = figures["zoo --help"].wall / figures["import click"].wall
    print(report(figures))
    print(f"zoo --help / import click = {ratio:.2f}, limit {LIMIT}")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
