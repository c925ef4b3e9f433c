"""A kernel of our own: Linux' source, a pinned configuration and a few patches, built reproducibly."""
