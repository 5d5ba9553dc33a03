"""Refusals of texts: the word, its place, what is wrong with it and what would do."""

from __future__ import annotations

from covstudio.data.errors import FormulaError, shown

__all__ = ["Refusal"]


class Refusal(FormulaError):
    """A text that is not read, in one sentence and a remedy.

    Attributes:
        word: what in the text is refused.
        place: where it begins, counted from 1; 0 where it is the text as a whole.
        why: what is wrong with it.
        remedy: what would do.

    Example:
        >>> print(Refusal("corAR1", 14, "this is nlme's", "Write dialect='nlme'."))
        'corAR1' (character 14): this is nlme's. Write dialect='nlme'.
    """

    def __init__(self, word: str, place: int, why: str, remedy: str) -> None:
        self.word, self.place, self.why, self.remedy = word, place, why, remedy
        where = f"{shown(word)} (character {place:,})" if place else shown(word)
        super().__init__(f"{where}: {why.rstrip('.')}. {remedy}")

    def __reduce__(self) -> tuple[type[Refusal], tuple[str, int, str, str]]:
        return type(self), (self.word, self.place, self.why, self.remedy)
