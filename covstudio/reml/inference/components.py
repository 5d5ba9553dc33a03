"""Components of variance: what each term of V makes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from covstudio.reml.inference.binding import Binding
from covstudio.reml.inference.intervals import Intervals
from covstudio.reml.inference.tables import NamedRows, Row

__all__ = ["Component", "Components", "components_of"]


@dataclass(frozen=True)
class Component:
    """One term of the outer sum of V.

    Attributes:
        name: path of the term.
        variance: mean over the rows.
        share: of the mean of all of V.
        standard_error: of the variance; NaN where the term has other parameters than one variance.
        lower: lower end of its interval.
        upper: upper end.
    """

    name: str
    variance: float
    share: float
    standard_error: float
    lower: float
    upper: float

    @property
    def deviation(self) -> float:
        """The standard deviation."""
        return math.sqrt(max(self.variance, 0.0))

    def row(self) -> Row:
        """The entries as a dictionary."""
        return {
            "term": self.name,
            "variance": self.variance,
            "sd": self.deviation,
            "share": self.share,
            "std_error": self.standard_error,
            "conf_low": self.lower,
            "conf_high": self.upper,
        }


@dataclass(frozen=True, repr=False, eq=False)
class Components(NamedRows[Component]):
    """The terms of V.

    Attributes:
        entries: one per term.
        level: confidence level of the intervals.
    """

    level: float

    what = "component"

    def _title(self) -> str:
        return f"Components of variance ({100 * self.level:g} % intervals)"


def components_of(binding: Binding, intervals: Intervals, level: float) -> Components:
    """The terms of V with their shares.

    Args:
        binding: the fit and its model.
        intervals: of the variance parameters.
        level: of the intervals.
    """
    terms: dict[str, list[int]] = {}
    pieces = binding.variance.pieces
    for k, piece in enumerate(pieces):
        terms.setdefault(piece.path or "V", []).append(k)
    means = {path: float(binding.diagonal([pieces[k] for k in own]).mean()) for path, own in terms.items()}
    whole = sum(means.values())
    found = []
    for path, own in terms.items():
        positions = [position for k in own for position in pieces[k].positions]
        error = low = high = math.nan
        if len(positions) == 1 and positions[0] in binding.variance.linear:
            interval = intervals[binding.variance.names[positions[0]]]
            value = interval.estimate
            unit = means[path] / value if value else 1.0
            error, low, high = (
                unit * size for size in (interval.standard_error, interval.lower, interval.upper)
            )
        share = means[path] / whole if whole else math.nan
        found.append(Component(path, means[path], share, error, low, high))
    return Components(tuple(found), level)
