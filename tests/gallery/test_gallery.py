"""The models of docs/gallery: what the pages say comes out, and the fits are those published, and those of R.

`reference.R` has the calls that made `reference.json`.
"""

import contextlib
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from covstudio.data.examples import examples
from covstudio.document.files.templates import templates
from covstudio.fitting import Fitted

PAGES = Path(__file__).parents[2] / "docs" / "gallery"
R = json.loads((Path(__file__).parent / "reference.json").read_text(encoding="utf-8"))
BLOCK = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.S)
RESIDUAL = "residual/sigma^2"

#: The heading of a model -> what holds of its fit.
CHECKS: dict[str, Callable[[Fitted], None]] = {}


def check(heading: str) -> Callable[[Callable[[Fitted], None]], Callable[[Fitted], None]]:
    def known(holds: Callable[[Fitted], None]) -> Callable[[Fitted], None]:
        CHECKS[heading] = holds
        return holds

    return known


def likely(found: Fitted, name: str, absolute: float = 2e-5) -> list[float]:
    """R's estimates, where the log-likelihood is R's, too."""
    assert found.loglik == pytest.approx(R[name]["loglik"], abs=absolute)
    return list(R[name]["parameters"].values())


def agrees(found: Fitted, name: str, *paths: str, relative: float = 1e-4) -> None:
    """Log-likelihood and estimates are R's."""
    assert [found.params[path] for path in paths] == pytest.approx(likely(found, name), rel=relative)


def covariance(found: Fitted, path: str, n: int) -> np.ndarray:
    """L L' from the entries of a Cholesky factor."""
    lower = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            lower[i, j] = found.params[f"{path}L_{i}_{j}"]
    return lower @ lower.T


@check("Randomised complete blocks")
def _(found: Fitted) -> None:
    agrees(found, "blocks", "block/g/sigma^2", RESIDUAL)


@check("Split plot")
def _(found: Fitted) -> None:
    agrees(found, "split_plot", "block/g/sigma^2", "whole plot/g/sigma^2", RESIDUAL)
    # ASReml-S reference manual, section 8.2.
    assert list(found.params.values()) == pytest.approx([214.4808, 106.0637, 177.0864], rel=5e-5)


@check("Alpha design")
def _(found: Fitted) -> None:
    agrees(found, "alpha", "genotype/g/sigma^2", "block/g/sigma^2", RESIDUAL)


@check("Row-column design")
def _(found: Fitted) -> None:
    agrees(found, "row_column", "genotype/g/sigma^2", "row/g/sigma^2", "column/g/sigma^2", RESIDUAL)
    # ASReml cookbook, ASR015.
    published = [0.06962016, 0.03115915, 0.05255079, 0.06622248]
    assert list(found.params.values()) == pytest.approx(published, rel=2e-4)


@check("AR1 x AR1 with a nugget")
def _(found: Fitted) -> None:
    agrees(found, "spatial", "field/g/a/sigma^2", "field/g/a/rho", "field/g/b/rho", "units/sigma^2")


@check("Several such fields")
def _(found: Fitted) -> None:
    fields = ("field/g/a/sigma^2_0", "field/g/a/sigma^2_1", "field/g/b/a/rho", "field/g/b/b/rho")
    genotypes = ("genotype/g/sigma^2", "genotype in trial/g/sigma^2")
    units = ("units/b/g/sigma^2_0", "units/b/g/sigma^2_1")
    agrees(found, "trials", *genotypes, *fields, *units, relative=2e-3)


@check("Factor analytic environments")
def _(found: Fitted) -> None:
    block, first, both, _ = likely(found, "factor_analytic", 1e-3)
    loadings = [found.params[f"genotype/g/a/lambda_{i}_0"] for i in range(2)]
    assert found.params["block/g/sigma^2"] == pytest.approx(block, rel=1e-3)
    assert loadings[0] ** 2 + found.params["genotype/g/a/psi_0"] == pytest.approx(first, rel=2e-3)
    assert loadings[0] * loadings[1] == pytest.approx(both, rel=2e-3)


@check("Compound symmetry")
def _(found: Fitted) -> None:
    agrees(found, "compound_symmetry", "g/b/sigma^2", "g/b/rho")
    # Documentation of SAS PROC MIXED, growth curves by type=cs: -2 log L = 428.6, CS = 3.0306.
    assert -2 * found.loglik == pytest.approx(428.6, abs=0.05)
    assert found.params["g/b/sigma^2"] * found.params["g/b/rho"] == pytest.approx(3.0306, abs=6e-5)


@check("AR1")
def _(found: Fitted) -> None:
    agrees(found, "repeated", "subject/g/sigma^2", "within subject/g/b/sigma^2", "within subject/g/b/rho")


@check("Unstructured")
def _(found: Fitted) -> None:
    s = covariance(found, "g/b/", 4)
    assert [s[0, 0], s[1, 0], s[3, 3]] == pytest.approx(likely(found, "unstructured"), rel=1e-4)
    # Documentation of SAS PROC MIXED, growth curves by type=un: -2 log L = 419.5, R = 5.1192, 2.4409, ...
    assert -2 * found.loglik == pytest.approx(419.5, abs=0.05)
    assert [s[0, 0], s[1, 0]] == pytest.approx([5.1192, 2.4409], abs=6e-5)


