"""Unstructured, factor analytic and antedependence structures."""
