"""Drafts: the work of a session, kept in the browser at every rest and brought back from there."""
