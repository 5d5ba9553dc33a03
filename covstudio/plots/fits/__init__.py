"""Kinds of pictures of a fit, one file each."""
