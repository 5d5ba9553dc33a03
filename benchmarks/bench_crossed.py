"""A million rows with crossed effects of 20,000 and 2000 levels, by a formula, beside lme4 in the same run.

`fit("y ~ x + (1 | g) + (1 | b)", frame)` in a process of its own, from the frame to the fit with its tests,
against `lmer` alone: by the clock, and by the processor, which does not count what else the machine does.
lme4 computes on one thread. Then the peak memory of the process, torch and the frame included.

    python -m benchmarks.bench_crossed [--smoke]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

from benchmarks.crossed import columns
from benchmarks.peers import r_fits, r_package

#: Rows, levels of g, levels of b.
SIZE = (1_000_000, 20_000, 2000)
SMOKE = (3000, 200, 70)
#: How many times as fast as lme4 it is to be, and what memory it may take.
FASTER = 10.0
MEGABYTES = 1500
FORMULA = "y ~ x + (1 | g) + (1 | b)"

_OURS = """
import json, resource, time
from benchmarks.crossed import columns
from covstudio import fit
frame = columns({size})
began, used = time.perf_counter(), time.process_time()
found = fit("{formula}", frame)
seconds, processor = time.perf_counter() - began, time.process_time() - used
assert found.fit.converged
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
fit = found.fit
print(json.dumps([seconds, processor, fit.seconds, peak, fit.loglik, fit.iterations, fit.engine]))
"""


def main() -> int:
    """Print what was measured; the exit status is 1 where a budget that could be measured is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="small sizes: does it run, not how fast")
    smoke = parser.parse_args().smoke
    size = SMOKE if smoke else SIZE
    code = _OURS.format(size=size, formula=FORMULA)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, processor, alone, peak, loglik, iterations, engine = json.loads(done.stdout)
    print(
        f"n = {size[0]} ({size[1]}+{size[2]})  {seconds:.1f} s, {alone:.1f} s of them the fit; processor "
        f"{processor:.1f} s; {iterations} iterations, {engine}; peak {peak:.0f} MB (budget {MEGABYTES})",
        flush=True,
    )
    met = peak < MEGABYTES
    if not r_package("lme4"):
        print("lme4 is not installed (Debian: r-cran-lme4): no ratios", flush=True)
        return 0 if smoke or met else 1
    theirs = r_fits("lme4", f"lmer({FORMULA}, data)", columns(size), 1, warm=False)
    by_clock, by_processor = theirs.seconds[0] / seconds, theirs.processor[0] / processor
    print(
        f"lmer {theirs.seconds[0]:.1f} s, processor {theirs.processor[0]:.1f} s: {by_clock:.1f} times as "
        f"fast, {by_processor:.1f} by the processor (budget {FASTER:g}); log-likelihoods differ by "
        f"{loglik - theirs.loglik:+.1e}",
        flush=True,
    )
    return 0 if smoke or (met and by_processor >= FASTER) else 1


if __name__ == "__main__":
    sys.exit(main())
