"""From one node to its matrix: arguments resolved against the table and the inferred sizes, then a call."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from covstudio.covariance import Argument, Matrix, Operator, ShapeError, declaration
from covstudio.covariance.operators.spacing import OrderTaken
from covstudio.data.errors import TableError
from covstudio.data.ordering import ordered_labels
from covstudio.document.build.constructors import (
    concerned,
    constructor_parameters,
    in_words_of_the_form,
    splatted,
    takes_levels,
    takes_names,
)
from covstudio.document.build.limits import Call, Unbuilt, check_room, check_written_out
from covstudio.document.build.relation_values import relation_value
from covstudio.document.build.table_facts import TableFacts
from covstudio.document.model.arguments import document_default, is_required
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns, Levels, Node, Related, Rows, Values
from covstudio.document.sizes.infer import Shape, SizeOrigin, size_arguments


def resolve(node: Node, facts: TableFacts, origins: Mapping[tuple[str, str], SizeOrigin]) -> Call:
    """The arguments of a node as its constructor takes them.

    Args:
        node: the node.
        facts: about the rows that the model uses.
        origins: the sizes that were inferred.

    Raises:
        Unbuilt: an argument is not there yet, or not to be had from this table.
    """
    declared = declaration(node.kind)
    positional: tuple[Any, ...] = ()
    keywords: dict[str, Any] = {}
    sizes = size_arguments(declared)
    for argument in declared.arguments:
        value = node.arguments.get(argument.name)
        if value is None:
            value = document_default(declared, argument)
        if argument.kind == "size":
            _check_size(argument, value, facts)
            if declared.kind == "operator":
                keywords[argument.name] = _typed_size(argument, value, facts)
            elif argument.name in sizes[:2]:
                keywords[argument.name] = origins[node.id, argument.name].value
            elif isinstance(value, int):
                keywords[argument.name] = value
        elif value is None or is_left_out(argument, value):
            if is_required(argument):
                raise Unbuilt(_wanted(argument), argument.name, unfinished=True)
        elif argument.kind == "factors":
            factors = _factors(argument, value, facts)
            if argument.name in splatted(declared):
                positional = tuple(factors)
            else:
                keywords[argument.name] = factors
            levels = _individuals(argument, factors, value, facts) or level_order(
                factors, _chosen_order(value, facts)
            )
            if levels is not None and takes_levels(declared):
                keywords |= {"levels": levels, "lex_order": False}
        elif argument.kind == "coordinates":
            keywords[argument.name] = _coordinates(argument, value, facts)
            if takes_names(declared) and isinstance(value, Columns):
                keywords["names"] = list(value.names)
        elif isinstance(value, Related):
            keywords[argument.name] = _related(argument, value)
        elif argument.kind == "matrix":
            keywords[argument.name] = torch.tensor(value, dtype=torch.float64)
        elif argument.kind == "indices" and isinstance(value, tuple):
            keywords[argument.name] = list(value)
        else:
            keywords[argument.name] = value
    return Call(positional, keywords)


def construct(node: Node, call: Call, operands: Mapping[str, Matrix], notes: list[str]) -> Matrix:
    """The matrix of a node in float64, with its fixed parameters fixed and all at their defaults.

    Args:
        node: the node.
        call: its arguments.
        operands: operand name -> matrix.
        notes: what the constructor warns of is added here.

    Raises:
        Unbuilt: the constructor refuses; the message is its own.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        matrix = _construct(node, call, operands)
    declared = declaration(node.kind)
    texts = (
        in_words_of_the_form(declared, str(one.message))
        for one in caught
        # The order of levels is told where the document's designs are given theirs.
        if issubclass(one.category, UserWarning | RuntimeWarning) and one.category is not OrderTaken
    )
    notes.extend(text for text in dict.fromkeys(texts) if text not in notes)
    return matrix


