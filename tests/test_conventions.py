"""The conventions of CONTRIBUTING.md, "How texts are written", hold in every file.

Summaries of one line that end with a full stop are held by ruff (pyproject.toml).
"""

import ast
import re
import tokenize
from collections.abc import Callable, Iterator
from doctest import DocTestParser
from functools import lru_cache
from itertools import pairwise, zip_longest
from pathlib import Path
from textwrap import dedent

import pytest

from tests.sources import statements

ROOT = Path(__file__).parents[1]
FILES = [
    path
    for folder in ("covstudio", "tests", "tools", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "reference" not in path.parts  # programs that others have written
]
CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")
QUESTION = re.compile(r"(What|Which|Who|Where|When|Why|Whether|How)\b")
RETURN = re.compile(r"(Return|Returns|Get|Gets)\b")
#: Markup other than `code`, :math:`formula` and a displayed formula.
FOREIGN = re.compile(r"``|:(?!math:)[a-z]+:`|^\s*\.\. (?!math::)|\[[^]]+\]\(http", re.MULTILINE)
SECTIONS = {"Args", "Attributes", "Returns", "Yields", "Raises", "Warns", "Example", "Reference"}
HEADING = re.compile(r"^ *([A-Z][a-z]+):$", re.MULTILINE)
CONDITION = re.compile(r"^ +\w+: If ", re.MULTILINE)
#: A displayed formula, or a program after two colons.
DISPLAYED = re.compile(r"^( *)\.\. math::.*\n(?:\1 +.*\n|\n)*|::\n\n(?: {4}.*\n|\n)*", re.MULTILINE)
#: The begin of a line that stands by itself: an item of a list, a name and what it is, a row of a table.
ITEM = re.compile(r"\s*([-*] |\d+\. |\S+(, \S+)*: |\|)")
#: Characters up to which no line of a paragraph leaves room for the first word of the next.
SHORT = 80

Found = Iterator[tuple[int, str]]
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


#: What several rules read of a file is kept until the next file.
kept = lru_cache(maxsize=1)


@kept
def parsed(source: str) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(source)


@kept
def definitions(source: str) -> list[Documented]:
    """The module, its classes and its functions, wherever they stand."""
    tree = parsed(source)
    return [tree, *(node for node in statements(tree) if isinstance(node, Documented))]


@kept
def docstrings(source: str) -> list[tuple[Documented, int, str]]:
    """Every docstring: what it belongs to, its line, and its text with empty lines in place of examples."""
    found = []
    for node in definitions(source):
        if text := ast.get_docstring(node, clean=not isinstance(node, ast.Module)):
            lines = text.splitlines()
            for example in DocTestParser().get_examples(text):
                height = len(example.source.splitlines()) + len(example.want.splitlines())
                lines[example.lineno : example.lineno + height] = [""] * height
            found.append((node, node.body[0].lineno, "\n".join(lines)))
    return found


@kept
def comments(source: str) -> dict[int, str]:
    """The comments of a file by line."""
    lines = iter(source.splitlines(keepends=True))
    found = tokenize.generate_tokens(lambda: next(lines, ""))
    return {token.start[0]: token.string for token in found if token.type == tokenize.COMMENT}


def modules_that_ask(source: str) -> Found:
    """A module's docstring states what the module is, and does not begin with a question word."""
    text = ast.get_docstring(parsed(source))
    if source.strip() and text is None:
        yield 1, "a docstring for the module is missing"
    elif text and (found := QUESTION.match(text)):
        yield 1, f"begins with {found[0]}: say what the module is"


def functions_that_return(source: str) -> Found:
    """A function that answers is called by a noun for its answer, as a property is."""
    for node, line, text in docstrings(source):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (found := RETURN.match(text)):
            yield line, f"begins with {found[0]}: name what is returned"


def foreign_markup(source: str) -> Found:
    """Docstrings have `code`, :math:`formula`, displayed formulas and sections; comments have `code`."""
    for _, line, text in docstrings(source):
        if found := FOREIGN.search(text):
            yield line, f"has the markup {found[0].strip()}"
        for heading in set(HEADING.findall(text)) - SECTIONS:
            yield line, f"has the section {heading}; known are {', '.join(sorted(SECTIONS))}"
        if CONDITION.search(text):
            yield line, "says If before the condition of an error"
    # To look for comments takes longer than all else; most files need none looked for.
    for line, comment in comments(source).items() if "``" in source else ():
        if "``" in comment:
            yield line, "has double backticks"


def broken_paragraphs(source: str) -> Found:
    """A paragraph of a docstring is filled, at one indentation."""
    for node, first, text in docstrings(source):
        margin = 0 if isinstance(node, ast.Module) else node.col_offset + 4
        paragraphs = DISPLAYED.sub(lambda block: "\n" * block[0].count("\n"), f"{text}\n")
        for number, (line, after) in enumerate(pairwise(paragraphs.splitlines()), first):
            program = isinstance(node, ast.Module) and line.startswith("    ")
            if program or not line.strip() or not after.strip() or ITEM.match(after):
                continue
            step = len(after) - len(after.lstrip()) - (len(line) - len(line.lstrip()))
            word = re.match(r":math:`[^`]*`?\S*|`[^`]*`?\S*|\S+", after.strip())
            room = margin + len(line) + 1 + len(word[0] if word else "") <= SHORT
            if step > 0 and not ITEM.match(line) and not line.endswith(":"):
                yield number, f"is indented within a paragraph, after {line.strip()[-40:]!r}"
            elif step < 0 and not HEADING.match(after):
                yield number, f"goes on further left, after {line.strip()[-40:]!r}"
            elif step == 0 and room and not line.endswith((".", ":", ";", ",")):
                yield number, f"has room for more, after {line.strip()[-40:]!r}"


def constants_told_elsewhere(source: str) -> Found:
    """What a constant is stands above it, after #:, and so does what an attribute of a class is."""
    tree, *inside = definitions(source)
    lines = source.splitlines()
    for parent in (tree, *inside):
        if not isinstance(parent, ast.Module | ast.ClassDef):
            continue
        for node, after in zip_longest(parent.body, parent.body[1:]):
            if not isinstance(node, ast.Assign | ast.AnnAssign):
                continue
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                yield after.lineno, "is a text below what it is about"
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if parent is not tree or not CONSTANT.fullmatch(getattr(target, "id", "")):
                continue
            above = node.lineno - 1
            begun = above > 0 and lines[above - 1].startswith("#") and not lines[above - 1].startswith("#:")
            if begun and above in comments(source):
                yield above, "is a comment about a constant, without the colon of #:"
            if node.lineno == node.end_lineno and "#" in lines[node.lineno - 1]:
                beside = comments(source).get(node.lineno, "")
                if beside and not re.match("# (type|noqa)", beside):
                    yield node.lineno, "has its comment beside it"


def promises_that_nobody_awaits(source: str) -> Found:
    """A promise counts as true: wait_for_function of Playwright does not wait for what it comes to."""
    for node in ast.walk(parsed(source)) if "wait_for_function" in source else ():
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "wait_for_function":
            texts = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant)]
            if any(isinstance(text, str) and re.match(r"\s*async\b", text) for text in texts):
                yield node.lineno, "waits for nothing: tests.studio.browser.awaited does"


