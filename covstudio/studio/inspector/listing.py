"""The parameters that the inspector lists of many: the first, those asked for, those that were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from covstudio.covariance.core.letters import parameter_label
from covstudio.document.build.built import ParameterRef

#: Parameters of a node, and nodes, that are listed before somebody asks for more; and how many more come.
FIRST, MORE = 40, 200


@dataclass
class Listing:
    """What is listed: a model of 20,000 parameters is no page of 20,000 sliders.

    Attributes:
        text: what was looked for; "" lists all that there are.
        groups: how many nodes are listed with theirs.
        rows: node id -> how many of its parameters are listed, where somebody has asked for more.
    """

    text: str = ""
    groups: int = FIRST
    rows: dict[str, int] = field(default_factory=dict)

    def more(self, node: str | None) -> None:
        """List more parameters of a node, or more nodes.

        Args:
            node: its id; None for nodes.
        """
        if node is None:
            self.groups += MORE
        else:
            self.rows[node] = self.rows.get(node, FIRST) + MORE

    def find(self, text: str) -> None:
        """List those alone whose name holds a text."""
        self.text = text
        self.groups = FIRST
        self.rows.clear()

    def found(self, refs: Sequence[ParameterRef], name: str) -> Sequence[ParameterRef]:
        """The parameters of a node that were looked for.

        Args:
            refs: all that it has.
            name: what the node is called: its parameters are found by that, too.

        Example:
            >>> from covstudio.covariance import TransformExp
            >>> refs = [ParameterRef("n", key, key, TransformExp(), 1.0, False) for key in ("sigma^2", "rho")]
            >>> [ref.name for ref in Listing("σ").found(refs, "plots")]
            ['sigma^2']
            >>> len(Listing("Plot").found(refs, "plots"))
            2
        """
        wanted = self.text.strip().casefold()
        if not wanted or wanted in name.casefold():
            return refs
        return [
            ref
            for ref in refs
            if wanted in ref.name.casefold() or wanted in parameter_label(ref.name).casefold()
        ]

    def shown(self, node: str, refs: Sequence[ParameterRef]) -> Sequence[ParameterRef]:
        """Those of them that are listed.

        Args:
            node: its id.
            refs: those that were found.
        """
        return refs[: self.rows.get(node, FIRST)]
