"""Tiny packages written for the tests, each with an issue planted in it."""

from __future__ import annotations

from benchmarks.planted_issues.scripts import Edit, PlantedIssue

SPANS = {
    "pyproject.toml": '[project]\nname = "spans"\nversion = "1.0"\n',
    "spans/__init__.py": 'from spans.merge import merged\n\n__all__ = ["merged"]\n',
    "spans/merge.py": '''"""Merging spans."""


def merged(spans):
    """The spans as few as possible, in order; spans that touch are one."""
    found = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found
''',
    "tests/test_merge.py": """from spans import merged


def test_spans_apart_stay_apart():
    assert merged([(1, 2), (5, 6)]) == [(1, 2), (5, 6)]


def test_order_does_not_matter():
    assert merged([(5, 6), (1, 2)]) == [(1, 2), (5, 6)]


def test_overlapping_spans_are_one():
    assert merged([(1, 4), (3, 6)]) == [(1, 6)]
""",
}

SWALLOWED = PlantedIssue(
    name="swallowed spans",
    issue="""A span inside another one cuts it short

    >>> from spans import merged
    >>> merged([(1, 10), (2, 3)])
    [(1, 3)]

I would expect [(1, 10)]: the second span lies inside of the first.
""",
    plant=(Edit("spans/merge.py", "max(last, found[-1][1])", "last"),),
    test_path="tests/test_merge_inside.py",
    test="""from spans import merged


def test_a_span_inside_another_changes_nothing():
    assert merged([(1, 10), (2, 3)]) == [(1, 10)]
""",
    failure="assert [(1, 3)] == [(1, 10)]",
    fix=(
        Edit(
            "spans/merge.py",
            "found[-1] = (found[-1][0], last)",
            "found[-1] = (found[-1][0], max(found[-1][1], last))",
        ),
    ),
    hidden_path="tests/test_hidden.py",
    hidden="""from spans import merged


def test_hidden():
    assert merged([(1, 10), (2, 3), (4, 12), (20, 21)]) == [(1, 12), (20, 21)]
""",
    look_for="def merged",
    plan="merged takes the end of the later span even where the earlier one reaches further.",
    lines=(8, 9),
)
