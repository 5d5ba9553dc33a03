"""V itself, and its derivatives by every parameter, as heatmaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

from covstudio.covariance import linalg
from covstudio.covariance.core.letters import parameter_label
from covstudio.plots.block_means import Blocks
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
        of 0. A matrix that is too large to be written out is cut into blocks of as many rows as columns, and
        the frame has their means, where products with the matrix are cheap.

    Raises:
        ValueError: a matrix that is not square, or has no positive diagonal, has no correlations.
    """
    if read not in get_args(Mode):
        raise ValueError(f"read must be one of {', '.join(map(repr, get_args(Mode)))}, and is {read!r}.")
    blocks = Blocks.of(subject.matrix.shape) if subject.only_multiplied() else None
    if blocks is not None:
        means = subject.means(blocks, read == "correlation")
        entries = means if read == "correlation" else as_read(means, read)
    else:
        entries = subject.value
        if read == "correlation" and not has_correlations(entries):
            raise subject.no_correlations()
        entries = as_read(entries, read)
    words = _READ[read] if subject.square else _READ[read].replace("covariance", "value")
    title = subject.name if read == "value" else f"{words} of {subject.name}"
    return Numbers(
        _framed(subject, entries, blocks),
        title,
        {**_axes(blocks), "value": words},
        () if blocks is None else (blocks.note,),
        {"read": read, **_drawing(subject, blocks)},
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
            else f"parameters names none; {subject.name} has {', '.join(paths[:12])}."
            if paths
            else f"{subject.name} has no parameters, so there are no derivatives."
        )
    shown = wanted[:SLICES]
    notes = () if len(shown) == len(wanted) else (f"{len(shown)} of {len(wanted)} parameters",)
    index = [paths.index(path) for path in shown]
    blocks = None
    if subject.only_multiplied(len(index)) and linalg.derivative_matmul.is_cheap(subject.matrix):
        blocks = Blocks.of(subject.matrix.shape)
        notes = (*notes, blocks.note)
    written = subject.slices(index) if blocks is None else subject.slice_means(index, blocks)
    frames = [_framed(subject, one, blocks) for one in written]
    return Numbers(
        pd.concat(frames, keys=shown, names=["parameter", "row"]),
        f"Derivatives of {subject.name}",
        {**_axes(blocks), "value": "change of V per unit"},
        notes,
        _drawing(subject, blocks),
    )


def derivative_label(path: str) -> str:
    """A derivative by its symbol and the node it belongs to.

    Example:
        >>> derivative_label("field/row/rho"), derivative_label("sigma^2")
        ('∂V/∂ρ of field/row', '∂V/∂σ²')
    """
    owner, _, name = path.rpartition("/")
    return f"∂V/∂{parameter_label(name)}{f' of {owner}' if owner else ''}"


def _axes(blocks: Blocks | None) -> dict[str, str]:
    """What is written along the axes."""
    of = "" if blocks is None else f", {blocks.size:,} in a cell"
    return {"row": f"row{of}", "column": f"column{of}"}


def _drawing(subject: Subject, blocks: Blocks | None) -> dict[str, Any]:
    """What the drawing is told of rows and columns."""
    if blocks is None:
        return {"named": (subject.rows is not None, subject.columns is not None)}
    return {"blocks": blocks}


def _framed(subject: Subject, entries: Array, blocks: Blocks | None = None) -> pd.DataFrame:
    import pandas as pd

    n, m = entries.shape
    if blocks is None:
        of_rows: Sequence[str | int] = subject.rows or range(n)
        of_columns: Sequence[str | int] = subject.columns or range(m)
    else:
        of_rows, of_columns = blocks.names(0, subject.rows), blocks.names(1, subject.columns)
    rows, columns = pd.Index(of_rows, name="row"), pd.Index(of_columns, name="column")
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
