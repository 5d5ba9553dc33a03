"""The engine for separable fields on a grid."""
