"""Queries as people write them: titles of issues, commit subjects, names, paths, tracebacks, questions."""

from __future__ import annotations

import re
from pathlib import Path

import benchmarks
from benchmarks import repositories

_TRACEBACK = re.compile(r"Traceback \(most recent call last\):\n(?:.*\n){2,60}?\S*(?:Error|Exception)\b.*")
_DEFINED = re.compile(r"^(?:class|def) (\w{4,})", re.MULTILINE)


def by_kind(setting: benchmarks.Setting, django: Path) -> dict[str, list[str]]:
    """Some 400 queries, the same every time."""
    issues = [
        row["issue"] for row in setting.rows("localisation_dev.jsonl") if row["repo"] == "django/django"
    ]
    questions = [row["question"] for row in setting.rows("qa_files_dev.jsonl")]
    listed = repositories.lines(django, "ls-tree", "-r", "--name-only", "HEAD", "django", "docs")
    return {
        "issue titles": repositories.spread([issue.strip().splitlines()[0] for issue in issues], 100),
        "commit subjects": repositories.subjects(django, 100),
        "identifiers": repositories.spread(_names(django), 60),
        "paths": repositories.spread([path for path in listed if path.endswith((".py", ".txt"))], 40),
        "tracebacks": repositories.spread([t for issue in issues for t in _TRACEBACK.findall(issue)], 40),
        "questions": repositories.spread(questions, 60),
    }


def _names(django: Path) -> list[str]:
    """Names of classes and functions that Django's package defines, in order."""
    text = repositories.git(django, "grep", "-h", "-E", r"^(class|def) \w{4,}", "HEAD", "--", "django/*.py")
    return sorted(set(_DEFINED.findall(text.decode("utf-8", "replace"))))
