"""The search for the maximum: coordinates, steps, ridges, restarts."""
