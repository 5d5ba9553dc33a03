"""Design matrices of factors: the incidence of rows on the levels of one or more crossed factors."""

from __future__ import annotations

import math
import operator
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import Argument, declare
from covstudio.covariance.core.checks import check_dtype
from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.linalg.compositions import JOINER
from covstudio.covariance.structures.design.positions import UnevenLevels, grid_of, shown_levels

#: The most combinations of levels laid out when empty ones are kept.
MAX_COLUMNS = 1_000_000

Label = Any
_SHOWN = 8


@declare(
    title="Incidence of factors",
    category="Design",
    formula=r"Z_{ij} = \mathbb{1}\{\text{row } i \text{ has the } j\text{-th combination of levels}\}",
    symbol="Z",
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
        close_gaps: Levels that skip numbers or dates are neighbours all the same: nobody is to warn of it.
        dtype: Floating point dtype of the matrix; None for that of the computation it takes part in.
        device: Device of the matrix; None for that of the computation it takes part in.

    Raises:
        TypeError: a factor is not a sequence of labels, or `dtype` is not a floating point one.
        ValueError: no factor is given, they are empty or of different lengths, a label is missing,
            `levels` does not fit the factors, labels of one factor cannot be sorted, no column is left, or
            an evenly spaced factor has levels that are neither numbers nor dates, or have no common step.

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
        close_gaps: bool = False,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        check_dtype(dtype)
        read = [_labels(factor, f"factor {k}") for k, factor in enumerate(factors)]
        columns = [labels for labels, _ in read]
        _check_columns(columns)
        ordered = _levels([different for _, different in read], levels, lex_order)
        spaced = _checked_factors(evenly_spaced or (), len(columns))
        for k in spaced:
            ordered[k] = _filled(ordered[k], k)
        self.levels = tuple(tuple(one) for one in ordered)
        self.close_gaps = bool(close_gaps)
        flat = _flat_codes(columns, ordered)
        if levels is not None:
            _warn_of_unknown(columns, flat.tolist(), ordered)
        ranked = lex_order or levels is not None or bool(spaced)
        kept = _kept_codes(flat, ordered, ranked=ranked, drop_empty=drop_empty_cols, whole=spaced)
        kept = kept[1:] if drop_first else kept
        if not kept:
            raise ValueError(
                f"DummyMatrix must keep at least one column, got none of {math.prod(map(len, ordered))} "
                f"(drop_first={drop_first}, drop_empty_cols={drop_empty_cols}); give a factor of two or more "
                "levels, or drop less"
            )
        ranked = ranked and len(kept) == math.prod(map(len, ordered))
        #: The levels of factors of which every combination has its column, in order; else None.
        self.crossed: tuple[tuple[Label, ...], ...] | None = self.levels if ranked else None
        if len(ordered) == 1:
            own = [ordered[0][code] for code in kept]
            self.crossed = (tuple(own),)
            self.colnames = [str(level) for level in own]
        else:
            self.colnames = [JOINER.join(map(str, _labels_of(code, ordered))) for code in kept]
        if kept != list(range(math.prod(map(len, ordered)))):
            flat = _positions_of(flat.tolist(), kept)
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
    return tuple(linalg.FactorLevels(levels, matrix.close_gaps) for levels in matrix.crossed)


def _checked_factors(places: object, count: int) -> tuple[int, ...]:
    """The factors that are to be evenly spaced, each once."""
    if isinstance(places, (str, bytes)) or not isinstance(places, Iterable):
        raise TypeError(f"evenly_spaced must be a list of factors counted from 0, got {places!r}; write [0]")
    found = list(places)
    for place in found:
        if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < count:
            raise ValueError(
                f"evenly_spaced must name factors from 0 to {count - 1}, got {place!r}; count them from 0"
            )
    return tuple(dict.fromkeys(found))


def _filled(levels: list[Label], k: int) -> list[Label]:
    """The levels of a factor in order and filled up to equal steps."""
    try:
        grid = grid_of(levels)
    except UnevenLevels as error:
        raise ValueError(
            f"factor {k} must have levels at equal steps: {error}; leave it out of evenly_spaced, and use a "
            "structure of times, which takes any distances"
        ) from None
    if grid is None:
        raise ValueError(
            f"factor {k} must have numbers or dates as levels to be evenly spaced, each place once, got "
            f"{shown_levels(levels)}; leave it out of evenly_spaced"
        )
    return list(grid.levels)


def _labels(values: object, name: str) -> tuple[list[Label], list[Label]]:
    """One factor's labels as plain Python objects, none missing, and the different ones in their order."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable) or isinstance(values, dict):
        raise TypeError(
            f"{name} must be a list, tuple or Series of labels, one per row, got {values!r} "
            f"({type(values).__name__}); wrap it in a list"
        )
    labels = list(values.tolist()) if hasattr(values, "tolist") else list(values)
    try:
        # A label is what it is in whichever row: most columns have few different ones.
        different = dict.fromkeys(labels)
        if None not in different and all(map(operator.eq, different, different)):
            return labels, list(different)
    except TypeError:
        # Labels that cannot be told apart by hashing, or compared, are looked at one by one.
        pass
    missing = [row for row, label in enumerate(labels) if _is_missing(label)]
    if missing:
        shown = ", ".join(str(row) for row in missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise ValueError(
            f"{name} must have a label in every row, got {len(missing)} missing (rows {shown}, from 0 on); "
            "drop those rows or fill them in"
        )
    for row, label in enumerate(labels):
        if isinstance(label, (list, dict, set)):
            raise ValueError(
                f"{name} must be one column of labels, got {label!r} in row {row}; pass columns one by one"
            )
    return labels, list(dict.fromkeys(labels))


def _is_missing(label: Label) -> bool:
    """Tell None, NaN, NaT and pandas.NA, without pandas: the latter three are not equal to themselves."""
    if label is None:
        return True
    try:
        return bool(label != label)
    except TypeError:
        return True


def _check_columns(columns: list[list[Label]]) -> None:
    if not columns:
        raise ValueError("DummyMatrix must have at least one factor, got none; pass a list of labels")
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        raise ValueError(
            f"the factors must be of one length, got {', '.join(map(str, lengths))}; "
            "take them from the same rows"
        )
    if lengths[0] == 0:
        raise ValueError("the factors must have at least one row, got none; pass the labels of your rows")


def _levels(different: list[list[Label]], given: object, lex_order: bool) -> list[list[Label]]:
    """The levels of each factor in the order their columns take."""
    levels = different if given is None else _given_levels(given, len(different))
    return [_sorted(one, f"factor {k}") for k, one in enumerate(levels)] if lex_order else levels


def _given_levels(levels: object, count: int) -> list[list[Label]]:
    if isinstance(levels, (str, bytes, dict)) or not isinstance(levels, Iterable):
        raise TypeError(
            f"levels must be one list of levels per factor, got {levels!r}; write levels=[['a', 'b']]"
        )
    given = list(levels)
    if any(isinstance(one, (str, bytes)) or not isinstance(one, Iterable) for one in given):
        raise TypeError(
            f"levels must be one list of levels per factor, got {given!r}; write levels=[{given!r}]"
        )
    if len(given) != count:
        raise ValueError(
            f"levels must hold one list per factor, {count} in all, got {len(given)}; "
            "give each factor its levels"
        )
    checked = [_labels(one, f"levels of factor {k}")[0] for k, one in enumerate(given)]
    for k, one in enumerate(checked):
        repeated = [str(label) for label, times in Counter(one).items() if times > 1]
        if repeated or not one:
            what = f"{', '.join(repeated)} more than once" if repeated else "none"
            raise ValueError(
                f"levels of factor {k} must be different labels, got {what}; list each level once"
            )
    return checked


class _Positions(dict[Label, int]):
    """The position of each level; -1 for any other label."""

    def __missing__(self, label: Label) -> int:
        return -1


def _positions_of(labels: list[Label], levels: list[Label]) -> NDArray[np.int64]:
    """Where each label stands among the levels, -1 where it does not."""
    positions = _Positions(zip(levels, range(len(levels)), strict=True))
    return np.fromiter(map(positions.__getitem__, labels), dtype=np.int64, count=len(labels))


def _flat_codes(columns: list[list[Label]], levels: list[list[Label]]) -> NDArray[Any]:
    """Each row's combination as one number, the last factor varying fastest; -1 where not listed."""
    flat: NDArray[Any] = _positions_of(columns[0], levels[0])
    if math.prod(map(len, levels)) > np.iinfo(np.int64).max:
        # Only numbers of any length tell so many combinations apart.
        flat = flat.astype(object)
    for column, one in zip(columns[1:], levels[1:], strict=True):
        codes = _positions_of(column, one)
        flat = np.where((flat < 0) | (codes < 0), -1, flat * len(one) + codes)
    return flat


def _kept_codes(
    flat: NDArray[Any],
    levels: list[list[Label]],
    *,
    ranked: bool,
    drop_empty: bool,
    whole: tuple[int, ...] = (),
) -> list[int]:
    """The combinations that get a column: sorted, or in the order in which rows first have them.

    Of the factors in `whole` every level is kept, for combinations of the others that rows have.
    """
    if drop_empty and whole:
        sizes = [len(one) for one in levels]
        rows = np.stack(np.unravel_index(flat[flat >= 0].astype(np.int64), sizes), axis=1)
        rows[:, list(whole)] = 0
        kept = {tuple(row) for row in rows.tolist()}
        for k in whole:
            kept = {(*row[:k], place, *row[k + 1 :]) for row in kept for place in range(sizes[k])}
        if len(kept) > MAX_COLUMNS:
            raise ValueError(
                f"the factors must have at most {MAX_COLUMNS} combinations of levels, got {len(kept)}; "
                "make fewer factors evenly spaced"
            )
        return [int(code) for code in np.ravel_multi_index(np.array(sorted(kept)).T, sizes)]
    every = [] if drop_empty else _every_code(levels)
    if ranked and not drop_empty:
        return every
    present = [code for code in dict.fromkeys(flat.tolist()) if code >= 0]
    return sorted(present) if ranked else list(dict.fromkeys([*present, *every]))


def _labels_of(code: int, levels: list[list[Label]]) -> list[Label]:
    labels = []
    for one in reversed(levels):
        code, position = divmod(code, len(one))
        labels.append(one[position])
    return labels[::-1]


def _every_code(levels: list[list[Label]]) -> list[int]:
    count = math.prod(len(one) for one in levels)
    if count > MAX_COLUMNS:
        raise ValueError(
            f"the factors must have at most {MAX_COLUMNS} combinations of levels, got {count}; "
            "use drop_empty_cols=True to keep only those that occur"
        )
    return list(range(count))


def _sorted(labels: Iterable[Label], name: str) -> list[Label]:
    unsorted = list(labels)
    try:
        return sorted(unsorted)
    except TypeError:
        kinds = sorted({type(label).__name__ for label in unsorted})
        raise ValueError(
            f"{name} must have labels of one kind to be sorted, got {' and '.join(kinds)}; "
            "turn them all into str"
        ) from None


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