def _construct(node: Node, call: Call, operands: Mapping[str, Matrix]) -> Matrix:
    declared = declaration(node.kind)
    build: Any = declared.cls
    try:
        if declared.kind == "operator":
            return _typed(build(dict(operands), *call.positional, **call.keywords), node)
        check_room(declared, call)
        matrix: Matrix = build(*call.positional, **call.keywords)
        check_written_out(matrix)
        specs = {
            parameter.name: replace(
                parameter, dtype=torch.float64, fixed=parameter.fixed or parameter.name in node.fixed
            )
            for parameter in matrix.parameters
        }
        if not specs:
            return matrix
        if "param_specs" in constructor_parameters(declared):
            typed: Matrix = build(*call.positional, **call.keywords, param_specs=specs)
            return typed
        return _typed(matrix, node)
    except Unbuilt:
        raise
    except Exception as error:
        # Whatever a structure of somebody's own raises is shown on its node; the rest of the model stays.
        said = str(error)
        text = (
            said if isinstance(error, ValueError | TypeError) and said else f"{type(error).__name__}: {said}"
        )
        raise Unbuilt(in_words_of_the_form(declared, text), concerned(declared, text)) from error


def measure(node: Node, facts: TableFacts) -> Shape | None:
    """The shape of a leaf that has no size arguments, or None while it cannot be built."""
    try:
        return construct(node, resolve(node, facts, {}), {}, []).shape
    except Unbuilt:
        return None


def combined(
    document: Document, node: Node, facts: TableFacts, shapes: Sequence[Shape | None]
) -> Shape | None:
    """The shape of an operator by its own rule, from those of its operands in the order of its slots.

    Returns:
        The shape, or None while it cannot be told or where the operands do not fit.
    """
    declared = declaration(node.kind)
    named = document.operand_names(node.id)
    pairs = [
        (slot if child is None else named[child], shape)
        for (slot, child), shape in zip(node.operands, shapes, strict=True)
        if child is not None or not declared.variadic
    ]
    if not pairs:
        return None
    try:
        assert issubclass(declared.cls, Operator)
        arguments = resolve(node, facts, {}).keywords
        return declared.cls.shape_rule(
            [shape for _, shape in pairs], [name for name, _ in pairs], **arguments
        )
    except (Unbuilt, ShapeError, ValueError, TypeError, LookupError):
        return None


def level_order(
    factors: Sequence[Sequence[str]], chosen: Sequence[Sequence[str]] = ()
) -> list[list[str]] | None:
    """The levels of each factor where sorting them as text would misplace some ("10" before "2"), else None.

    Args:
        factors: the labels of each factor, row by row.
        chosen: labels of each factor in the order that somebody has said.

    Example:
        >>> level_order([["10", "2"]]), level_order([["b", "a"]]), level_order([["b", "a"]], [["b"]])
        ([['2', '10']], None, [['b', 'a']])
    """
    said = chosen or [()] * len(factors)
    levels = [list(ordered_labels(labels, order)) for labels, order in zip(factors, said, strict=True)]
    return None if all(order == sorted(order) for order in levels) else levels


def _individuals(
    argument: Argument, factors: list[list[str]], value: object, facts: TableFacts
) -> list[list[str]] | None:
    """The levels of each factor where some are the individuals of second tables, else None."""
    if not isinstance(value, Columns) or not any(relation is not None for _, relation in value.related):
        return None
    related, orders = value.related, _chosen_order(value, facts)
    for labels, column, (_, relation) in zip(factors, value.names, related, strict=True):
        if relation is not None:
            _asked(argument, partial(relation.located, labels, column))
    return [
        list(ordered_labels(labels, order)) if relation is None else list(relation.ids)
        for labels, order, (_, relation) in zip(factors, orders, related, strict=True)
    ]


def _related(argument: Argument, value: Related) -> Any:
    """What a constructor takes of a second table."""
    if value.relation is None:
        raise Unbuilt(
            f"{argument.label}: there is no second table {value.name!r} in the model.",
            argument.name,
            unfinished=True,
        )
    try:
        return relation_value(argument, value.relation)
    except (ValueError, RuntimeError) as error:
        raise Unbuilt(f"{value.name}: {error}", argument.name) from error


def _chosen_order(value: object, facts: TableFacts) -> list[tuple[str, ...]]:
    """The labels of each column in the order that somebody has said; nothing for labels that were typed."""
    return [facts.chosen(name) for name in value.names] if isinstance(value, Columns) else []


def _typed(matrix: Matrix, node: Node) -> Matrix:
    for parameter in matrix.parameters:
        if "/" not in parameter.name:
            fixed = parameter.fixed or parameter.name in node.fixed
            default = torch.tensor(parameter.default, dtype=torch.float64)
            matrix.set_param_specs(parameter.name, fixed=fixed, default=default)
    return matrix


