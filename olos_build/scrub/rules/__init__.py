"""The rules of scrubbing, one module each."""
