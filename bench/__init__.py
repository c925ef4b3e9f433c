"""Benchmarks against peers: `make bench`. One module per claim in `bench.claims`.

Every contender of a claim does the same work on the same files, in page cache, in turn with the others in
one run. Figures are medians; ratios are what may be quoted (docs/performance.md).
"""
