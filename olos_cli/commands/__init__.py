"""One module per command: reads the call, calls, renders."""
