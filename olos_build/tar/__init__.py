"""Reading tar archives that come from outside."""
