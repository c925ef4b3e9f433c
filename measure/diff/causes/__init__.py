"""Guesses at why something differs: each cause a small rule, all of them in one table."""
