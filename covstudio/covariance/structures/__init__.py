"""Structures: the leaves of a tree, by family."""
