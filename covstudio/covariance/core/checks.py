"""Checks of constructor arguments shared by structures: sizes, numbers, times, flags, literal matrices."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable

import torch
from torch import Tensor

#: A message about rows of the same time names so many times, and so many rows of each.
_SHOWN_TIMES = 2
_SHOWN_ROWS = 3


def check_dtype(value: object) -> torch.dtype | None:
    """A floating point dtype, or None.

    Raises:
        TypeError: `value` is neither.

    Example:
        >>> check_dtype(torch.float64)
        torch.float64
    """
    if value is None or (isinstance(value, torch.dtype) and value.is_floating_point):
        return value
    raise TypeError(f"dtype must be a floating point torch.dtype, got {value!r}; use torch.float64")


def check_size(value: object, name: str = "n", minimum: int = 1, reason: str = "") -> int:
    """A size as an int.

    Args:
        value: What the caller gave.
        name: The argument's name, for the message.
        minimum: The smallest size that makes sense.
        reason: Why there is a minimum above 1, for the message.

    Raises:
        TypeError: `value` is not a whole number (a bool is not).
        ValueError: `value` is below `minimum`.

    Example:
        >>> check_size(3)
        3
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(
            f"{name} must be an int, got {value!r} ({type(value).__name__}); write a whole number such as 4"
        )
    try:
        size = operator.index(value)
    except TypeError:
        raise TypeError(
            f"{name} must be an int, got {value!r} ({type(value).__name__}); write a whole number such as 4"
        ) from None
    if size < minimum:
        because = f" ({reason})" if reason else ""
        raise ValueError(f"{name} must be at least {minimum}{because}, got {size}; give a larger {name}")
    return size


def check_correlated_size(value: object, of: str = "rows") -> int:
    """The size of a matrix with a correlation in it, which needs two rows.

    Args:
        value: What the caller gave for n.
        of: What the rows are, for the message.

    Raises:
        TypeError: `value` is not a whole number.
        ValueError: `value` is below 2.

    Example:
        >>> check_correlated_size(2)
        2
    """
    return check_size(value, minimum=2, reason=f"a correlation needs two {of}")


def check_rectangle(n: object, m: object) -> tuple[int, int]:
    """The rows and the columns of a matrix that is square where its columns are left out.

    Args:
        n: What the caller gave for the rows.
        m: What the caller gave for the columns; None for n.

    Raises:
        TypeError: One of them is not a whole number.
        ValueError: One of them is below 1.

    Example:
        >>> check_rectangle(3, None)
        (3, 3)
    """
    rows = check_size(n)
    return rows, rows if m is None else check_size(m, "m")


def as_float_tensor(values: object, name: str) -> Tensor:
    """Turn lists, tuples, numpy arrays, pandas Series or tensors of numbers into a floating point tensor.

    A tensor or an array of floats keeps its precision; everything else becomes float64, so that no digit of a
    literal is lost.

    Args:
        values: The numbers.
        name: The argument's name, for the message.

    Returns:
        A detached tensor of any dimension.

    Raises:
        TypeError: the values are not real numbers, or a sparse tensor.
        ValueError: rows have different lengths.
    """
    if isinstance(values, Tensor):
        tensor = values.detach()
    elif isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
        raise TypeError(
            f"{name} must hold numbers, got {values!r} ({type(values).__name__}); pass a list or a tensor"
        )
    else:
        plain = values.to_numpy() if hasattr(values, "to_numpy") else values
        plain = plain.tolist() if hasattr(plain, "tolist") else plain
        precision = torch.float32 if str(getattr(values, "dtype", "")) == "float32" else torch.float64
        try:
            tensor = torch.tensor(plain, dtype=precision)
        except (TypeError, RuntimeError, ValueError) as error:
            if str(error).startswith("expected sequence of length"):
                raise ValueError(
                    f"{name} must be a vector or a rectangular table of numbers, got rows of different "
                    f"length: {_some(plain)}; complete the short rows"
                ) from None
            raise TypeError(
                f"{name} must hold numbers only, got {_some(plain)}; convert its labels or dates first"
            ) from None
    if tensor.layout != torch.strided:
        raise TypeError(f"{name} must be a dense tensor, got a sparse one; write {name}.to_dense()")
    if tensor.dtype.is_complex:
        raise TypeError(f"{name} must hold real numbers, got {tensor.dtype}; take its real part")
    return tensor if tensor.dtype.is_floating_point else tensor.to(torch.float64)


def check_finite(tensor: Tensor, name: str) -> Tensor:
    """The tensor if all its entries are finite.

    Raises:
        ValueError: Naming the first entry that is not, and how many there are.
    """
    bad = ~torch.isfinite(tensor)
    if bool(bad.any()):
        where = [int(i) for i in bad.nonzero()[0]]
        value = float(tensor[tuple(where)])
        place = where[0] if len(where) == 1 else tuple(where)
        raise ValueError(
            f"{name} must be finite everywhere, got {value} at {place} ({int(bad.sum())} such in all); "
            "remove or complete those entries"
        )
    return tensor


def check_coordinates(values: object, name: str) -> Tensor:
    """One numeric coordinate per row as a float64 vector.

    Raises:
        TypeError: the values are not numbers.
        ValueError: they are not one non-empty vector of finite numbers.
    """
    tensor = as_float_tensor(values, name).to(torch.float64)
    if tensor.ndim != 1 or tensor.numel() == 0:
        raise ValueError(
            f"{name} must be one vector of numbers, one per row, got shape {tuple(tensor.shape)}; "
            "pass a single column"
        )
    return check_finite(tensor, name)


