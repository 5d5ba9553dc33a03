"""Text as it is seen: one form for names and labels that look the same, whatever program wrote them."""

from __future__ import annotations

import math
import unicodedata

import numpy as np
import pandas as pd

#: What no eye can tell from nothing: zero-width spaces, joiners of words, soft hyphens, marks of direction.
_UNSEEN = dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u00ad\u200e\u200f"))


def plain_label(text: str) -> str:
    """A label in one form: composed characters, ordinary spaces, nothing unseen, no spaces at its ends.

    "Höhe" can be written with one character for ö or with two, and a space can be one that does not break:
    labels that look the same are the same.

    Example:
        >>> plain_label("Ho\\u0308he"), plain_label("G\\u00a01 ")
        ('Höhe', 'G 1')
    """
    if text.isascii():
        return text.strip()
    composed = unicodedata.normalize("NFC", text).translate(_UNSEEN)
    return "".join(" " if unicodedata.category(char) == "Zs" else char for char in composed).strip()


def plain_name(text: str) -> str:
    """A column's name in one form, on one line, without characters that cannot be shown.

    Example:
        >>> plain_name("grain\\nyield"), plain_name("Ho\\u0308he\\u00a0(cm)")
        ('grain yield', 'Höhe (cm)')
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    seen = plain_label(text)
    return " ".join("".join(char if char.isprintable() else " " for char in seen).split())


def label(value: object) -> str | None:
    """How a value reads as the label of a factor's level; None where it is missing.

    Numbers lose a needless ".0" and are written with at most 15 significant digits, as R's `as.character`
    does, so that 1, 1.0 and 1.00 are one level.

    Example:
        >>> label(1.0), label(0.25), label("01"), label(float("nan"))
        ('1', '0.25', '01', None)
    """
    if value is None or value is pd.NA:
        return None
    if isinstance(value, (float, np.floating)):
        return None if math.isnan(value) else f"{float(value) + 0.0:.15g}"
    return str(value)
