"""The app for `panel serve app.py`. `covstudio serve` serves the same page."""

from covstudio.studio.page.page import create_page

if __name__.startswith("bokeh_app"):
    create_page().servable()
