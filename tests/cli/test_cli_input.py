"""Files and formulas that do not do: one message for every problem."""

import pytest

from covstudio.cli import OK, PROBLEM, USAGE
from covstudio.document.changes.all import RemoveNodes
from covstudio.document.files.write import dumps
from tests.cli.cli_cases import JOHN_ALPHA, problem


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "The file is empty"),
        ("plot,rep,block,gen,yield\n", "nothing below it"),
        ("rep,block,gen,yield\nR1,B1,G1\n", "line 2 has 3"),
        ("rep;gen\nR1;G1\nR2;G2\n", "no column 'yield'"),
        ("rep,block,gen,Yield\nR1,B1,G1,4\n", "Did you mean 'Yield'"),
        (JOHN_ALPHA.read_text(encoding="utf-8").replace("4.1172", "lost"), "row 1 holds 'lost'"),
        ("rep,block,gen,yield\nR1,B1,G1,low\nR2,B1,G2,high\n", "holds text such as 'low'. Choose another"),
        (JOHN_ALPHA.read_text(encoding="utf-8").replace("R2", "R1").replace("R3", "R1"), "one level, 'R1'"),
        ("rep,yield\nRé,4\nRä,5\n".encode() + b"R\xe9,4\n", "UTF-8 but for byte"),
    ],
)
def test_tables_that_do_not_do(run, model, tmp_path, content, words):
    data = tmp_path / "bad.csv"
    data.write_bytes(content if isinstance(content, bytes) else content.encode())
    message = problem(run("fit", model, data, "--response", "yield", "--fixed", "1 + rep"))
    assert message.startswith("covstudio fit: ")
    assert message.count("\n") == 1
    assert words in message


def test_a_file_that_cannot_be_read_is_named(run, model, tmp_path):
    data = tmp_path / "bad.csv"
    data.write_text("", encoding="utf-8")
    assert problem(run("fit", model, data)).startswith(f"covstudio fit: {data}: The file is empty.")
    assert problem(run("export", model, "--data", data)).startswith(f"covstudio export: {data}: The file is")
    assert problem(run("fit", data, JOHN_ALPHA)).startswith(f"covstudio fit: {data}: The file is empty.")
    assert problem(run("fit", model, tmp_path / "none.csv")).count("none.csv") == 1


@pytest.mark.parametrize(
    ("fixed", "words"),
    [
        ("1 + block1", "no column 'block1'"),
        ("1 + log(yield)", "is the response"),
        ("1 + logarithm(rep)", "never evaluated as code"),
        ("__import__('os').system('true')", "never evaluated as code"),
        ("1 + yield", "is the response"),
        ("1 + rep + rep:gen:block", "72 rows"),
        ("", "is empty"),
    ],
)
def test_fixed_effects_that_do_not_do(run, model, fixed, words):
    assert words in problem(run("fit", model, JOHN_ALPHA, "--response", "yield", "--fixed", fixed))


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        (
            "rep=R3,R1",
            "--levels leaves out 'R2' of 'rep'. Name every level once, in their order, such as "
            "--levels rep=R3,R1,R2.",
        ),
        ("rep=R3,R1,r2", "--levels leaves out 'R2' of 'rep', while no row has 'r2'."),
        (
            "rep=R3,R1,R3,R2",
            "--levels names 'R3' of 'rep' more than once. Name every level once, in their order, such as "
            "--levels rep=R3,R1,R2.",
        ),
    ],
)
@pytest.mark.parametrize("command", ["fit", "export"])
def test_an_order_of_levels_names_each_once(run, full, command, levels, words):
    assert words in problem(run(command, full, "--levels", levels))


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--fixed", "-rep"], USAGE, "what begins with a minus is joined to it by =, as in --fixed=-rep"),
        (["--fixed=-rep"], PROBLEM, "'rep' is taken away by -, and nothing before adds it."),
        (["--response", "{{7*7}}"], PROBLEM, "There is no column '{{7*7}}'"),
        (["-rep"], USAGE, "a file or a formula that begins with a minus stands after --"),
        (["--max-iter", "10^400"], USAGE, "a whole number of 1 or more is expected, and '10^400' is not"),
        (["--compute", "z=10^400"], PROBLEM, "'10^400' has no finite value in 72 of the 72 rows"),
        (["--separator", "-"], PROBLEM, "The separator can be ',', ';', 'tab', '|' or 'space'; got '-'."),
        (
            ["--choices", str(JOHN_ALPHA)],
            PROBLEM,
            "should hold choices as JSON, and is none (line 1). covstudio",
        ),
    ],
)
def test_odd_words_are_told_in_words(run, full, words, code, says):
    found, out, err = run("fit", full, *words)
    assert (found, out) == (code, "")
    assert says in err
    assert max(map(len, err.splitlines())) < 600


