"""The server that the browser tests drive: a session begins with what the page's address says.

At `?begin=table` the table of the built-in trial is in use, at `?begin=model` its model is drawn, at
`?begin=alpha` both; at `?begin=many` there is a model of 200 nodes. What a person does for that on the page
is tested in `test_story`; the many tests that only stand on it need not do it again, click by click.
"""

from __future__ import annotations

import os

import panel as pn

from benchmarks.trials import many_nodes
from covstudio.data.examples.example import EXAMPLES
from covstudio.document.files.templates import TEMPLATES
from covstudio.studio.data.data import DataView
from covstudio.studio.page import page, serve
from covstudio.studio.session.store import Store
from tests.studio.browser import ALPHA, EXAMPLE

#: Of the model of many nodes.
NODES = 200


class PreparedPage(page.Page):
    """A page on which somebody has done something already, if its address says so."""

    def __init__(self, store: Store | None = None, *, keeps: bool = False) -> None:
        begin = pn.state.session_args.get("begin")
        if begin == [b"many"]:
            made = many_nodes(NODES)
            store = Store(made.document, made.tables.values())
        super().__init__(store, keeps=keeps)
        if begin in ([b"table"], [b"alpha"]):
            data = self.view("data")
            assert isinstance(data, DataView)
            data.propose_example(next(one.name for one in EXAMPLES if one.title == EXAMPLE))
            data._use()
        if begin in ([b"model"], [b"alpha"]):
            self.bar.start(next(one.name for one in TEMPLATES if one.title == ALPHA))


if __name__ == "__main__":
    page.Page = PreparedPage  # type: ignore[misc]
    serve(port=int(os.environ.get("COVSTUDIO_TEST_PORT", "0")))
