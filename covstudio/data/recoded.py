"""The design matrix under other contrasts."""

from __future__ import annotations

import numpy as np

from covstudio.data.choices import Contrasts
from covstudio.data.coded_columns import CodedColumns
from covstudio.data.coding import code_terms
from covstudio.data.design import Design
from covstudio.data.errors import DesignError
from covstudio.data.expressions import Floats

__all__ = ["factors_of", "recoded"]


def recoded(design: Design, contrasts: Contrasts) -> tuple[Floats, tuple[str, ...]]:
    """The design matrix with one kind of contrasts for all factors, whatever else is said of them.

    Args:
        design: made of a table.
        contrasts: which.

    Returns:
        X, and for each of its columns the term that it belongs to; "" for the intercept.

    Raises:
        DesignError: the design was put together by hand.

    Example:
        >>> from covstudio.data import design_matrix, load_example
        >>> x, terms = recoded(design_matrix(load_example("john_alpha"), "1 + rep"), "sum")
        >>> x[0].tolist(), terms
        ([1.0, 1.0, 0.0], ('', 'rep', 'rep'))
    """
    columns = _columns(design).coded(contrasts)
    formula = columns.formula
    found = [
        (np.ones(columns.table.n) if values is None else values, formula.name_of(block.term))
        for block in code_terms(formula, columns.factors)
        for _, values in columns.of(block)
    ]
    return np.stack([values for values, _ in found], axis=1), tuple(term for _, term in found)


def factors_of(design: Design) -> dict[str, tuple[str, ...]]:
    """The parts of a formula that are factors, each with its levels.

    Raises:
        DesignError: the design was put together by hand.

    Example:
        >>> from covstudio.data import design_matrix, load_example
        >>> factors_of(design_matrix(load_example("john_alpha"), "1 + rep"))
        {'rep': ('R1', 'R2', 'R3')}
    """
    return dict(_columns(design).factors)


def _columns(design: Design) -> CodedColumns:
    if design.source is None:
        raise DesignError("A design that was put together by hand knows no factors: make it of a table.")
    return CodedColumns(*design.source)
