"""Building again under other circumstances: what of a machine can be another one, and how it is made so."""
