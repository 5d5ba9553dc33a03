"""The public name of the templates."""

from covstudio.document.files.templates import Template, templates

__all__ = ["Template", "templates"]
