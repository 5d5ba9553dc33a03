"""A model of many nodes on the real page: what it takes to open it, and how it follows the hand.

What is drawn anew is counted from the inside: React tells a hook, which its developer tools put there
otherwise, of everything that it has drawn.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import urlparse

from playwright.sync_api import Page, Response

#: Bytes of ours that the first page may load, as they are and compressed.
LOADED = (900_000, 280_000)

#: Counts what React draws, as `window.covstudioDrawn`: how often it drew at all, how many components, how
#: many of these cards; and the observations of a card's own elements that changed.
COUNT = """
window.covstudioDrawn = { commits: 0, components: 0, cards: 0 };
window.__REACT_DEVTOOLS_GLOBAL_HOOK__ = {
  supportsFiber: true,
  renderers: new Map(),
  inject: () => 1,
  onCommitFiberUnmount() {},
  onPostCommitFiberRoot() {},
  onCommitFiberRoot(_id, { current }) {
    const drawn = window.covstudioDrawn;
    drawn.commits++;
    const PERFORMED_WORK = 1;
    const visit = (fiber, before) => {
      if (typeof fiber.type === "function" && (before === null || fiber.flags & PERFORMED_WORK)) {
        drawn.components++;
        if (fiber.memoizedProps?.data?.card) drawn.cards++;
      }
      if (before !== null && fiber.child === before.child) return; // React went no further
      for (let child = fiber.child; child; child = child.sibling)
        visit(child, before === null ? null : child.alternate);
    };
    visit(current, current.alternate);
  },
};
"""

#: Keeps the time of every frame, until it is asked to stop.
RECORD = """
() => {
  const times = [];
  const tick = (time) => {
    times.push(time);
    window.covstudioRecording = requestAnimationFrame(tick);
  };
  window.covstudioFrames = times;
  window.covstudioRecording = requestAnimationFrame(tick);
}
"""
STOP = "() => { cancelAnimationFrame(window.covstudioRecording); return window.covstudioFrames; }"

#: An empty page on which every frame has something to paint.
EMPTY = """data:text/html,<body style="margin:0;height:100vh">
<div id="at" style="width:9px;height:9px;background:navy"></div>
<script>
  onmousemove = ({ clientX, clientY }) => { at.style.transform = `translate(${clientX}px, ${clientY}px)` };
  onwheel = ({ deltaY }) => { at.style.width = `${20 + deltaY / 10}px` };
</script>"""


@dataclass(frozen=True)
class Pace:
    """Frames of a movement.

    Args:
        frames: how many, and in how many seconds.
        worst: milliseconds between two of them that 19 in 20 do not exceed.
    """

    frames: int
    seconds: float
    worst: float

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / self.seconds


def pan(page: Page, at: tuple[float, float], steps: int) -> Pace:
    """Move what lies under a place to and fro with the mouse, as fast as the browser takes it."""
    x, y = at
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(RECORD)
    for step in range(steps):
        swing = abs((step % 60) - 30) - 15
        page.mouse.move(x + 12 * swing, y + 7 * swing)
    pace = _pace(page.evaluate(STOP))
    page.mouse.up()
    return pace


def zoom(page: Page, at: tuple[float, float], steps: int) -> Pace:
    """Turn the wheel over a place, away and back."""
    page.mouse.move(*at)
    page.evaluate(RECORD)
    for step in range(steps):
        page.mouse.wheel(0, 60 if step % 40 < 20 else -60)
    return _pace(page.evaluate(STOP))


def _pace(times: list[float]) -> Pace:
    gaps = sorted(later - earlier for earlier, later in pairwise(times))
    return Pace(len(gaps), sum(gaps) / 1000, gaps[int(0.95 * (len(gaps) - 1))])


def open_whole(page: Page, url: str, nodes: int) -> float:
    """Go to a page whose model has so many nodes; milliseconds until it stands and all pictures are painted.

    The clock is the page's own, from the beginning of the navigation.
    """
    page.goto(url, wait_until="commit")
    taken: float = page.evaluate(
        """(wanted) => new Promise((resolve) => {
          const keys = () => [...(window.covstudio?.tiles.keys() ?? [])];
          const painted = () => keys().filter((key) => key.startsWith("node:"));
          const look = () => {
            if (document.body?.dataset.ready && painted().length >= wanted) resolve(performance.now());
            else requestAnimationFrame(look);
          };
          look();
        })""",
        nodes,
    )
    return taken


def drawn(page: Page) -> dict[str, int]:
    """What React has drawn since the page was opened."""
    found: dict[str, int] = page.evaluate("() => ({ ...window.covstudioDrawn })")
    return found


def middle(page: Page) -> tuple[float, float]:
    """A place on the model's ground, on no card."""
    found: list[float] = page.evaluate(
        """() => {
          const roots = [...document.querySelectorAll("*")].map((one) => one.shadowRoot).filter(Boolean);
          const root = roots.find((one) => one.querySelector(".react-flow__pane"));
          const box = root.querySelector(".react-flow__pane").getBoundingClientRect();
          for (let y = 0.5; y > 0.02; y -= 0.01) {
            for (let x = 0.5; x > 0.1; x -= 0.01) {
              const at = [box.left + x * box.width, box.top + y * box.height];
              if (root.elementFromPoint(...at)?.matches(".react-flow__pane")) return at;
            }
          }
        }"""
    )
    return found[0], found[1]


def loaded(page: Page, url: str) -> tuple[int, int]:
    """Bytes of the page and of what it loads that is neither Panel's nor Bokeh's, plain and gzipped."""
    bodies: list[bytes] = []

    def keep(response: Response) -> None:
        if response.url == url or "studio" in urlparse(response.url).path:
            bodies.append(response.body())

    page.on("response", keep)
    page.goto(url)
    page.wait_for_function("document.body.dataset.ready")
    return sum(map(len, bodies)), sum(len(gzip.compress(body)) for body in bodies)
