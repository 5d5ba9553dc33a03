"""`fit.plot`: pictures of a fit, and the numbers behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from covstudio.arguments import checked
from covstudio.covariance import Matrix
from covstudio.data.frames import Frame, table_of
from covstudio.data.tables import Table
from covstudio.plots.drawing import drawn, drawn_svg, options_of
from covstudio.plots.fitted import FittedModel
from covstudio.plots.of_matrix import matrix_numbers
from covstudio.plots.picture import FIT_PICTURES, MATRIX_PICTURES, Numbers, Picture
from covstudio.plots.style import Theme
from covstudio.plots.svg import Svg
from covstudio.reml import Fit, Inference

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FitPlots", "plots_of_fit", "plots_of_inference", "plots_of_model"]


class FitPlots:
    """Pictures of a fit: `found.plot("residuals")`, `found.plot("field")`, `found.plot("V")`.

    Args:
        model: the fit, and what is known beside it.

    Example:
        >>> from covstudio import fit
        >>> from covstudio.data import load_example
        >>> found = fit("yield ~ rep + (1 | gen)", load_example("john_alpha"))
        >>> found.plot.kinds[:6]
        ('residuals', 'qq', 'factor', 'field', 'variogram', 'correlogram')
        >>> found.plot.data("caterpillar").round(3).loc[[0, 23], ["level", "blup"]].values.tolist()
        [['G03', -0.887], ['G01', 0.533]]
    """

    def __init__(self, model: FittedModel) -> None:
        self._model = model

    @property
    def kinds(self) -> tuple[str, ...]:
        """What there are pictures of: those of the fit, then those of V at the estimates."""
        own = FIT_PICTURES.names()
        return (*own, *(name for name in MATRIX_PICTURES.names() if name not in own))

    @checked
    def __call__(
        self,
        kind: str = "residuals",
        *,
        theme: Theme | None = None,
        width: int = 480,
        height: int = 320,
        **options: Any,
    ) -> Any:
        """A picture of the fit.

        Args:
            kind: "residuals", "qq", "factor" (`by=`), "field" (`row=`, `column=`, `within=`), "variogram" and
                "correlogram" (`along=`, `within=`, `straight=`, `reach=`), "caterpillar" (`term=`, `level=`),
                "profile" (`parameters=`, `level=`), "contour" (`first=`, `second=`, `count=`, `others=`),
                "subjects" (`by=`, `x=`); or of V at the estimates "V", "slices", "spectrum", "row", "draws",
                as `v.plot` has them.
            theme: "light" or "dark"; None for the one of `covstudio.plots.style.set_theme`.
            width: in pixels, without axes.
            height: likewise, where the kind does not decide it.
            **options: of the kind. Beside a fit alone, `v` and `x`, what was fitted, and beside a fit without
                a table `frame`, its rows.

        Returns:
            A HoloViews object.

        Raises:
            ValueError: there is no such kind or option, or the fit alone does not tell enough.
        """
        picture, numbers = self._numbers(kind, options)
        return drawn(picture, numbers, theme, width, height)

    @checked
    def svg(
        self,
        kind: str = "residuals",
        *,
        theme: Theme | None = "light",
        width: int = 480,
        height: int = 320,
        **options: Any,
    ) -> Svg:
        """A picture of the fit as SVG, which needs no server: `str(found.plot.svg("qq"))` is a document.

        Args:
            kind: what a call takes.
            theme: "light" or "dark"; None for the colours of the page that it will stand in.
            width: in pixels, without axes.
            height: likewise.
            **options: what a call takes.

        Returns:
            The picture; `str` of it is the document.

        Raises:
            ValueError: there is no such kind or option, or the fit alone does not tell enough.
        """
        picture, numbers = self._numbers(kind, options)
        return drawn_svg(picture, numbers, theme, width, height)

    @checked
    def data(self, kind: str = "residuals", **options: Any) -> pd.DataFrame:
        """The numbers behind a picture; arguments are those of the picture."""
        return self._numbers(kind, options)[1].frame

    def _numbers(self, kind: str, options: dict[str, Any]) -> tuple[Picture, Numbers]:
        model, rest = self._with(**options)
        if kind in FIT_PICTURES.names():
            picture = FIT_PICTURES[kind]
            return picture, checked(picture.numbers)(model, **options_of(picture, rest))
        if kind not in self.kinds:
            known = ", ".join(map(repr, self.kinds))
            raise ValueError(f"There is no picture of a fit {kind!r}. There are {known}.")
        return MATRIX_PICTURES[kind], _of_v(model, kind, rest)

    def _with(
        self, v: Matrix | None = None, x: Any = None, frame: Frame | None = None, **options: Any
    ) -> tuple[FittedModel, dict[str, Any]]:
        """The fit with what stands in the options beside it."""
        model = self._model
        told, table = model.told, model.table
        if v is not None and told is None:
            design = np.ones((model.fit.n, 1)) if x is None else x
            told = Inference(model.fit, v, model.y, design)
        elif x is not None:
            options["x"] = x
        if frame is not None:
            table = table_of(frame)
            if table.n != model.fit.n:
                raise ValueError(f"frame must have the {model.fit.n} rows of the fit, and has {table.n}.")
        return FittedModel(model.fit, told, table, model.response, model.row_numbers), options

    def __repr__(self) -> str:
        return f"Pictures of a fit of {self._model.fit.n:,} rows: {', '.join(map(repr, self.kinds))}"


def _of_v(model: FittedModel, kind: str, options: dict[str, Any]) -> Numbers:
    """The numbers of a picture of V at the estimates, its rows called by the factors of the table."""
    layout = model.layout() if kind == "draws" else None
    if layout is not None and not options.get("part"):
        options.setdefault("places", {name: model.numbers(name) for name in layout})
    options.setdefault("rows", model.row_names())
    return matrix_numbers(model.v, None, kind, values=model.fit.params, **options)


def plots_of_fit(fit: Fit) -> FitPlots:
    """Pictures of a fit alone."""
    return FitPlots(FittedModel(fit))


def plots_of_inference(told: Inference) -> FitPlots:
    """Pictures of a fit with its model and data."""
    return FitPlots(FittedModel(told.fit, told))


def plots_of_model(
    told: Inference, table: Table, response: str, row_numbers: NDArray[np.int64] | None = None
) -> FitPlots:
    """Pictures of a fit with its model and the rows that were used, called by these numbers."""
    return FitPlots(FittedModel(told.fit, told, table, response or "response", row_numbers))
