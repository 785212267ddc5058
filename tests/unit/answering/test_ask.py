"""From a question to an answer, over a real repository and its history."""

from __future__ import annotations

from pathlib import Path

import pytest

from loccit import InputError, Loccit
from loccit.core.answers import Abstention, Answer, CitationKind, Outcome
from tests.repositories import Commit, make_repository

ROUTER = '''"""Finds the handler of a request."""


class Router:
    """Knows the routes of an application, in the order in which they were added."""

    def add_route(self, pattern, handler):
        """Add a route; the first one that matches wins."""
        self.routes.append((pattern, handler))

    def match(self, path):
        """The handler for a path, or an error that names it."""
        for pattern, handler in self.routes:
            if pattern.matches(path):
                return handler
        raise LookupError(f"no route matches the path {path!r}, add one with add_route")
'''
COMMITS: list[Commit] = [
    {"files": {"src/router.py": ROUTER.replace("first", "last")}, "message": "Route requests by pattern"},
    {
        "files": {
            "src/router.py": ROUTER,
            "docs/routes.md": "# Routes\n\nThe first route that matches wins.\n",
        },
        "message": "Let the first route win\n\nTurnstiles showed that the last one surprised everybody.\n",
    },
    {"files": {"src/other.py": "def unrelated():\n    return 1\n"}, "message": "Add an unrelated function"},
    {"files": {"README.md": "A web framework.\n"}, "message": "Describe the framework"},
]


@pytest.fixture(scope="module")
def loccit(tmp_path_factory: pytest.TempPathFactory) -> Loccit:
    folder = tmp_path_factory.mktemp("asked")
    make_repository(folder / "web", COMMITS)
    loccit = Loccit(folder / "home")
    loccit.index(folder / "web")
    return loccit


def cited(answer: Answer) -> list[str]:
    """What the claims cite: paths, and the subjects of commits."""
    return [
        claim.citations[0].path or claim.text.partition("\n")[0]
        for claim in answer.claims
        if claim.citations[0].kind in (CitationKind.FILE, CitationKind.COMMIT)
    ]


def test_a_question_about_the_past_cites_the_commit_that_bears_on_it(loccit: Loccit) -> None:
    """First, and beside it the file as it is now."""
    places = cited(loccit.ask("why was it changed that the first route wins?"))
    assert places[0] == "Let the first route win"
    assert "docs/routes.md" in places


def test_a_word_that_only_the_history_knows_can_be_asked_for(loccit: Loccit) -> None:
    """No file holds it, so that no file is cited."""
    answer = loccit.ask("when was it that turnstiles surprised everybody?")
    assert cited(answer) == ["Let the first route win"]


def test_commits_that_do_not_bear_on_a_question_are_not_cited(loccit: Loccit) -> None:
    """The history is listened to only where it holds the question."""
    answer = loccit.ask("when was add_route with a pattern and a handler renamed?")
    assert answer.outcome is Outcome.ANSWERED
    assert "Add an unrelated function" not in cited(answer)


def test_a_question_about_the_present_cites_no_commit(loccit: Loccit) -> None:
    """However well a message would fit."""
    assert cited(loccit.ask("which route wins, the first that matches?"))[0].endswith((".py", ".md"))
    assert "Let the first route win" not in cited(loccit.ask("which route wins, the first that matches?"))


def test_a_filter_of_files_leaves_commits_out(loccit: Loccit) -> None:
    """No commit is at a path."""
    places = cited(loccit.ask("why was it changed that the first route wins?", paths=["docs/"]))
    assert places == ["docs/routes.md"]


@pytest.mark.parametrize("filters", [{"paths": ["docs/"]}, {"languages": ["python"]}])
def test_searching_the_history_with_a_filter_of_files_is_refused(
    loccit: Loccit, filters: dict[str, list[str]]
) -> None:
    """It would find nothing, and not for the reason one thinks."""
    with pytest.raises(InputError, match="commits have no language and no path"):
        loccit.search("route", history=True, **filters)


def test_an_error_message_leads_to_the_line_that_raises_it(loccit: Loccit) -> None:
    """The path in it is filled in at run time."""
    question = "LookupError: no route matches the path '/shop', add one with add_route"
    [first, *_] = loccit.ask(question).claims
    assert "raise LookupError(" in first.text
    assert first.why[0].startswith('quotes "no route matches the path')
    assert loccit.search(question)[0].reasons[0] == first.why[0]


def test_a_question_about_something_else_is_declined(loccit: Loccit) -> None:
    """Nothing is quoted; the same question about the past too."""
    for question in ("how are kubernetes pods evicted?", "when were kubernetes pods evicted?"):
        answer = loccit.ask(question)
        assert (answer.outcome, answer.abstention) == (Outcome.ABSTAINED, Abstention.NOT_IN_SOURCES)
        assert answer.claims == ()


def test_every_answer_holds_when_it_is_checked_again(loccit: Loccit) -> None:
    """Against the repository, commits included."""
    for question in ("why was it changed that the first route wins?", "how does the Router match a path?"):
        answer = loccit.ask(question)
        assert answer.claims
        assert all(claim.status == "holds" for claim in loccit.verify(answer).claims)


def test_a_repository_without_its_history_is_still_asked(tmp_path: Path) -> None:
    """The files answer."""
    make_repository(tmp_path / "web", COMMITS)
    loccit = Loccit(tmp_path / "home")
    loccit.index(tmp_path / "web", history=False)
    places = cited(loccit.ask("why was it changed that the first route wins?"))
    assert set(places) == {"docs/routes.md", "src/router.py"}
