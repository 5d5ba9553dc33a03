"""Sizes that follow from data and from each other."""
