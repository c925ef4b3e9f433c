"""Proofs that a path is, or is not, in the root file system of a measurement (docs/proofs.md)."""
