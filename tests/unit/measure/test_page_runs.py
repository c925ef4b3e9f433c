"""Runs of pages against a set of pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from measure import page_runs
from measure.page_runs import PageRuns, Problem

SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 5)), max_size=30)


@given(SPANS)
def test_knows_what_was_added(spans: list[tuple[int, int]]) -> None:
    runs, added = PageRuns(), set[int]()
    for start, count in spans:
        pages = set(range(start, start + count))
        problem = runs.problem(start * 4096, (start + count) * 4096)
        assert problem == (Problem.AGAIN if pages & added else None)
        if problem is None:
            runs.add(start * 4096, (start + count) * 4096)
            added |= pages


@given(SPANS)
def test_with_little_room_it_refuses_more_but_never_less(spans: list[tuple[int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_runs, "_MAX_RUNS", 2)
        runs, added = PageRuns(), set[int]()
        for start, count in spans:
            pages = set(range(start, start + count))
            problem = runs.problem(start * 4096, (start + count) * 4096)
            if pages & added:
                assert problem is not None
            elif problem is None:
                runs.add(start * 4096, (start + count) * 4096)
                added |= pages
            else:
                assert problem is Problem.LATE
                assert start < max(added)


@given(st.sets(st.integers(0, 10_000), max_size=60))
def test_ascending_pages_are_never_refused(pages: set[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_runs, "_MAX_RUNS", 3)
        runs = PageRuns()
        for page in sorted(pages):
            assert runs.problem(page * 4096, page * 4096 + 4096) is None
            runs.add(page * 4096, page * 4096 + 4096)
