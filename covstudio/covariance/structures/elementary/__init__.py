"""Identity, scalar, diagonal, compound symmetric and heterogeneous structures."""
