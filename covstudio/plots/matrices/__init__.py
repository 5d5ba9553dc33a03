"""Kinds of pictures of a matrix, one file each."""
