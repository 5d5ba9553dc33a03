"""A naive studio: V and its derivatives as HoloViews DynamicMaps, for the ratio.

Values come from the same incremental evaluation, so that only the way from a new value to the screen differs.
"""

from __future__ import annotations

from collections.abc import Callable

import holoviews as hv
import panel as pn

from covstudio.covariance import Evaluation
from covstudio.document.changes.all import SetParameters
from covstudio.studio.session.store import Store

#: One step at a time: the slider of the page moves, and the last of the images has its new data and is drawn.
STEPS = """
async ({ steps, pictures }) => {
  const all = [...Bokeh.documents[0]._all_models.values()]
  const slider = all.find((model) => model.type === "Slider")
  const sources = all.filter((model) => model.type === "GlyphRenderer").map((model) => model.data_source)
  if (sources.length !== pictures) throw new Error(`expected ${pictures} images, found ${sources.length}`)
  const painted = []
  for (let i = 0; i < steps; i++) {
    const waiting = new Set(sources)
    const changed = new Promise((resolve) => {
      for (const source of sources) {
        const listen = () => {
          source.properties.data.change.disconnect(listen)
          waiting.delete(source)
          if (!waiting.size) resolve()
        }
        source.properties.data.change.connect(listen)
      }
    })
    const began = performance.now()
    slider.value = Number((0.55 + 0.35 * ((i * 0.618) % 1)).toFixed(3))
    await changed
    await new Promise(requestAnimationFrame)
    painted.push(performance.now() - began)
    await new Promise((resolve) => setTimeout(resolve, 12))
  }
  return painted
}
"""


def naive(store: Store, node: str, name: str) -> pn.Column:
    """A slider over seven maps: V, and its derivative in each of six parameters.

    Args:
        store: the model.
        node, name: the parameter that the slider moves.
    """
    hv.extension("bokeh")
    evaluation, build = Evaluation(), store.build
    matrix, root = build.v, store.document.v
    assert matrix is not None
    assert root is not None
    slider = pn.widgets.FloatSlider(name=name, start=0.0, end=1.0, step=0.001, value=0.5)

    def picture(path: str | None) -> Callable[[float], hv.Image]:
        def draw(value: float) -> hv.Image:
            store.dispatch(SetParameters({(node, name): value}), quiet=True)
            natural = build.naturals(root, store.document)
            if path is None:
                values = evaluation.value(matrix, natural)
            else:
                values = evaluation.slice(matrix, natural, path, scale="raw")
            return hv.Image(values.numpy(), bounds=(0, 0, *values.shape[::-1])).opts(width=200, height=200)

        return draw

    paths = [None, *(ref.path for ref in store.parameters() if not ref.fixed)]
    maps = [hv.DynamicMap(picture(path), streams=[hv.streams.Params(slider, ["value"])]) for path in paths]
    return pn.Column(slider, pn.FlexBox(*(pn.pane.HoloViews(one, linked_axes=False) for one in maps)))
