"""The engine for independent blocks of rows."""
