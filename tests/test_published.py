"""Published figures: every row is complete, and nobody's number can slip in without a source."""

from dataclasses import astuple

from simswap_lib import published


def test_rows_are_whole_and_distinct():
    assert len({row.method for row in published.CASIA}) == len(published.CASIA) == 14
    for row in published.CASIA:
        retrieval, cosine, *errors = astuple(row)[1:]
        assert 0 < retrieval < 100 and 0 < cosine < 1 and min(errors) > 0


def test_what_the_lesson_says_of_the_table_is_in_it():
    """Lesson 08: SimSwap has the smallest pose error, several carry over more identity, FaceDancer has two figures."""
    rows = {row.method: row for row in published.CASIA}
    ours = rows["SimSwap"]
    assert min(published.CASIA, key=lambda row: row.pose) is ours
    assert sum(row.retrieval > ours.retrieval for row in published.CASIA) >= 3
    assert ours.retrieval > rows["CSCS"].retrieval
    assert all(value - rows["FaceDancer"].retrieval > 20 for value, _ in published.FACEDANCER.values())


def test_sources_are_named():
    assert "2605.00883" in published.SOURCE and "FaceDancer" in published.FACEDANCER_SOURCE
