"""The same models in other programs, run beside covstudio where they are installed.

R's lme4 and nlme are `apt-get install r-cran-lme4 r-cran-nlme` on Debian and Ubuntu. Each run is a
process of its own that reads the data, fits once to warm up unless a fit is long, and times only the fits
after that.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

__all__ = ["RFits", "r_fits", "r_package", "r_seconds"]

SCRIPT = """
suppressMessages(library({package}))
data <- read.csv("{csv}", stringsAsFactors = TRUE)
{warm}
seconds <- processor <- numeric({repeats})
for (i in seq_along(seconds)) {{
  began <- Sys.time()
  used <- proc.time()
  model <- {call}
  seconds[i] <- as.numeric(difftime(Sys.time(), began, units = "secs"))
  processor[i] <- sum((proc.time() - used)[c("user.self", "sys.self")])
}}
cat(seconds, "\\n")
cat(processor, "\\n")
cat(formatC(as.numeric(logLik(model)), digits = 15), "\\n")
"""


def r_package(name: str) -> bool:
    """Whether Rscript and an R package are installed."""
    if shutil.which("Rscript") is None:
        return False
    check = f'quit(status = !requireNamespace("{name}", quietly = TRUE))'
    return subprocess.run(["Rscript", "-e", check], capture_output=True, check=False).returncode == 0


@dataclass(frozen=True)
class RFits:
    """Some fits of one model in R.

    Args:
        seconds: of each, by the clock.
        processor: of each, by the processor: what else the machine does does not count.
        loglik: the log-likelihood that was found.
    """

    seconds: list[float]
    processor: list[float]
    loglik: float


def r_fits(package: str, call: str, frame: pd.DataFrame, repeats: int, *, warm: bool = True) -> RFits:
    """Some fits in R, reading of data not counted.

    Args:
        package: the R package to load.
        call: the fit, of the data frame `data`.
        frame: the data; text becomes factors.
        repeats: number of fits.
        warm: whether one more comes before them, to warm up; fits of many seconds do not need it.
    """
    with tempfile.TemporaryDirectory() as folder:
        csv = Path(folder) / "data.csv"
        frame.to_csv(csv, index=False)
        script = Path(folder) / "fit.R"
        script.write_text(
            SCRIPT.format(package=package, csv=csv, call=call, repeats=repeats, warm=call if warm else "")
        )
        done = subprocess.run(["Rscript", str(script)], capture_output=True, text=True, check=True)
    seconds, processor, loglik = done.stdout.strip().splitlines()[-3:]
    return RFits([*map(float, seconds.split())], [*map(float, processor.split())], float(loglik))


def r_seconds(
    package: str, call: str, frame: pd.DataFrame, repeats: int, *, warm: bool = True
) -> tuple[list[float], float]:
    """Seconds by the clock of some fits in R, and the log-likelihood: see `r_fits`."""
    found = r_fits(package, call, frame, repeats, warm=warm)
    return found.seconds, found.loglik
