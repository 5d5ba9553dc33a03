"""Two designs for one model, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from covstudio.arguments import checked
from covstudio.design.expectation import Expected
from covstudio.reml.inference.tables import NamedRows, Row

__all__ = ["ComparedDesigns", "ComparedQuantity", "compare_designs"]


@dataclass(frozen=True)
class ComparedQuantity:
    """One expected standard error by two designs.

    Attributes:
        name: what it is of.
        first: standard error by the first design.
        second: by the second.
    """

    name: str
    first: float
    second: float

    @property
    def ratio(self) -> float:
        """Standard error by the second design as a share of that by the first."""
        return self.second / self.first

    @property
    def efficiency(self) -> float:
        """Relative efficiency of the second design: how much more information it has."""
        return (self.first / self.second) ** 2

    def row(self) -> Row:
        """The entries as a dictionary."""
        return {
            "quantity": self.name,
            "first": self.first,
            "second": self.second,
            "ratio": self.ratio,
            "efficiency": self.efficiency,
        }


@dataclass(frozen=True, repr=False, eq=False)
class ComparedDesigns(NamedRows[ComparedQuantity]):
    """Two designs side by side.

    Attributes:
        entries: one per quantity that both designs tell.
        sizes: plots of either.
    """

    sizes: tuple[int, int]

    what = "quantity"

    def _title(self) -> str:
        first, second = self.sizes
        return f"Expected standard errors by two designs, of {first} and {second} plots"


@checked
def compare_designs(
    first: Expected, second: Expected, contrasts: Mapping[str, tuple[Any, Any] | str] | None = None
) -> ComparedDesigns:
    """Expected standard errors by two designs: parameters, fixed effects, differences of predictions.

    Args:
        first: a design.
        second: another, for a model whose parameters and random terms have the same names.
        contrasts: further contrasts by name: what stands for it in either design (as in `Expected.contrast`).
            Fixed effects of the same name are compared without being asked for.

    Returns:
        Standard errors, their ratio and the relative efficiency of the second design; mean SED of the
        predictions of every random term that both have.

    Example:
        >>> from covstudio.covariance import ScalarMatrix
        >>> x = [[1.0, 0.0]] * 8 + [[1.0, 1.0]] * 8
        >>> small, large = Expected(ScalarMatrix(16), x), Expected(ScalarMatrix(32), x * 2)
        >>> found = compare_designs(small, large)
        >>> round(found["x1"].efficiency, 6), round(found["sigma^2"].ratio, 4)
        (2.0, 0.6831)

    Reference:
        Cochran & Cox (1957), Experimental Designs, section 2.3.
    """
    rows = [
        ComparedQuantity(one.name, one.standard_error, second.parameters()[one.name].standard_error)
        for one in first.parameters().entries
        if one.name in second.natural
    ]
    shared = {name: (name, name) for name in first.names if name in second.names}
    for name, what in {**shared, **(contrasts or {})}.items():
        of_first, of_second = (what, what) if isinstance(what, str) else what
        errors = [told.contrast(own).standard_error for told, own in ((first, of_first), (second, of_second))]
        rows.append(ComparedQuantity(name, *errors))
    effects = second.random_effects()
    for path, accuracy in first.random_effects().items():
        if path in effects:
            rows.append(ComparedQuantity(f"mean SED of {path}", accuracy.mean_sed, effects[path].mean_sed))
    return ComparedDesigns(tuple(rows), (first.n, second.n))
