"""The document itself: nodes, slots and arguments."""
