"""Palette, cards and wires."""