def _check_size(argument: Argument, value: Any, facts: TableFacts) -> None:
    if isinstance(value, Levels):
        if facts.table is None:
            raise Unbuilt(
                f"{argument.label} follows the levels of {' x '.join(value.columns)}: load a table, or "
                "type a size.",
                argument.name,
                unfinished=True,
            )
        _asked(argument, lambda: facts.size(value))
    elif isinstance(value, Rows) and facts.table is None:
        raise Unbuilt(
            f"{argument.label} follows the rows of the table: load one, or type a size.",
            argument.name,
            unfinished=True,
        )


def is_left_out(argument: Argument, value: Any) -> bool:
    """Columns of which none was chosen, where the constructor can do without."""
    return argument.optional and value in (Columns(), Values())


def _wanted(argument: Argument) -> str:
    """What a person is asked for where only a person can say it."""
    if argument.kind == "matrix":
        return f"Type or paste {argument.label}, one row a line."
    if argument.kind == "relation":
        return f"{argument.label}: choose a second table of the model ({' or '.join(argument.choices)})."
    if argument.kind == "indices":
        return f'{argument.label}: type positions counted from 0, such as "0, 2, 5-8".'
    if argument.kind == "choice":
        return f"{argument.label}: choose one of {', '.join(argument.choices)}."
    return f"{argument.label}: type {'a whole number' if argument.kind == 'integer' else 'a value'}."


def _typed_size(argument: Argument, value: Any, facts: TableFacts) -> int:
    """A size among the arguments of an operator, about which its operands say nothing."""
    if isinstance(value, Levels):
        return facts.size(value)
    if isinstance(value, Rows) and facts.rows is not None:
        return facts.rows
    if isinstance(value, int):
        return value
    raise Unbuilt(f"{argument.label}: type a whole number.", argument.name, unfinished=True)


def _factors(argument: Argument, value: Any, facts: TableFacts) -> list[list[str]]:
    if isinstance(value, Values) and value.columns:
        return [[str(label) for label in column] for column in value.columns]
    names = _chosen(argument, value, facts, "type the labels")
    factors: list[list[str]] = _asked(argument, lambda: [facts.labels(name) for name in names])
    return factors


def _coordinates(argument: Argument, value: Any, facts: TableFacts) -> torch.Tensor:
    if isinstance(value, Values) and value.columns:
        columns = [torch.tensor(column, dtype=torch.float64) for column in value.columns]
    else:
        names = _chosen(argument, value, facts, "type the numbers")
        columns = _asked(argument, lambda: [facts.numbers(name) for name in names])
    _check_count(argument, len(columns))
    return columns[0] if len(columns) == 1 else torch.stack(columns, dim=1)


def _check_count(argument: Argument, count: int) -> None:
    """Columns of coordinates: as many as the structure is made for."""
    least, most = argument.columns
    if count < least:
        raise Unbuilt(
            f"{argument.label}: {least} columns of numbers are needed, and {count} "
            f"{'is' if count == 1 else 'are'} chosen.",
            argument.name,
            unfinished=True,
        )
    if most is not None and count > most:
        raise Unbuilt(
            f"{argument.label} takes {'one column' if most == 1 else f'at most {most} columns'} of numbers, "
            f"and {count} are chosen. Take {'all but one' if most == 1 else 'some'} of them out.",
            argument.name,
        )


def _chosen(argument: Argument, value: Any, facts: TableFacts, otherwise: str) -> tuple[str, ...]:
    names = value.names if isinstance(value, Columns) else ()
    if facts.table is None:
        wanted = f" with the column{'s' * (len(names) > 1)} {', '.join(names)}" if names else ""
        raise Unbuilt(f"Load a table{wanted}, or {otherwise}.", argument.name, unfinished=True)
    if not names:
        raise Unbuilt(
            f"{argument.label}: choose one or more columns of the table, or {otherwise}.",
            argument.name,
            unfinished=True,
        )
    return names


def _asked(argument: Argument, question: Any) -> Any:
    try:
        return question()
    except TableError as error:
        raise Unbuilt(str(error), argument.name) from error
