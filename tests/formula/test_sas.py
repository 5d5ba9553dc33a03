"""PROC MIXED: against published likelihoods, and against lme4 and nlme where these say the same."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from covstudio import fit
from covstudio.fitting import Fitted
from covstudio.formula import Refusal, read
from covstudio.formula.sas_text import effects_of, statements_of

REFERENCE = Path(__file__).parent / "reference"
FITS = json.loads((REFERENCE / "fits.json").read_text(encoding="utf-8"))
R = {case["name"]: case["loglik"] for case in FITS}
DENTAL = "proc mixed method=ml; class Subject Sex; model distance = "


def sas(text: str, data: str) -> Fitted:
    found = fit(text, REFERENCE / f"{data}.csv")
    assert isinstance(found, Fitted)
    return found


@pytest.mark.parametrize(
    ("rest", "published"),
    [
        ("Sex|c; repeated c / subject=Subject type=un;", 416.509),
        ("Sex|age; repeated c / subject=Subject type=un;", 419.477),
        ("Sex|age; repeated c / subject=Subject type=toep;", 424.643),
        ("Sex|age; repeated c / subject=Subject type=ar(1);", 440.681),
        ("Sex|age; random int age / subject=Subject type=un;", 427.806),
        ("Sex|age; repeated c / subject=Subject type=cs;", 428.639),
        ("Sex|age; random int / subject=Subject;", 428.639),
        ("Sex|age; repeated / type=vc;", 478.242),
    ],
)
def test_the_dental_data_of_jennrich_and_schluchter(rest: str, published: float) -> None:
    """Jennrich & Schluchter (1986), Biometrics 42, 805-820, table 1: -2 log L, as SAS's manual has them."""
    text = (
        DENTAL + rest.replace("Sex|c", "Sex|age_class").replace("repeated c", "repeated age_class") + " run;"
    )
    frame = pd.read_csv(REFERENCE / "Orthodont.csv")
    frame["age_class"] = [f"a{age:02d}" for age in frame["age"]]
    text = text.replace("class Subject Sex", "class Subject Sex age_class")
    found = fit(text, frame)
    assert isinstance(found, Fitted)
    assert -2 * found.loglik == pytest.approx(published, abs=6e-4)


@pytest.mark.parametrize(
    ("text", "data", "same"),
    [
        (
            "proc mixed data=sleep; class subject; model REACTION = days / s; "
            "random int days / sub=subject type=un;",
            "sleepstudy",
            "sleepstudy slopes",
        ),
        (
            "proc mixed; class Subject; model Reaction = Days; random int Days / subject=Subject;",
            "sleepstudy",
            "sleepstudy double bar",
        ),
        (
            "proc mixed; class Block Variety; model yield = nitro; random Block Block*Variety; run;",
            "Oats",
            "Oats nested",
        ),
        (
            "PROC MIXED; CLASS Block Variety; /* split */ MODEL yield = nitro; "
            "RANDOM int Variety / SUBJECT=Block;",
            "Oats",
            "Oats nested",
        ),
        (
            "proc mixed; class Worker Machine; model score = Machine; "
            "random Machine / subject=Worker type=un;",
            "Machines",
            "Machines within worker",
        ),
        (
            "proc mixed; class Worker Machine; model score = Machine; "
            "random Machine / subject=Worker type=un(1);",
            "Machines",
            "Machines diagonal",
        ),
        (
            "proc mixed; class Worker Machine; model score = Machine; "
            "random Machine / subject=Worker type=cs;",
            "Machines",
            "Machines compound symmetric",
        ),
        (
            "proc mixed; class Subject Sex; model distance = age|Sex; random int / subject=Subject; "
            "repeated / group=Sex; lsmeans Sex; run;",
            "Orthodont",
            "Orthodont variances by sex",
        ),
        (
            "proc mixed method=ml; class Subject Sex; model distance = age|Sex; "
            "repeated / subject=Subject type=cs;",
            "Orthodont",
            "Orthodont compound symmetric",
        ),
        (
            "proc mixed; class Animal Treatment; model BPchange = Treatment; random int / subject=Animal;",
            "Rabbit",
            None,
        ),
    ],
)
def test_what_lme4_and_nlme_say(text: str, data: str, same: str | None) -> None:
    found = sas(text, data)
    expected = (
        R[same] if same else fit("BPchange ~ Treatment + (1 | Animal)", REFERENCE / "Rabbit.csv").loglik
    )
    assert found.loglik == pytest.approx(expected, abs=1e-5)


