"""The models of docs/gallery on the tables that come with the program, against published numbers and R's.

`reference.R` has the calls that made `reference.json`.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from covstudio import fit_template
from covstudio.data.examples import examples, load_example, load_relations
from covstudio.data.tables import Table

R = json.loads((Path(__file__).parent / "reference.json").read_text(encoding="utf-8"))


def params(found, **names):
    """Estimates by shorter names."""
    return {short: found.params[path] for short, path in names.items()}


def agrees(found, name, relative=1e-4, **names):
    """Log-likelihood and estimates are R's."""
    said = R[name]
    assert found.loglik == pytest.approx(said["loglik"], abs=2e-5)
    wanted = {short: said["parameters"][short] for short in names}
    assert params(found, **names) == pytest.approx(wanted, rel=relative)


RESIDUAL = "residual/sigma^2"


def test_randomised_complete_blocks():
    found = fit_template("blocks", load_example("stroup_nin"))
    agrees(found, "blocks", block="block/g/sigma^2", residual=RESIDUAL)


def test_a_split_plot():
    found = fit_template("split_plot", load_example("oats_yates"), whole="Variety", split="N")
    agrees(found, "split_plot", block="block/g/sigma^2", whole="whole plot/g/sigma^2", residual=RESIDUAL)
    # ASReml-S reference manual, section 8.2.
    assert list(found.params.values()) == pytest.approx([214.4808, 106.0637, 177.0864], rel=5e-5)


def test_an_alpha_design():
    found = fit_template("alpha", load_example("john_alpha"))
    agrees(found, "alpha", genotype="genotype/g/sigma^2", block="block/g/sigma^2", residual=RESIDUAL)


def test_a_row_column_design():
    found = fit_template("row_column", load_example("durban_rowcol"))
    names = {"genotype": "genotype/g/sigma^2", "row": "row/g/sigma^2", "column": "column/g/sigma^2"}
    agrees(found, "row_column", **names, residual=RESIDUAL)
    # ASReml cookbook, ASR015.
    published = [0.06962016, 0.03115915, 0.05255079, 0.06622248]
    assert list(found.params.values()) == pytest.approx(published, rel=2e-4)


def test_a_field_with_a_nugget():
    found = fit_template("spatial", load_example("kempton_slatehall"), genotype=None, fixed="1 + gen")
    agrees(
        found,
        "spatial",
        field="field/g/a/sigma^2",
        rho_row="field/g/a/rho",
        rho_column="field/g/b/rho",
        units="units/sigma^2",
    )


def two_counties():
    table = load_example("besag_met")
    return table.rows(np.isin(table.labels("county"), ["C1", "C2"]))


def test_several_fields():
    found = fit_template("spatial", two_counties())
    agrees(
        found,
        "trials",
        relative=2e-3,
        genotype="genotype/g/sigma^2",
        genotype_in_trial="genotype in trial/g/sigma^2",
        field_1="field/g/a/sigma^2_0",
        field_2="field/g/a/sigma^2_1",
        rho_row="field/g/b/a/rho",
        rho_column="field/g/b/b/rho",
        units_1="units/b/g/sigma^2_0",
        units_2="units/b/g/sigma^2_1",
    )


def test_compound_symmetry():
    found = fit_template(
        "compound_symmetry", load_example("orthodont"), time="age", fixed="1 + Sex * age", method="ML"
    )
    agrees(found, "compound_symmetry", variance="g/b/sigma^2", rho="g/b/rho")
    # Documentation of SAS PROC MIXED, growth curves by type=cs: -2 log L = 428.6, CS = 3.0306.
    assert -2 * found.loglik == pytest.approx(428.6, abs=0.05)
    assert found.params["g/b/sigma^2"] * found.params["g/b/rho"] == pytest.approx(3.0306, abs=6e-5)


def test_an_autoregression_of_repeated_measures():
    found = fit_template("repeated", load_example("ovary"), time="obs", fixed="1 + sin_t + cos_t")
    within = {"within": "within subject/g/b/sigma^2", "rho": "within subject/g/b/rho"}
    agrees(found, "repeated", subject="subject/g/sigma^2", **within)


def covariance(found, path, n):
    """L L' from the entries of a Cholesky factor."""
    lower = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            lower[i, j] = found.params[f"{path}L_{i}_{j}"]
    return lower @ lower.T


def test_an_unstructured_covariance():
    found = fit_template(
        "unstructured", load_example("orthodont"), time="age", fixed="1 + Sex * age", method="ML"
    )
    said = R["unstructured"]
    assert found.loglik == pytest.approx(said["loglik"], abs=2e-5)
    s = covariance(found, "g/b/", 4)
    assert [s[0, 0], s[1, 0], s[3, 3]] == pytest.approx(list(said["parameters"].values()), rel=1e-4)
    # Documentation of SAS PROC MIXED, growth curves by type=un: -2 log L = 419.5, R = 5.1192, 2.4409, ...
    assert -2 * found.loglik == pytest.approx(419.5, abs=0.05)
    assert [s[0, 0], s[1, 0]] == pytest.approx([5.1192, 2.4409], abs=6e-5)


