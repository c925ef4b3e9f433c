"""Builders: Dockerfile and context -> image, one module per builder behind one Protocol."""
