"""The alpha design as published, and what a command says that failed."""

from pathlib import Path

from covstudio.cli import PROBLEM

ROOT = Path(__file__).parents[2]
JOHN_ALPHA = ROOT / "covstudio" / "data" / "examples" / "john_alpha.csv"
ESTIMATES = {"genotype/g/sigma^2": 0.142902, "block/g/sigma^2": 0.070218, "residual/sigma^2": 0.081617}
EFFECTS = {
    "(Intercept)": (4.518250, 0.145114),
    "rep[R2]": (0.297846, 0.173803),
    "rep[R3]": (-0.414046, 0.173803),
}


def problem(result: tuple[int, str, str]) -> str:
    """The one message of a command that failed."""
    code, out, err = result
    assert code == PROBLEM
    assert out == ""
    assert "Traceback" not in err
    assert err.endswith("\n")
    return err
