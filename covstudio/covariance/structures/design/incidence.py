"""Design matrices of factors: the incidence of rows on the levels of one or more crossed factors."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import Argument, declare
from covstudio.covariance.core.checks import check_dtype
from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.linalg.compositions import JOINER
from covstudio.covariance.structures.design.combinations import (
    flat_codes,
    kept_codes,
    labels_of_code,
    positions_of,
)
from covstudio.covariance.structures.design.labels import (
    Label,
    check_columns,
    checked_factors,
    filled,
    labels_of_rows,
    levels_of,
    put_in_order,
)

_SHOWN = 8


@declare(
    title="Factor design",
    category="Design",
    formula=r"Z_{ij} = \mathbb{1}\{\text{row } i \text{ has the } j\text{-th combination of levels}\}",
    symbol="Z",
    keywords=("incidence", "dummy", "indicator"),
    node="Design",
    summary="Indicator columns of one factor, or of the combinations of several, with column names.",
    arguments=(
        Argument("factors", "factors", "Factors", "One or more columns of labels; several are crossed"),
        Argument("drop_first", "flag", "Drop the first column", "Leave the first column out", default=False),
        Argument(
            "drop_empty_cols",
            "flag",
            "Drop empty columns",
            "Leave out combinations that no row has, as when one factor is nested in another",
            default=False,
            # A block numbered anew in every replicate counts once for each replicate.
            form_default=True,
        ),
        Argument(
            "evenly_spaced",
            "indices",
            "Fill gaps of factors",
            "Factors, counted from 0, whose numbers or dates get a column for every equal step between; left "
            "out, those over which a series of equally spaced positions runs",
            optional=True,
        ),
        Argument(
            "ordered",
            "indices",
            "Put factors in order",
            "Factors, counted from 0, whose levels come in the order of their numbers or dates; left out, "
            "those over which positions in an order run, such as those of an antedependence",
            optional=True,
        ),
        Argument(
            "close_gaps",
            "flag",
            "Levels are neighbours",
            "Levels count as neighbours at equal steps, whatever numbers or dates are missing between them",
            default=False,
        ),
    ),
    aliases={
        "torch-openreml": ("DummyMatrix",),
        "R": ("model.matrix(~ f - 1)", "model.matrix(~ f:g - 1)"),
        "patsy, formulaic": ("C(f) - 1",),
        "scikit-learn": ("OneHotEncoder",),
        "pandas": ("get_dummies",),
    },
    usage={
        "R": "model.matrix(~ f - 1)",
        "patsy, formulaic": "C(f) - 1",
        "pandas": "get_dummies(f)",
        "lme4": "(1 | f)",
    },
    reference="Searle, Casella & McCulloch (1992), Variance Components, chapter 6",
    psd=False,
    example=lambda: DummyMatrix(["a", "b", "c", "a"], ["x", "y", "x", "y"]),
)
class DummyMatrix(Matrix):
    r"""Incidence of factors: :math:`Z_{ij} = 1` where row i has the j-th combination of levels, else 0.

    It has no parameters. One column per combination of the factors' levels:

    - `lex_order=True`: sorted by the first factor, then the second, and so on, the last varying fastest;
    - `lex_order=False`: in the order of `levels` where they are given (the last factor varying fastest);
      else in the order in which the combinations first appear in the rows, followed by those that never do.

    Factors nested in one another, such as blocks labelled anew within each replicate, give columns without a
    row wherever a combination does not occur: `drop_empty_cols` leaves them out. Empty columns go before
    the first one.

    Where an autoregression, or any other structure of equally spaced positions, runs over levels that are
    numbers or dates with gaps, such as days 1 to 6 and 10, `evenly_spaced` gives the steps between a column
    too (of zeros: no row has them), so that day 10 is four steps from day 6. Without it
    `CovariancePropagation` warns; `close_gaps` says that the levels are neighbours.

    Where only the order of levels counts, as in an antedependence, `ordered` takes it from the numbers in
    them: "Week 10" comes after "Week 2", which is not so in the order of texts.

    Attributes:
        codes: Column of each row's 1, an int64 tensor of shape (n,); -1 for a row of zeros.
        colnames: Name of each column: its levels, joined with U+22C8 (the bowtie).
        levels: The levels of each factor, in the order of the columns.

    Args:
        *factors: One or more lists, tuples or pandas Series of labels, each of length n. The labels of one
            factor must be of one kind, so that they can be sorted.
        levels: The levels of each factor, one list per factor. None takes the sorted unique labels.
        lex_order: Whether the columns are sorted.
        drop_first: Leave out the first column, as for a factor beside an intercept.
        drop_empty_cols: Leave out the columns that no row has. Of an evenly spaced factor all stay, for those
            combinations of the other factors that rows have.
        evenly_spaced: Factors, counted from 0, whose levels are put in order and filled up to equal steps
            (see `evenly_spaced_levels`).
        ordered: Factors, counted from 0, whose levels are put in the order of the numbers or dates that they
            read as, whatever `lex_order` says.
        close_gaps: Levels that skip numbers or dates are neighbours all the same: nobody is to warn of it.
        dtype: Floating point dtype of the matrix; None for that of the computation it takes part in.
        device: Device of the matrix; None for that of the computation it takes part in.

    Raises:
        TypeError: a factor is not a sequence of labels, or `dtype` is not a floating point one.
        ValueError: no factor is given, they are empty or of different lengths, a label is missing,
            `levels` does not fit the factors, labels of one factor cannot be sorted, no column is left, or
            an evenly spaced or ordered factor has levels that are neither numbers nor dates, or an evenly
            spaced one has no common step.

    Warns:
        RuntimeWarning: rows have a combination that is not among the levels: they are zero.

    Example:
        >>> from covstudio.covariance import DummyMatrix
        >>> z = DummyMatrix(["a", "b", "c", "a"])
        >>> z()
        tensor([[1., 0., 0.],
                [0., 1., 0.],
                [0., 0., 1.],
                [1., 0., 0.]])
        >>> z.colnames
        ['a', 'b', 'c']
        >>> DummyMatrix([1, 1, 2], ["x", "y", "y"], drop_empty_cols=True).colnames
        ['1⋈x', '1⋈y', '2⋈y']
        >>> DummyMatrix([1, 2, 5, 1], evenly_spaced=[0]).colnames
        ['1', '2', '3', '4', '5']

    Reference:
        Searle, Casella & McCulloch (1992), Variance Components, chapter 6 (Z of the mixed model).
    """

    def __init__(
        self,
        *factors: Sequence[Label] | Iterable[Label],
        levels: Sequence[Sequence[Label]] | None = None,
        lex_order: bool = True,
        drop_first: bool = False,
        drop_empty_cols: bool = False,
        evenly_spaced: Sequence[int] | None = None,
        ordered: Sequence[int] | None = None,
        close_gaps: bool = False,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        check_dtype(dtype)
        read = [labels_of_rows(factor, f"factor {k}") for k, factor in enumerate(factors)]
        columns = [labels for labels, _ in read]
        check_columns(columns)
        every = levels_of([different for _, different in read], levels, lex_order)
        spaced = checked_factors(evenly_spaced or (), len(columns), "evenly_spaced")
        sorted_ones = checked_factors(ordered or (), len(columns), "ordered")
        for k in spaced:
            every[k] = filled(every[k], k)
        for k in sorted_ones:
            every[k] = put_in_order(every[k], k)
        self.levels = tuple(tuple(one) for one in every)
        self.close_gaps = bool(close_gaps)
        #: The factors whose levels stand in the order of their texts, which nobody has said.
        self.as_texts = frozenset(
            k
            for k, one in enumerate(self.levels)
            if lex_order and k not in (*spaced, *sorted_ones) and all(isinstance(level, str) for level in one)
        )
        flat = flat_codes(columns, every)
        if levels is not None:
            _warn_of_unknown(columns, flat.tolist(), every)
        ranked = lex_order or levels is not None or bool(spaced or sorted_ones)
        kept = kept_codes(flat, every, ranked=ranked, drop_empty=drop_empty_cols, whole=spaced)
        kept = kept[1:] if drop_first else kept
        if not kept:
            raise ValueError(
                f"DummyMatrix must keep at least one column, got none of {math.prod(map(len, every))} "
                f"(drop_first={drop_first}, drop_empty_cols={drop_empty_cols}); give a factor of two or more "
                "levels, or drop less"
            )
        ranked = ranked and len(kept) == math.prod(map(len, every))
        #: The levels of factors of which every combination has its column, in order; else None.
        self.crossed: tuple[tuple[Label, ...], ...] | None = self.levels if ranked else None
        if len(every) == 1:
            own = [every[0][code] for code in kept]
            self.crossed = (tuple(own),)
            self.colnames = [str(level) for level in own]
        else:
            self.colnames = [JOINER.join(map(str, labels_of_code(code, every))) for code in kept]
        if kept != list(range(math.prod(map(len, every)))):
            flat = positions_of(flat.tolist(), kept)
        self.codes = torch.from_numpy(flat).to(device)
        rows = (self.codes >= 0).nonzero()[:, 0]
        #: Where the ones stand in Z, counted along its rows.
        self._ones = rows * len(kept) + self.codes[rows]
        self._dtype, self._device = dtype, None if device is None else self.codes.device
        super().__init__((len(flat), len(kept)), {})

    @property
    def repr_dict(self) -> dict[str, Any]:
        """What the string representation shows, with the first column names."""
        shown = ", ".join(self.colnames[:_SHOWN]) + (", ..." if len(self.colnames) > _SHOWN else "")
        return {**super().repr_dict, "columns": shown}

    def evaluate(self, natural: Tensor) -> Tensor:
        """Z, shape (n, q); `natural` is empty and tells the dtype and device left open."""
        device = natural.device if self._device is None else self._device
        dtype = natural.dtype if self._dtype is None else self._dtype
        z = torch.zeros(self.shape, dtype=dtype, device=device)
        z.view(-1).index_fill_(0, self._ones.to(device), 1.0)
        return z

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """The empty Jacobian, shape (0, n, q)."""
        return natural.new_zeros((len(index), *self.shape))


@linalg.column_names.register(DummyMatrix)
def _(matrix: DummyMatrix) -> tuple[str, ...]:
    return tuple(matrix.colnames)


@linalg.crossed_levels.register(DummyMatrix)
def _(matrix: DummyMatrix) -> tuple[linalg.FactorLevels, ...] | None:
    if matrix.crossed is None:
        return None
    return tuple(
        linalg.FactorLevels(levels, matrix.close_gaps, k in matrix.as_texts)
        for k, levels in enumerate(matrix.crossed)
    )


def _warn_of_unknown(columns: list[list[Label]], flat: list[int], levels: list[list[Label]]) -> None:
    if min(flat) >= 0:
        return
    unknown = [row for row, code in enumerate(flat) if code < 0]
    names = list(dict.fromkeys(JOINER.join(str(column[row]) for column in columns) for row in unknown))
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    hint = ""
    for k, (column, one) in enumerate(zip(columns, levels, strict=True)):
        kinds = {type(label).__name__ for label in column}, {type(label).__name__ for label in one}
        if not kinds[0] & kinds[1]:
            hint += (
                f" (factor {k} holds {'/'.join(sorted(kinds[0]))}, its levels {'/'.join(sorted(kinds[1]))})"
            )
    warnings.warn(
        f"{len(unknown)} of {len(flat)} rows have a combination that is not among the levels: {shown}{hint}; "
        "their rows of the matrix are zero. Add the level, or drop the rows",
        RuntimeWarning,
        stacklevel=3,
    )
