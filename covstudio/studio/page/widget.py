"""The studio as a widget: in a notebook, or as a part of somebody else's Panel app."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import panel as pn
import param
import torch
from torch import Tensor

from covstudio.covariance import Matrix
from covstudio.data.tables import Table
from covstudio.document.build.of_matrix import document_of
from covstudio.document.changes.all import ReplaceDocument, SetParameters
from covstudio.document.model.document import Document
from covstudio.plots.drawing import in_notebook
from covstudio.studio.page.page import Page
from covstudio.studio.session.event_loop import adopt_loop
from covstudio.studio.session.store import Store

#: Pixels.
HEIGHT = 720


class Studio(pn.viewable.Viewer):
    """The whole studio on a model, with values that follow the page and move it.

    Args:
        model: a `Document`, or a `Matrix` of the catalogue (see `document_of`); an empty model when left out.
        table: the table whose rows are the rows of V: a `Table`, or a pandas DataFrame.
        theta: RAW values of the free parameters of a matrix, shape (m,).
        height: of the widget, in pixels.

    Attributes:
        document: the model; setting it is one step that Undo takes back.
        matrix: V as it is built now, or None while the model is not complete; setting it replaces the model.
        theta: RAW values of the free parameters of V, float64 of shape (m,); setting it moves the sliders.
        fit: the latest fit (`covstudio.estimate.Estimate`), or None.

    Raises:
        NotADocument: the matrix is none that a document can stand for.

    Example:
        >>> from covstudio import Studio
        >>> from covstudio.covariance import AR1Matrix, ScalarMatrix, Sum
        >>> studio = Studio(Sum(trend=AR1Matrix(4), noise=ScalarMatrix(4)))
        >>> studio.matrix.param_names
        ['trend/sigma^2', 'trend/rho', 'noise/sigma^2']
        >>> studio.theta = torch.tensor([0.0, 1.0, -1.0])
        >>> [round(value, 3) for value in studio.document.nodes["n2"].values.values()]
        [1.0, 0.462]
        >>> studio.close()
    """

    document = param.ClassSelector(class_=Document, doc="the model")
    matrix = param.ClassSelector(class_=Matrix, doc="V, or None while the model is not complete")
    theta = param.Parameter(doc="raw values of the free parameters of V, a float64 tensor")
    fit = param.Parameter(doc="the latest fit, or None")
    height = param.Integer(default=HEIGHT, bounds=(320, None), doc="pixels")

    def __init__(
        self,
        model: Document | Matrix | None = None,
        table: Any = None,
        theta: Tensor | None = None,
        **params: Any,
    ) -> None:
        if _in_notebook():
            adopt_loop()
        if table is not None and not isinstance(table, Table):
            columns = {str(name): table[name].tolist() for name in table.columns}
            table = Table.from_columns(columns, "table")
        if isinstance(model, Matrix):
            model = document_of(model, theta, table)
        document = model or Document()
        if table is not None and document.data_name is None:
            document = replace(document, data_name=table.name)
        self._store = Store(document, () if table is None else (table,))
        self._following = False
        super().__init__(**params)
        self._page = Page(self._store)
        self._page.root.param.update(sizing_mode="stretch_width", height=self.height)
        self._follow()
        self._store.param.watch(lambda *_: self._follow(), ["version", "settled", "estimate"])
        self.param.watch(self._asked, ["document", "matrix", "theta"])
        self.param.watch(lambda event: self._page.root.param.update(height=event.new), "height")

    def __panel__(self) -> Any:
        return self._page.root

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        """What a notebook shows; Panel's scripts come from this machine, if its author has loaded none."""
        if _in_notebook() and not pn.extension._loaded:
            pn.extension(inline=True)
        return super()._repr_mimebundle_(include, exclude)

    @property
    def table(self) -> Table | None:
        """The table that the model uses, or None."""
        return self._store.table

    def close(self) -> None:
        """End what the widget has under way; nothing is drawn after that."""
        self._page.close()

    @contextmanager
    def _follows(self) -> Iterator[None]:
        self._following = True
        try:
            yield
        finally:
            self._following = False

    def _follow(self) -> None:
        """Take over what the page shows now."""
        store = self._store
        with self._follows():
            self.param.update(
                document=store.document, matrix=store.build.v, theta=_raw(store), fit=store.estimate
            )

    def _asked(self, *events: Any) -> None:
        """Do what somebody has set."""
        if self._following:
            return
        for event in events:
            if event.name == "theta":
                self._move(event.new)
            elif event.name == "matrix":
                document = document_of(event.new, None, self.table, self._store.document.title)
                self._store.dispatch(ReplaceDocument(document))
            else:
                self._store.dispatch(ReplaceDocument(event.new))
        self._follow()

    def _move(self, theta: Any) -> None:
        free = [ref for ref in self._store.parameters() if not ref.fixed]
        raw = torch.as_tensor(theta, dtype=torch.float64)
        if raw.shape != (len(free),):
            self._follow()
            raise ValueError(f"expected theta of shape ({len(free)},), got {tuple(raw.shape)}.")
        values = {
            (ref.node_id, ref.name): float(ref.transform(value)) for ref, value in zip(free, raw, strict=True)
        }
        self._store.dispatch(SetParameters(values, label="Set theta"))


def _in_notebook() -> bool:
    """Whether the code of a notebook runs: there is a kernel, and no session of a server."""
    return pn.state.curdoc is None and in_notebook()


def _raw(store: Store) -> Tensor:
    free = (ref for ref in store.parameters() if not ref.fixed)
    raw = [float(ref.transform.inverse(torch.tensor(ref.natural, dtype=torch.float64))) for ref in free]
    return torch.tensor(raw, dtype=torch.float64)


def explore(v: Matrix, theta: Tensor | None = None, table: Any = None, height: int = HEIGHT) -> Studio:
    """The studio with a matrix in it, its picture and slices in front: for looking, more than for drawing.

    Args:
        v: a structure of the catalogue, or operators of them, with m free parameters.
        theta: RAW values, shape (m,); the defaults when left out.
        table: the table whose rows are the rows of V, for the names along the axes.
        height: in pixels.

    Returns:
        A `Studio`, whose `theta` follows the sliders.

    Example:
        >>> from covstudio import explore
        >>> from covstudio.covariance import AR1Matrix
        >>> explore(AR1Matrix(5)).theta
        tensor([0., 0.], dtype=torch.float64)
    """
    studio = Studio(v, table, theta, height=height)
    studio._page.frame.open_tab("matrix")
    return studio
