"""Whoever knows another system finds every structure by the name it has there."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from covstudio.covariance import catalogue, declaration
from covstudio.studio.palette.palette import entries
from tests.studio.browser import Studio

Hit = dict[str, str | None]


@pytest.fixture
def searching(one_studio: Studio) -> Page:
    """A page of the studio where every category shows its names."""
    names = one_studio.button("Show all names")
    if names.count():
        names.click()
    return one_studio.page


STRUCTURES = "[data-kind]:not([data-kind*=':'])"


def find_all(page: Page, queries: list[str], lines: str = STRUCTURES) -> list[list[Hit]]:
    """What the palette lists for each query, best first: React draws before the event that was typed ends."""
    hits: list[list[Hit]] = page.get_by_label("Palette", exact=True).evaluate(
        """async (palette, [queries, wanted]) => {
            const field = palette.querySelector('input[type="search"]');
            const write = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
            const lines = [];
            for (const query of queries) {
                write.call(field, query);
                field.dispatchEvent(new Event("input", { bubbles: true }));
                await Promise.resolve();
                lines.push([...palette.querySelectorAll(wanted)].map((line) => ({
                    kind: line.dataset.kind,
                    said: (line.getAttribute("aria-description") ?? "").split(" Called ")[1] ?? null,
                })));
            }
            return lines;
        }""",
        [queries, lines],
    )
    return hits


def find(page: Page, query: str) -> list[Hit]:
    """What the palette lists for a query, best first."""
    return find_all(page, [query])[0]


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("corh", "HeterogeneousCompoundSymmetricMatrix"),
        ("TOEPH", "HeterogeneousToeplitzMatrix"),
        ("TOEP(3)", "ToeplitzMatrix"),
        ("toep3", "ToeplitzMatrix"),
        ("varPower", "PowerVarianceMatrix"),
        ("varpower", "PowerVarianceMatrix"),
        ("corCAR1", "OrnsteinUhlenbeckMatrix"),
        ("fa2", "FactorAnalyticMatrix"),
        ("FA(2)", "FactorAnalyticMatrix"),
        ("rr1", "ReducedRankMatrix"),
        ("ar2", "ARMatrix"),
        ("AR(1)", "AR1Matrix"),
        ("ar1v", "AR1Matrix"),
        ("ar1", "AR1Matrix"),
        ("ARH(1)", "HeterogeneousAR1Matrix"),
        ("ar1h", "HeterogeneousAR1Matrix"),
        ("ANTE(1)", "AntedependenceMatrix"),
        ("ARMA(1,1)", "ARMAMatrix"),
        ("CSH", "HeterogeneousCompoundSymmetricMatrix"),
        ("HF", "HuynhFeldtMatrix"),
        ("idv", "ScalarMatrix"),
        ("giv", "KnownMatrix"),
        ("nrm", "KnownMatrix"),
        ("ped", "KnownMatrix"),
        ("GBLUP", "KnownMatrix"),
        ("pedigree", "PedigreeMatrix"),
        ("genomic", "KnownMatrix"),
        ("compound symmetry", "CompoundSymmetricMatrix"),
        ("exchangeable", "EquicorrelationMatrix"),
        ("sphericity", "HuynhFeldtMatrix"),
        ("nugget", "ScalarMatrix"),
        ("locally periodic", "PeriodicMatrix"),
        ("us", "UnstructuredMatrix"),
        ("UN(1)", "DiagonalMatrix"),
        ("corgh", "HeterogeneousCorrelationMatrix"),
        ("corExp", "ExponentialMatrix"),
        ("SP(SPH)", "SphericalMatrix"),
        ("mtrn", "MaternMatrix"),
        ("RBF", "GaussianMatrix"),
        ("ScaleKernel", "Scale"),
        ("cov2cor", "Correlation"),
        ("nlme corAR1", "AR1Matrix"),
        ("sas cs", "CompoundSymmetricMatrix"),
        ("kronecker", "KroneckerProduct"),
        ("Kronecker product", "KroneckerProduct"),
        ("AR1Matrix", "AR1Matrix"),
        ("scalarmatrix", "ScalarMatrix"),
        ("geometrically lag", "AR1Matrix"),
        ("random intercept", "CovariancePropagation"),
        ("random slope", "RandomCoefficientsMatrix"),
        ("random effect", "CovariancePropagation"),
        ("kinship", "KnownMatrix"),
        ("repeated measures", "AR1Matrix"),
        ("separable", "KroneckerProduct"),
        ("incidence", "DummyMatrix"),
        ("DummyMatrix", "DummyMatrix"),
        ("residual", "ScalarMatrix"),
        ("multiply by a variance", "Scale"),
        ("scaled", "Scale"),
        ("σ² A", "Scale"),
        ("sigma^2 A", "Scale"),
        ("ar1 sigma^2", "AR1Matrix"),
        ("ar1 σ²", "AR1Matrix"),
    ],
)
def test_a_structure_is_the_first_that_its_name_finds(searching: Page, query: str, kind: str) -> None:
    assert find(searching, query)[0]["kind"] == kind


def test_what_is_ready_made_comes_first_where_it_is_the_better_answer(searching: Page) -> None:
    wanted = {
        "spatial": "template:spatial",
        "repeated measures": "template:repeated",
        "lattice": "template:alpha",
        "share of variance": "tab:fit",
        "heritability": "template:alpha",
        "random intercept": "CovariancePropagation",
        "corh": "HeterogeneousCompoundSymmetricMatrix",
    }
    found = find_all(searching, list(wanted), "[data-kind]")
    assert {query: hits[0]["kind"] for query, hits in zip(wanted, found, strict=True)} == wanted
    assert "template:alpha" in {
        hit["kind"] for hit in find_all(searching, ["random intercept"], "[data-kind]")[0]
    }
    assert "tab:fit" in {hit["kind"] for hit in find_all(searching, ["heritability"], "[data-kind]")[0]}


def test_every_name_of_every_system_finds_its_structure_among_the_first(searching: Page) -> None:
    asked = [
        (query, declared.name, sum(name in one.aliases.get(system, ()) for one in catalogue()))
        for declared in catalogue()
        for system, names in declared.aliases.items()
        for name in (names if declared.palette else ())
        for query in (name, f"{system} {name}")
    ]
    found = find_all(searching, [query for query, _, _ in asked])
    missed = []
    for (query, kind, shared), hits in zip(asked, found, strict=True):
        # Where several structures have one name elsewhere, all of them come before any other.
        kinds = [hit["kind"] for hit in hits]
        if kind not in kinds[: shared + 3]:
            missed.append((query, kind, kinds[:4]))
    assert missed == []


def test_the_name_that_was_found_is_shown(searching: Page) -> None:
    hit = find(searching, "sas ar(1)")[0]
    assert hit == {"kind": "AR1Matrix", "said": "AR(1) in SAS."}
    assert find(searching, declaration("AR1Matrix").title)[0]["said"] is None


def test_greek_letters_are_found_by_their_names(searching: Page) -> None:
    for letter, name in (("σ²", "sigma^2"), ("ρ", "rho"), ("λ", "lambda")):
        signs = {entry.name for entry in catalogue() if entry.palette and letter in entry.symbol}
        assert signs <= {hit["kind"] for hit in find(searching, name)}
        assert signs <= {hit["kind"] for hit in find(searching, letter)}


def test_what_has_the_name_elsewhere_is_told_apart_by_its_symbol(searching: Page) -> None:
    palette = searching.get_by_label("Palette", exact=True)
    searching.get_by_role("searchbox", name="Find a structure").fill("ar1")
    for kind in ("AR1Matrix", "AR1CorrelationMatrix"):
        line = palette.locator(f"[data-kind='{kind}']")
        expect(line).to_contain_text(declaration(kind).symbol)
        expect(line).to_contain_text("ar" if kind.startswith("AR1C") else "AR(1)")


def test_an_exact_name_comes_before_a_beginning_and_that_before_a_word(searching: Page) -> None:
    kinds = [hit["kind"] for hit in find(searching, "ar1")]
    assert kinds[:2] == ["AR1Matrix", "AR1CorrelationMatrix"]
    assert kinds.index("HeterogeneousAR1Matrix") > 1


@pytest.mark.parametrize(("query", "kind"), [(":", "KroneckerProduct"), ("⊗", "KroneckerProduct")])
def test_a_sign_finds_what_it_stands_for(searching: Page, query: str, kind: str) -> None:
    assert find(searching, query)[0]["kind"] == kind


def test_a_system_alone_lists_what_it_has(searching: Page) -> None:
    hits = find(searching, "glmmTMB")
    expected = {entry.name for entry in catalogue() if entry.palette and "glmmTMB" in entry.aliases}
    assert {hit["kind"] for hit in hits} == expected
    assert {str(hit["said"]).split(" in ")[1] for hit in hits} == {"glmmTMB."}


def test_a_category_lists_its_structures(searching: Page) -> None:
    found = {hit["kind"] for hit in find(searching, "time series")}
    expected = {entry.name for entry in catalogue() if entry.category == "Time series"}
    assert expected <= found


@pytest.mark.parametrize("query", ["", "  "])
def test_nothing_asked_lists_everything_operators_first(searching: Page, query: str) -> None:
    operators_first = sorted(entries(), key=lambda entry: entry.role != "operator")
    listed = [hit["kind"] for hit in find(searching, query)]
    assert sorted(listed) == sorted(entry.kind for entry in entries())
    operators = [entry.kind for entry in operators_first if entry.role == "operator"]
    assert listed[: len(operators)] == operators


@pytest.mark.parametrize("query", ["zzz", "(((", "\\", "9", "sas zzz", "<script>"])
def test_what_is_called_nothing_finds_nothing(searching: Page, query: str) -> None:
    assert find(searching, query) == []
