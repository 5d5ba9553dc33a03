"""A function of a matrix with a dense default, open to rules of single classes."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from covstudio.covariance.core.matrix import Matrix

__all__ = ["StructureFunction"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_M = TypeVar("_M", bound=Matrix)

_VALUE = ("__call__", "evaluate", "combine", "differentiate", "propagate", "manual_grad")


class StructureFunction(typing.Generic[_P, _R]):
    """A function of a matrix with a dense default, open to rules of single classes.

    Args:
        default: the dense way, for every matrix; its first argument is the matrix.

    Example:
        >>> import torch
        >>> from covstudio.covariance import Matrix, Parameter, structure
        >>> class Ones(Matrix):
        ...     def __init__(self, n):
        ...         super().__init__((n, n), {"height": Parameter("height", default=1.0)})
        ...     def evaluate(self, natural):
        ...         return natural.expand(self.shape)
        >>> structure.matmul.is_cheap(Ones(2))
        False
        >>> @structure.matmul.register(Ones)
        ... def _(matrix, natural, b):
        ...     return natural * b.sum(0, keepdim=True).expand(matrix.shape[0], -1)
        >>> structure.matmul.is_cheap(Ones(2))
        True
        >>> structure.matmul(Ones(2), torch.tensor([3.0]), torch.tensor([[1.0], [2.0]]))
        tensor([[9.],
                [9.]])
    """

    def __init__(self, default: Callable[Concatenate[Any, _P], _R]) -> None:
        self.default = default
        self._stand_in: Callable[[Any], StructureFunction[_P, _R] | None] | None = None
        self._rules: WeakKeyDictionary[type, tuple[Callable[..., _R], Callable[..., bool] | None]] = (
            WeakKeyDictionary()
        )
        #: The rule that each class has been found to have, its own or that of a class it derives from.
        self._found: WeakKeyDictionary[type, tuple[Callable[..., _R], Callable[..., bool] | None] | None] = (
            WeakKeyDictionary()
        )
        self.__name__ = default.__name__
        self.__qualname__ = default.__qualname__
        self.__module__ = default.__module__
        self.__doc__ = default.__doc__
        self.__wrapped__ = default

    def __call__(self, matrix: Matrix, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """The answer of the matrix's rule, or else the dense one."""
        rule = self.rule_for(matrix)
        return self.default(matrix, *args, **kwargs) if rule is None else rule(matrix, *args, **kwargs)

    def register(
        self, cls: type[_M], *, when: Callable[[_M], bool] | None = None
    ) -> Callable[[Callable[Concatenate[_M, _P], _R]], Callable[Concatenate[_M, _P], _R]]:
        """A decorator that makes a function the rule of a class.

        It is that of the subclasses too that keep the class's value and derivative.

        Args:
            cls: the class of matrices.
            when: tells for one matrix of the class whether the rule is worth its while; otherwise the matrix
                is answered densely. None: always.

        Returns:
            The decorator; it returns the function unchanged.

        Raises:
            TypeError: `cls` is not a class of matrices.
            ValueError: the class has a rule already.
        """
        if not (isinstance(cls, type) and issubclass(cls, Matrix)):
            raise TypeError(
                f"{self.__name__}.register: expected a subclass of Matrix, got {cls!r}; write "
                f"@{self.__name__}.register(YourMatrix) above the rule."
            )
        if cls in self._rules:
            raise ValueError(
                f"{self.__name__}.register: {cls.__name__} has a rule already; register a subclass, or merge "
                "the two."
            )

        def put(rule: Callable[Concatenate[_M, _P], _R]) -> Callable[Concatenate[_M, _P], _R]:
            self._rules[cls] = rule, when
            self._found.clear()
            return rule

        return put

    def otherwise(
        self, stand_in: Callable[[Any], StructureFunction[_P, _R] | None]
    ) -> Callable[[Any], StructureFunction[_P, _R] | None]:
        """Let the rules of another function answer for matrices that have none of this one.

        Args:
            stand_in: the other function for a matrix, which gives the same for it, or None.

        Returns:
            The argument, unchanged.
        """
        self._stand_in = stand_in
        return stand_in

    def rule_for(self, matrix: Matrix) -> Callable[..., _R] | None:
        """The rule that answers for a matrix, or None when it is answered densely."""
        rule = self._own_rule(matrix)
        if rule is None and self._stand_in is not None:
            other = self._stand_in(matrix)
            return None if other is None else other.rule_for(matrix)
        return rule

    def _own_rule(self, matrix: Matrix) -> Callable[..., _R] | None:
        try:
            found = self._found[type(matrix)]
        except KeyError:
            found = self._found[type(matrix)] = self._rule_of(type(matrix))
        if found is None:
            return None
        rule, when = found
        return rule if when is None or when(matrix) else None

    def _rule_of(self, matrix: type) -> tuple[Callable[..., _R], Callable[..., bool] | None] | None:
        for cls in matrix.__mro__:
            found = self._rules.get(cls)
            if found is not None:
                return found
            # From here on, what is registered describes another matrix.
            if not cls.__dict__.keys().isdisjoint(_VALUE):
                return None
        return None

    def is_cheap(self, matrix: Matrix) -> bool:
        """Whether a rule answers for the matrix, and not the dense default."""
        return self.rule_for(matrix) is not None

    def __repr__(self) -> str:
        return f"<structure function {self.__name__}: {len(self._rules)} rules>"
