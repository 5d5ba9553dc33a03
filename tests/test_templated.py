"""What is said to `fit_template`, and what it answers where that cannot be."""

import pytest

from covstudio import fit, fit_template
from covstudio.data import load_example
from covstudio.data.errors import TableError
from covstudio.data.frames import table_of
from covstudio.document.files.templates import TEMPLATES

OATS = load_example("oats_yates").frame


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"response": "Variety"}, "'Variety' should hold numbers"),
        ({"response": "zz"}, "no column 'zz'"),
        ({"roles": {"Blok": "factor"}}, "'Blok'"),
    ],
)
def test_roles_that_cannot_be_are_refused_before_parts_are_asked_for(said, message):
    with pytest.raises(TableError, match=message):
        fit_template("blocks", OATS, **said)


def test_a_response_that_never_varies_is_not_replaced_by_another_column():
    frame = OATS.assign(dose=OATS["N"].rank() / 7.0, **{"yield": 1.0})
    with pytest.raises(TableError, match=r"'yield' is the same in every row\. Say it by name: response="):
        fit_template("blocks", frame)
    with pytest.raises(TableError, match="'yield' is 1 in every row"):
        fit_template("blocks", frame, response="yield")
    with pytest.raises(TableError, match="Which column of 'data' has the response"):
        fit_template("blocks", OATS[["Block", "Variety"]])


def test_a_role_that_is_said_leaves_the_guess_of_the_response():
    found = fit_template("blocks", OATS, treatment="Variety", roles={"N": "factor"})
    assert found.document.response == "yield"
    assert found.loglik == pytest.approx(fit("yield ~ Variety + (1 | Block)", OATS).loglik, abs=1e-6)


def test_what_is_no_dict_and_no_name_is_told():
    with pytest.raises(ValueError, match=r"roles= takes a dict of 'factor', .* with 'nope' for 'Block'"):
        fit_template("blocks", OATS, roles={"Block": "nope"})
    for name in ("roles", "held", "relations"):
        with pytest.raises(TypeError, match=rf"{name}= takes a dict.* and got a list\. {name}: "):
            fit_template("blocks", OATS, **{name: ["yield"]})
    with pytest.raises(TypeError, match=r"response= takes a text or None, and got 3\. response: the column"):
        fit_template("blocks", OATS, response=3)


@pytest.mark.parametrize("parts", [{"treatment": "yield"}, {"trial": ("Variety", "yield")}])
def test_the_response_is_no_part(parts):
    with pytest.raises(ValueError, match="'yield' is the response, and it is given for the part "):
        fit_template("blocks", OATS, response="yield", **parts)
    with pytest.raises(ValueError, match="'yield' is the response"):
        TEMPLATES["blocks"].model(table_of(OATS), {"yield": "response"}, **parts)
    # Text would be refused as a response; that it is both says more.
    with pytest.raises(ValueError, match=r"'Variety' is the response, .* part treatment"):
        fit_template("blocks", OATS, response="Variety", treatment="Variety")


def test_what_is_held_lies_in_its_range():
    held = "block/g/sigma^2"
    with pytest.raises(ValueError, match=r"held= has -1 for 'block/g/sigma\^2', which lies between 0"):
        fit_template("blocks", OATS, treatment="Variety", held={held: -1})
    with pytest.raises(ValueError, match=r"no such parameter\. Did you mean 'block/g/sigma\^2'\?"):
        fit_template("blocks", OATS, treatment="Variety", held={"block/g/sigma": 1})
    with pytest.raises(ValueError, match=r"held= takes a dict of numbers, or None|a dict of numbers or None"):
        fit_template("blocks", OATS, treatment="Variety", held={held: "much"})
