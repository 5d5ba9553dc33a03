"""`v.plot`: pictures of a matrix, and the numbers behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from covstudio.arguments import checked
from covstudio.covariance import Matrix
from covstudio.plots.drawing import drawn, drawn_svg, options_of
from covstudio.plots.picture import MATRIX_PICTURES, Numbers
from covstudio.plots.style import Theme
from covstudio.plots.subject import Subject
from covstudio.plots.svg import Svg

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MatrixPlots"]


class MatrixPlots:
    """Pictures of a matrix: `v.plot(theta)`, `v.plot(theta, "spectrum")`, `v.plot("row", row="G3")`.

    Args:
        matrix: a structure or an operator.

    Example:
        >>> import covstudio
        >>> from covstudio.covariance import AR1Matrix
        >>> v = AR1Matrix(3)
        >>> v.plot.kinds
        ('V', 'slices', 'spectrum', 'correlogram', 'row', 'draws')
        >>> v.plot.data("V", values={"rho": 0.5}).to_numpy()
        array([[1.  , 0.5 , 0.25],
               [0.5 , 1.  , 0.5 ],
               [0.25, 0.5 , 1.  ]])
    """

    def __init__(self, matrix: Matrix) -> None:
        self._matrix = matrix

    @property
    def kinds(self) -> tuple[str, ...]:
        """What there are pictures of."""
        return MATRIX_PICTURES.names()

    @checked
    def __call__(
        self,
        theta: Any = None,
        kind: str = "V",
        *,
        theme: Theme | None = None,
        width: int = 480,
        height: int = 320,
        **options: Any,
    ) -> Any:
        """A picture of the matrix.

        Args:
            theta: RAW values of the free parameters; None for the defaults. A text is taken for the kind.
            kind: "V", its entries (`read="correlation"` or `"log"`); "slices", its derivatives by natural
                values (`parameters=`); "spectrum"; "correlogram", against lag or distance; "row" (`row=`, a
                number or a name); "draws" (`count=`, `seed=`).
            theme: "light" or "dark"; None for the one of `covstudio.plots.style.set_theme`.
            width: in pixels, without axes.
            height: likewise, where the matrix does not decide it.
            **options: of the kind; and of all kinds: `values`, natural values by path, in place of those of
                theta; `part`, the path of a part, such as "genotype/g"; `rows`, names of the rows; `places`,
                where the rows stand, such as {"row": ..., "column": ...}.

        Returns:
            A HoloViews object.

        Raises:
            ValueError: there is no such kind, option, part or parameter, or the matrix is too large.
        """
        kind, numbers = self._numbers(theta, kind, options)
        return drawn(MATRIX_PICTURES[kind], numbers, theme, width, height)

    @checked
    def svg(
        self,
        theta: Any = None,
        kind: str = "V",
        *,
        theme: Theme | None = "light",
        width: int = 480,
        height: int = 320,
        **options: Any,
    ) -> Svg:
        """A picture of the matrix as SVG, which needs no server; arguments are those of the picture.

        Returns:
            The picture; `str` of it is the document.
        """
        kind, numbers = self._numbers(theta, kind, options)
        return drawn_svg(MATRIX_PICTURES[kind], numbers, theme, width, height)

    @checked
    def data(self, theta: Any = None, kind: str = "V", **options: Any) -> pd.DataFrame:
        """The numbers behind a picture; arguments are those of the picture."""
        return self._numbers(theta, kind, options)[1].frame

    def _numbers(self, theta: Any, kind: str, options: dict[str, Any]) -> tuple[str, Numbers]:
        if isinstance(theta, str):
            theta, kind = None, theta
        return kind, matrix_numbers(self._matrix, theta, kind, **options)

    def __repr__(self) -> str:
        return f"Pictures of a {type(self._matrix).__name__}: {', '.join(map(repr, self.kinds))}"


@checked(own=("matrix", "theta", "kind"))
def matrix_numbers(
    matrix: Matrix,
    theta: Any = None,
    kind: str = "V",
    *,
    values: Mapping[str, float] | None = None,
    rows: Sequence[Any] | None = None,
    places: Mapping[str, Any] | None = None,
    part: str | None = None,
    **options: Any,
) -> Numbers:
    """The numbers of a picture of a matrix; see `MatrixPlots`."""
    picture = MATRIX_PICTURES[kind]
    subject = Subject.of(matrix, theta, values, rows, places, part)
    return checked(picture.numbers)(subject, **options_of(picture, options))
