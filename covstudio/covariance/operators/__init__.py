"""Operators: matrices made of other matrices."""
