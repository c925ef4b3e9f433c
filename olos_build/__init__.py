"""Dockerfile or image -> merged file tree -> root file system image -> layout."""
