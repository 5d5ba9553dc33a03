"""V itself, and its derivatives by every parameter, as heatmaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

from covstudio.covariance.core.letters import parameter_label
from covstudio.plots.picture import MATRIX_PICTURES, Numbers, Picture
from covstudio.plots.raster import Mode, as_read, has_correlations
from covstudio.plots.subject import Array, Subject

if TYPE_CHECKING:
    import pandas as pd

    from covstudio.plots.sheet import Sheet

__all__ = ["slices", "value"]

#: Slices that one picture shows at most.
SLICES = 12
_READ = {"value": "covariance", "correlation": "correlation", "log": "log₁₀ |value|"}


def value(subject: Subject, read: Mode = "value") -> Numbers:
    """The entries of a matrix.

    Args:
        subject: the matrix.
        read: "value"; "correlation"; or "log", the decimal logarithms of magnitudes.

    Returns:
        A frame with the names of rows and columns; NaN where there is nothing to show, such as the logarithm
        of 0.

    Raises:
        ValueError: a matrix that is not square, or has no positive diagonal, has no correlations.
    """
    if read not in get_args(Mode):
        raise ValueError(f"read must be one of {', '.join(map(repr, get_args(Mode)))}, and is {read!r}.")
    entries = subject.value
    if read == "correlation" and not has_correlations(entries):
        raise ValueError(
            f"{subject.name} has no correlations: it is not square, or its diagonal is not positive."
        )
    words = _READ[read] if subject.square else _READ[read].replace("covariance", "value")
    title = subject.name if read == "value" else f"{words} of {subject.name}"
    return Numbers(
        _framed(subject, as_read(entries, read)),
        title,
        {"row": "row", "column": "column", "value": words},
        more={"read": read, "named": (subject.rows is not None, subject.columns is not None)},
    )


def slices(subject: Subject, parameters: Sequence[str] | None = None) -> Numbers:
    """The derivatives of a matrix by natural values of its parameters.

    Args:
        subject: the matrix.
        parameters: paths; None for all.

    Returns:
        A frame with the path of the parameter and the row as index.

    Raises:
        ValueError: there is no such parameter, or there are none at all.
    """
    import pandas as pd

    paths = subject.matrix.param_names
    wanted = list(paths) if parameters is None else list(parameters)
    unknown = [path for path in wanted if path not in paths]
    if unknown or not wanted:
        raise ValueError(
            f"{subject.name} has no parameter {unknown[0]!r}; it has {', '.join(paths[:12])}."
            if unknown
            else f"{subject.name} has no parameters, so there are no derivatives."
        )
    shown = wanted[:SLICES]
    notes = () if len(shown) == len(wanted) else (f"{len(shown)} of {len(wanted)} parameters",)
    index = [paths.index(path) for path in shown]
    frames = [_framed(subject, one) for one in subject.slices(index)]
    return Numbers(
        pd.concat(frames, keys=shown, names=["parameter", "row"]),
        f"Derivatives of {subject.name}",
        {"row": "row", "column": "column", "value": "change of V per unit"},
        notes,
        {"named": (subject.rows is not None, subject.columns is not None)},
    )


def derivative_label(path: str) -> str:
    """A derivative by its symbol and the node it belongs to.

    Example:
        >>> derivative_label("field/row/rho"), derivative_label("sigma^2")
        ('∂V/∂ρ of field/row', '∂V/∂σ²')
    """
    owner, _, name = path.rpartition("/")
    return f"∂V/∂{parameter_label(name)}{f' of {owner}' if owner else ''}"


def _framed(subject: Subject, entries: Array) -> pd.DataFrame:
    import pandas as pd

    n, m = entries.shape
    rows = pd.Index(subject.rows or range(n), name="row")
    columns = pd.Index(subject.columns or range(m), name="column")
    return pd.DataFrame(entries, index=rows, columns=columns)


def _draw_value(numbers: Numbers, sheet: Sheet) -> Any:
    return sheet.heatmap(numbers.frame, numbers.heading, numbers.labels, **numbers.more)


def _draw_slices(numbers: Numbers, sheet: Sheet) -> Any:
    frame = numbers.frame
    maps = [
        sheet.small.heatmap(
            frame.loc[path], derivative_label(path), {**numbers.labels, "value": ""}, **numbers.more
        )
        for path in dict.fromkeys(frame.index.get_level_values("parameter"))
    ]
    return sheet.beside(maps, numbers.heading)


MATRIX_PICTURES.register(
    Picture("V", "the entries, as covariances, correlations or orders of magnitude", value, _draw_value, 1)
)
MATRIX_PICTURES.register(
    Picture("slices", "the derivatives by natural values of the parameters", slices, _draw_slices, 2)
)
