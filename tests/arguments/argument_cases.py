"""Every public function with arguments that are right, and what else each argument may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from covstudio import advise, choose, compare, fit, fit_template, read_fit, report
from covstudio.choosing import fitted_to, side_by_side
from covstudio.covariance import AR1Matrix, ScalarMatrix, why
from covstudio.data import (
    Relation,
    Table,
    TableChoices,
    check_roles,
    column_of,
    design_matrix,
    factor_columns,
    guess_roles,
    inspect,
    levels,
    load_example,
    load_relations,
    ordered_labels,
    position_in,
    read,
    read_relation,
    read_table,
    relation_of,
    response,
)
from covstudio.design import (
    Expected,
    alpha,
    augmented,
    compare_designs,
    completely_randomised,
    incomplete_blocks,
    latin_square,
    missing,
    nested,
    randomised_blocks,
    repeated_measures,
    row_column,
    split_plot,
    trials,
)
from covstudio.estimate import first_stage
from covstudio.formula import read as read_formula
from covstudio.reml import explain
from covstudio.reml import fit as fit_matrix

#: What stands in the place of an argument.
WRONG: Mapping[str, Any] = {
    "None": None,
    "3": 3,
    "-1": -1,
    "nan": math.nan,
    "text": "x",
    "list": [],
    "dict": {},
    "object": object(),
    "two texts": ["x", "y"],
    "dict of number": {"x": 3},
    "dict by number": {3: "x"},
    "array": np.arange(2.0),
    "bool": True,
    "function": len,
}


class Made:
    """What the functions are asked of, made once.

    Args:
        folder: of files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def saved(self) -> bytes:
        self.found.save(self.folder / "saved.json")
        return (self.folder / "saved.json").read_bytes()

    @cached_property
    def table(self) -> Any:
        return load_example("john_alpha")

    @cached_property
    def found(self) -> Any:
        return fit("yield ~ rep + (1 | gen)", self.table)

    @cached_property
    def other(self) -> Any:
        return fit("yield ~ rep + (1 | rep:block)", self.table)

    @cached_property
    def means(self) -> Any:
        return self.found.means("rep")

    @cached_property
    def comparison(self) -> Any:
        return compare(self.found, self.other, names=["gen", "block"])

    @cached_property
    def advice(self) -> Any:
        return advise(self.found)

    @cached_property
    def expected(self) -> Any:
        x = [[1.0, 0.0]] * 8 + [[1.0, 1.0]] * 8
        return Expected(ScalarMatrix(16), x, {"sigma^2": 1.0}, names=["mean", "drug"])

    @cached_property
    def document(self) -> Any:
        return self.found.document


@dataclass(frozen=True)
class Case:
    """A function, and arguments that it takes.

    Attributes:
        ask: the function, of what was made.
        given: arguments by name; "*" has those by place.
        takes: argument -> the keys of WRONG that it may be.
        closed: whether no other argument is taken by name.
    """

    ask: Callable[[Made], Callable[..., Any]]
    given: Callable[[Made], dict[str, Any]] = field(default=lambda made: {})
    takes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    closed: bool = True


