"""Registries: all there is of one kind, told by its files; and what layers give to those below them."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Generic, Protocol, TypeVar


class Entry(Protocol):
    """What a registry holds."""

    @property
    def name(self) -> str:
        """Short and stable; no two entries of a registry share it."""

    @property
    def order(self) -> int:
        """Where it stands among the others: the smallest first, by name where equal."""


E = TypeVar("E", bound=Entry)


class Registry(Generic[E]):
    """Everything of one kind: all exporters, all templates.

    An entry is registered by the file that makes it. The files of one package are looked for, and imported,
    when somebody first asks what there is; until then a registry costs nothing. A file from elsewhere needs
    only to be imported.

    Args:
        kind: what an entry is called in a sentence, such as "exporter".
        package: the package whose modules register entries.
        module: the module that registers, where each entry has a package of its own below `package`; every
            module and package directly in `package` when left out.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class Colour:
        ...     name: str
        ...     order: int = 100
        >>> colours = Registry[Colour]("colour", "covstudio.registry")
        >>> colours.register(Colour("red")), colours.register(Colour("blue", order=1))
        (Colour(name='red', order=100), Colour(name='blue', order=1))
        >>> colours.names()
        ('blue', 'red')
        >>> colours["green"]
        Traceback (most recent call last):
        ...
        ValueError: There is no colour 'green'. There are 'blue', 'red'.
    """

    def __init__(self, kind: str, package: str, module: str | None = None) -> None:
        self.kind = kind
        self._package = package
        self._module = module
        self._entries: dict[str, tuple[E, str]] = {}
        self._looked = False
        self._looking = threading.RLock()

    # --- telling ---

    def register(self, entry: E) -> E:
        """Take an entry in.

        Args:
            entry: what is to be found from now on. One that the same module registered earlier under its name
                (a notebook cell run twice) is replaced.

        Returns:
            The entry.

        Raises:
            ValueError: another module has an entry of that name.
        """
        home = str(sys._getframe(1).f_globals.get("__name__"))
        present = self._entries.get(entry.name)
        if present is not None and present[1] != home:
            raise ValueError(
                f"expected a new name for the {self.kind} of {home}: {present[1]} has one called "
                f"{entry.name!r} already. Give yours another name."
            )
        self._entries[entry.name] = (entry, home)
        return entry

    def withdraw(self, name: str) -> None:
        """Take an entry out; nothing happens when there is none of that name."""
        self._entries.pop(name, None)

    # --- asking ---

    def __iter__(self) -> Iterator[E]:
        """The entries in their order."""
        self._look()
        return iter(sorted((entry for entry, _ in self._entries.values()), key=lambda e: (e.order, e.name)))

    def names(self) -> tuple[str, ...]:
        """The names of the entries in their order."""
        return tuple(entry.name for entry in self)

    def find(self, name: object) -> E | None:
        """The entry of a name, or None."""
        return next((entry for entry in self if entry.name == name), None)

    def __getitem__(self, name: str) -> E:
        """The entry of a name.

        Raises:
            ValueError: there is none; the message lists those there are.
        """
        found = self.find(name)
        if found is None:
            known = ", ".join(map(repr, self.names()))
            raise ValueError(f"There is no {self.kind} {name!r}. There are {known}.")
        return found

    def _look(self) -> None:
        """Import the files that register entries, once.

        A file that asks for entries while it is being imported sees those that came before it.
        """
        with self._looking:
            if self._looked:
                return
            self._looked = True
            try:
                for module in self._modules():
                    importlib.import_module(module)
            except BaseException:
                self._looked = False  # whoever asks next is told of the broken file again
                raise

    def _modules(self) -> Iterator[str]:
        package = importlib.import_module(self._package)
        for found in pkgutil.iter_modules(getattr(package, "__path__", ())):
            name = f"{self._package}.{found.name}"
            if self._module is None:
                yield name
            elif found.ispkg and importlib.util.find_spec(f"{name}.{self._module}") is not None:
                yield f"{name}.{self._module}"


class Given:
    """An attribute of a class that a layer above makes, such as `v.plot`.

    The class says that it has one, and a layer above says what makes it (`give`), by name: it is imported
    when the attribute is first asked for, and until then costs nothing. Nobody below knows what that is.

    Args:
        key: what it is called where it is given, such as "matrix.plot".
        method: it is a method, and what makes it is called with the object and the arguments; otherwise it is
            a value, made of the object.

    Raises:
        AttributeError: nothing has been given.

    Example:
        >>> class Noun:
        ...     shout = Given("noun.shout", method=True)
        >>> hasattr(Noun(), "shout")
        False
        >>> give({"noun.shout": "builtins:repr"})
        >>> noun = Noun()
        >>> noun.shout() == repr(noun)
        True
    """

    def __init__(self, key: str, *, method: bool = False) -> None:
        self.key, self.method = key, method
        self.name = key

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """What has been given, for this object."""
        if instance is None:
            return self
        where = _GIVEN.get(self.key)
        if where is None:
            raise AttributeError(f"{type(instance).__name__!r} object has no attribute {self.name!r}")
        module, _, name = where.partition(":")
        maker = getattr(importlib.import_module(module), name)
        return partial(maker, instance) if self.method else maker(instance)


#: What makes each `Given` attribute, as "module:name".
_GIVEN: dict[str, str] = {}


def give(makers: Mapping[str, str]) -> None:
    """Tell what makes attributes of classes below.

    Args:
        makers: the key of a `Given` attribute -> "module:name" of what makes it.
    """
    _GIVEN.update(makers)
