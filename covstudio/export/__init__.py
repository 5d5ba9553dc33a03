"""A model as a program: one file of this package for each language, registered as an `Exporter`."""

from covstudio.export.exporter import EXPORTERS, Exporter, exporters

__all__ = ["EXPORTERS", "Exporter", "exporters"]
