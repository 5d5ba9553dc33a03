"""Words by which the formulas of a system are recognised where another system's are expected."""

from __future__ import annotations

from collections.abc import Mapping

from covstudio.data.errors import suggestion
from covstudio.formula.refusals import Refusal

__all__ = ["TITLES", "WORDS", "foreign"]

TITLES: Mapping[str, str] = {
    "lme4": "lme4",
    "glmmTMB": "glmmTMB",
    "nlme": "nlme",
    "asreml": "ASReml",
    "sas": "SAS",
}

_NLME = {
    **dict.fromkeys(
        ("corAR1", "corCAR1", "corARMA", "corCompSymm", "corSymm", "corExp", "corGaus", "corLin", "corRatio"),
        "correlation",
    ),
    "corSpher": "correlation",
    **dict.fromkeys(
        ("varIdent", "varPower", "varExp", "varConstPower", "varConstProp", "varFixed", "varComb"), "weights"
    ),
    **dict.fromkeys(("pdDiag", "pdSymm", "pdLogChol", "pdCompSymm", "pdIdent", "pdBlocked"), "random"),
}
_ASREML = dict.fromkeys(
    (
        "idv",
        "idh",
        "corv",
        "corh",
        "corgh",
        "cor",
        "ar1v",
        "ar1h",
        "ar2",
        "fa",
        "vm",
        "giv",
        "ped",
        "dsum",
        "at",
        "str",
        "dev",
        "spl",
        "grp",
        "units",
        "id",
        "expv",
        "iexp",
        "sar",
        "ante",
        "chol",
    ),
    "random",
)
_GLMMTMB = dict.fromkeys(
    (
        "homcs",
        "hetar1",
        "homtoep",
        "homdiag",
        "ou",
        "toep",
        "gau",
        "mat",
        "rr",
        "propto",
        "equalto",
        "numFactor",
    ),
    "formula",
)
#: word -> the system whose it is, and the argument that it stands in there.
WORDS: Mapping[str, tuple[str, str]] = {
    **{word: ("asreml", where) for word, where in _ASREML.items()},
    **{word: ("nlme", where) for word, where in _NLME.items()},
    **{word: ("glmmTMB", where) for word, where in _GLMMTMB.items()},
}
#: Words that stand before bars in lme4 and glmmTMB, and before brackets alone in ASReml.
_WITH_BARS = ("us", "diag", "ar1", "cs")
_SMOOTHS = ("s", "te", "ti", "t2")
_MODELS = {
    "glmer": "a generalised response",
    "nlmer": "a nonlinear model",
    "nlme": "a nonlinear model",
    "gnls": "a nonlinear model",
    "lmList": "a model for each group",
    "gam": "a smooth model",
    "gamm": "a smooth model",
    "lm": "a model without random effects",
    "glm": "a generalised response",
}
_KNOWN = (
    "log",
    "log2",
    "log10",
    "log1p",
    "exp",
    "sqrt",
    "abs",
    "I",
    "scale",
    "poly",
    "bs",
    "ns",
    "factor",
    "offset",
    "C",
)


def foreign(word: str, place: int, dialect: str, remedy: str) -> Refusal:
    """A refusal of a function, by whose word it is.

    Args:
        word: the function.
        place: where it stands, counted from 1.
        dialect: the system whose formula is read.
        remedy: what would do where nothing better is known.

    Example:
        >>> print(foreign("corAR1", 9, "lme4", "Leave it out."))
        'corAR1' (character 9): this is nlme's correlation in an lme4 formula. Write dialect="nlme" and pass
        it as correlation="corAR1(...)", or give it to glmmTMB as ar1(0 + time | group).
        >>> print(foreign("s", 5, "lme4", "Leave it out."))
        's' (character 5): smooths are not read here. Write ns(x, df = 4) or poly(x, 3), or add a random walk
        or a spline with Z G Z' to V.
    """
    bare = word.rpartition(":")[2]
    if bare in _SMOOTHS:
        return Refusal(
            word,
            place,
            "smooths are not read here",
            "Write ns(x, df = 4) or poly(x, 3), or add a random walk or a spline with Z G Z' to V.",
        )
    if bare in _MODELS:
        return Refusal(
            word, place, f"this is {_MODELS[bare]}, which is not fitted here", "Use a linear model."
        )
    if dialect in ("lme4", "glmmTMB") and bare in _WITH_BARS:
        return Refusal(
            word,
            place,
            "it has no bar here",
            f'Write {bare}(0 + time | group), or dialect="asreml" and random="~ {bare}(time):group".',
        )
    owner, where = WORDS.get(bare, ("", ""))
    if owner and owner != dialect:
        more = ", or give it to glmmTMB as ar1(0 + time | group)" if bare == "corAR1" else ""
        whose = f"this is {TITLES[owner]}'s {where} in {_article(dialect)} formula"
        if where == "formula":
            return Refusal(word, place, f"this is a word of {TITLES[owner]}", f'Write dialect="{owner}".')
        return Refusal(
            word, place, whose, f'Write dialect="{owner}" and pass it as {where}="{bare}(...)"{more}.'
        )
    close = suggestion(bare, _KNOWN, "function")
    return Refusal(
        word, place, "there is no such function here", close if close.startswith("Did") else remedy
    )


def _article(dialect: str) -> str:
    title = TITLES.get(dialect, dialect)
    return f"an {title}" if title[0] in "lnA" else f"a {title}"