def test_a_file_that_cannot_be_written_says_why(run, full, tmp_path):
    gone = tmp_path / "gone"
    assert f"There is no folder {gone}." in problem(run("export", full, "-o", gone / "x.py"))
    assert f"{tmp_path} is a folder. Give" in problem(run("export", full, "-o", tmp_path))


def test_a_table_whose_first_name_looks_like_code_is_a_table(run, tmp_path):
    data = tmp_path / "t.csv"
    rows = "".join(f"{i % 5},{i * 1.7 + i % 3},R{i % 2}\n" for i in range(20))
    data.write_text("{{7*7}},yield,rep\n" + rows, encoding="utf-8")
    code, out, _ = run("fit", "yield ~ `{{7*7}}` + (1 | rep)", data)
    assert code == OK
    assert "{{7*7}}" in out
    assert "Put a name that holds it in backticks." in problem(
        run("fit", "yield ~ {{7*7}} + (1 | rep)", data)
    )


def test_an_order_may_name_levels_that_no_row_has(run, full):
    assert run("fit", full, "--levels", "rep=R3,R1,R2,R4")[0] == OK


def test_models_that_do_not_do(run, model, tmp_path):
    assert "names no response" in problem(run("fit", model, JOHN_ALPHA))
    assert "saved without its table" in problem(run("fit", model, "--response", "yield"))
    assert "There is no file" in problem(run("fit", tmp_path / "none.json", JOHN_ALPHA))
    assert "is a folder" in problem(run("fit", tmp_path, JOHN_ALPHA))
    assert "There is no file" in problem(run("fit", model, tmp_path / "none.csv", "--response", "yield"))
    for content in (
        "",
        "{",
        "[]",
        '{"covstudio": 99}',
        "rep,yield\nR1,4\n",
        '{"covstudio": 1, "model": NaN}',
    ):
        path = tmp_path / "bad.json"
        path.write_text(content, encoding="utf-8")
        assert len(problem(run("fit", path, JOHN_ALPHA))) > 40
        assert len(problem(run("export", path))) > 40


def test_a_model_with_an_empty_slot(run, document, table, tmp_path):
    genotype = document.named("genotype")
    path = tmp_path / "holes.json"
    path.write_text(dumps(RemoveNodes([genotype.children[-1]]).apply(document), table), encoding="utf-8")
    assert "genotype: " in problem(run("fit", path))
    program = tmp_path / "model.py"
    program.write_text("what was there before", encoding="utf-8")
    assert "genotype: " in problem(run("export", path, "-o", program))
    assert program.read_text(encoding="utf-8") == "what was there before"


def test_a_label_cannot_steer_the_terminal(run, full, tmp_path):
    data = tmp_path / "escape.csv"
    text = (
        JOHN_ALPHA.read_text(encoding="utf-8")
        .replace("R2", "R2\x1b[2J")
        .replace("yield", "<script>alert(1)</script>")
    )
    data.write_text(text, encoding="utf-8")
    code, out, _ = run("fit", full, data, "--response", "<script>alert(1)</script>")
    assert code == OK
    assert "\x1b" not in out
    assert "<script>alert(1)</script> ~ 1 + rep" in out
    assert "rep[R2\ufffd[2J]" in out
