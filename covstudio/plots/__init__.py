"""HoloViews pictures of matrices and fits: `v.plot(theta)`, `fit.plot("residuals")`.

Whoever imports covstudio has them, for nothing: what makes them is imported when it is first asked for.
"""

from covstudio.registry import give

give(
    {
        "matrix.plot": "covstudio.plots.of_matrix:MatrixPlots",
        "fit.plot": "covstudio.plots.of_fit:plots_of_fit",
        "inference.plot": "covstudio.plots.of_fit:plots_of_inference",
    }
)
