"""Matrix, Leaf and Operator: what every structure is, does once for all, and declares."""
