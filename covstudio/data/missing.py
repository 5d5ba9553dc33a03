"""Spellings of "no value", and numbers and labels that may be a code for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

#: Spellings of "no value" that are rarely a label.
MISSING = frozenset({"", "NA", "N/A", "#N/A", "NaN", "nan", "NAN", "n/a", "NULL", "null", "<NA>"})
#: What a spreadsheet writes where a formula failed; in the languages of Excel that differ.
ERRORS = frozenset(
    {"#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#GETTING_DATA"}
    | {"#WERT!", "#BEZUG!", "#ZAHL!", "#NV", "#VALEUR!", "#NOM?", "#NOMBRE!", "#¡VALOR!", "#¿NOMBRE?"}
)
#: Spellings that could be labels ("None" is a treatment, "-" a marker genotype), and mean "no value" only
#: among numbers: "*" is GenStat's and ASReml's, "." that of SAS, "-nan" what C prints.
MISSING_AMONG_NUMBERS = MISSING | {
    *(".", "*", "-", "--", "---", "?", "_", "na", "Na", "N.A.", "n.a.", "NaT", "-nan", "-NaN", "1.#QNAN"),
    *("None", "none", "missing", "Missing", "k.A.", "k. A.", "\u2013", "\u2014", "\u2212"),
}
#: Labels that are seldom the name of a level.
_ODD_LABELS = frozenset(
    {".", "*", "**", "-", "--", "---", "?", "??", "_", "na", "Na", "N.A.", "n.a.", "NaT", "nd", "n.d."}
    | {
        "k.A.",
        "k. A.",
        "keine Angabe",
        "missing",
        "Missing",
        "MISSING",
        "fehlt",
        "fehlend",
        "\u2013",
        "\u2014",
    }
    | {"-9", "-99", "-999", "-9999", "999", "9999", "99999"}
)
_SIGNS = frozenset({"+", "-", "\u2013", "\u2212"})

#: Numbers that stand for "no value" in many files, "refused", "does not apply" and "not asked" included.
_CODES = frozenset(
    sign * float(digit * times)
    for sign in (1, -1)
    for digit in "789"
    for times in range(1, 7)
    if not (digit != "9" and times == 1 and sign == 1)
) | {-97.0, -98.0, 97.0, 98.0, 997.0, 998.0, -997.0, -998.0, 9997.0, 9998.0, -9998.0, -9999.9, -99.9, -999.9}
_CODES |= {
    -999.99,
    999.9,
    -99.99,
    99.99,
    999.99,
    -1e30,
    1e30,
    -1e34,
    1e20,
    -2147483648.0,
    2147483647.0,
    -32768.0,
    32767.0,
}
_FAR = 1e19
_APART = 2.0


def suspected_codes(values: Iterable[float]) -> tuple[float, ...]:
    """Numbers of a column that may be a code for "no value".

    Suspected are numbers that are used as such codes (9, 99, -99, 999, ...), lie at an end of what the column
    holds, and lie farther from the rest than any two neighbours among the rest do.

    Args:
        values: the numbers that occur, missing ones left out.

    Returns:
        The suspects, in order; none where the column is too short to tell.

    Example:
        >>> suspected_codes([4.1, 3.9, -99, 4.0, 4.2]), suspected_codes([1, 2, 3, 4, 5, 9])
        ((-99.0,), (9.0,))
        >>> suspected_codes([96, 97, 98, 99, 100]), suspected_codes([0, 0.5, 10, 99])
        ((), (99.0,))
    """
    numbers = np.array(values if isinstance(values, np.ndarray) else list(values), dtype=np.float64)
    if not numbers.size or _CODES.isdisjoint((float(numbers.min()), float(numbers.max()))):
        return ()
    present = sorted(set(numbers.tolist()))
    low, high = 0, len(present)
    while low < high and present[low] in _CODES:
        low += 1
    while low < high and present[high - 1] in _CODES:
        high -= 1
    found = [*_apart(present, 0, low, high), *_apart(present, high, low, high)]
    return tuple(sorted(found))


def _apart(present: Sequence[float], end: int, low: int, high: int) -> Sequence[float]:
    """The codes below `low` or from `high` on that lie apart from what is between."""
    codes = present[:low] if end == 0 else present[high:]
    rest = present[low:high]
    while codes and rest:
        step = max((b - a for a, b in pairwise(rest)), default=0.0)
        gap = rest[0] - codes[-1] if end == 0 else codes[0] - rest[-1]
        few = len(rest) < 2 and max(map(abs, codes)) < 90
        # 7 and 8 come beside 9: "refused" and "does not know" where another code says "not asked".
        nines = any(code < 0 or "9" in f"{code:g}" or code > _FAR for code in codes)
        if gap >= _APART * step and nines and not few:
            return codes
        # The code next to the rest is one of the rest; those beyond it may be codes still.
        rest = [codes[-1], *rest] if end == 0 else [*rest, codes[0]]
        codes = codes[:-1] if end == 0 else codes[1:]
    return ()


def suspected_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Labels of a column that may be a code for "no value", such as "." (SAS) and "*" (GenStat, ASReml).

    Example:
        >>> suspected_labels(["A", ".", "B"]), suspected_labels(["+", "-"]), suspected_labels(["a", "None"])
        (('.',), (), ())
    """
    distinct = list(dict.fromkeys(labels))
    found = [text for text in distinct if text in _ODD_LABELS]
    signs = "+" in distinct and set(distinct) <= {"+"} | _SIGNS  # marker genotypes, say
    return () if signs or len(found) == len(distinct) else tuple(found)
