"""Markdown of runs, comparisons and gates: tables that render, and no text that becomes markup."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from loccit.evals.compare import compare
from loccit.evals.gate import Verdict, gate, parse_margin
from loccit.evals.markdown import comparison_markdown, gate_markdown, plain_text, run_markdown
from loccit.evals.outputs import Output, OutputOutcome
from tests.unit.evals.made_logs import failed_entry, log_of, made_log, made_sample

HOSTILE = (
    "<script>alert(1)</script>",
    "a | b | c",
    "**bold** _it_ `code` ~~gone~~",
    "[link](https://x.test) ![image](https://x.test/y.png)",
    "https://x.test and www.x.test and WWW.x.test",
    "@someone #12 :tada: $x^2$",
    "line\nfeed\r\n\n# heading",
    "\\| \\` &lt;b&gt; &amp;",
    "\u202ereordered\x1b[31m",
    "</summary></details>",
    "<!-- gone",
)


def shown(text: str) -> tuple[set[str], str]:
    """The kinds of what a Markdown reader makes of a text, and what a person sees."""
    reader = MarkdownIt("gfm-like", {"linkify": False}).enable("table")
    tokens = reader.parse(text)
    kinds = {token.type for token in tokens}
    words: list[str] = []
    for token in tokens:
        for child in token.children or []:
            kinds.add(child.type)
            words.append(child.content)
    return kinds, "".join(words)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_shown_as_it_was_written(text: str) -> None:
    """On one line, nothing of it markup, in a cell of a table."""
    escaped = plain_text(text)
    kinds, words = shown(f"| a | b |\n| --- | --- |\n| {escaped} | end |")
    assert kinds <= {
        *("table_open", "table_close", "thead_open", "thead_close", "tbody_open", "tbody_close"),
        *(
            "tr_open",
            "tr_close",
            "th_open",
            "th_close",
            "td_open",
            "td_close",
            "inline",
            "text",
            "text_special",
        ),
    }
    visible = " ".join(text.replace("\u202e", "\\u202e").replace("\x1b", "\\x1b").split())
    assert words == f"ab{visible}end"


def test_addresses_mentions_and_formulas_of_github_are_broken_up() -> None:
    """Whatever it would make a link or a picture of."""
    assert "://" not in plain_text("https://x.test")
    assert "www." not in plain_text("www.x.test").lower()
    for mark in "@#$":
        assert mark not in plain_text(f"{mark}12").replace("&#", "")


def test_long_text_is_cut() -> None:
    """A summary is read by people."""
    assert len(plain_text("x" * 10_000)) == 200


def test_a_run_has_every_figure_with_its_interval() -> None:
    """What is missing stands in its own table, an uncalibrated judge is said."""
    text = run_markdown(made_log(60))
    kinds, _ = shown(text)
    assert "table_open" in kinds
    assert "| recall&#64;5 ↑ | 5" in text
    assert "correctness ↑ ⚠️" in text
    assert "Uncalibrated judge" in text
    assert text.endswith("\n")


def test_a_run_without_any_figure_says_so() -> None:
    """A dash and the reason, not zero."""
    text = run_markdown(log_of([failed_entry(made_sample(at)) for at in range(3)]))
    assert "| recall&#64;5 ↑ | 0 | – | no output: TimedOut | 3 |" in text
    assert "3 of 3 outputs are missing: 3 × TimedOut." in text


def test_a_comparison_has_differences_slices_and_flips() -> None:
    """The longer tables fold."""
    text = comparison_markdown(compare(made_log(60, skill=0.9), made_log(60, skill=0.3)))
    assert "| Metric | Old | New | Difference | 95% interval | p | Samples |" in text
    assert text.count("<details>") == text.count("</details>") >= 2
    assert "By an uncalibrated judge" in text


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_gate_begins_with_its_verdict(verdict: Verdict) -> None:
    """In a word, with a mark and a sentence."""
    old = made_log(90, failing=0.0)
    skill = {Verdict.PASS: 0.7, Verdict.FAIL: 0.1, Verdict.INCONCLUSIVE: 0.72}[verdict]
    new = old if verdict is Verdict.PASS else made_log(90, skill=skill, failing=0.0, seed=5)
    report = gate(new, old, [parse_margin("recall@5=0.06")])
    assert report.verdict is verdict
    first, *_, last = gate_markdown(report).strip().split("\n")
    mark = {Verdict.PASS: "✅", Verdict.FAIL: "❌", Verdict.INCONCLUSIVE: "⚠️"}[verdict]
    assert first.startswith(f"## {mark} {verdict.value}: ")
    assert last


def test_hostile_names_of_systems_errors_and_slices_change_nothing() -> None:
    """The tables have as many rows as without them."""
    text = "</details>\n| x | <b> `y` @z"
    plain = made_log(40)
    entries = [
        one.model_copy(
            update={
                "sample": one.sample.model_copy(update={"slices": {text: text}}),
                "output": Output(outcome=OutputOutcome.FAILED, error=text, message=text)
                if one.output.outcome is OutputOutcome.FAILED
                else one.output,
            }
        )
        for one in plain.entries
    ]
    hostile = log_of(entries, name=text)
    for written in (run_markdown(hostile), comparison_markdown(compare(hostile, hostile))):
        assert "<b>" not in written
        assert written.count("<details>") == written.count("</details>")
