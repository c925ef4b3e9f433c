"""Benchmarks against peers: `make bench`. Each claim is measured in one run, interleaved with its peer."""
