"""The rules of `olos lint`, by what they look at. Each module ends with a table of its rules."""
