"""Merkle trees and measurements of a layout; it needs the vocabulary and the standard library only."""
