"""One line from a formula and a table to a fit, by the road that documents take."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from covstudio.arguments import checked
from covstudio.covariance import Matrix
from covstudio.data.design import Design, Response
from covstudio.data.errors import TableError
from covstudio.data.frames import Frame, table_of
from covstudio.document.model.document import check_method
from covstudio.estimate import estimate, files
from covstudio.fitted import Fitted
from covstudio.formula import Reading, read
from covstudio.reml import Fit
from covstudio.reml import fit as fit_matrix
from covstudio.threads import blas_threads

__all__ = ["Fitted", "fit", "read_fit"]


@checked
def read_fit(source: str | PathLike[str] | bytes) -> Fitted:
    """A fit that `Fitted.save` has saved; nothing is fitted again.

    Args:
        source: the path of the file, or its content.

    Returns:
        The fit with the numbers it had, its model and its table; what is asked of it is computed as ever.

    Raises:
        FitFileError: the file is no saved fit, or of a later version.
        OSError: the file cannot be read.
    """
    try:
        content = source if isinstance(source, bytes) else Path(source).read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no file {str(source)!r}. Check the path of the fit.") from None
    kept = files.reads(content)
    return Fitted(kept.estimate, kept.document, kept.table, kept.notes, kept.versions)


@checked(own=("formula",))
def fit(
    formula: str | Matrix,
    frame: Frame | Response | Tensor | Any,
    design: Design | Tensor | Any = None,
    *,
    method: str | None = None,
    dialect: str | None = None,
    matrices: Mapping[str, Any] | None = None,
    known: Mapping[str, Any] | None = None,
    errors: Any = None,
    **texts: str | None,
) -> Fitted | Fit:
    """Fit a model that a formula of lme4, glmmTMB, nlme, ASReml or SAS describes to a table.

    Args:
        formula: such as "yield ~ rep + (1 | gen)"; a whole call, such as "lmer(yield ~ rep + (1 | gen))"; or
            covstudio's own V.
        frame: a DataFrame, columns by name, a `Table` or the path of a file; beside a V, the response.
        design: beside a V, the design matrix of the fixed effects.
        method: "REML" or "ML"; by default what the system does: ML for glmmTMB, REML for all others.
        dialect: "lme4" (where nothing else is said, or a whole call says it), "glmmTMB", "nlme", "asreml" or
            "sas".
        matrices: second tables by the names that the formula has for them, such as K in `vm(gen, K)`: a
            pedigree, markers, a relationship matrix or its inverse, as a DataFrame (rows of a matrix named
            after the individuals), the path of a file, or a `covstudio.data.Relation`.
        known: group -> a second table with the relationships of its levels, such as `{"gen": K}` beside
            `(1 | gen)`.
        errors: what is known of the errors, in place of a residual variance that is estimated: the name of a
            column with their variances; or their covariance matrix, as a DataFrame whose rows are named as a
            column names the rows of the table, an array in the order of the rows, or the path of a file.
            Means of an earlier fit have one: see `covstudio.estimate.first_stage`.
        **texts: what the system takes beside the formula, as text: `random`, `correlation`, `weights`,
            `residual`, `dispformula`, `contrasts`.

    Returns:
        The fit with its names; `covstudio.reml.Fit` for a V.

    Raises:
        FormulaError: something in a formula is not read; the message has the word, its place and what would
            do.
        ModelError: the model cannot be fitted to these data.

    Example:
        >>> from covstudio import fit
        >>> from covstudio.data import load_example
        >>> found = fit("yield ~ rep + (1 | gen) + (1 | rep:block)", load_example("john_alpha"))
        >>> round(found.loglik, 4)
        -46.5969
        >>> found.fixed["effect"].tolist()
        ['(Intercept)', 'rep[R2]', 'rep[R3]']
    """
    if isinstance(formula, Matrix):
        told = {"dialect": dialect, "matrices": matrices, "known": known, "errors": errors, **texts}
        if beside := [name for name, one in told.items() if one is not None]:
            raise TypeError(f"{beside[0]}= goes with a formula, and what is fitted is a V. Leave it out.")
        return _of_matrix(formula, frame, design, "REML" if method is None else method)
    if not isinstance(formula, str):
        raise TypeError(f"A formula is text, or a V of covstudio's own; got {type(formula).__name__}.")
    if isinstance(design, str) and method is None:
        # fit(formula, frame, "ML"): what stands third beside a formula is the method.
        design, method = None, design
    if design is not None:
        raise TypeError("A formula has its design in it: give the formula and the table, and nothing third.")
    table = table_of(cast("Frame", frame))
    given: dict[str, Any] = {name: text for name, text in texts.items() if text is not None}
    with blas_threads(table.n):
        reading: Reading = read(
            formula,
            table,
            dialect=dialect,
            method=method,
            matrices=matrices,
            known=known,
            errors=errors,
            **given,
        )
        found = estimate(reading.document, table)
    asked = tuple(question.text for question in table.questions)
    notes = dict.fromkeys((*reading.notes, *found.notes, *asked))
    return Fitted(found, reading.document, table, tuple(notes))


def _of_matrix(v: Matrix, response: Any, design: Any, method: str) -> Fit:
    """The fit of covstudio's own V."""
    y = response.y if isinstance(response, Response) else _numbers(response)
    names = design.names if isinstance(design, Design) else getattr(design, "columns", None)
    if design is None:
        x = torch.ones(len(y), 1, dtype=torch.float64)
        names = ("(Intercept)",)
    else:
        x = design.x if isinstance(design, Design) else _numbers(design)
    if isinstance(design, Design) and design.offset is not None:
        y = y - design.offset
    return fit_matrix(
        v,
        y,
        x,
        method=check_method(method),
        x_names=None if names is None else tuple(map(str, names)),
    )


def _numbers(values: Any) -> Tensor:
    """Numbers of any kind as a float64 tensor."""
    try:
        plain = values.to_numpy() if hasattr(values, "to_numpy") else values
        return torch.as_tensor(plain, dtype=torch.float64)
    except (TypeError, ValueError) as error:
        raise TableError(
            f"Beside a V, response and design are numbers: tensors, arrays or frames. {error}"
        ) from None