FRAME = ("frame",)
CASES: dict[str, Case] = {
    "fit": Case(
        lambda made: fit,
        lambda made: {
            "formula": "yield ~ rep + (1 | gen)",
            "frame": made.table,
            "design": None,
            "method": None,
            "dialect": None,
            "matrices": None,
            "known": None,
            "errors": None,
            "random": None,
            "correlation": None,
            "weights": None,
            "residual": None,
            "dispformula": None,
            "contrasts": None,
        },
        {
            "design": ("None",),
            "method": ("None",),
            "dialect": ("None",),
            "matrices": ("None", "dict"),
            "known": ("None", "dict"),
            "errors": ("None",),
            "random": ("None",),
            "correlation": ("None",),
            "weights": ("None",),
            "residual": ("None",),
            "dispformula": ("None",),
            "contrasts": ("None",),
        },
    ),
    "fit of nlme": Case(
        lambda made: fit,
        lambda made: {
            "formula": "yield ~ rep",
            "frame": made.table,
            "dialect": "nlme",
            "random": "~ 1 | gen",
            "correlation": None,
            "weights": None,
        },
        {"dialect": ("None",), "random": ("None",), "correlation": ("None",), "weights": ("None",)},
    ),
    "fit of a matrix": Case(
        lambda made: fit,
        lambda made: {
            "formula": ScalarMatrix(6),
            "frame": torch.arange(6.0) ** 2,
            "design": torch.ones(6, 1),
            "method": "REML",
        },
        {"design": ("None",), "method": ("None",)},
    ),
    "fit_template": Case(
        lambda made: fit_template,
        lambda made: {
            "template": "alpha",
            "frame": made.table,
            "response": None,
            "fixed": None,
            "roles": None,
            "relations": None,
            "held": None,
            "method": "REML",
            "genotype": "gen",
        },
        {
            "response": ("None",),
            "fixed": ("None",),
            "roles": ("None", "dict"),
            "relations": ("None", "dict"),
            "held": ("None", "dict"),
        },
    ),
    "read_fit": Case(lambda made: read_fit, lambda made: {"source": made.saved}),
    "compare": Case(
        lambda made: compare,
        lambda made: {"*": [made.found, made.other], "frame": None, "names": None, "method": None},
        {"frame": ("None",), "names": ("None", "two texts", "array"), "method": ("None",)},
    ),
    "advise": Case(
        lambda made: advise,
        lambda made: {
            "model": made.found,
            "frame": None,
            "time": None,
            "subject": None,
            "field": None,
            "trial": None,
            "weighs": 2.0,
        },
        {
            "frame": ("None",),
            "time": ("None",),
            "subject": ("None",),
            "field": ("None",),
            "trial": ("None",),
            "weighs": ("3",),
        },
    ),
    "choose": Case(
        lambda made: choose,
        lambda made: {
            "model": made.found,
            "frame": None,
            "criterion": "BIC",
            "steps": 1,
            "workers": None,
            "scheduler": None,
            "progress": None,
            "cancel": None,
            "time": None,
            "weighs": 2.0,
        },
        {
            "frame": ("None",),
            "steps": ("3",),
            "workers": ("None", "3"),
            "scheduler": ("None", "text"),
            "progress": ("None", "function"),
            "cancel": ("None",),
            "time": ("None",),
            "weighs": ("3",),
        },
    ),
    "side_by_side": Case(
        lambda made: side_by_side,
        lambda made: {
            "documents": {"a": made.document},
            "table": made.table,
            "workers": None,
            "scheduler": None,
            "progress": None,
            "cancel": None,
        },
        {
            "documents": ("dict",),
            "workers": ("None", "3"),
            "scheduler": ("None", "text"),
            "progress": ("None", "function"),
            "cancel": ("None",),
        },
    ),
    "fitted_to": Case(lambda made: fitted_to, lambda made: {"document": made.document, "table": made.table}),
    "report": Case(
        lambda made: report,
        lambda made: {
            "found": made.found,
            "title": None,
            "comparison": None,
            "pictures": (),
            "date": "",
            "program": False,
        },
        {
            "title": ("None", "text"),
            "comparison": ("None",),
            "pictures": ("list",),
            "date": ("text",),
            "program": ("bool",),
        },
    ),
    "Report.save": Case(
        lambda made: report(made.found, pictures=()).save, lambda made: {"path": made.folder / "x.html"}
    ),
    "formula.read": Case(
        lambda made: read_formula,
        lambda made: {
            "text": "yield ~ rep + (1 | gen)",
            "data": made.table,
            "dialect": None,
            "method": None,
            "matrices": None,
            "known": None,
            "roles": None,
            "errors": None,
            "contrasts": "list(rep = contr.sum)",
        },
        {
            "data": ("None",),
            "dialect": ("None",),
            "method": ("None",),
            "matrices": ("None", "dict"),
            "known": ("None", "dict"),
            "roles": ("None", "dict"),
            "errors": ("None",),
        },
    ),
    # -- what a fit is asked
    "predict": Case(
        lambda made: made.found.predict,
        lambda made: {
            "frame": {"rep": ["R1"], "gen": ["G01"]},
            "random": True,
            "new_levels": "zero",
            "level": 0.95,
            "observation": False,
        },
        {"random": ("bool",), "level": ("None",), "observation": ("bool",)},
    ),
    "ranef": Case(lambda made: made.found.ranef, lambda made: {"what": "effect"}),
    "tidy": Case(
        lambda made: made.found.tidy,
        lambda made: {"kind": "fixed", "method": "satterthwaite", "level": 0.95},
    ),
    "glance": Case(lambda made: made.found.glance),
    "augment": Case(lambda made: made.found.augment),
    "anova": Case(
        lambda made: made.found.anova,
        lambda made: {"kind": 3, "method": "satterthwaite"},
        {"kind": ("3",)},
    ),
    "means": Case(
        lambda made: made.found.means,
        lambda made: {
            "factors": "rep",
            "by": (),
            "at": None,
            "back": None,
            "method": "satterthwaite",
            "level": 0.95,
        },
        {"factors": ("list",), "by": ("list",), "at": ("None", "dict"), "back": ("None",)},
    ),
    "derive": Case(
        lambda made: made.found.derive, lambda made: {"*": ["gen / (gen + residual)"]}, {"*0": ("text",)}
    ),
    "influence": Case(
        lambda made: made.found.influence, lambda made: {"column": "gen"}, {"column": ("None",)}
    ),
    "save": Case(
        lambda made: made.found.save, lambda made: {"path": made.folder / "x.json"}, {"path": ("text",)}
    ),
    "components": Case(lambda made: made.found.after.components, lambda made: {"level": 0.95}),
    "plot": Case(
        lambda made: made.found.plot,
        lambda made: {"kind": "qq", "theme": None, "width": 480, "height": 320},
        {"theme": ("None",)},
    ),
    "plot.svg": Case(
        lambda made: made.found.plot.svg,
        lambda made: {"kind": "qq", "theme": None, "width": 480, "height": 320},
        {"theme": ("None",)},
    ),
    "plot.data": Case(lambda made: made.found.plot.data, lambda made: {"kind": "qq"}),
    "Means.frame": Case(lambda made: made.means.frame, lambda made: {"adjust": "tukey", "alpha": 0.05}),
    "Means.contrasts": Case(
        lambda made: made.means.contrasts,
        lambda made: {"adjust": "none", "control": "R1", "reverse": False},
        {"control": ("None",), "reverse": ("bool",)},
    ),
    "Means.letters": Case(lambda made: made.means.letters, lambda made: {"adjust": "tukey", "alpha": 0.05}),
    "first_stage": Case(
        lambda made: first_stage, lambda made: {"means": made.means, "name": "trial"}, {"name": ("text",)}
    ),
    # -- fits side by side
    "Comparison.best": Case(lambda made: made.comparison.best, lambda made: {"criterion": "AIC"}),
    "Comparison.values": Case(lambda made: made.comparison.values, lambda made: {"criterion": "AIC"}),
    "Comparison.test": Case(
        lambda made: made.comparison.test, lambda made: {"larger": "gen", "smaller": "block"}
    ),
    "Comparison.difference": Case(
        lambda made: made.comparison.difference, lambda made: {"first": "gen", "second": "block"}
    ),
    "Comparison[]": Case(lambda made: made.comparison.__getitem__, lambda made: {"name": "gen"}),
    "Difference.plot": Case(
        lambda made: made.comparison.difference("gen", "block").plot,
        lambda made: {"theme": None, "width": 480, "height": 320},
        {"theme": ("None",)},
    ),
    "Advice.fit": Case(
        lambda made: made.advice.fit,
        lambda made: {"workers": None, "scheduler": None, "progress": None, "cancel": None},
        {
            "workers": ("None", "3"),
            "scheduler": ("None", "text"),
            "progress": ("None", "function"),
            "cancel": ("None",),
        },
    ),
    # -- what the inference is asked
    "profile": Case(
        lambda made: made.found.inference.profile,
        lambda made: {"name": "gen/g/sigma^2", "level": 0.95, "callback": None, "cancel": None},
        {"callback": ("None", "function"), "cancel": ("None",)},
    ),
    "surface": Case(
        lambda made: made.found.inference.surface,
        lambda made: {
            "first": "gen/g/sigma^2",
            "second": "residual/sigma^2",
            "x": None,
            "y": None,
            "count": 3,
            "others": "held",
            "cancel": None,
        },
        {"x": ("None", "array"), "y": ("None", "array"), "count": ("3",), "cancel": ("None",)},
    ),
    "function": Case(
        lambda made: made.found.inference.function,
        lambda made: {"expression": "gen / residual", "level": 0.95, "scale": None},
        {"scale": ("None",)},
    ),
    "contrast": Case(
        lambda made: made.found.inference.contrast,
        lambda made: {"what": "rep[R2]", "value": 0.0, "method": "satterthwaite", "level": 0.95},
        {"value": ("3", "-1")},
    ),
    "wald": Case(
        lambda made: made.found.inference.wald,
        lambda made: {"what": "rep[R2]", "value": 0.0, "method": "satterthwaite", "name": ""},
        {"value": ("3", "-1"), "name": ("text",)},
    ),
    "wald_terms": Case(
        lambda made: made.found.inference.wald_terms,
        lambda made: {"terms": {"rep": ["rep[R2]"]}, "method": "satterthwaite"},
        {"terms": ("dict",)},
    ),
    "fixed_effects": Case(
        lambda made: made.found.inference.fixed_effects,
        lambda made: {"method": "satterthwaite", "level": 0.95},
    ),
    "intervals": Case(lambda made: made.found.inference.intervals, lambda made: {"level": 0.95}),
    "Inference.components": Case(lambda made: made.found.inference.components, lambda made: {"level": 0.95}),
    "accuracy": Case(
        lambda made: made.found.inference.accuracy, lambda made: {"most": None}, {"most": ("None", "3")}
    ),
    "fitted_parts": Case(
        lambda made: made.found.inference.fitted_parts,
        lambda made: {"structured": False, "most": 4000},
        {"structured": ("bool",), "most": ("3",)},
    ),
    "Inference.influence": Case(
        lambda made: made.found.inference.influence,
        lambda made: {"groups": {"a": [0, 1]}},
        {"groups": ("None",)},
    ),
    "residual_covariance": Case(
        lambda made: made.found.inference.residual_covariance, lambda made: {"rows": [0]}, {"rows": ("None",)}
    ),
    "Inference.predict": Case(
        lambda made: made.found.inference.predict,
        lambda made: {
            "x": [[1.0, 0.0, 0.0]],
            "z": None,
            "covariance": None,
            "variance": None,
            "level": 0.95,
            "wider": None,
        },
        {
            "z": ("None", "dict"),
            "covariance": ("None",),
            "variance": ("None", "3"),
            "wider": ("None", "dict"),
        },
    ),
    "simulate": Case(
        lambda made: made.found.inference.simulate,
        lambda made: {"count": 1, "seed": 0},
        {"count": ("3",), "seed": ("3",)},
    ),
    "bootstrap": Case(
        lambda made: made.found.inference.bootstrap,
        lambda made: {
            "count": 1,
            "seed": 0,
            "functions": ["gen / residual"],
            "level": 0.95,
            "callback": None,
            "cancel": None,
        },
        {
            "count": ("3",),
            "seed": ("3",),
            "functions": ("list",),
            "callback": ("None", "function"),
            "cancel": ("None",),
        },
    ),
    "bootstrap_test": Case(
        lambda made: made.found.inference.bootstrap_test,
        lambda made: {"null": made.other.inference, "count": 1, "seed": 0, "callback": None, "cancel": None},
        {
            "count": ("3",),
            "seed": ("3",),
            "callback": ("None", "function"),
            "cancel": ("None",),
        },
    ),
    "why": Case(
        lambda made: why,
        lambda made: {
            "v": made.found.inference.v,
            "i": 0,
            "j": 1,
            "theta": None,
            "values": None,
            "rows": None,
        },
        {
            "i": ("3", "-1"),
            "j": ("3", "-1"),
            "theta": ("None", "array"),
            "values": ("None", "dict"),
            "rows": ("None",),
        },
    ),
    # -- designs
    "completely_randomised": Case(
        lambda made: completely_randomised,
        lambda made: {"treatments": 3, "plots": 12, "columns": 4, "seed": 0},
        {"treatments": ("3", "two texts"), "plots": (), "columns": ("None", "3"), "seed": ("3",)},
    ),
    "randomised_blocks": Case(
        lambda made: randomised_blocks,
        lambda made: {"treatments": 3, "blocks": 3, "columns": None, "seed": 0},
        {
            "treatments": ("3", "two texts"),
            "blocks": ("3", "two texts"),
            "columns": ("None", "3"),
            "seed": ("3",),
        },
    ),
    "latin_square": Case(
        lambda made: latin_square,
        lambda made: {"treatments": 3, "squares": 1, "seed": 0},
        {"treatments": ("3", "two texts"), "squares": ("3",), "seed": ("3",)},
    ),
    "nested": Case(
        lambda made: nested,
        lambda made: {"sire": 2, "record": 2},
        {"sire": ("3",), "record": ("3",)},
        closed=False,
    ),
    "alpha": Case(
        lambda made: alpha,
        lambda made: {"treatments": 12, "replicates": 2, "block_size": 3, "seed": 0},
        {"replicates": ("3",), "block_size": ("3",), "seed": ("3",)},
    ),
    "incomplete_blocks": Case(
        lambda made: incomplete_blocks,
        lambda made: {"treatments": 6, "replicates": 3, "block_size": 3, "seed": 0},
        {"treatments": (), "replicates": ("3",), "block_size": ("3",), "seed": ("3",)},
    ),
    "row_column": Case(
        lambda made: row_column,
        lambda made: {"treatments": 6, "replicates": 2, "rows": 3, "seed": 0},
        {"treatments": ("3",), "replicates": ("3",), "rows": ("3",), "seed": ("3",)},
    ),
    "augmented": Case(
        lambda made: augmented,
        lambda made: {"checks": 2, "new": 9, "blocks": 3, "seed": 0},
        {
            "checks": ("3", "two texts"),
            "new": ("3", "two texts"),
            "blocks": ("3", "two texts"),
            "seed": ("3",),
        },
    ),
    "split_plot": Case(
        lambda made: split_plot,
        lambda made: {"whole": 2, "sub": 2, "blocks": 2, "seed": 0},
        {
            "whole": ("3", "two texts"),
            "sub": ("3", "two texts"),
            "blocks": ("3", "two texts"),
            "seed": ("3",),
        },
    ),
    "repeated_measures": Case(
        lambda made: repeated_measures,
        lambda made: {"subjects": 4, "times": 3, "treatments": None, "seed": 0},
        {
            "subjects": ("3", "two texts"),
            "times": ("3", "array"),
            "treatments": ("None", "3", "two texts"),
            "seed": ("3",),
        },
    ),
    "missing": Case(
        lambda made: missing,
        lambda made: {"table": randomised_blocks(3, 3), "rate": 0.1, "seed": 0},
        {"seed": ("3",)},
    ),
    "trials": Case(
        lambda made: trials,
        lambda made: {"make": randomised_blocks, "sites": 2, "seed": 0, "treatments": 3, "blocks": 2},
        {
            "sites": ("3", "two texts"),
            "seed": ("3",),
            "treatments": ("3", "two texts"),
            "blocks": ("3", "two texts"),
        },
    ),
    "Expected": Case(
        lambda made: Expected,
        lambda made: {
            "v": ScalarMatrix(2),
            "x": [[1.0], [1.0]],
            "values": None,
            "theta": None,
            "names": None,
        },
        {"values": ("None", "dict"), "theta": ("None",), "names": ("None",), "x": ("array",)},
    ),
    "Expected.contrast": Case(
        lambda made: made.expected.contrast,
        lambda made: {"what": "drug", "level": 0.95},
        {"what": ("array",)},
    ),
    "Expected.power": Case(
        lambda made: made.expected.power,
        lambda made: {"what": "drug", "difference": 1.0, "level": 0.05},
        {"what": ("array",), "difference": ("3", "-1")},
    ),
    "Expected.detectable": Case(
        lambda made: made.expected.detectable,
        lambda made: {"what": "drug", "power": 0.8, "level": 0.05},
        {"what": ("array",)},
    ),
    "Expected.function": Case(
        lambda made: made.expected.function,
        lambda made: {"expression": "sigma^2", "level": 0.95, "scale": None},
        {"scale": ("None",)},
    ),
    "Expected.fixed_effects": Case(
        lambda made: made.expected.fixed_effects, lambda made: {"level": 0.95}, {}
    ),
    "compare_designs": Case(
        lambda made: compare_designs,
        lambda made: {"first": made.expected, "second": made.expected, "contrasts": None},
        {"contrasts": ("None", "dict")},
    ),
    # -- tables
    "inspect": Case(
        lambda made: inspect,
        lambda made: {"source": b"a,b\n1,2\n", "choices": None, "name": None, "max_bytes": 1000},
        {"choices": ("None",), "name": ("None", "text"), "max_bytes": ()},
    ),
    "read_table": Case(
        lambda made: read_table,
        lambda made: {
            "source": b"a,b\n1,2\n",
            "name": None,
            "max_bytes": 1000,
            "choices": None,
            "missing": (),
            "reference": None,
            "levels": None,
        },
        {
            "name": ("None", "text"),
            "choices": ("None",),
            "missing": ("list", "dict", "two texts", "array"),
            "reference": ("None", "dict"),
            "levels": ("None", "dict"),
        },
    ),
    "data.read": Case(
        lambda made: read, lambda made: {"source": b"a,b\n1,2\n", "choices": None}, {"choices": ("None",)}
    ),
    "read_relation": Case(
        lambda made: read_relation,
        lambda made: {"source": b"id,a,b\na,1,0\nb,0,1\n", "kind": None, "name": None},
        {"kind": ("None",), "name": ("None", "text")},
    ),
    "relation_of": Case(
        lambda made: relation_of,
        lambda made: {"data": np.eye(2), "kind": "relationship", "name": "K", "ids": ["a", "b"]},
        {"kind": ("None",), "name": ("text",), "ids": ("two texts",)},
    ),
    "load_example": Case(lambda made: load_example, lambda made: {"name": "john_alpha"}),
    "load_relations": Case(lambda made: load_relations, lambda made: {"name": "john_alpha"}),
}
#: Functions of tables and of the likelihood, and methods: what to ask, with which arguments, and what else
#: each of these may be.
MORE: list[tuple[str, Callable[[Made], Callable[..., Any]], dict[str, tuple[Any, tuple[str, ...]]]]] = [
    (
        "design_matrix",
        lambda made: partial(design_matrix, made.table),
        {"formula": ("1 + rep", ()), "roles": (None, ("None", "dict")), "drop_dependent": (False, ("bool",))},
    ),
    ("data.response", lambda made: partial(response, made.table), {"column": ("yield", ())}),
    (
        "data.levels",
        lambda made: partial(levels, made.table),
        {"columns": (["rep"], ("list",)), "crossed": (True, ("bool",))},
    ),
    ("factor_columns", lambda made: partial(factor_columns, made.table), {"columns": (["rep"], ("list",))}),
    ("check_roles", lambda made: partial(check_roles, made.table), {"roles": ({}, ("dict",))}),
    ("guess_roles", lambda made: guess_roles, {"table": (load_example("john_alpha"), ())}),
    (
        "ordered_labels",
        lambda made: ordered_labels,
        {
            "labels": (["a"], ("list", "dict", "two texts", "dict of number")),
            "wanted": ([], ("list", "two texts")),
        },
    ),
    ("column_of", lambda made: column_of, {"formula": ("log(x)", ("text",)), "name": ("x", ("text",))}),
    (
        "position_in",
        lambda made: position_in,
        {"groups": (["a"], ("list", "two texts")), "given": ([], ("list", "two texts"))},
    ),
    *(
        (f"Table.{name}", lambda made, name=name: getattr(made.table, name), {"column": (column, ())})
        for name, column in {
            "counts": "rep",
            "is_numeric": "rep",
            "is_time": "rep",
            "labels": "rep",
            "levels": "rep",
            "missing": "rep",
            "numbers": "yield",
            "reference": "rep",
        }.items()
    ),
    ("Table.require", lambda made: made.table.require, {"columns": (["rep"], ("list", "dict"))}),
    ("Table.rows", lambda made: made.table.rows, {"kept": (np.ones(72, dtype=np.bool_), ())}),
    (
        "Table.from_columns",
        lambda made: Table.from_columns,
        {
            "columns": ({"a": [1, 2]}, ()),
            "name": ("t", ("text",)),
            "notes": ((), ("list", "two texts")),
        },
    ),
    ("Table.with_choices", lambda made: made.table.with_choices, {"choices": (TableChoices(), ())}),
    (
        "Relation.of_matrix",
        lambda made: Relation.of_matrix,
        {
            "ids": (["a", "b"], ("two texts", "array")),
            "matrix": (np.eye(2), ()),
            "kind": ("relationship", ()),
            "name": ("K", ("text",)),
        },
    ),
    (
        "Relation.of_markers",
        lambda made: Relation.of_markers,
        {
            "ids": (["a", "b"], ("two texts", "array")),
            "calls": (np.ones((2, 3)), ()),
            "name": ("M", ("text",)),
        },
    ),
    (
        "Relation.of_pedigree",
        lambda made: Relation.of_pedigree,
        {"rows": ([("a", "", ""), ("b", "a", "")], ()), "name": ("A", ("text",))},
    ),
    (
        "Relation.named",
        lambda made: load_relations("mrode_calves")["pedigree"].named,
        {"name": ("A", ("text",))},
    ),
    (
        "reml.fit",
        lambda made: partial(fit_matrix, ScalarMatrix(6), torch.arange(6.0) ** 2, torch.ones(6, 1)),
        {
            "start": (None, ("None",)),
            "max_iter": (5, ("3",)),
            "callback": (None, ("None", "function")),
            "engine": ("auto", ()),
            "method": ("REML", ()),
            "cancel": (None, ("None",)),
            "x_names": (None, ("None",)),
            "drop_dependent": (False, ("bool",)),
            "device": (None, ("None",)),
        },
    ),
    (
        "reml.explain",
        lambda made: partial(explain, ScalarMatrix(6)),
        {"n": (None, ("None",)), "p": (1, ("3",)), "engine": ("auto", ())},
    ),
]
CASES |= {
    name: Case(
        ask,
        lambda made, options=options: {key: value for key, (value, _) in options.items()},
        {key: takes for key, (_, takes) in options.items()},
        # Methods that are asked for one column very often are not bound anew each time.
        closed=not name.startswith("Table.") or name == "Table.require",
    )
    for name, ask, options in MORE
}