def check_flag(value: object, name: str, label: str) -> bool:
    """A flag; anything but True and False is refused."""
    if not isinstance(value, bool):
        raise TypeError(f"{label}: {name} must be True or False, got {value!r}; write one of them")
    return value


def check_different_times(times: Tensor) -> None:
    """Refuse the times of a process where rows share one.

    Args:
        times: Finite numbers, shape (n,).

    Raises:
        ValueError: two rows are of the same time, with the first such rows.

    Example:
        >>> check_different_times(torch.tensor([0.0, 2.0, 2.0]))
        Traceback (most recent call last):
            ...
        ValueError: times must differ between rows, got 2 in rows 1 and 2 (rows are counted from 0): ...
    """
    values, group, counts = torch.unique(times, return_inverse=True, return_counts=True)
    shared = (counts > 1).nonzero()[:, 0].tolist()
    if not shared:
        return
    shown = " and ".join(
        f"{float(values[k]) + 0.0:.15g} in rows {_rows((group == k).nonzero()[:, 0].tolist())}"
        for k in shared[:_SHOWN_TIMES]
    )
    more = len(shared) - _SHOWN_TIMES
    rest = f", and {more} more such time{'s' * (more > 1)}" if more > 0 else ""
    raise ValueError(
        f"times must differ between rows, got {shown}{rest} (rows are counted from 0): rows of one time have "
        "one value of the process, and V would be singular; give each row a time of its own, or pass "
        "shared_times=True where several units, such as subjects, are measured at the same times"
    )


def _rows(rows: list[int]) -> str:
    if len(rows) > _SHOWN_ROWS:
        return f"{', '.join(map(str, rows[:_SHOWN_ROWS]))}, ... ({len(rows)} rows)"
    return f"{', '.join(map(str, rows[:-1]))} and {rows[-1]}"


def check_covariance(values: object, name: str) -> Tensor:
    """A literal matrix that is square, finite, symmetric and positive semi-definite up to rounding.

    Asymmetry and negative eigenvalues up to rounding (64 n eps times the largest entry) are accepted, the
    former averaged away.

    Raises:
        TypeError: the entries are not numbers.
        ValueError: any of the properties fails, with the entry or the eigenvalue that shows it.
    """
    tensor = check_finite(as_float_tensor(values, name), name)
    if tensor.ndim != 2 or tensor.shape[0] != tensor.shape[1] or tensor.numel() == 0:
        raise ValueError(
            f"{name} must be a square matrix, got shape {tuple(tensor.shape)}; give n rows of n numbers"
        )
    size = tensor.shape[0]
    scale = float(tensor.abs().max())
    tolerance = 64 * size * torch.finfo(tensor.dtype).eps * scale
    gap = (tensor - tensor.T).abs()
    if float(gap.max()) > tolerance:
        i, j = divmod(int(gap.argmax()), size)
        raise ValueError(
            f"{name} must be symmetric, got {name}[{i},{j}] = {float(tensor[i, j])} but "
            f"{name}[{j},{i}] = {float(tensor[j, i])}; correct one of them"
        )
    symmetric = (tensor + tensor.T) / 2
    # Cholesky of the matrix lifted by the tolerance is a quick test; eigenvalues are found for the message.
    lifted = symmetric.to(torch.float64) + max(tolerance, 1e-300) * torch.eye(size, dtype=torch.float64)
    if int(torch.linalg.cholesky_ex(lifted.cpu()).info) != 0:
        smallest = float(torch.linalg.eigvalsh(symmetric.to(torch.float64).cpu())[0])
        raise ValueError(
            f"{name} must be positive semi-definite, got a smallest eigenvalue of {smallest:.6g}; "
            f"it is not a covariance matrix: check its entries, or take nearest({name}).matrix, bend or "
            "blend, which say what they change"
        )
    return symmetric


def check_indices(values: object, name: str) -> tuple[int, ...]:
    """Positions counted from 0, each given once.

    Args:
        values: A list, tuple, range, 1-D tensor or array of whole numbers.
        name: The argument's name, for the message.

    Raises:
        TypeError: the values are not whole numbers.
        ValueError: there are none, one is negative, or one is given twice.

    Example:
        >>> check_indices([2, 0], "index")
        (2, 0)
    """
    plain = values.tolist() if hasattr(values, "tolist") else values
    if isinstance(plain, (str, bytes)) or not isinstance(plain, Iterable):
        raise TypeError(f"{name} must list positions counted from 0, got {_some(values)}; write [0, 2]")
    listed = list(plain)
    if not listed:
        raise ValueError(f"{name} must list at least one position counted from 0, got none; write [0, 2]")
    for position in listed:
        if isinstance(position, bool) or not hasattr(position, "__index__"):
            raise TypeError(
                f"{name} must hold whole numbers, positions counted from 0, got {position!r} "
                f"({type(position).__name__}); write [0, 2]"
            )
    positions = tuple(map(operator.index, listed))
    if min(positions) < 0:
        raise ValueError(
            f"{name} must hold positions counted from 0, got {min(positions)}; count from the first row"
        )
    repeated = [position for position, times in Counter(positions).items() if times > 1]
    if repeated:
        raise ValueError(
            f"{name} must hold each position once, got {repeated[0]} {positions.count(repeated[0])} times; "
            "to repeat a row, put CovariancePropagation with a DummyMatrix in its place"
        )
    return positions


def _some(values: object) -> str:
    text = repr(values)
    return text if len(text) <= 60 else text[:57] + "..."