RULES = [
    modules_that_ask,
    functions_that_return,
    foreign_markup,
    broken_paragraphs,
    constants_told_elsewhere,
    promises_that_nobody_awaits,
]


def test_every_file_keeps_to_the_conventions():
    found = []
    for path in FILES:
        name, source = path.relative_to(ROOT), path.read_text(encoding="utf-8")
        for rule in RULES:
            # A test's module says what is claimed, and a claim may begin with any word.
            if rule is not modules_that_ask or name.parts[0] != "tests":
                found += [f"{name}:{line} {what} ({rule.__name__})" for line, what in rule(source)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (modules_that_ask, '"""What ends share."""'),
        (modules_that_ask, "x = 1"),
        (functions_that_return, 'def f():\n    """Return one."""'),
        (foreign_markup, '"""Ends ``here``."""'),
        (foreign_markup, '"""Ends at :func:`here`."""'),
        (foreign_markup, "x = 1  # as ``here``"),
        (foreign_markup, 'def f():\n    """One.\n\n    Note:\n        Two.\n    """'),
        (foreign_markup, 'def f():\n    """One.\n\n    Raises:\n        ValueError: If two.\n    """'),
        (broken_paragraphs, '"""Ends.\n\nA sentence that\n    says\nmore, and ends.\n"""'),
        (broken_paragraphs, '"""Ends.\n\nA sentence that\nis short, and ends.\n"""'),
        (constants_told_elsewhere, 'LIMIT = 1\n"""The most."""'),
        (constants_told_elsewhere, 'class A:\n    limit = 1\n    """The most."""'),
        (constants_told_elsewhere, "# The most.\nLIMIT = 1"),
        (constants_told_elsewhere, "LIMIT = 1  # the most"),
        (promises_that_nobody_awaits, 'page.wait_for_function("""\n    async () => false""", timeout=1)'),
    ],
)
def test_what_breaks_a_convention_is_found(rule: Callable[[str], Found], source: str):
    assert len(list(rule(source))) >= 1


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_what_keeps_to_the_conventions_is_let_pass(rule: Callable[[str], Found]):
    source = dedent(
        '''
        """Ends of paths, as `tail` shows them.

            python ends.py PATH
            python -m ends PATH
        """

        #: The most ends that are shown.
        LIMIT = 10
        SHOWN = {"a": 1}  # type: ignore

        # --- what is shown

        class End:
            """An end, :math:`e_n`.

            .. math:: e_n = \\\\sum_i
                 x_i

            Attributes:
                name: a word, or several words if there is one space or more between them and no comma in
                    any of them.
            """

            #: Whether it is shown.
            shown = True

        def last(path):
            """The last end of a path; it

            - may be empty
            - has no slash

            Args:
                path: of a file.

            Raises:
                ValueError: the path is empty.

            Example:
                >>> last("a/b")
                'b'
                >>> last("b")
                'b'
            """
        '''
    )
    assert list(rule(source)) == []