@check("MMRM")
def _(found: Fitted) -> None:
    s = covariance(found, "g/b/", 5)
    assert [s[0, 0], s[1, 0], s[4, 4], s[4, 0]] == pytest.approx(likely(found, "mmrm"), rel=1e-4)


@check("Random slopes")
def _(found: Fitted) -> None:
    g = covariance(found, "subject/", 2)
    estimates = [g[0, 0], g[1, 0], g[1, 1], found.params[RESIDUAL]]
    assert estimates == pytest.approx(likely(found, "random_slopes"), rel=1e-4)


@check("Spline random regression")
def _(found: Fitted) -> None:
    g = covariance(found, "curve/g/b/", 4)
    estimates = [g[0, 0], g[3, 3], g[3, 0], found.params[RESIDUAL]]
    assert estimates == pytest.approx(likely(found, "spline_regression"), rel=1e-3)


@check("A variance for every group")
def _(found: Fitted) -> None:
    groups = ("residual/b/g/sigma^2_0", "residual/b/g/sigma^2_1")
    agrees(found, "heteroscedastic", "subject/g/sigma^2", *groups)


@check("GBLUP")
def _(found: Fitted) -> None:
    agrees(found, "gblup", "genotype/g/sigma^2", RESIDUAL)


@check("Animal model")
def _(found: Fitted) -> None:
    # Mrode (2014), example 3.1; males are 4.3585.
    assert found.fixed["estimate"].tolist() == pytest.approx([3.404, 4.358], abs=6e-4)
    animals = [0.098, -0.019, -0.041, -0.009, -0.186, 0.177, -0.249, 0.183]
    assert found.random["level"].tolist() == [str(number) for number in range(1, 9)]
    assert found.random["blup"].round(3).tolist() == animals


@check("Sire model")
def _(found: Fitted) -> None:
    # Mrode (2014), example 3.2.
    assert found.fixed["estimate"].round(3).tolist() == [3.382, 4.336]
    assert found.random["blup"].round(3).tolist() == [0.022, 0.014, -0.043]


@check("Matérn field")
def _(found: Fitted) -> None:
    agrees(found, "matern", "places/sigma^2", "places/range", "nugget/sigma^2", relative=1e-3)


@check("Seasonal Gaussian process")
def _(found: Fitted) -> None:
    season, spread, weather, _ = likely(found, "seasonal")
    assert found.params["weather/sigma^2"] == pytest.approx(weather, rel=1e-3)
    # The data tell the two together far better than each: sigma^2 / range^2 is the roughness of a year.
    roughness = found.params["season/sigma^2"] / found.params["season/range"] ** 2
    assert roughness == pytest.approx(season / spread**2, rel=1e-2)


@check("Meta-analysis")
def _(found: Fitted) -> None:
    said = R["meta_analysis"]["parameters"]
    mean = found.fixed.iloc[0]
    estimates = [found.params["heterogeneity/sigma^2"], mean["estimate"], mean["standard_error"]]
    assert estimates == pytest.approx([said["heterogeneity"], said["mean"], said["se"]], rel=1e-5)
    # Viechtbauer (2010), Journal of Statistical Software 36(3).
    assert estimates == pytest.approx([0.3132, -0.7145, 0.1798], abs=6e-5)


@pytest.mark.parametrize(
    "page", ["README", "field-trials", "repeated-measures", "relatives", "processes"], ids=str
)
def test_a_page_says_what_comes_out_and_r_says_the_same(page: str) -> None:
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    assert text.count("```python") == len(BLOCK.findall(text))
    space: dict[str, object] = {"__name__": "__main__"}
    for section in re.split(r"^## ", text, flags=re.M):
        heading = section.partition("\n")[0]
        for code, said in BLOCK.findall(section):
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(code, space)
            assert out.getvalue() == said, heading
        if page != "README" and BLOCK.search(section):
            CHECKS[heading](space["found"])  # type: ignore[arg-type]


def test_every_model_has_a_line_a_place_and_a_check() -> None:
    listed = re.findall(
        r"^\| \[(.*?)\]\((.*?)#(.*?)\) .* `(\w+)` \|$", (PAGES / "README.md").read_text(), re.M
    )
    assert [heading for heading, *_ in listed] == list(CHECKS)[: len(listed)]
    assert len(listed) == len(CHECKS)
    for heading, page, anchor, _ in listed:
        assert f"## {heading}\n" in (PAGES / page).read_text(encoding="utf-8")
        assert anchor == heading.lower().replace(" ", "-")
    assert {name for *_, name in listed} <= {template.name for template in templates()}


def test_every_table_of_the_gallery_has_a_source_and_a_licence() -> None:
    for example in examples():
        assert example.source
        assert example.licence
        assert example.load().n >= 5
        assert all(relation.ids for relation in example.load_relations().values())
