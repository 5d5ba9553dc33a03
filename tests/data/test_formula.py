"""Formulas: what they mean, and that nothing in them is ever evaluated."""

import sys

import pytest
from formulaic import Formula as Formulaic
from hypothesis import given, settings
from hypothesis import strategies as st

from covstudio.data.errors import FormulaError
from covstudio.data.formula import Formula, parse_formula, quote_name
from covstudio.data.text import plain_name


def refused(text: str) -> str:
    with pytest.raises(FormulaError) as caught:
        parse_formula(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "intercept", "terms"),
    [
        ("1", True, []),
        ("~ 1", True, []),
        ("rep", True, ["rep"]),
        ("1 + rep", True, ["rep"]),
        ("~ rep", True, ["rep"]),
        ("1 + rep + x", True, ["rep", "x"]),
        ("0 + rep", False, ["rep"]),
        ("rep - 1", False, ["rep"]),
        ("~ -1 + rep", False, ["rep"]),
        ("rep + 0", False, ["rep"]),
        ("rep - 0", True, ["rep"]),
        ("0 + rep + 1", True, ["rep"]),
        ("Variety*N", True, ["Variety", "N", "Variety:N"]),
        ("a:b", True, ["a:b"]),
        ("a:b + a", True, ["a", "a:b"]),
        ("a + a + b:a + a:b", True, ["a", "a:b"]),
        ("a:a", True, ["a"]),
        ("a*b*c - a:b:c", True, ["a", "b", "c", "a:b", "a:c", "b:c"]),
        ("(a + b)*c", True, ["a", "b", "c", "a:c", "b:c"]),
        ("a + b - (b + a)", True, []),
        ("a + b - b", True, ["a"]),
        ("rep\n  + gen", True, ["rep", "gen"]),
        ("`grain yield` + `a:b`", True, ["grain yield", "a:b"]),
        ("`<script>alert(1)</script>`", True, ["<script>alert(1)</script>"]),
        ("(a+b)^2", True, ["a", "b", "a:b"]),
        ("(a + b + c)**2", True, ["a", "b", "c", "a:b", "a:c", "b:c"]),
        ("(a + b + c)^3 - a:b:c", True, ["a", "b", "c", "a:b", "a:c", "b:c"]),
        ("(a + b)^1", True, ["a", "b"]),
        ("a/b", True, ["a", "a:b"]),
        ("a/b/c", True, ["a", "a:b", "a:b:c"]),
        ("a/(b + c)", True, ["a", "a:b", "a:c"]),
        ("(a + b)/c", True, ["a", "b", "a:b:c"]),
        ("0 + a/x", False, ["a", "a:x"]),
        ("b %in% a", True, ["b:a"]),
        ("log(x) + a", True, ["log(x)", "a"]),
        ("log( x )+log(x)", True, ["log(x)"]),
        ("poly(x,2)*a", True, ["poly(x, 2)", "a", "poly(x, 2):a"]),
        ("bs(x,df=4) + ns( z , 3)", True, ["bs(x, df = 4)", "ns(z, 3)"]),
        ("I(x ^ 2) + I((x+1) * 2)", True, ["I(x^2)", "I((x + 1) * 2)"]),
        ("sin(2*pi*t) + scale(x, center=TRUE)", True, ["sin(2 * pi * t)", "scale(x, center = TRUE)"]),
        ("factor(block):x", True, ["factor(block):x"]),
        ("log(`grain yield`)", True, ["log(`grain yield`)"]),
        ("offset(w) + a", True, ["a"]),
    ],
)
def test_what_a_formula_means(text, intercept, terms):
    formula = parse_formula(text)
    assert formula.intercept is intercept
    assert [":".join(term) for term in formula.terms] == terms
    assert formula.response is None


def test_the_response_before_the_tilde():
    assert parse_formula("yield ~ rep") == Formula((("rep",),), True, "yield")
    assert parse_formula("`grain yield` ~ 1").response == "grain yield"
    assert "expected, and '1' stands there" in refused("1 ~ rep")
    assert "stands there" in refused("a + b ~ rep")
    assert "one ~ at most" in refused("y ~ a ~ b")
    assert "Right of ~" in refused("y ~")


@pytest.mark.parametrize(
    "text",
    [
        *("a + b*c", "a*b*c - a", "(a + b):(c + d)", "a:b + c - 1", "0 + a + b:a", "a*(b + c)"),
        *("(a + b + c)^2", "a/b", "a/b/c", "a/(b + c)", "(a + b)/c", "(a*b + c)**2", "a/b - a"),
    ],
)
def test_formulaic_finds_the_same_terms(text):
    theirs = {frozenset(str(term).split(":")) - {"1"} for term in Formulaic(text)}
    formula = parse_formula(text)
    ours = {frozenset(term) for term in formula.terms} | ({frozenset()} if formula.intercept else set())
    assert ours == theirs


