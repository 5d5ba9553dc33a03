"""The session: the work of one person, and the base of its views."""
