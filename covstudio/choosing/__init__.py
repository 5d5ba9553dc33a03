"""Comparing models and choosing among them: fits side by side, and what to try next, with reasons."""

from covstudio.choosing.advice import Advice, advise
from covstudio.choosing.candidates import Candidate
from covstudio.choosing.choice import Choice, choose
from covstudio.choosing.comparison import Comparison, NestedTest, compare
from covstudio.choosing.difference import Difference
from covstudio.choosing.evidence import Finding
from covstudio.choosing.models import Failure, fitted_to
from covstudio.choosing.running import Progress, side_by_side

__all__ = [
    "Advice",
    "Candidate",
    "Choice",
    "Comparison",
    "Difference",
    "Failure",
    "Finding",
    "NestedTest",
    "Progress",
    "advise",
    "choose",
    "compare",
    "fitted_to",
    "side_by_side",
]
