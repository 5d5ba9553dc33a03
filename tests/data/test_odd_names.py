"""Names and numbers that look like something else: columns keep them, formulas say how they are written."""

from __future__ import annotations

import warnings

import pytest

from covstudio.data import ChoiceError, ColumnChoice, TableChoices, read_table
from covstudio.data.design import design_matrix
from covstudio.data.errors import FormulaError, RankError
from covstudio.data.formula import parse_formula, quote_name


def table(header: str, cells: str = "{i}"):
    """Eight rows of two columns, the first with this name."""
    rows = "".join(f"{cells.format(i=i)},{i * i}\n" for i in range(8))
    return read_table(f"{header},y\n{rows}".encode())


@pytest.mark.parametrize(
    "name",
    [
        *("{{7*7}}", "{%x%}", "${7*7}", "{a}", "{", "[x]", "=1+1", "-rep", "<b>x</b>", "a b", "a:b", "x^2"),
        *("`x`", "a`b", "\\", "log(x)", "1", "a~b", "(", "#", "%in%", "__class__", "a|b", "'"),
    ],
)
def test_a_column_may_have_any_name_and_is_named_in_backticks(name: str) -> None:
    read = table(name)
    assert list(read.frame.columns) == [name, "y"]
    names = design_matrix(read, f"1 + {quote_name(name)}", {name: "covariate"}).names
    assert names == ("(Intercept)", f"`{name}`" if name in ("a:b", "[x]") else name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("-rep", "'rep' is taken away by -, and nothing before adds it. Write + for the minus"),
        ("1 + plot-no", "put a name that has a hyphen in backticks, as in `plot-no`."),
        ("a*b - c:d", "'c:d' is taken away by -, and nothing before adds it."),
        (
            "1 + {{7*7}}",
            "'{{7*7}}' cannot stand in a formula, which is never evaluated as code. Where a column",
        ),
        ("{{7*7}}", "put its name in backticks: `{{7*7}}`."),
        ("{x", "a curly bracket is opened and not closed"),
        (
            "grain yield",
            "between 'grain' and 'yield' there is no operator. Write + or : there; a name that has a ",
        ),
        ("`grain", "a backtick is opened and not closed. Put one at each end of the name"),
        ("log(x", "a bracket is opened and not closed. Write brackets in pairs."),
        ("rep +", "beside + a name is missing. Write one on each side, as in a + b, or leave it out."),
        ("* a", "beside * a name is missing"),
        ("rep − gen", "The character '−' cannot stand in a formula. Write - for it."),
        ("rep × gen", "The character '×' cannot stand in a formula. Write : for it."),
        ("10^400", "The number or text '10' cannot stand in a formula of fixed effects."),
        ("(a + b)^" + "9" * 400, "The power of a sum of terms is a whole number from 1 to 6"),
        ("poly(x, 10^400)", "degree of poly is not finite"),
    ],
)
def test_what_is_typed_wrong_is_said_in_words(text: str, words: str) -> None:
    with pytest.raises(FormulaError) as caught:
        parse_formula(text)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_power_that_leaves_the_range_of_squares_is_a_column_like_others() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert design_matrix(table("x"), "I((x + 1)^300)").names == ("(Intercept)", "I((x + 1)^300)")
        with pytest.raises(RankError, match="is a multiple of"):
            design_matrix(table("x"), "I((x + 1)^300) + I(2 * (x + 1)^300)")


@pytest.mark.parametrize("digits", ["1" + "0" * 400, "9223372036854775808"])
def test_a_number_of_too_many_digits_is_told_in_the_note(digits: str) -> None:
    cells = "".join(f"{i},{i * i}\n" for i in range(8))
    read = read_table(f"x,y\n{cells}{digits},1\n".encode())
    (note,) = (one for one in read.notes if "'x'" in one)
    assert f"in line 10 has {len(digits)} digits, as codes do and no number: the column is text." in note
    said = TableChoices(columns={"x": ColumnChoice(kind="number")})
    if len(digits) > 308:
        with pytest.raises(ChoiceError, match="is no finite number"):
            read_table(f"x,y\n{cells}{digits},1\n".encode(), choices=said)
    else:
        kept = read_table(f"x,y\n{cells}{digits},1\n".encode(), choices=said)
        assert kept.frame["x"].iloc[-1] == 2.0**63


def test_codes_need_no_note() -> None:
    assert not table("plot", "00{i}").notes
