"""Numbers as people and programs write them, with decimal commas, thousands, currencies, percent signs.

Some texts say by themselves how they are meant (1,5 and 1.234.567 and 1'234.5), some do not: 1.250 is one and
a quarter, or one thousand two hundred and fifty. `evidence` says what a column shows; what it does not show
is asked elsewhere and never guessed here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_EXPONENT = re.compile(r"(.*?)((?:[eE][+-]?|[dD][+-])\d+)", re.ASCII)
_POINT = re.compile(r"\d*\.\d+|\d+\.", re.ASCII)
_COMMA = re.compile(r"\d*,\d+|\d+,", re.ASCII)
_ONE_GROUP = re.compile(r"[1-9]\d{0,2}[.,]\d{3}", re.ASCII)
#: Thousands, or as in India (1,23,456) thousands and then hundreds.
_COMMA_GROUPS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d?(?:,\d\d)+,\d{3}", re.ASCII)
_POINT_GROUPS = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+", re.ASCII)
_SPACED = re.compile(r"[1-9]\d{0,2}(?:([ '\u2019\u00a0\u2009\u202f\u2007])\d{3})(?:\1\d{3})*(?!\d)", re.ASCII)
_MINUS = re.compile(r"[\u2212\u2013\uff0d\ufe63](?=[\d.,]|\s?[$€£¥])")
_CURRENCY = re.compile(r"(?:CHF|EUR|USD|GBP|SEK|NOK|DKK|R\$|A\$|C\$|US\$|kr\.?|[$€£¥₹₽₩₺₴])")
_DIGIT = re.compile(r"\d")
_SIGN = re.compile(r"[+-]")
#: Digits that are names: a needless 0 before others, or more of them than a float64 holds exactly.
_CODES = re.compile(r"^[+-]?(?:0\d[\d.,]*|\d{16,})$", re.ASCII | re.MULTILINE)
_ALL_NUMBERS = re.compile(rf"(?>{_NUMBER.pattern}\n)*+", re.ASCII)

#: What a numeral shows: no mark at all (with up to three digits, or more), a decimal point or commas between
#: thousands, the other way round, or a single mark that may be either.
Mark = Literal["whole", "long", "point", "comma", "either point", "either comma"]


def number(text: str) -> float | None:
    """The finite number that a text spells as programs do, or None.

    Args:
        text: a cell without spaces at its ends.

    Returns:
        The nearest float64; None for anything else, an infinite or overflowing number included.

    Example:
        >>> number("-1.5e3"), number("1_000"), number("inf"), number("1e999")
        (-1500.0, None, None, None)
    """
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def are_numbers(texts: Sequence[str]) -> bool:
    """Whether there are texts, and all are finite numbers as `number` reads them.

    Example:
        >>> are_numbers(["4.1", "-3e2"]), are_numbers(["4.1", "4,1"]), are_numbers(["1e999"]), are_numbers([])
        (True, False, False, False)
    """
    joined = "\n".join(texts) + "\n"
    if joined.count("\n") != len(texts) or not _ALL_NUMBERS.fullmatch(joined):
        return False
    # Only an exponent or hundreds of digits make a number infinite.
    return all(math.isfinite(float(text)) for text in texts if len(text) > 300 or "e" in text or "E" in text)


@dataclass(frozen=True)
class Numeral:
    """A number as it is written, taken apart.

    Attributes:
        sign: "", "+" or "-".
        digits: digits with points and commas.
        exponent: such as "E+17", or "".
        mark: what its points and commas show.
        currency: the sign of a currency, or "".
        percent: whether a percent sign stands behind it.
        spaced: the mark between its thousands that is neither point nor comma, or "".
        typographic: whether its minus sign is one of typography.
    """

    sign: str
    digits: str
    exponent: str
    mark: Mark
    currency: str = ""
    percent: bool = False
    spaced: str = ""
    typographic: bool = False

    def value(self, decimal: str) -> float | None:
        """The number, its decimal mark being a point or a comma; None where it does not fit.

        Example:
            >>> numeral("1.250").value("."), numeral("1.250").value(","), numeral("4,25").value(".")
            (1.25, 1250.0, None)
        """
        other = "," if decimal == "." else "."
        digits = self.digits
        if other in digits:
            whole, _, rest = digits.partition(decimal)
            groups = _COMMA_GROUPS if other == "," else _POINT_GROUPS
            if self.spaced or other in rest or not groups.fullmatch(whole):
                return None
            digits = digits.replace(other, "")
        return number(f"{self.sign}{digits.replace(decimal, '.')}{self.exponent}")


def numeral(text: str) -> Numeral | None:
    """Take a number apart, or None when a text is none.

    Args:
        text: a cell without spaces at its ends.

    Example:
        >>> numeral("\\u22121'234.5").value("."), numeral("$4.10").currency, numeral("42 %").percent
        (-1234.5, '$', True)
        >>> numeral("1.250").mark, numeral("1.250,5").mark, numeral("1.2.3")
        ('either point', 'comma', None)
    """
    if not _DIGIT.search(text) or (text[0].isalpha() and not _CURRENCY.match(text)):
        return None
    body = _MINUS.sub("-", text)
    typographic = body != text
    percent = body.endswith("%")
    body = body.removesuffix("%").rstrip()
    currencies = _CURRENCY.findall(body)
    if len(currencies) > 1:
        return None
    if currencies:
        before, _, after = body.partition(currencies[0])
        if before.rstrip() not in ("", "+", "-") and after:
            return None
        body = before.rstrip() + after.strip()
    sign = body[0] if _SIGN.match(body) else ""
    body = body[len(sign) :].lstrip() if currencies else body[len(sign) :]
    found = _EXPONENT.fullmatch(body)
    exponent = ""
    if found:
        body, exponent = found[1], re.sub("[dD]", "E", found[2])
    grouped = _SPACED.match(body)
    spaced = grouped[1] if grouped else ""
    if grouped:
        body = grouped[0].replace(spaced, "") + body[grouped.end() :]
    mark = _mark(body, plain=not spaced and not exponent)
    if mark is None:
        return None
    return Numeral(sign, body, exponent, mark, "".join(currencies), percent, spaced, typographic)


def are_codes(texts: Sequence[str]) -> bool:
    """Whether digits are names: some begin with a needless 0 ("007"), or are too many for a float64.

    Example:
        >>> are_codes(["007", "012"]), are_codes(["12345678901234567"]), are_codes(["0.5", "10"])
        (True, True, False)
    """
    joined = "\n".join(texts)
    if joined.count("\n") < len(texts):  # no text has several lines: one search for all
        return _CODES.search(joined) is not None
    return any(_CODES.fullmatch(text) for text in texts)


def _mark(digits: str, plain: bool) -> Mark | None:
    if digits.isdigit():
        return ("whole" if len(digits) <= 3 else "long") if digits.isascii() else None
    if plain and _ONE_GROUP.fullmatch(digits):
        return "either point" if "." in digits else "either comma"
    if _POINT.fullmatch(digits):
        return "point"
    if _COMMA.fullmatch(digits):
        return "comma"
    if not plain:
        return None
    if _COMMA_GROUPS.fullmatch(digits.partition(".")[0]) and digits.count(".") <= 1:
        return "point" if _rest_is_plain(digits, ".") else None
    if _POINT_GROUPS.fullmatch(digits.partition(",")[0]) and digits.count(",") <= 1:
        return "comma" if _rest_is_plain(digits, ",") else None
    return None


def _rest_is_plain(digits: str, decimal: str) -> bool:
    rest = digits.partition(decimal)[2]
    return not rest or (rest.isdigit() and rest.isascii())


@dataclass(frozen=True)
class Evidence:
    """What the numerals of a column show together.

    Attributes:
        decimal: "." or "," where some of them show it; "" where none does, or they disagree.
        ambiguous: the mark that may be decimal or stand between thousands in all that have one, or "".
        mixed: some show a decimal point and others a decimal comma.
    """

    decimal: str = ""
    ambiguous: str = ""
    mixed: bool = False


def evidence(numerals: Sequence[Numeral]) -> Evidence:
    """What the points and commas of a column's numbers show.

    Example:
        >>> evidence([numeral(text) for text in ("1.250", "3,5")])
        Evidence(decimal=',', ambiguous='', mixed=False)
        >>> evidence([numeral(text) for text in ("1.250", "3")]).ambiguous
        '.'
    """
    marks = {one.mark for one in numerals}
    single = marks & {"either point", "either comma"}
    if {"point", "comma"} <= marks or (len(single) == 2 and not marks & {"point", "comma"}):
        return Evidence(mixed=True)
    if "point" in marks or "comma" in marks:
        return Evidence("." if "point" in marks else ",")
    if not single:
        return Evidence()
    mark = "." if "either point" in single else ","
    # Who puts a mark between thousands does so in every number that has them.
    return Evidence(mark) if "long" in marks else Evidence(ambiguous=mark)
