"""The changes of a model since it was fitted, as far as they make its fit another one's."""

from __future__ import annotations

from covstudio.document.build.same import same_model
from covstudio.document.model.document import Document
from covstudio.document.model.node import V
from covstudio.estimate.inferred import WORDS
from covstudio.studio.fit.messages import FitStale
from covstudio.studio.session.store import Store


def stale(fitted: Document | None, store: Store) -> FitStale | None:
    """What changed since the results were found, and whether moving the sliders back mends it."""
    now = store.document
    if fitted is None or fitted is now:
        return None
    changed = change_since(fitted, now)
    if changed is not None:
        return FitStale(text=changed, values=False)
    naturals = [
        None if store.build.v is None else store.build.naturals(V, document).tolist()
        for document in (fitted, now)
    ]
    if naturals[0] != naturals[1]:
        return FitStale(text="The parameters no longer stand at these estimates.", values=True)
    return None


def change_since(fitted: Document, now: Document) -> str | None:
    """What of V, its rows or the set-up of the fit is another now, but for values; or None.

    What lies loose on the canvas, names and places do not count.
    """
    if fitted.data_name != now.data_name:
        return "The data changed since this fit."
    if fitted.response != now.response:
        return "The response changed since this fit."
    if fitted.method != now.method:
        return f"The method is {now.method} now; this fit is by {fitted.method}."
    if fitted.degrees_used != now.degrees_used:
        was, wanted = (WORDS[document.degrees_used] for document in (fitted, now))
        return f"Tests are by {wanted} now; those of this fit are by {was}."
    if (fitted.fixed_effects, fitted.drop_dependent) != (now.fixed_effects, now.drop_dependent):
        return "The fixed effects changed since this fit."
    return None if same_model(fitted, now) else "The model changed since this fit."
