"""The public name of the templates."""

from covstudio.document.files.templates import TEMPLATES, Template, templates

__all__ = ["TEMPLATES", "Template", "templates"]
