"""Standard errors, intervals and power that are expected, as rows and tables."""

from __future__ import annotations

from dataclasses import dataclass

from covstudio.reml.inference.tables import NamedRows, Row

__all__ = ["ExpectedEffect", "ExpectedEffects", "ExpectedParameter", "ExpectedParameters", "Power"]


@dataclass(frozen=True)
class ExpectedParameter:
    """What is expected of the estimate of one parameter.

    Attributes:
        name: its path.
        value: natural value that was thought of.
        standard_error: expected standard error; NaN where there is none.
        relative: standard error as a share of the value; NaN where the value is 0.
        note: what to know about it.
    """

    name: str
    value: float
    standard_error: float
    relative: float
    note: str = ""

    def row(self) -> Row:
        """The entries as a dictionary."""
        return {
            "parameter": self.name,
            "value": self.value,
            "std. error": self.standard_error,
            "relative": self.relative,
            "note": self.note,
        }


@dataclass(frozen=True, repr=False, eq=False)
class ExpectedParameters(NamedRows[ExpectedParameter]):
    """Expected standard errors of variance parameters.

    Attributes:
        entries: one per estimated parameter.
    """

    what = "parameter"

    def _title(self) -> str:
        return "Expected standard errors of variance parameters (inverse of the expected information)"


@dataclass(frozen=True)
class ExpectedEffect:
    """What is expected of the estimate of a fixed effect or a contrast.

    Attributes:
        name: of the column of X, or what the contrast was called.
        standard_error: expected standard error.
        df: Satterthwaite's degrees of freedom, by the expected information.
        width: half the width of its interval.
    """

    name: str
    standard_error: float
    df: float
    width: float

    def row(self) -> Row:
        """The entries as a dictionary."""
        return {
            "name": self.name,
            "std. error": self.standard_error,
            "df": self.df,
            "half-width": self.width,
        }


@dataclass(frozen=True, repr=False, eq=False)
class ExpectedEffects(NamedRows[ExpectedEffect]):
    """Expected standard errors of fixed effects.

    Attributes:
        entries: one per column of X.
        level: confidence level of the intervals.
    """

    level: float

    what = "effect"

    def _title(self) -> str:
        return (
            "Expected standard errors of fixed effects (Satterthwaite degrees of freedom; "
            f"{100 * self.level:g} % intervals)"
        )


@dataclass(frozen=True)
class Power:
    """The chance that a test finds what is there.

    Attributes:
        name: what is tested.
        difference: what is there, one number or one for each row of L.
        standard_error: of the contrast; NaN for several rows.
        numerator_df: rank of L.
        df: denominator degrees of freedom.
        noncentrality: of t for one row, of F for several.
        level: of the test.
        power: the chance.
    """

    name: str
    difference: tuple[float, ...]
    standard_error: float
    numerator_df: int
    df: float
    noncentrality: float
    level: float
    power: float
