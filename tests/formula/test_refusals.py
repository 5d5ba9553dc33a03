"""What formulas are refused for: the word, its place, and what would do."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from covstudio import fit
from covstudio.data import FormulaError
from covstudio.formula import Refusal, read
from covstudio.formula.syntax import parse

SLEEP = Path(__file__).parent / "reference" / "sleepstudy.csv"


def refused(text: str, **more: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        fit(text, SLEEP, **more)
    return caught.value


@pytest.mark.parametrize(
    ("text", "word", "place", "remedy"),
    [
        ("Reaction ~ Dayz + (1 | Subject)", "Dayz", 12, "Did you mean 'Days'?"),
        ("Reaction ~ Days + (1 | subjct)", "subjct", 24, "Did you mean 'Subject'?"),
        ("Reactoin ~ Days + (1 | Subject)", "Reactoin", 1, "Did you mean 'Reaction'?"),
        ("Reaction ~ s(Days) + (1 | Subject)", "s", 12, "ns(x, df = 4)"),
        ("Reaction ~ Days + corAR1(form = ~ 1 | Subject)", "corAR1", 19, 'dialect="nlme"'),
        ("Reaction ~ Days + ar1v(Days):id(Subject)", "ar1v", 19, 'dialect="asreml"'),
        ("Reaction ~ Days + rr(0 + Days | Subject)", "rr", 19, 'dialect="glmmTMB"'),
        ("cbind(Reaction, Days) ~ 1", "cbind", 1, "Stack them"),
        ("glmer(Reaction ~ Days + (1 | Subject), family = poisson)", "glmer", 1, "linear model"),
        (
            "lmer(Reaction ~ Days + (1 | Subject), subset = Days > 1)",
            "subset",
            48,
            "Choose them in the table",
        ),
        ("glmmTMB(Reaction ~ Days, family = poisson)", "family", 35, "Gaussian"),
        ("Reaction ~ os.system('rm') + (1 | Subject)", "os.system", 12, "log, sqrt"),
        ("Reaction ~ Days | Subject", "Days | Subject", 12, "(Days | Subject)"),
        ("Reaction ~ Days, random = ~ 1 | Subject", ",", 16, 'dialect="nlme"'),
        ("Reaction ~ Days + (1 | Subject) / type = un", "=", 40, "PROC MIXED"),
        ("Reaction ~ Days + ar1(Days):Subject", "ar1", 19, 'dialect="asreml"'),
        ("glmmTMB(Reaction ~ Days, ziformula = ~ 1)", "ziformula", 38, "Gaussian"),
        ("Reaction ~ .", ".", 12, "Name the columns"),
        ("Reaction ~ Days$x", "Days$x", 12, "alone"),
        ("Reaction ~ Days[1]", "[", 16, "operators"),
        ("Reaction ~ (Days", "(", 12, "in pairs"),
        ("Reaction ~ Days)", ")", 16, "in pairs"),
        ("Reaction ~ Days +", "+", 17, "leave it out"),
        ("Reaction ~ Days ~ Subject", "~", 17, "one ~"),
        ("Reaction ~ `Days", "`", 12, "in pairs"),
        ("Reaction ~ Days + ar1(0, Days | Subject)", "ar1", 19, "with a bar"),
        ("Reaction ~ Days + (0 | Subject)", "0", 20, "1 left of the bar"),
        ("Reaction ~ Days + (1 | Subject + Days)", "Subject + Days", 24, "name it"),
        ("lmer(Reaction ~ Days + (1 | Subject), correlation = corAR1())", "correlation", 0, "weights"),
    ],
)
def test_the_word_and_its_place_are_told(text: str, word: str, place: int, remedy: str) -> None:
    said = refused(text)
    assert isinstance(said, FormulaError)
    assert word in said.word
    if place:
        assert said.place == place
        assert f"(character {place})" in str(said)
    assert remedy in f"{said.why} {said.remedy}"


@pytest.mark.parametrize(
    ("option", "text", "owner"),
    [
        ("random", "~ 1 | Subject", "nlme"),
        ("correlation", "corAR1(form = ~ 1 | Subject)", "nlme"),
        ("dispformula", "~ Subject", "glmmTMB"),
    ],
)
def test_an_option_of_another_system_says_whose_it_is(option: str, text: str, owner: str) -> None:
    said = refused("Reaction ~ Days", **{option: text})
    assert option in said.word
    assert f'dialect="{owner}"' in said.remedy


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"random": "~ Days"}, "names no groups"),
        ({"random": "pdDiag(~ Days)"}, "names no groups"),
        ({"random": "(1 | Subject)"}, "left side"),
        ({"correlation": "corAR2(form = ~ 1 | Subject)"}, "no such function"),
        ({"correlation": "corAR1(form = ~ Subject)"}, "occurs twice"),
        ({"weights": "varIdent()"}, "no strata"),
        ({"weights": "varPower()"}, "fitted values"),
        ({"weights": "varPower(form = ~ fitted(.))"}, "no meaning|fitted values|number is expected"),
        ({"weights": "ar1(row)"}, "no such function"),
    ],
)
def test_nlme_is_refused_with_its_own_words(options: dict[str, str], words: str) -> None:
    with pytest.raises(Refusal, match=words):
        fit("Reaction ~ Days", SLEEP, dialect="nlme", **options)


def test_a_response_of_text() -> None:
    path = Path(__file__).parent / "reference" / "Machines.csv"
    with pytest.raises(Refusal, match="holds text such as 'A'") as caught:
        fit("Machine ~ score + (1 | Worker)", path)
    assert caught.value.place == 1
    assert "column of numbers" in caught.value.remedy


def test_bars_in_nlme_are_recognised() -> None:
    with pytest.raises(Refusal, match="bars are lme4's"):
        fit("Reaction ~ Days + (1 | Subject)", SLEEP, dialect="nlme")


def test_weights_of_glmmtmb_are_another_model() -> None:
    with pytest.raises(Refusal, match="log-likelihood by its weight"):
        fit("Reaction ~ 1 + (1 | Subject)", SLEEP, dialect="glmmTMB", weights="Days")


def test_what_is_no_text() -> None:
    with pytest.raises(TypeError, match="A formula is text"):
        fit(3, SLEEP)  # type: ignore[arg-type]
    assert fit("glmmTMB(Reaction ~ Days, ziformula = ~ 0, family = gaussian())", SLEEP).method == "ML"


def test_unknown_dialects_and_methods() -> None:
    with pytest.raises(Refusal, match="Did you mean 'nlme'"):
        fit("Reaction ~ Days", SLEEP, dialect="nmle")
    with pytest.raises(Refusal, match="REML or ML"):
        fit("Reaction ~ Days", SLEEP, method="reml")


@pytest.mark.parametrize(
    "text",
    [
        "y ~ " + "(" * 10_000 + "x" + ")" * 10_000,
        "y ~ " + "-" * 10_000 + "x",
        "y ~ " + "f(" * 10_000 + "x" + ")" * 10_000,
        "y ~ x" + "^2" * 10_000,
        "y ~ x" + ":x" * 10_000,
        "~" * 10_000 + "x",
        "y ~ (1 | " * 10_000 + "g" + ")" * 10_000,
        "`" * 10_001,
    ],
)
def test_what_is_nested_without_end_is_refused(text: str) -> None:
    with pytest.raises(Refusal):
        read(text)


def test_the_cost_of_a_long_text_is_linear() -> None:
    def calls(terms: int) -> int:
        counted = 0

        def count(*_: object) -> None:
            nonlocal counted
            counted += 1

        text = "y ~ " + " + ".join(f"x{k}" for k in range(terms))
        sys.setprofile(count)
        try:
            parse(text)
        finally:
            sys.setprofile(None)
        return counted

    assert calls(8_000) < 4.1 * calls(2_000)


@pytest.mark.parametrize(
    "text",
    [
        "Reaction~Days+(Days|Subject)",
        "  Reaction  ~\n\tDays +\n  ( Days | Subject )  ",
        "`Reaction` ~ `Days` + (`Days` | `Subject`)",
        "Reaction ~ ((Days)) + ((Days | Subject))",
        "Reaction ~ (Days + (1 + Days | Subject))",
        "Reaction ~ Days + us(Days | Subject)",
        "lme4::lmer(Reaction ~ Days + (Days | Subject), sleepstudy) # a comment",
        "lmer(data = sleepstudy, formula = Reaction ~ 1 + Days + (1 + Days | Subject))",
        "m1 <- lmer(Reaction ~ Days + (Days | Subject), sleepstudy, TRUE)",
        "m1 = nlme::lme(Reaction ~ Days, sleepstudy, ~ Days | Subject)",
        "lme(random = list(Subject = pdLogChol(~ Days)), fixed = Reaction ~ Days)",
        "lme(Reaction ~ Days, random = list(~ Days | Subject), na.action = na.omit)",
        "asreml(Reaction ~ Days, ~ us(pol(Days, 1)):id(Subject))",
        "lmer(Reaction ~ Days + (Days | factor(Subject)))",
    ],
)
def test_one_model_however_it_is_written(text: str) -> None:
    assert fit(text, SLEEP).loglik == pytest.approx(-871.8141359792, abs=1e-6)


def test_names_of_any_characters() -> None:
    frame = pd.read_csv(SLEEP)
    frame.columns = ["réaction (ms)", "日", "sujet|no"]
    found = fit("`réaction (ms)` ~ 日 + (日 | `sujet|no`)", frame)
    assert found.loglik == pytest.approx(-871.8141359792, abs=1e-6)
    assert found.fixed["effect"].tolist() == ["(Intercept)", "日"]
