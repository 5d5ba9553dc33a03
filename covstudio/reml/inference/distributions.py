"""Tail probabilities and quantiles of the distributions that tests and intervals need.

Thin and lazy: scipy is loaded when the first of them is asked for. Degrees of freedom may be infinite, and a
chi-square with none is the constant 0, as the mixtures at a boundary need it.
"""

from __future__ import annotations

import math

__all__ = [
    "chi2_quantile",
    "chi2_tail",
    "f_power",
    "f_tail",
    "normal_quantile",
    "t_power",
    "t_quantile",
    "t_tail",
]


def normal_quantile(probability: float) -> float:
    """The quantile of the standard normal distribution.

    Example:
        >>> round(normal_quantile(0.975), 6)
        1.959964
    """
    from scipy import special

    return float(special.ndtri(probability))


def t_quantile(probability: float, df: float) -> float:
    """The quantile of Student's t; NaN where df is NaN.

    Example:
        >>> round(t_quantile(0.975, 10.0), 6), round(t_quantile(0.975, math.inf), 6)
        (2.228139, 1.959964)
    """
    if math.isnan(df) or df <= 0.0:
        return math.nan
    if math.isinf(df):
        return normal_quantile(probability)
    from scipy import special

    return float(special.stdtrit(df, probability))


def t_tail(statistic: float, df: float) -> float:
    """P(|T| > |statistic|), two-sided.

    Example:
        >>> round(t_tail(2.228139, 10.0), 4)
        0.05
    """
    if math.isnan(statistic) or math.isnan(df) or df <= 0.0:
        return math.nan
    from scipy import special

    if math.isinf(df):
        return float(2.0 * special.ndtr(-abs(statistic)))
    return float(2.0 * special.stdtr(df, -abs(statistic)))


def f_tail(statistic: float, numerator: float, denominator: float) -> float:
    """P(F > statistic).

    Example:
        >>> round(f_tail(4.964603, 1, 10.0), 4), round(f_tail(3.841459, 1, math.inf), 4)
        (0.05, 0.05)
    """
    if math.isnan(statistic) or math.isnan(denominator) or denominator <= 0.0:
        return math.nan
    if math.isinf(denominator):
        return chi2_tail(statistic * numerator, numerator)
    from scipy import special

    return float(special.fdtrc(numerator, denominator, max(statistic, 0.0)))


def chi2_tail(statistic: float, df: float) -> float:
    """P(X > statistic) for chi-square with df degrees of freedom; df = 0 is the constant 0.

    Example:
        >>> round(chi2_tail(3.841459, 1), 4), chi2_tail(1.0, 0), chi2_tail(0.0, 0)
        (0.05, 0.0, 1.0)
    """
    if math.isnan(statistic):
        return math.nan
    if df == 0:
        return 0.0 if statistic > 0.0 else 1.0
    from scipy import special

    return float(special.chdtrc(df, max(statistic, 0.0)))


def chi2_quantile(probability: float, df: float) -> float:
    """The quantile of chi-square.

    Example:
        >>> round(chi2_quantile(0.95, 1), 6)
        3.841459
    """
    from scipy import special

    return float(special.chdtri(df, 1.0 - probability))


def t_power(noncentrality: float, df: float, level: float) -> float:
    """The chance that a two-sided t test finds a difference.

    Args:
        noncentrality: the difference in standard errors.
        df: degrees of freedom; may be infinite.
        level: of the test, such as 0.05.

    Example:
        >>> round(t_power(3.0, 10.0, 0.05), 4), round(t_power(0.0, 10.0, 0.05), 4)
        (0.7714, 0.05)

    Reference:
        Johnson, Kotz & Balakrishnan (1995), Continuous Univariate Distributions 2, ch. 31.
    """
    return f_power(noncentrality**2, 1, df, level)


def f_power(noncentrality: float, numerator: int, denominator: float, level: float) -> float:
    """The chance that an F test finds a departure.

    Args:
        noncentrality: the departure in its covariance, d'(LPhiL')^-1 d.
        numerator: rank of the hypothesis.
        denominator: degrees of freedom; may be infinite.
        level: of the test.

    Example:
        >>> round(f_power(9.0, 1, 10.0, 0.05), 4), round(f_power(0.0, 3, 10.0, 0.05), 4)
        (0.7714, 0.05)
    """
    if math.isnan(noncentrality) or math.isnan(denominator) or denominator <= 0.0:
        return math.nan
    if noncentrality == 0.0:
        return level
    from scipy import special, stats

    if math.isinf(denominator):
        return float(1.0 - special.chndtr(chi2_quantile(1.0 - level, numerator), numerator, noncentrality))
    edge = special.fdtri(numerator, denominator, 1.0 - level)
    return float(stats.ncf.sf(edge, numerator, denominator, noncentrality))