#: Pictures with their options, and what else each of these may be.
OF_FITS: dict[str, dict[str, tuple[Any, tuple[str, ...]]]] = {
    "factor": {"by": ("gen", ("None",))},
    "field": {"row": ("row", ("None",)), "column": ("plot", ("None",)), "within": ("rep", ("None",))},
    "variogram": {
        "along": ("row", ("None",)),
        "within": ("rep", ("None",)),
        "straight": (False, ("bool",)),
        "reach": (5.0, ("None", "3")),
    },
    "caterpillar": {"term": ("gen", ("None",)), "level": (0.95, ())},
    "profile": {"parameters": ("gen/g/sigma^2", ("None",)), "level": (0.95, ())},
    "contour": {
        "first": ("gen/g/sigma^2", ("None",)),
        "second": ("residual/sigma^2", ("None",)),
        "count": (3, ("3",)),
        "others": ("held", ()),
    },
    "subjects": {"by": ("gen", ("None",)), "x": ("row", ("None",))},
}
OF_MATRICES: dict[str, dict[str, tuple[Any, tuple[str, ...]]]] = {
    "V": {
        "read": ("value", ()),
        "values": ({"rho": 0.5}, ("None", "dict")),
        "rows": (None, ("None",)),
        "places": (None, ("None", "dict")),
        "part": (None, ("None",)),
    },
    "slices": {"parameters": (["rho"], ("None",))},
    "row": {"row": (0, ("3", "-1"))},
    "draws": {"count": (1, ("3",)), "seed": (0, ("3",))},
}


def _picture(ask: Callable[[Made], Callable[..., Any]], kind: str, options: Mapping[str, Any]) -> Case:
    given = {"kind": kind, **{name: value for name, (value, _) in options.items()}}
    return Case(ask, lambda made: dict(given), {name: takes for name, (_, takes) in options.items()})


CASES |= {
    f"picture of a fit: {kind}": _picture(lambda made: made.found.plot.data, kind, options)
    for kind, options in OF_FITS.items()
}
CASES |= {
    f"picture of a matrix: {kind}": _picture(lambda made: AR1Matrix(5).plot.data, kind, options)
    for kind, options in OF_MATRICES.items()
}
