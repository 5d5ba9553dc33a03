"""The HTML that notebooks show of matrices, fits, results and tables, without scripts or a network.

Whoever imports covstudio has it, for nothing: it is imported when a notebook asks for it.
"""

from covstudio.registry import give

give(
    {
        "matrix.html": "covstudio.notebook.matrices:matrix_html",
        "fit.html": "covstudio.notebook.results:fit_html",
        "inference.html": "covstudio.notebook.results:inference_html",
        "results.html": "covstudio.notebook.results:result_html",
        "table.html": "covstudio.notebook.results:table_html",
    }
)
