"""Names in expressions: full paths, and shortened ones that mean one thing only.

A path such as `gen/g/sigma^2` may be shortened by leaving out any of its parts, as long as no other parameter
could be meant: `gen/sigma^2`, or `gen` where the term has a single parameter. A full path always means
itself, and a name that begins as one path does goes before the same name inside others: the term `g`
before the `g` of a term.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from covstudio.reml.inference.tables import listed

__all__ = ["Names"]

#: Paths of more parts than this are shortened by their first and last parts only.
PARTS = 10


class Names:
    """Finds what a name means, and the longest name at a place in a text.

    Args:
        paths: full paths.
        what: what they are names of, for messages.

    Example:
        >>> names = Names(["gen/g/sigma^2", "residual/sigma^2"], "parameter")
        >>> names.longest("gen/sigma^2/residual/sigma^2", 0)
        'gen/sigma^2'
        >>> names.meaning("gen/sigma^2"), names.meaning("residual")
        ('gen/g/sigma^2', 'residual/sigma^2')
        >>> [names.shortest(path) for path in names.paths]
        ['gen', 'residual']
    """

    def __init__(self, paths: Iterable[str], what: str) -> None:
        self.paths = tuple(paths)
        self.what = what
        self._meanings: dict[str, set[str]] = {}
        leading: dict[str, set[str]] = {}
        for path in self.paths:
            first = path.split("/")[0]
            for short in _shortened(path):
                self._meanings.setdefault(short, set()).add(path)
                if short.split("/")[0] == first:
                    leading.setdefault(short, set()).add(path)
        self._meanings.update({short: found for short, found in leading.items() if len(found) == 1})
        for path in self.paths:
            self._meanings[path] = {path}
        self._by_length = sorted(self._meanings, key=len, reverse=True)

    def longest(self, text: str, start: int) -> str | None:
        """The longest name, full or shortened, that stands at this place and ends where a word ends."""
        for name in self._by_length:
            if text.startswith(name, start) and not _goes_on(text, start + len(name)):
                return name
        return None

    def shortest(self, path: str) -> str:
        """The shortest name that means this path and no other: of few parts, the first ones."""
        parts = path.split("/")
        if len(parts) > PARTS:
            return path
        ways = (way for size in range(1, len(parts) + 1) for way in _choices(parts, size))
        return next(name for name in map("/".join, ways) if self._meanings[name] == {path})

    def meaning(self, name: str) -> str:
        """The full path of a name.

        Raises:
            ValueError: it is no name, or could mean several.
        """
        found = sorted(self._meanings.get(name, ()))
        if len(found) == 1:
            return found[0]
        if found:
            raise ValueError(
                f"{name!r} could mean {listed(found)}: write enough of the path to tell the {self.what}s "
                "apart."
            )
        raise ValueError(f"there is no {self.what} {name!r}; there are {listed(self.paths, 30)}.")


def _shortened(path: str) -> set[str]:
    parts = path.split("/")
    if len(parts) > PARTS:
        return {path, parts[0], parts[-1], f"{parts[0]}/{parts[-1]}"}
    return {"/".join(chosen) for size in range(1, len(parts) + 1) for chosen in _choices(parts, size)}


def _choices(parts: Sequence[str], size: int) -> Iterable[tuple[str, ...]]:
    return combinations(parts, size)


def _goes_on(text: str, end: int) -> bool:
    """Whether the word at a place goes on after it."""
    return end < len(text) and (text[end].isalnum() or text[end] == "_")
