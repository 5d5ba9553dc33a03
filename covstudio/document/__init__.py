"""The model as a document: a frozen forest of nodes, its changes and history, and what is built of it."""
