"""The table and the roles of its columns."""
