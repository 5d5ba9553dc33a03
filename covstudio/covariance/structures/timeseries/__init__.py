"""Structures of equally or unequally spaced times."""
