"""The public name of the templates."""

from covstudio.document.files.templates import (
    TEMPLATES,
    Part,
    PartQuestion,
    PartsMissing,
    Sample,
    Template,
    templates,
)

__all__ = ["TEMPLATES", "Part", "PartQuestion", "PartsMissing", "Sample", "Template", "templates"]
