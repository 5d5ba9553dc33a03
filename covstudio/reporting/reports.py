"""A fit as one page of HTML, or as a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

from covstudio.arguments import checked
from covstudio.estimate.files import dumps
from covstudio.fitting import Fitted
from covstudio.reporting.blocks import Formula, Section
from covstudio.reporting.content import PICTURES, sections
from covstudio.reporting.notebook import notebook
from covstudio.reporting.page import page

__all__ = ["FORMATS", "Report", "report"]

#: What a report is written as, by the end of the file's name.
FORMATS = {".html": "html", ".htm": "html", ".ipynb": "notebook"}


class Report:
    """A report on a fit; `report` makes one.

    Args:
        found: the fit.
        title: its heading.
        under: what stands below it.
        parts: its sections.
    """

    def __init__(self, found: Fitted, title: str, under: Sequence[str], parts: Sequence[Section]) -> None:
        self.found, self.title, self.under, self.sections = found, title, tuple(under), tuple(parts)

    @property
    def latex(self) -> str:
        """V with its values as LaTeX."""
        return next(
            block.equation.latex
            for part in self.sections
            for block in part.blocks
            if isinstance(block, Formula)
        )

    @cached_property
    def html(self) -> str:
        """One page without scripts, which needs nothing from elsewhere: for screens and for paper."""
        return page(self.title, self.under, self.sections)

    @cached_property
    def notebook(self) -> str:
        """A notebook that holds the fit, and makes its tables and pictures again; JSON of nbformat 4.5."""
        found = self.found
        # How long it took is the one thing that another fit of the same model has otherwise.
        history = tuple(replace(step, seconds=0.0) for step in found.fit.history)
        timeless = replace(found.estimate, fit=replace(found.fit, seconds=0.0, history=history))
        saved = dumps(timeless, found.document, found.table, found.notes, found.versions or None)
        return notebook(self.title, self.under, self.sections, saved)

    @checked
    def save(self, path: str | PathLike[str]) -> None:
        """Write the report.

        Args:
            path: of a file that ends in .html or .ipynb.

        Raises:
            ValueError: it ends otherwise.
            OSError: the file cannot be written.
        """
        form = FORMATS.get(Path(path).suffix.casefold())
        if form is None:
            raise ValueError(
                "A report is a page or a notebook: give a file that ends in .html or .ipynb; got "
                f"{str(path)!r}."
            )
        Path(path).write_text(self.html if form == "html" else self.notebook, encoding="utf-8")

    def __repr__(self) -> str:
        return (
            f"Report {self.title!r}: {', '.join(part.title for part in self.sections)}; .save('report.html')"
        )


@checked(own=("found",))
def report(
    found: Fitted,
    *,
    title: str | None = None,
    comparison: Any = None,
    pictures: Sequence[str] = PICTURES,
    date: str = "",
    program: bool = True,
) -> Report:
    """A report on a fit: data, tree and formula of V, estimates, tests, means, pictures, versions, program.

    The same fit gives the same bytes.

    Args:
        found: a fit by `covstudio.fit`, or one that was read from a file.
        title: its heading; None for the title of the model.
        comparison: how the model was chosen: a DataFrame, or what has one as its `table`.
        pictures: kinds of pictures as `found.plot` has them; what this fit has not is left out.
        date: what to say of the day, such as "30 November 2026"; nothing by default.
        program: whether the program of the model stands at the end.

    Raises:
        TypeError: `found` is no such fit, or `comparison` no table.
        ValueError: there is no picture of that name.

    Example:
        >>> from covstudio import fit
        >>> from covstudio.data import load_example
        >>> found = fit("yield ~ rep + (1 | gen) + (1 | rep:block)", load_example("john_alpha"))
        >>> made = report(found, title="Oats", pictures=["qq"])
        >>> made
        Report 'Oats': In short, Data, Model, ..., Program; .save('report.html')
        >>> made.html.count("<script"), made.html.count("<svg xmlns")
        (0, 1)
    """
    if not isinstance(found, Fitted):
        raise TypeError(
            f"A report is of a fit with its model and table, as covstudio.fit gives for a formula; got "
            f"{type(found).__name__}."
        )
    if isinstance(pictures, str):
        pictures = (pictures,)
    unknown = [kind for kind in pictures if kind not in found.plot.kinds]
    if unknown:
        known = ", ".join(map(repr, found.plot.kinds))
        raise ValueError(f"There is no picture of a fit {unknown[0]!r}. There are {known}.")
    under = [f"{found.table.name}, {found.fit.n:,} rows, {found.method}", *([date] if date else [])]
    parts = sections(found, comparison, pictures, program)
    return Report(found, title or found.document.title, under, parts)