def test_an_mmrm():
    found = fit_template("mmrm", load_example("chickweight"))
    said = R["mmrm"]
    assert found.loglik == pytest.approx(said["loglik"], abs=2e-5)
    s = covariance(found, "g/b/", 5)
    assert [s[0, 0], s[1, 0], s[4, 4], s[4, 0]] == pytest.approx(list(said["parameters"].values()), rel=1e-4)
    assert found.document.fixed_effects == "1 + diet * factor(day)"


def test_random_slopes():
    found = fit_template("random_slopes", load_example("sleepstudy"))
    said = R["random_slopes"]
    assert found.loglik == pytest.approx(said["loglik"], abs=2e-5)
    g = covariance(found, "subject/", 2)
    estimates = [g[0, 0], g[1, 0], g[1, 1], found.params[RESIDUAL]]
    assert estimates == pytest.approx(list(said["parameters"].values()), rel=1e-4)


def test_random_splines():
    found = fit_template("spline_regression", load_example("oxboys"))
    said = R["spline_regression"]
    assert found.loglik == pytest.approx(said["loglik"], abs=2e-5)
    g = covariance(found, "curve/g/b/", 4)
    estimates = [g[0, 0], g[3, 3], g[3, 0], found.params[RESIDUAL]]
    assert estimates == pytest.approx(list(said["parameters"].values()), rel=1e-3)


def test_genomic_prediction():
    markers = load_relations("made_up_lines")["markers"]
    found = fit_template("gblup", load_example("made_up_lines"), markers=markers)
    agrees(found, "gblup", genotype="genotype/g/sigma^2", residual=RESIDUAL)


MRODE = load_relations("mrode_calves")


def blups(found):
    effects = found.random.set_index("level")["blup"]
    return effects.round(3).to_dict()


def test_an_animal_model():
    found = fit_template(
        "animal",
        load_example("mrode_calves"),
        relations=MRODE,
        fixed="0 + sex",
        held={"animal/g/sigma^2": 20.0, RESIDUAL: 40.0},
    )
    # Mrode (2014), example 3.1; males are 4.3585.
    assert found.fixed["estimate"].tolist() == pytest.approx([3.404, 4.358], abs=6e-4)
    animals = [0.098, -0.019, -0.041, -0.009, -0.186, 0.177, -0.249, 0.183]
    assert blups(found) == {str(number): value for number, value in enumerate(animals, 1)}


def test_a_sire_model():
    sires = load_example("mrode_calves")
    pedigree = [("1", "", ""), ("3", "", ""), ("4", "1", "")]
    found = fit_template(
        "sire", sires, pedigree=pedigree, fixed="0 + sex", held={"sire/g/sigma^2": 5.0, RESIDUAL: 55.0}
    )
    # Mrode (2014), example 3.2.
    assert found.fixed.set_index("effect")["estimate"].round(3).to_dict() == {
        "sex[female]": 3.382,
        "sex[male]": 4.336,
    }
    assert blups(found) == {"1": 0.022, "3": 0.014, "4": -0.043}


def test_factors_across_environments():
    found = fit_template("factor_analytic", load_example("besag_met"))
    said = R["factor_analytic"]
    assert found.loglik == pytest.approx(said["loglik"], abs=1e-3)
    lam = [found.params[f"genotype/g/a/lambda_{i}_0"] for i in range(2)]
    g = [lam[0] ** 2 + found.params["genotype/g/a/psi_0"], lam[0] * lam[1]]
    assert g == pytest.approx([said["parameters"]["G11"], said["parameters"]["G21"]], rel=2e-2)


def test_a_matern_field():
    found = fit_template("matern", load_example("meuse"), response="logzinc")
    names = {"variance": "places/sigma^2", "range": "places/range", "nugget": "nugget/sigma^2"}
    agrees(found, "matern", relative=1e-3, **names)


def test_seasons():
    found = fit_template("seasonal", load_example("nottem"), response="temperature")
    names = {"season": "season/sigma^2", "range": "season/range", "weather": "weather/sigma^2"}
    agrees(found, "seasonal", relative=1e-3, **names)


def test_a_variance_for_each_sex():
    found = fit_template("heteroscedastic", load_example("orthodont"))
    names = {"Female": "residual/b/g/sigma^2_0", "Male": "residual/b/g/sigma^2_1"}
    agrees(found, "heteroscedastic", subject="subject/g/sigma^2", **names)


def test_a_meta_analysis():
    found = fit_template("meta_analysis", load_example("bcg"))
    said = R["meta_analysis"]["parameters"]
    mean = found.fixed.iloc[0]
    estimates = [found.params["heterogeneity/sigma^2"], mean["estimate"], mean["standard_error"]]
    assert estimates == pytest.approx([said["heterogeneity"], said["mean"], said["se"]], rel=1e-5)
    # metafor's documentation of dat.bcg: tau^2 = 0.3132, and -0.7145 with standard error 0.1798.
    assert estimates == pytest.approx([0.3132, -0.7145, 0.1798], abs=6e-5)


def test_every_table_of_the_gallery_has_a_source_and_a_licence():
    for example in examples():
        assert example.source
        assert example.licence
        assert isinstance(example.load(), Table)
        assert all(relation.ids for relation in example.load_relations().values())
