"""What a parameter means: declared once per kind of parameter, with indices as letters."""

from __future__ import annotations

import re
from functools import lru_cache

from covstudio.covariance import Declaration


def meaning_key(declared: Declaration, parameter: str) -> str | None:
    """The declared name that stands for a parameter, or None where nothing is declared for it.

    Args:
        declared: the structure.
        parameter: a name such as "sigma^2" or "lambda_2_1".

    Example:
        >>> from types import SimpleNamespace
        >>> declared = SimpleNamespace(parameters={"sigma^2": "Variance.", "lambda_i_k": "Loading."})
        >>> [meaning_key(declared, name) for name in ("sigma^2", "lambda_2_1", "rho")]
        ['sigma^2', 'lambda_i_k', None]
    """
    if parameter in declared.parameters:
        return parameter
    return next((key for key in declared.parameters if _pattern(key).fullmatch(parameter)), None)


def meaning(declared: Declaration, parameter: str) -> str:
    """What a parameter of a structure means, or "" where it is not declared.

    Args:
        declared: the structure.
        parameter: the parameter's own name, without a path.
    """
    key = meaning_key(declared, parameter)
    return "" if key is None else declared.parameters[key]


@lru_cache(maxsize=1024)
def _pattern(key: str) -> re.Pattern[str]:
    base, letters = re.fullmatch(r"(.*?)((?:_[a-z])*)", key).groups()  # type: ignore[union-attr]
    return re.compile(re.escape(base) + r"_\d+" * letters.count("_"))
