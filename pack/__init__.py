"""Layout <-> package, and running either."""
