"""Run every benchmark in a fresh process each, so that none warms another's caches.

Usage: python -m benchmarks [--smoke] [NAME ...]        names: covariance, reml, studio
"""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


def main() -> int:
    """Run the named benchmarks, or all; the exit status is that of the first that failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--smoke", action="store_true", help="small sizes: does it run, not how fast")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in NAMES]
    if unknown:
        parser.error(f"no benchmark called {', '.join(unknown)}: choose from {', '.join(NAMES)}")
    status = 0
    for name in arguments.names or NAMES:
        print(f"== {name}", flush=True)
        command = [
            sys.executable,
            "-m",
            f"benchmarks.bench_{name}",
            *(["--smoke"] if arguments.smoke else []),
        ]
        status = status or subprocess.run(command, cwd=HERE.parent, check=False).returncode
    return status


if __name__ == "__main__":
    sys.exit(main())
