"""SAS PROC MIXED: class, model, random, repeated and weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from covstudio.data.errors import suggestion
from covstudio.data.formula import quote_name
from covstudio.document.model.document import Degrees, Method
from covstudio.document.model.node import Columns
from covstudio.formula.dialect import DIALECTS, Dialect, Request
from covstudio.formula.effects import (
    Coefficients,
    design_of,
    effect,
    incidence,
    label,
    only,
    propagated,
    residual,
    scaled_by_column,
    variances_by_group,
)
from covstudio.formula.nlme_correlation import correlation_over
from covstudio.formula.refusals import Refusal
from covstudio.formula.sas_text import Effect, Statement, Word, effects_of, statements_of
from covstudio.formula.sas_types import Type, spatial, type_of
from covstudio.formula.source import Source, Study
from covstudio.formula.tree import Model, Tree, tree

__all__ = ["read"]

#: Statements that ask something of a fit, and say nothing about the model.
_QUESTIONS = frozenset(
    [
        "lsmeans",
        "lsmestimate",
        "estimate",
        "contrast",
        "ods",
        "run",
        "quit",
        "title",
        "slice",
        "store",
        "parms",
    ]
)
_DEGREES: Mapping[str, Degrees] = {
    "kr": "kenward-roger-observed",
    "kenwardroger": "kenward-roger-observed",
    "kr2": "kenward-roger-observed",
    "satterth": "satterthwaite",
    "satterthwaite": "satterthwaite",
}


def read(request: Request) -> Model:
    """The model of a step of PROC MIXED.

    Raises:
        Refusal: a statement is not read, or there is no model statement.
    """
    text = request.texts["formula"] if request.given("formula") else ""
    statements = statements_of(text)
    step = _Step(request.study)
    model: Model | None = None
    for statement in statements:
        if statement.keyword == "class":
            step.take_class(statement)
    for statement in statements:
        if statement.keyword == "model":
            if model is not None:
                raise statement.first.refuse("there is a second model", "Write one model statement.")
            model = step.model(statement)
    if model is None:
        raise Refusal("model", 0, "there is no model statement", "Write proc mixed; model y = x; run;")
    model.method = request.method
    for statement in statements:
        word = statement.keyword
        if word == "proc":
            model.method = _procedure(statement) or model.method
        elif word == "random":
            model.terms += step.random(statement)
        elif word == "repeated":
            *more, model.residual = step.repeated(statement)
            model.terms += more
        elif word == "weight":
            model.residual = scaled_by_column(step.column(statement.words[0]), -0.5)
        elif word not in _QUESTIONS and word not in ("class", "model"):
            raise statement.first.refuse(
                "this statement is not read",
                suggestion(word, ["class", "model", "random", "repeated", "weight"], "statement"),
            )
    if model.residual is None:
        model.residual = residual()
    return model


def _procedure(statement: Statement) -> Method | None:
    """The method that the procedure is asked for, or None."""
    words = statement.words
    if not words or words[0].low != "mixed":
        at = words[0] if words else statement.first
        raise at.refuse("only PROC MIXED is read", "Write proc mixed; ...")
    for place, word in enumerate(words[:-2]):
        if word.low == "method" and words[place + 1].text == "=":
            method = words[place + 2]
            if method.low not in ("reml", "ml"):
                raise method.refuse("a model is fitted by REML or ML", "Write method=reml.")
            return "REML" if method.low == "reml" else "ML"
    return None


class _Step:
    """What the statements of a step have in common.

    Args:
        study: the table and what is computed of it.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.classes: set[str] = set()
        self.response = ""

    # --- columns

    def column(self, word: Word) -> str:
        """The column that a word names; SAS does not tell large letters from small ones."""
        table = self.study.table
        if table is None:
            return word.text
        if word.text in table.columns:
            return word.text
        same = [name for name in table.columns if name.casefold() == word.low]
        if len(same) == 1:
            return same[0]
        raise word.refuse("there is no such column", suggestion(word.text, table.columns))

    def take_class(self, statement: Statement) -> None:
        """The columns of a class statement are factors."""
        depth = 0
        for word in statement.words:
            depth += (word.text == "(") - (word.text == ")")
            if word.kind == "name" and depth == 0:
                column = self.column(word)
                self.classes.add(column)
                self.study.labels.add(column)

    def is_class(self, column: str) -> bool:
        """Whether a class statement names a column."""
        return column in self.classes

    def columns(self, found: Effect) -> tuple[str, ...]:
        """The columns of an effect, each once."""
        return tuple(dict.fromkeys(self.column(word) for word in found.names))

    # --- fixed effects

    def model(self, statement: Statement) -> Model:
        """The response and the fixed effects."""
        words = statement.words
        equals = next((place for place, word in enumerate(words) if word.text == "="), None)
        if equals is None or equals < 1:
            raise statement.first.refuse("it has no response", "Write model yield = rep;")
        if equals > 1:
            raise words[1].refuse("several responses are not fitted together", "Name one left of the =.")
        self.response = self.column(words[0])
        table = self.study.table
        if table is not None and not table.is_numeric(self.response):
            source = Source(quote_name(self.response), self.study)
            source.response(source.tree)
        terms: list[str] = []
        for found in effects_of(words[equals + 1 :]):
            parts = []
            for name in self.columns(found):
                self._check_kind(found, name)
                parts.append(f"factor({quote_name(name)})" if self.is_class(name) else quote_name(name))
                self.study.use({name: "factor" if self.is_class(name) else "covariate"})
            terms.append(":".join(parts))
        if "noint" in statement.options:
            terms.append("-1")
        model = Model(self.response, " + ".join(terms).replace("+ -1", "- 1") or "1")
        if terms == ["-1"]:
            raise statement.first.refuse("nothing is left of the fixed effects", "Leave noint out.")
        ddfm = statement.options.get("ddfm", ())
        if ddfm:
            model.degrees = _DEGREES.get(ddfm[0].low, "satterthwaite")
        return model

    def _check_kind(self, found: Effect, name: str) -> None:
        table = self.study.table
        if table is None or self.is_class(name) or table.is_numeric(name) or table.is_time(name):
            return
        word = next(word for word in found.names if self.column(word) == name)
        raise word.refuse("it holds text, and no class statement names it", f"Write class {name};")

    # --- random effects

    def random(self, statement: Statement) -> list[Tree]:
        """The terms of a random statement."""
        structure = type_of(statement)
        subject = self._subject(statement)
        group = self._group(statement)
        intercept, effects = self._effects(statement)
        if group and not subject and structure.kind not in ("", "ScalarMatrix"):
            raise statement.first.refuse("groups need a subject", "Write subject= too.")
        terms = self._terms(statement, structure, subject, intercept, effects)
        if not group:
            return terms
        return [
            only(term.named(f"{term.name} {level}"), column)
            for term in terms
            for level, column in self._levels(statement, group)
        ]

    def _effects(self, statement: Statement) -> tuple[bool, list[Effect]]:
        words = [word for word in statement.words if word.low not in ("int", "intercept")]
        return len(words) < len(statement.words), effects_of(words)

    def _terms(
        self,
        statement: Statement,
        structure: Type,
        subject: tuple[str, ...],
        intercept: bool,
        effects: Sequence[Effect],
    ) -> list[Tree]:
        if structure.kind == "":
            # Every effect has a variance of its own.
            terms = [effect(subject, Coefficients(), structure.covariance)] if intercept and subject else []
            if intercept and not subject:
                raise statement.first.refuse("an intercept needs a subject", "Write random int / subject=g;")
            return [*terms, *(self._component(one, subject) for one in effects)]
        factors = [one for one in effects if any(self.is_class(name) for name in self.columns(one))]
        if factors:
            if len(effects) > 1 or intercept or any(not self.is_class(n) for n in self.columns(factors[0])):
                raise statement.first.refuse(
                    "a structure over classes takes one effect", "Write a random statement for each."
                )
            found = Coefficients(intercept=False, factor=self.columns(factors[0]), neighbours=True)
        else:
            numbers = tuple(self._number(one) for one in effects)
            found = Coefficients(numbers, intercept)
        name = label(subject) or found.label
        if subject:
            return [effect(subject, found, structure.covariance, name)]
        if not found.factor:
            z = design_of(found, f"{name} design")
            return [propagated(name, z, structure.covariance(f"{name} covariance", found.size))]
        z = incidence(found.factor, f"{name} design", every=True, neighbours=True)
        return [propagated(name, z, structure.covariance(f"{name} covariance", found.size))]

    def _number(self, found: Effect) -> str:
        columns = self.columns(found)
        if len(columns) > 1:
            raise found.names[0].refuse(
                "a product of covariates is expected as a column", "Compute it in the table."
            )
        return columns[0]

    def _component(self, found: Effect, subject: tuple[str, ...]) -> Tree:
        """One variance for the levels of an effect, within subjects."""
        columns = self.columns(found)
        classes = tuple(name for name in columns if self.is_class(name))
        numbers = tuple(name for name in columns if not self.is_class(name))
        group = tuple(dict.fromkeys((*subject, *classes)))
        self.study.labels.update(group)
        name = label((*subject, *columns))
        if len(numbers) > 1:
            raise found.names[0].refuse(
                "a product of covariates is expected as a column", "Compute it in the table."
            )
        if not group:
            z = tree("DesignMatrix", f"{name} design", columns=Columns(numbers))
            return propagated(name, z, tree("ScalarMatrix", f"{name} variance"))
        coefficients = Coefficients(numbers, intercept=False) if numbers else Coefficients()
        return effect(group, coefficients, lambda called, size: tree("ScalarMatrix", called), name)

    # --- repeated measures

    def repeated(self, statement: Statement) -> list[Tree]:
        """The residual of a repeated statement."""
        structure = type_of(statement)
        subject, group = self._subject(statement), self._group(statement)
        columns = tuple(name for found in effects_of(statement.words) for name in self.columns(found))
        if structure.kind == "":
            made = [variances_by_group(group) if group else residual()]
        elif structure.coordinates:
            made = [self._spatial(statement, structure, subject)]
            made = self._by_group(statement, made, group)
        else:
            if not columns:
                given = self.study.table
                used = () if given is None else tuple(n for n in (self.response,) if given.missing(n).any())
                columns = (self.study.position(subject, used),)
            made = self._by_group(statement, [self._within(statement, structure, subject, columns)], group)
        local = statement.options.get("local")
        if local is not None:
            if local:
                raise statement.first.refuse("LOCAL= with a function is not read", "Write local alone.")
            made = [tree("ScalarMatrix", "local"), *made]
        return made

    def _within(
        self, statement: Statement, structure: Type, subject: tuple[str, ...], columns: tuple[str, ...]
    ) -> Tree:
        """Blocks of subjects, with a structure over the levels of an effect."""
        self.study.labels.update((*subject, *columns))
        if structure.outer:
            if len(columns) != 2:
                raise statement.first.refuse(
                    "a Kronecker product takes two effects", "Write repeated a t / ...;"
                )
            return structure.product(subject, columns)
        if len(columns) > 1:
            raise statement.first.refuse("it takes one effect", "Write repeated time / subject=id;")
        return correlation_over(
            lambda name, size, variance: structure.covariance(name, size),
            subject,
            columns[0],
            neighbours=True,
        ).covariance("residual")

    def _spatial(self, statement: Statement, structure: Type, subject: tuple[str, ...]) -> Tree:
        columns = tuple(self.column(word) for word in structure.coordinates)
        return spatial("residual", structure, columns, subject)

    def _by_group(self, statement: Statement, made: list[Tree], group: tuple[str, ...]) -> list[Tree]:
        if not group:
            return made
        return [
            only(term.named(f"{term.name} {level}"), column)
            for term in made
            for level, column in self._levels(statement, group)
        ]

    # --- options

    def _subject(self, statement: Statement) -> tuple[str, ...]:
        words = statement.options.get("subject", statement.options.get("sub", ()))
        if not words or words[0].low in ("int", "intercept"):
            return ()
        columns = tuple(dict.fromkeys(name for one in effects_of(words) for name in self.columns(one)))
        self.study.labels.update(columns)
        return columns

    def _group(self, statement: Statement) -> tuple[str, ...]:
        words = statement.options.get("group", statement.options.get("grp", ()))
        columns = (
            tuple(dict.fromkeys(name for one in effects_of(words) for name in self.columns(one)))
            if words
            else ()
        )
        self.study.labels.update(columns)
        return columns

    def _levels(self, statement: Statement, group: tuple[str, ...]) -> list[tuple[str, str]]:
        table = self.study.under
        if len(group) > 1:
            raise statement.first.refuse("groups are the levels of one factor", "Cross them in the table.")
        if table is None:
            raise statement.first.refuse("its groups follow from the data", "Give the data too.")
        return [(level, self.study.indicator(group[0], level)) for level in table.levels(group[0])]


DIALECTS.register(Dialect("sas", "SAS", read, order=40))