EXPRESSIONS = [
    "__import__('os').system('touch {path}')",
    "open('{path}', 'w')",
    "{{open('{path}', 'w')}}",
    "I(open('{path}', 'w'))",
    "C(rep, contr.treatment(open('{path}', 'w')))",
    "rep[open('{path}', 'w')]",
    "(open)('{path}', 'w')",
    'rep + exec(\'open("{path}", "w")\')',
    "rep.__class__(open('{path}', 'w'))",
    "log(open('{path}', 'w'))",
    "I((lambda: open('{path}', 'w'))())",
    "poly(x, open('{path}', 'w'))",
    "bs(x, df=4, __class__=1)",
    "I(x.__class__.__bases__(1))",
    "np.log(x)",
    "lag(x)",
    "Q('rep')",
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_no_expression_is_evaluated(text, tmp_path, monkeypatch):
    path = tmp_path / "made"
    evaluated = []
    monkeypatch.setattr(sys.modules["builtins"], "eval", lambda *args: evaluated.append(args))
    message = refused(text.format(path=path))
    assert "cannot" in message or "never evaluated as code" in message
    assert not path.exists()
    assert not evaluated


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty. Write 1 for the mean alone"),
        ("   ", "is empty"),
        ("``", "names no column"),
        ("()", "names no column"),
        ("0", "leaves no fixed effect"),
        ("rep - 1 - rep", "leaves no fixed effect"),
        ("rep**2", "rep^2 crosses rep with itself, which is rep again"),
        ("a + x^3", "Write I(x^3) for that, or poly(x, 3) for a curve"),
        ("(a + b)^0", "is a whole number from 1 to 6"),
        ("(a + b)^x", "is a whole number from 1 to 6"),
        ("a^2^2", "is a whole number from 1 to 6"),
        ("relevel(a, ref = 'x')", "Say which level is the reference in place of relevel"),
        ("s(x)", "A smooth is a random effect here"),
        ("factor(a, b)", "factor takes a column alone"),
        ("factor(a + b)", "Give the column the role factor (--factor in the command)"),
        ("np.log(x)", "there is no function 'np.log' here. The functions are log, log2"),
        ("log(poly(x, 2))", "poly gives several columns and stands alone"),
        ("poly(x, 2, 3, 4)", "poly takes no further argument"),
        ("poly(x, df = 2)", "poly takes no argument 'df'"),
        ("bs(x, df = y)", "df of bs is a number, not a column"),
        ("log(x, 2, 3)", "log takes no further argument"),
        ("I(2)", "it names no column"),
        ("I(x", "cannot be read"),
        ("I(x +)", "a column or a number is expected before ')'"),
        ("I(x ! y)", "is not understood"),
        ("I(" + "(" * 60 + "x" + ")" * 61, "nested more than 50 deep"),
        ("a:offset(x)", "'offset(x)' is added as it is, and no part of an interaction"),
        ("`log(x)` + log(x)", "is a column and a function of one in this formula"),
        ("1 | rep", "add a Z G Z' for them"),
        (".", "wildcard"),
        ("2*x", "The number or text '2'"),
        ("'rep'", "The number or text 'rep'"),
        ("a*1", "Beside * names of columns are expected"),
        ("0:a", "Beside : names of columns"),
        ("a b", "between 'a' and 'b' there is no operator"),
        ("a +", "cannot be read"),
        ("* a", "cannot be read"),
        ("(a", "opened and not closed"),
        ("a)", "closed and not opened"),
        ("(a))(b", "closed and not opened"),
        ("[a]", "Square brackets"),
        ("`a", "cannot be read"),
        ("a = b", "The character '='"),
        ("a, b", "The character ','"),
        ("a; b", "The character ';'"),
        ("a # b", "The character '#'"),
        ("a*b*c*d*e*f*g", "interaction of 7 columns"),
        ("+".join(f"x{i}" for i in range(501)), "502 terms"),
        ("(a+b+c+d+e)*(f+g+h+i+j)*(k+l+m+n+o)*(p+q+r)", "500 is the most"),
        ("(" * 101 + "a" + ")" * 101, "nested more than 100"),
        ("a:" * 150 + "a", "nested more than 100"),
        ("a + " * 1001, "4,000 is the most"),
    ],
)
def test_what_is_refused_and_why(text, words):
    assert words in refused(text)


def test_a_long_sum_is_read():
    names = [f"x{i}" for i in range(450)]
    assert parse_formula(" + ".join(names)).columns == tuple(names)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
@settings(max_examples=300, deadline=None)
def test_every_name_can_be_quoted(name):
    if not plain_name(name):
        assert "name" in refused(f"1 + {quote_name(name)}")
    else:
        assert parse_formula(f"1 + {quote_name(name)}").terms == ((plain_name(name),),)


@given(st.text("ab01xy+-:*~()[]{}`'\"\\ %^/|.,=!\n", max_size=30))
@settings(max_examples=600, deadline=None)
def test_whatever_the_text_there_is_a_formula_or_a_reason(text):
    try:
        formula = parse_formula(text)
    except FormulaError:
        return
    assert formula.terms or formula.intercept
    assert all(name for term in formula.terms for name in term)


def test_the_columns_that_functions_and_offsets_use():
    formula = parse_formula("1 + poly(`days to ear`, 2):rep + I(a*b - c) + offset(log(w))")
    assert formula.columns == ("a", "b", "c", "days to ear", "rep", "w")
    assert [one.text for one in formula.offsets] == ["offset(log(w))"]
    assert formula.functions["I(a * b - c)"].columns == ("a", "b", "c")
    assert formula.parts == ("I(a * b - c)", "poly(`days to ear`, 2)", "rep")


def test_names_are_one_in_whichever_unicode_form():
    assert parse_formula("1 + Ho\u0308he").terms == parse_formula("1 + H\u00f6he").terms == (("H\u00f6he",),)
    assert parse_formula("1 + log(`Ho\u0308he`)").columns == ("H\u00f6he",)
