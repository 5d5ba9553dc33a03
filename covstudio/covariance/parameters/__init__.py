"""Parameters: transforms, specifications, the layout of theta, the calling interfaces."""
