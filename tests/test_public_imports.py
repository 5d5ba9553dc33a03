"""The import paths that programs of users are written with."""

import importlib

import pytest

PUBLIC = {
    "covstudio": ("Studio", "explore", "fit", "read_fit", "report", "compare", "advise", "choose"),
    "covstudio.choosing": ("Comparison", "Advice", "Choice", "side_by_side"),
    "covstudio.covariance": (
        "Matrix",
        "Operator",
        "Sum",
        "AR1Matrix",
        "declare",
        "structure",
        "linalg",
        "why",
    ),
    "covstudio.covariance.matrix": ("Matrix",),
    "covstudio.covariance.operator": ("Operator",),
    "covstudio.covariance.structure": ("solve", "logdet", "matmul", "kind"),
    "covstudio.covariance.transform": ("Transform", "TransformExpPow2", "TransformChain"),
    "covstudio.reml": ("fit", "Fit", "REML", "Inference", "compare", "explain", "tidy", "glance", "augment"),
    "covstudio.data": ("read_table", "TableError", "DesignError", "guess_roles", "design_matrix", "response"),
    "covstudio.data.formula": ("parse_formula",),
    "covstudio.data.roles": ("explain_roles", "guess_roles"),
    "covstudio.data.examples": ("examples", "load_example"),
    "covstudio.design": (
        "alpha",
        "randomised_blocks",
        "missing",
        "trials",
        "ImpossibleDesign",
        "Expected",
        "compare_designs",
    ),
    "covstudio.document.build": ("build", "document_of", "NotADocument"),
    "covstudio.document.changes": ("AddNode", "Connect", "SetArgument", "SetDerived", "SetParameters"),
    "covstudio.document.jsonfile": ("dumps", "loads", "DocumentError"),
    "covstudio.document.templates": ("templates",),
    "covstudio.estimate": ("estimate", "ModelError", "After", "Means"),
    "covstudio.plots.picture": ("MATRIX_PICTURES", "FIT_PICTURES", "Picture", "Numbers"),
    "covstudio.plots.style": ("set_theme",),
    "covstudio.export.python": ("python_source",),
    "covstudio.cli": ("main",),
    "covstudio.studio.page": ("serve",),
}


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in PUBLIC.items() for name in names]
)
def test_a_public_name_is_where_programs_look_for_it(module, name):
    assert hasattr(importlib.import_module(module), name)
