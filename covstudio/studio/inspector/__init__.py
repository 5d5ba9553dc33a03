"""Arguments and parameters of the selected node."""
