"""Predictions at new rows with random effects: by the covariance of new rows with those of the fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from covstudio.covariance import Matrix, linalg
from covstudio.data.errors import DesignError, listed
from covstudio.data.frames import table_of
from covstudio.data.rows import complete_rows
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.build.used_columns import used_columns
from covstudio.document.model.document import Document
from covstudio.reml import Inference
from covstudio.reml.inference.terms import predictable_terms
from covstudio.reml.terms.outer import Term, outer_terms

__all__ = ["RandomPart", "random_part"]

#: V of the old rows is the same beside new ones, but for rounding.
SAME = 1e-9
#: Rows named in a message.
MOST = 6


@dataclass(frozen=True, eq=False)
class RandomPart:
    """The random part of m new rows.

    Attributes:
        covariance: with the n rows of the fit, (m, n).
        variance: (m,).
        rest: variances of what is not predicted, the errors of observations among it, (m,).
        kept: which of the rows given have all that is needed.
        notes: the rows of which a term knows nothing.
    """

    covariance: Tensor
    variance: Tensor
    rest: Tensor
    kept: np.ndarray
    notes: tuple[str, ...]


def random_part(
    document: Document,
    table: Table,
    inference: Inference,
    new: Table,
    terms: Sequence[str] | None = None,
    refuse_new: bool = False,
    observation: bool = False,
) -> RandomPart:
    """Covariances of new rows with those of a fit, from V built over both.

    Args:
        document: the model.
        table: the data of the fit.
        inference: of the fit.
        new: the other rows, with all columns of V.
        terms: those of V that count; None for all but independent errors; empty for none.
        refuse_new: whether a row is refused of which a term knows nothing.
        observation: whether the variances of the other terms are wanted, too.

    Raises:
        DesignError: a term or a column is not there, V over both cannot be built, or a row is refused.
    """
    v, fit = inference.v, inference.fit
    chosen = _chosen(inference, terms, observation)
    needed = [name for name in used_columns(document) if name != document.response]
    if absent := [name for name in needed if name not in new.frame.columns]:
        it = "it" if len(absent) == 1 else "them"
        raise DesignError(
            f"The random part of new rows needs all columns of the model, and {listed(absent)} "
            f"{'is' if it == 'it' else 'are'} not among theirs. Add {it}, or leave out random= and "
            "observation= to predict the fixed part alone."
        )
    complete = complete_rows(new, needed)
    n, m = fit.n, complete.table.n
    built = build(document, _both(table, complete.table, document))
    wider = built.v
    if wider is None or wider.shape[0] != n + m:
        said = " ".join(dict.fromkeys(problem.message for problem in built.problems))
        raise DesignError(
            f"V cannot be built over the rows of the fit and the new ones together. {said}".strip()
        )
    old = {term.path or "V": term for term in outer_terms(v)}
    all_terms = {term.path or "V": term for term in outer_terms(wider)}
    natural = torch.tensor(list(fit.params.values()), dtype=torch.float64)
    if v.param_names != wider.param_names:
        raise DesignError(
            "With the new rows V has other parameters than in the fit: a level there has variances of its "
            "own. Predict rows with the levels of the fit, or leave out random= and observation=."
        )
    choice = torch.zeros((n + m, m + 1), dtype=torch.float64)
    choice[n:, :m] = torch.eye(m, dtype=torch.float64)
    choice[:n, m] = torch.linspace(-1.0, 1.0, n, dtype=torch.float64)
    covariance, variance = torch.zeros((m, n), dtype=torch.float64), torch.zeros(m, dtype=torch.float64)
    rest = torch.zeros(m, dtype=torch.float64)
    notes: list[str] = []
    for path in all_terms if observation else chosen:
        columns = _times(all_terms[path], natural, choice)
        probe = _times(old[path], natural, choice[:n, m:])
        if not float((columns[:n, m:] - probe).abs().max()) <= SAME * (1.0 + float(probe.abs().max())):
            others = [other for other in chosen if other != path]
            raise DesignError(
                f"{path} is another matrix when the new rows are added: it takes something, such as "
                "scales, knots or the order of levels, from all rows. "
                f"Leave it out: random={others}, without observation=."
            )
        cross, own = columns[:n, :m].mT, torch.diagonal(columns[n:, :m])
        if path not in chosen:
            rest += own
            continue
        unknown = ((cross.abs().amax(dim=1) == 0.0) & (own > 0.0)).nonzero().flatten()
        if len(unknown):
            rows = np.flatnonzero(complete.kept)[unknown.numpy()] + 1
            shown = ", ".join(map(str, rows[:MOST])) + (" ..." if len(rows) > MOST else "")
            which = f"row{'s' if len(rows) > 1 else ''} {shown}"
            if refuse_new:
                raise DesignError(
                    f"The fit knows nothing of {path} in {which} of the new rows: a level that it has no "
                    "effect of. Leave the rows out, or say new_levels='zero'."
                )
            notes.append(
                f"the fit has no effect of {path} for {which}: 0, its variance in the standard error"
            )
        covariance += cross
        variance += own
    return RandomPart(covariance, variance, rest, complete.kept, tuple(notes))


def _chosen(inference: Inference, terms: Sequence[str] | None, observation: bool) -> list[str]:
    """Paths of the terms that count."""
    known = list(predictable_terms(inference._binding))
    if terms is None:
        return known
    if not terms and not observation:
        raise DesignError(
            "random= names no term. Name some of V, say random=True for all that can be predicted, or "
            "False for the fixed part alone."
        )
    for path in terms:
        if path not in known:
            raise DesignError(
                f"random names {path!r}, and the terms of V that can be predicted are "
                f"{listed(known) or 'none'}. Name some of these, or say random=True for all."
            )
    return list(dict.fromkeys(terms))


def _times(term: Term, natural: Tensor, b: Tensor) -> Tensor:
    own = natural[term.span.start : term.span.stop]
    with torch.no_grad():
        if isinstance(term.operand, Matrix):
            return linalg.matmul(term.operand, own, b)
        return torch.as_tensor(term.operand, dtype=torch.float64) @ b


def _both(table: Table, new: Table, document: Document) -> Table:
    """The rows of a fit, and new ones below; levels keep their order, new ones come last."""
    columns = {}
    for name in table.frame.columns:
        old = table.frame[name]
        if name in new.frame.columns and name != document.response:
            added = new.frame[name]
        elif name == document.response:
            # V does not depend on the response, but a row without one is no row of a model.
            added = pd.Series([old.dropna().iloc[0]] * new.n)
        else:
            added = pd.Series([None] * new.n, dtype=object)
        if pd.api.types.is_numeric_dtype(old.dtype) and not isinstance(old.dtype, pd.CategoricalDtype):
            columns[name] = pd.concat([old, pd.to_numeric(added, errors="coerce")], ignore_index=True)
            if columns[name].iloc[len(old) :].isna().sum() > added.isna().sum():
                raise DesignError(f"{name} holds numbers in the data of the fit, and text in the new rows.")
            continue
        labels = new.labels(name) if name in new.frame.columns and name != document.response else list(added)
        order = list(dict.fromkeys([*table.levels(name), *(one for one in labels if one is not None)]))
        whole = [*table.labels(name), *labels]
        columns[name] = pd.Series(pd.Categorical(whole, categories=order))
    return table_of(pd.DataFrame(columns), table.name)
