"""Design matrices of numeric columns: slopes, polynomials and splines for random regression."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import Argument, declare
from covstudio.covariance.core.checks import as_float_tensor, check_coordinates, check_finite, check_size
from covstudio.covariance.core.leaf import Leaf, ParamSpecs
from covstudio.covariance.numerics.bases import (
    b_splines,
    legendre,
    orthogonal_polynomials,
    powers,
    quantiles,
    spline_knots,
)

__all__ = ["DesignMatrix"]

BASES = ("columns", "polynomial", "orthogonal", "legendre", "normalised legendre", "b-spline")
INTERCEPT = "Intercept"
MAX_DEGREE = 50
_PRECISIONS = {"float32": torch.float32, "float64": torch.float64}


@declare(
    title="Numeric design",
    category="Design",
    formula=r"\mathbf{Z} = \begin{bmatrix} f_1(x_i) & f_2(x_i) & \cdots & f_q(x_i) \end{bmatrix}_{i}",
    symbol="Z(x)",
    keywords=("random slopes and curves", "covariate"),
    summary="Numeric columns, or polynomials or splines of them: the Z of random regression.",
    arguments=(
        Argument("columns", "coordinates", "Columns", "One or more numeric columns", columns=(1, None)),
        Argument("basis", "choice", "Basis", "Functions of each column", default="columns", choices=BASES),
        Argument(
            "degree",
            "integer",
            "Degree",
            "Of the polynomials, or the pieces of a spline",
            default=3,
            minimum=0,
        ),
        Argument(
            "knots",
            "integer",
            "Inner knots",
            "Knots of a spline, at quantiles of the column",
            default=0,
            minimum=0,
        ),
        Argument("intercept", "flag", "Intercept", "Keep the constant function", default=False),
        Argument(
            "lower", "number", "Lower end", "Where the interval starts; the smallest number", optional=True
        ),
        Argument(
            "upper", "number", "Upper end", "Where the interval ends; the largest number", optional=True
        ),
    ),
    aliases={
        "ASReml": ("leg", "pol"),
        "SAS": ("EFFECT POLYNOMIAL", "EFFECT SPLINE"),
        "lme4": ("(x | g)",),
        "R": ("poly", "bs", "model.matrix(~ x)"),
        "patsy, formulaic": ("poly", "bs"),
        "scikit-learn": ("PolynomialFeatures", "SplineTransformer"),
    },
    usage={
        "lme4": "(x | g)   # intercept and slope: Z has both columns",
        "ASReml": "leg(x, 2)",
        "R": "poly(x, 2), splines::bs(x, df = 5)",
    },
    reference="Schaeffer (2004), Livest. Prod. Sci. 86, 35-45; de Boor (2001), A Practical Guide to Splines",
    psd=False,
    example=lambda: DesignMatrix([1.0, 2.0, 4.0, 5.0], basis="legendre", degree=2, intercept=True),
)
class DesignMatrix(Leaf):
    r"""Functions of numeric columns side by side, :math:`Z_{ij} = f_j(x_i)`: the Z of random regression.

    It has no parameters. With `basis`

    - "columns": the columns as they are;
    - "polynomial": powers :math:`x, x^2, \dots, x^{degree}`;
    - "orthogonal": polynomials that are orthonormal over the rows, with positive leading coefficients;
    - "legendre": Legendre polynomials :math:`P_k(t)`, with t running from -1 at `lower` to 1 at `upper`;
    - "normalised legendre": :math:`\sqrt{(2k+1)/2}\, P_k(t)`, of unit length over the interval;
    - "b-spline": B-splines of the given degree over `knots` between `lower` and `upper`.

    `intercept` keeps the constant function: a column of ones, once; for Legendre polynomials :math:`P_0`,
    for orthogonal ones the constant of unit length. B-splines add up to 1: with `intercept` all of them are
    kept, without it the first is left out. Several columns are expanded one after the other.

    Attributes:
        colnames: Name of each column of Z, such as `"x"`, `"x^2"`, `"P1(x)"` or `"B2(x)"`.

    Args:
        columns: Numbers, n rows: a vector, a table of shape (n, d) (list, tensor, array, DataFrame), or a
            mapping from names to vectors.
        basis: One of the above.
        degree: Degree of polynomials or of a spline's pieces; not used by "columns".
        knots: For "b-spline", the number of inner knots at equally spaced quantiles of each column, or their
            positions, strictly between `lower` and `upper` and in ascending order.
        intercept: Whether the constant function is kept.
        lower: Start of the interval of Legendre polynomials and splines; None for each column's smallest.
        upper: End of the interval; None for each column's largest.
        names: Name of each given column; None for the mapping's or the DataFrame's own, else `x`, or
            `x_0`, `x_1`, ...
        param_specs: None or an empty mapping, for uniformity with the other structures.

    Raises:
        TypeError: `columns` does not hold numbers, or another argument is of the wrong type.
        ValueError: `columns` is empty or not finite, has rows of different lengths or numbers outside
            the interval; if the degree is too large for the number of different values; or if no column is
            left.

    Example:
        >>> from covstudio.covariance import DesignMatrix
        >>> z = DesignMatrix([1.0, 2.0, 3.0], basis="legendre", degree=2, intercept=True)
        >>> z()
        tensor([[ 1.0000, -1.0000,  1.0000],
                [ 1.0000,  0.0000, -0.5000],
                [ 1.0000,  1.0000,  1.0000]])
        >>> z.colnames
        ['P0(x)', 'P1(x)', 'P2(x)']
        >>> DesignMatrix({"age": [1, 2]}, basis="polynomial", degree=2, intercept=True).colnames
        ['Intercept', 'age', 'age^2']

    Reference:
        Schaeffer (2004), Application of random regression models in animal breeding, Livestock Production
        Science 86, 35-45; de Boor (2001), A Practical Guide to Splines, revised edition, chapter IX.
    """

    def __init__(
        self,
        columns: object,
        basis: str = "columns",
        degree: int = 3,
        knots: int | Sequence[float] = 0,
        intercept: bool = False,
        lower: float | None = None,
        upper: float | None = None,
        names: Sequence[str] | None = None,
        param_specs: ParamSpecs | None = None,
    ) -> None:
        if basis not in BASES:
            raise ValueError(f"basis must be one of {', '.join(map(repr, BASES))}, got {basis!r}")
        table, given = _table(columns)
        self.basis, self.intercept = basis, bool(intercept)
        self.degree = check_size(degree, "degree", minimum=0)
        if basis != "columns" and self.degree > MAX_DEGREE:
            raise ValueError(
                f"degree must be at most {MAX_DEGREE}, got {degree}; use a spline with more knots"
            )
        source = _names(names, given, table.shape[1])
        parts = [self._expanded(table[:, k], source[k], knots, lower, upper) for k in range(table.shape[1])]
        if self.intercept and basis in ("columns", "polynomial"):
            parts.insert(0, (table.new_ones((len(table), 1)), [INTERCEPT]))
        elif self.intercept and basis != "b-spline":
            # The constant of every column after the first says the same again.
            parts[1:] = [(values[:, 1:], labels[1:]) for values, labels in parts[1:]]
        self.colnames = [label for _, labels in parts for label in labels]
        if not self.colnames:
            raise ValueError(
                f"degree must leave at least one column, got {degree} without an intercept; raise the "
                "degree, or keep the intercept"
            )
        self.table = torch.cat([values for values, _ in parts], dim=1)
        # Literal numbers follow torch's default precision, as everywhere; tensors and arrays keep their own.
        self._dtype = _PRECISIONS.get(str(getattr(columns, "dtype", "")).removeprefix("torch."))
        super().__init__((self.table.shape[0], self.table.shape[1]), param_specs, [])

    @property
    def repr_dict(self) -> dict[str, Any]:
        """What the string representation shows, with the first column names."""
        shown = ", ".join(self.colnames[:8]) + (", ..." if len(self.colnames) > 8 else "")
        return {**super().repr_dict, "columns": shown}

    def evaluate(self, natural: Tensor) -> Tensor:
        """Z, shape (n, q); `natural` is empty and gives the dtype and the device."""
        return self.table.to(dtype=natural.dtype, device=natural.device, copy=True)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """The empty Jacobian, shape (0, n, q)."""
        return natural.new_zeros((len(index), *self.shape))

    def _expanded(
        self, x: Tensor, name: str, knots: int | Sequence[float], lower: float | None, upper: float | None
    ) -> tuple[Tensor, list[str]]:
        """The functions of one column, and their names."""
        first = 0 if self.intercept else 1
        match self.basis:
            case "columns":
                return x[:, None], [name]
            case "polynomial":
                labels = [name] + [f"{name}^{k}" for k in range(2, self.degree + 1)]
                return powers(x, self.degree)[:, 1:], labels[: self.degree]
            case "orthogonal":
                different = len(set(x.tolist()))
                if different <= self.degree:
                    raise ValueError(
                        f"degree must be below the number of different values of {name}, {different}, got "
                        f"{self.degree}; lower the degree"
                    )
                values = orthogonal_polynomials(x, self.degree)
                return values[:, first:], [f"O{k}({name})" for k in range(first, self.degree + 1)]
        low, high = _interval(x, name, lower, upper)
        if self.basis == "b-spline":
            inner = _inner_knots(knots, x, name, low, high)
            values = b_splines(x, spline_knots(inner, low, high, self.degree), self.degree)
            letter = "B"
        else:
            # Each half is scaled before they are taken apart, so that the ends become -1 and 1 exactly.
            t = ((x - low) - (high - x)) / (high - low)
            values = legendre(t, self.degree, normalised=self.basis == "normalised legendre")
            letter = "P"
        return values[:, first:], [f"{letter}{k}({name})" for k in range(first, values.shape[1])]


@linalg.column_names.register(DesignMatrix)
def _(matrix: DesignMatrix) -> tuple[str, ...]:
    return tuple(matrix.colnames)


@linalg.incidence.register(DesignMatrix)
def _(matrix: DesignMatrix) -> Tensor | None:
    if matrix.table.shape[1] != 1:
        return None
    values = matrix.table[:, 0]
    # An indicator of some rows: these have the one column, the others none.
    return values.to(torch.int64) - 1 if bool(((values == 0.0) | (values == 1.0)).all()) else None


def _table(columns: object) -> tuple[Tensor, list[str] | None]:
    """The numbers as a float64 table, and the names they come with."""
    if isinstance(columns, Mapping):
        if not columns:
            raise ValueError("columns must hold at least one column, got an empty mapping; give {'x': [...]}")
        vectors = [check_coordinates(vector, f"columns[{name!r}]") for name, vector in columns.items()]
        lengths = [len(vector) for vector in vectors]
        if len(set(lengths)) > 1:
            raise ValueError(
                f"columns must be of one length, got {', '.join(map(str, lengths))}; take them from the same "
                "rows"
            )
        return torch.stack(vectors, dim=1), list(map(str, columns))
    table = as_float_tensor(columns, "columns").to(torch.float64)
    if table.ndim not in (1, 2) or table.numel() == 0:
        raise ValueError(
            f"columns must be a vector or a table of numbers with n rows, got shape {tuple(table.shape)}; "
            "pass one list per row, or a mapping from names to columns"
        )
    check_finite(table, "columns")
    if table.ndim == 1:
        name = getattr(columns, "name", None)
        return table[:, None], None if not isinstance(name, str) else [name]
    labels = getattr(columns, "columns", None)
    return table, None if labels is None else list(map(str, labels))


def _names(names: Sequence[str] | None, given: list[str] | None, count: int) -> list[str]:
    if names is None:
        return given or (["x"] if count == 1 else [f"x_{k}" for k in range(count)])
    if isinstance(names, str) or not all(isinstance(name, str) and name for name in names):
        raise TypeError(f"names must be a list of strings, one per column, got {names!r}; write ['x']")
    if len(names) != count or len(set(names)) != count:
        raise ValueError(
            f"names must hold {count} different names, one per column, got {list(names)}; name each "
            "column once"
        )
    return list(names)


def _interval(x: Tensor, name: str, lower: float | None, upper: float | None) -> tuple[float, float]:
    smallest, largest = float(x.min()), float(x.max())
    low = smallest if lower is None else _number(lower, "lower")
    high = largest if upper is None else _number(upper, "upper")
    if not low < high:
        raise ValueError(
            f"lower must be below upper for {name}, got {low:g} and {high:g}; give an interval that its "
            "numbers lie in"
        )
    if smallest < low or largest > high:
        outside = smallest if smallest < low else largest
        raise ValueError(
            f"columns must lie within the interval from {low:g} to {high:g}, got {outside:g} in {name}; "
            "widen lower and upper, or leave them out"
        )
    return low, high


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number, got {value!r} ({type(value).__name__}); write 0.0")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}; leave it out for the end of the column")
    return float(value)


def _inner_knots(knots: int | Sequence[float], x: Tensor, name: str, low: float, high: float) -> Tensor:
    if hasattr(knots, "__index__") and not isinstance(knots, Tensor):
        inner = quantiles(x, check_size(knots, "knots", minimum=0))
        source = f"the quantiles of {name}"
        advice = "ask for fewer, or give their positions"
    else:
        listed = as_float_tensor(knots, "knots").to(torch.float64)
        inner = check_finite(listed.reshape(-1), "knots")
        source, advice = "the given ones", "give positions between the ends, each once, in ascending order"
    steps = torch.cat([inner.new_tensor([low]), inner, inner.new_tensor([high])]).diff()
    if not bool((steps > 0).all()):
        shown = ", ".join(f"{knot:g}" for knot in inner.tolist()[:8])
        raise ValueError(
            f"knots must increase strictly between {low:g} and {high:g}, got {shown} from {source}; {advice}"
        )
    return inner