def test_a_set_of_parameters_for_each_group_is_the_sum_of_the_groups() -> None:
    frame = pd.read_csv(REFERENCE / "Orthodont.csv")
    whole = "proc mixed; class Subject Sex; model distance = Sex Sex*age / noint; "
    part = "proc mixed; class Subject Sex; model distance = age; "
    for rest in (
        "repeated / subject=Subject type=ar(1){group};",
        "random int / subject=Subject{group}; repeated / group=Sex;",
        "repeated / subject=Subject type=sp(exp)(age){group};",
    ):
        together = fit(whole + rest.format(group=" group=Sex"), frame).loglik
        alone = [
            fit(
                part + rest.format(group="").replace("repeated / group=Sex;", ""), frame[frame["Sex"] == sex]
            ).loglik
            for sex in ("Male", "Female")
        ]
        assert together == pytest.approx(sum(alone), abs=1e-5)


def test_local_adds_a_nugget() -> None:
    text = "proc mixed; class Subject; model distance = age; repeated / subject=Subject type=ar(1) local;"
    assert "local/sigma^2" in sas(text, "Orthodont").params


def test_degrees_and_method_are_kept() -> None:
    text = "proc mixed method=ml data=a; class g; model y = x / ddfm=kr solution; random g;"
    document = read(text).document
    assert (document.method, document.degrees) == ("ML", "kenward-roger-observed")


def test_effects_are_taken_apart() -> None:
    (statement,) = statements_of("model a|b|c@2 d(a b) e*f")
    assert [one.written for one in effects_of(statement.words)] == [
        "a", "b", "a*b", "c", "a*c", "b*c", "a*b*d", "e*f",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "word", "words"),
    [
        ("proc mixed; model distance = Sex;", "Sex", "class Sex"),
        ("proc mixed; class Sexx; model distance = Sex;", "Sexx", "Did you mean 'Sex'"),
        ("proc glimmix; model distance = age;", "glimmix", "only PROC MIXED"),
        ("proc mixed; class Sex; run;", "model", "no model statement"),
        ("proc mixed; model distance age = Sex;", "age", "several responses"),
        ("proc mixed; model Sex = age;", "Sex", "holds text"),
        ("proc mixed; model distance = age; random age / type=xx;", "xx", "no such type"),
        ("proc mixed; model distance = age; by Sex;", "by", "not read"),
        (
            "proc mixed; model distance = age; repeated / subject=Subject type=ar(1) local=exp(age);",
            "repeated",
            "LOCAL",
        ),
        ("proc mixed; model distance = age + Sex;", "+", "name of a column"),
        ("proc mixed method=mivque0; model distance = age;", "mivque0", "REML or ML"),
        ("proc mixed; model distance = ~age;", "~", "no meaning"),
    ],
)
def test_what_is_refused(text: str, word: str, words: str) -> None:
    with pytest.raises(Refusal, match=words) as caught:
        sas(text, "Orthodont")
    assert caught.value.word == word


def test_long_steps_are_read_or_refused() -> None:
    with pytest.raises(Refusal):
        read("proc mixed; model y = " + "(" * 10_000)
    with pytest.raises(Refusal):
        read("proc mixed; model y = " + "a|" * 10_000 + "a")
    many = "proc mixed; model y = " + " ".join(f"x{k}" for k in range(400)) + ";"
    assert read(many).document.fixed_effects.count("+") == 399


def test_levels_that_are_neighbours_in_spite_of_their_numbers_are_told() -> None:
    """PROC MIXED takes the levels that occur, in the order of their text, for neighbours."""
    weeks = [1, 2, 3, 4, 10] * 12
    frame = pd.DataFrame({"id": [f"s{k // 5}" for k in range(60)], "t": weeks})
    frame["week"] = [f"Week {k}" for k in weeks]
    frame["y"] = [((k * 37) % 11) + 0.1 * ((k * 53) % 7) for k in range(60)]
    step = "proc mixed; class id {0}; model y = ; repeated {0} / subject=id type=ar(1); run;"
    for name, order in (("t", ""), ("week", " and this is not the order of their numbers")):
        found = fit(step.format(name), frame)
        assert isinstance(found, Fitted)
        (note,) = found.estimate.notes
        assert f"residual over {name} takes the 5 levels" in note
        assert f"5, {'Week ' * bool(order)}6, " in note
        assert f"are missing between them{order}." in note
