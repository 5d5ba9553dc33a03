"""The app for `panel serve app.py --setup app.py`. `covstudio serve` serves the same page.

With `--setup` every process is ready before anybody comes; with `--num-procs` it is needed.
"""

from covstudio.studio.page.page import create_page, prewarm

if __name__.startswith("bokeh_app"):
    create_page().servable()
elif __name__ == "panel_setup_module":
    prewarm()
