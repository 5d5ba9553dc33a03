"""Parts of V as a person reads them: names of nodes and letters, in place of the paths that programs use."""

from __future__ import annotations

import re
from functools import cached_property

from covstudio.covariance.core.letters import parameter_label
from covstudio.data.rows import LEVEL_SEPARATOR
from covstudio.document.build.built import Build
from covstudio.document.build.used_columns import node_columns
from covstudio.document.model.document import Document


class Spoken:
    """The names of a model's parameters and parts.

    Args:
        document: the model.
        build: what was built of it.

    Example:
        >>> from covstudio.data.examples import load_example
        >>> from covstudio.document.build.build import build
        >>> from covstudio.document.files.templates import templates
        >>> table = load_example("john_alpha")
        >>> document = templates()[0].document(table)
        >>> spoken = Spoken(document, build(document, table))
        >>> spoken("genotype/g/sigma^2"), spoken("genotype/g")
        ('genotype variance · σ²', 'genotype variance')
        >>> spoken.sentence("The data say nothing about residual/sigma^2.")
        'The data say nothing about residual · σ².'
    """

    def __init__(self, document: Document, build: Build) -> None:
        nodes = document.nodes
        self._columns = {
            path: node_columns(nodes[first])
            for node, path in build.paths.items()
            if nodes[node].operands and (first := nodes[node].operands[0][1]) is not None
        }
        #: The path of each part and of each parameter, and what it is called.
        self.names: dict[str, str] = {path: nodes[node].name for node, path in build.paths.items() if path}
        for ref in build.parameters:
            self.names[ref.path] = f"{nodes[ref.node_id].name} · {parameter_label(ref.name)}"

    def __call__(self, path: str) -> str:
        """What a part or a parameter is called; a path that is not known stays as it is."""
        return self.names.get(path, path)

    def level(self, term: str, level: str) -> str:
        """What a level of a term is called: a combination of levels by the columns that they are of.

        Where the columns are not known, or a label is no level of one (a slope), the labels stand alone.

        Example:
            >>> from covstudio.data.examples import load_example
            >>> from covstudio.document.build.build import build
            >>> from covstudio.document.files.templates import templates
            >>> table = load_example("john_alpha")
            >>> document = templates()[0].document(table)
            >>> Spoken(document, build(document, table)).level("block", "R1⋈B2")
            'rep R1, block B2'
        """
        columns, labels = self._columns.get(term, ()), level.split(LEVEL_SEPARATOR)
        if len(columns) != len(labels) or len(labels) < 2:
            return ", ".join(labels)
        return ", ".join(f"{column} {label}" for column, label in zip(columns, labels, strict=True))

    def sentence(self, text: str) -> str:
        """A sentence with what its paths are called in their place."""
        return self._paths.sub(lambda found: self(found[0]), text)

    @cached_property
    def _paths(self) -> re.Pattern[str]:
        """All paths but those that could be words of a sentence, the longest first."""
        told = sorted((path for path in self.names if not path.isalpha()), key=len, reverse=True)
        return re.compile(rf"(?<![\w/])(?:{'|'.join(map(re.escape, told))})(?![\w/])" if told else r"(?!)")
