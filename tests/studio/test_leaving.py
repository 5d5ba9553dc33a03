"""Who watches a session hears that its page was left, and is not kept alive by that."""

from __future__ import annotations

import gc
from weakref import ref

from bokeh.document import Document

from covstudio.studio.session.leaving import left, watch


class Page:
    """What has the document of its session, as a page has by its root."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.heard = 0

    def left(self) -> None:
        self.heard += 1


def test_who_watches_hears_of_it():
    document = Document()
    page = Page(document)
    watch(document, page.left)
    left(document)
    assert page.heard == 1
    left(Document())
    assert page.heard == 1


def test_an_ended_session_and_its_page_are_let_go():
    document = Document()
    page = Page(document)
    watch(document, page.left)
    ended = ref(page), ref(document)
    del page, document
    gc.collect()
    assert [one() for one in ended] == [None, None]
