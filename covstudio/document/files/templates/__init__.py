"""Models to start from, bound to the columns of a table where their names say what they are.

One file of this package for each, registered as a `Template`.
"""

from covstudio.document.files.templates.parts import Part, PartQuestion, PartsMissing
from covstudio.document.files.templates.template import TEMPLATES, Sample, Template, templates

__all__ = ["TEMPLATES", "Part", "PartQuestion", "PartsMissing", "Sample", "Template", "templates"]
