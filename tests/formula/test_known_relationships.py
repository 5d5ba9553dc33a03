"""Effects of groups whose relationships a second table has, in the words of several systems.

The numbers are those of R with lme4 1.1-31 on its sleepstudy, the rows of Zt multiplied by the factor of A
(`lFormula`; `Zt <- kronecker(t(L), diag(p)) %*% Zt` with `L <- t(chol(A[subjects, subjects]))`;
`mkLmerDevfun`; `optimizeLmer` with `xtol_abs = 1e-10`), A by the tabular method from the pedigree below.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from covstudio import fit, read_fit
from covstudio.cli import main
from covstudio.covariance import genomic_relationship, pedigree_relationship
from covstudio.data import Relation, load_example, read_table
from covstudio.document.files.write import dumps
from covstudio.formula import Refusal, read

SLEEP = read_table(Path(__file__).parent / "reference" / "sleepstudy.csv")
PEDIGREE = """id,sire,dam
P1,,
P2,,
P3,,
308,P1,P2
309,P1,P2
310,P1,P3
330,P1,P3
331,308,P2
332,308,P3
333,308,309
334,310,309
335,310,309
337,,P2
349,337,
350,337,331
351,337,331
352,,
369,352,350
370,352,350
371,369,370
372,369,
"""
ROWS = [tuple(line.split(",")) for line in PEDIGREE.splitlines()[1:]]


def intercepts(**more):
    return fit("Reaction ~ Days + (1 | Subject)", SLEEP, known={"Subject": ROWS}, **more)


def test_intercepts_of_relatives_are_those_of_lme4() -> None:
    found = intercepts()
    assert found.loglik == pytest.approx(-895.9874719, abs=1e-6)
    assert list(found.params.values()) == pytest.approx([3229.918404, 964.725931], rel=1e-5)
    assert found.fixed["estimate"].tolist() == pytest.approx([255.375185, 10.467286], rel=1e-6)
    blups = found.random.set_index("level")["blup"]
    assert blups[["308", "309", "310", "330"]].tolist() == pytest.approx(
        [37.059529271, -79.794602196, -66.606265643, -0.766116287], abs=2e-3
    )
    assert len(blups) == 21
    assert intercepts(method="ML").loglik == pytest.approx(-900.9020143, abs=1e-6)


def test_intercepts_and_slopes_of_relatives_are_those_of_lme4() -> None:
    found = fit("Reaction ~ Days + (Days | Subject)", SLEEP, known={"Subject": ROWS})
    assert found.loglik == pytest.approx(-876.4172149, abs=1e-6)
    blups = found.random.set_index("level")["blup"]
    assert blups[["308\u22c8Intercept", "308\u22c8Days", "309\u22c8Intercept"]].tolist() == pytest.approx(
        [9.56542020, 6.99687719, -39.55506607], abs=5e-3
    )


def test_every_system_and_every_table_of_the_same_relationships_is_one_model() -> None:
    labels = list(SLEEP.levels("Subject"))
    pedigree = Relation.of_pedigree(ROWS, "ped")
    whole = pedigree_relationship(pedigree.pedigree()).numpy()
    k = pd.DataFrame(whole, index=pedigree.ids, columns=pedigree.ids)
    only = k.loc[labels[::-1], labels[::-1]]
    inverse = pd.DataFrame(np.linalg.inv(k), index=k.index, columns=k.columns)
    ways = [
        {"random": "~ vm(Subject, A)", "dialect": "asreml", "matrices": {"A": pedigree}},
        {"random": "~ ped(Subject, A)", "dialect": "asreml", "matrices": {"A": pd.DataFrame(ROWS)}},
        {"random": "~ vm(Subject, K)", "dialect": "asreml", "matrices": {"K": only}},
        {"random": "~ giv(Subject, K)", "dialect": "asreml", "matrices": {"K": inverse}},
        {"random": "~ Subject", "dialect": "asreml", "known": {"Subject": k}},
        {"random": "~ 1 | Subject", "dialect": "nlme", "known": {"Subject": k}},
    ]
    found = [fit("Reaction ~ Days", SLEEP, **way) for way in ways]
    assert [one.loglik for one in found] == pytest.approx([-895.9874719] * len(ways), abs=1e-6)
    assert sorted({len(one.random) for one in found}) == [18, 21]


def test_a_saved_fit_keeps_its_second_table(tmp_path) -> None:
    found = intercepts()
    found.save(tmp_path / "fit.json")
    again = read_fit(tmp_path / "fit.json")
    assert again.document.relations == found.document.relations
    assert again.tidy("random").equals(found.tidy("random"))


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({"Subjekt": ROWS}, "Did you mean 'Subject'?"),
        ({"Subject": np.eye(3)}, "the factor 18 levels"),
        ({"Subject": [("a", "", ""), ("a", "", "")]}, "more than once"),
    ],
)
def test_what_does_not_go_with_the_formula_is_refused(known, told) -> None:
    with pytest.raises(Refusal, match=told):
        read("Reaction ~ Days + (1 | Subject)", SLEEP, known=known)


def test_a_command_takes_second_tables(tmp_path, capsys) -> None:
    ped, model = tmp_path / "ped.csv", tmp_path / "model.json"
    ped.write_text(PEDIGREE)
    data = str(Path(__file__).parent / "reference" / "sleepstudy.csv")
    formula = "Reaction ~ Days + (1 | Subject)"
    assert main(["fit", formula, data, "--factor", "Subject", "--known", f"Subject={ped}"]) == 0
    assert "log-likelihood -895.9875" in capsys.readouterr().out
    words = ["Reaction ~ Days", data, "--dialect", "asreml", "--random", "~ vm(Subject, A)"]
    assert main(["fit", *words, "--table", f"A=pedigree:{ped}"]) == 0
    assert "log-likelihood -895.9875" in capsys.readouterr().out
    model.write_text(dumps(intercepts().document))
    assert main(["fit", str(model), data, "--table", f"Subject={ped}"]) == 0
    assert "log-likelihood -895.9875" in capsys.readouterr().out
    assert main(["fit", str(model), data, "--table", f"Subjekt={ped}"]) == 1
    assert "Did you mean 'Subject'?" in capsys.readouterr().err


def test_more_genotypes_than_markers_are_fitted_by_the_markers() -> None:
    """The same model as by G written out, with an unknown for each marker."""
    rng = np.random.default_rng(5)
    calls = rng.integers(0, 3, size=(40, 12)).astype(float)
    chip = Relation.of_markers([f"g{k}" for k in range(40)], calls, "chip")
    gen = [f"g{k}" for k in rng.integers(0, 38, size=150)]
    y = [float(calls[int(name[1:])] @ np.linspace(-1, 1, 12)) for name in gen] + rng.normal(size=150)
    table = {"gen": gen, "y": y}
    found = fit("y ~ 1 + (1 | gen)", table, known={"gen": chip})
    g = pd.DataFrame(genomic_relationship(calls).numpy(), index=chip.ids, columns=chip.ids)
    written = fit("y ~ 1 + (1 | gen)", table, known={"gen": g})
    assert [node.kind for node in found.document.nodes.values()].count("MarkersMatrix") == 1
    assert found.loglik == pytest.approx(written.loglik, abs=1e-7)
    for column in ("blup", "standard_error", "reliability"):
        assert found.random[column].tolist() == pytest.approx(written.random[column].tolist(), abs=1e-5)
    assert found.augment()["fitted"].tolist() == pytest.approx(written.augment()["fitted"].tolist(), abs=1e-6)
    assert found.varcorr["vcov"].tolist() == pytest.approx(written.varcorr["vcov"].tolist(), rel=1e-5)


def test_a_second_table_that_the_formula_does_not_use_is_told() -> None:
    table = load_example("john_alpha")
    k = pd.DataFrame(np.eye(2), index=["a", "b"], columns=["a", "b"])
    found = fit("yield ~ rep + (1 | gen)", table, matrices={"K": k})
    assert "The formula does not use the second table 'K'." in found.notes
    with pytest.raises(ValueError, match=r"'K': A second table is .*leave it out"):
        fit("yield ~ rep + (1 | gen)", table, matrices={"K": 3})
