"""A context stays under its limit, keeps calls and results together, and loses neither task nor plan."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loccit.agents.context import LEAST_TOKENS, Context
from loccit.agents.outputs import Outputs
from loccit.agents.plan import Plan, PlanStep
from loccit.agents.project_files import FolderFiles
from loccit.agents.rule_files import RuleFiles
from loccit.agents.summaries import Request
from loccit.core.calls import Finish, Message, ModelReply, Speaker, ToolCall
from loccit.core.errors import ContextTooLong
from loccit.models.tokens import count_message
from loccit.policy.labels import TRUSTED, UNTRUSTED, Integrity

PLAN = Plan("the parser accepts an empty file", (PlanStep("write a test"), PlanStep("fix it")))


def assistant(text: str = "", *calls: tuple[str, str, dict[str, object]]) -> Message:
    made = tuple(ToolCall(id_, name, json.dumps(arguments)) for id_, name, arguments in calls)
    return Message(Speaker.ASSISTANT, text, made)


def result(call_id: str, text: str) -> Message:
    return Message(Speaker.TOOL, text, call_id=call_id)


def started(folder: Path, rules: RuleFiles | None = None) -> Context:
    context = Context(Outputs(folder), rules=rules)
    context.add(Message(Speaker.SYSTEM, "You fix defects."))
    context.add(Message(Speaker.USER, "The parser fails on an empty file."))
    return context


def work(context: Context, number: int, text: str, limit: int = 8_000, path: str = "a.py") -> None:
    context.add(assistant(f"Step {number}.", (f"call-{number}", "read", {"path": path, "n": number})))
    context.add(result(f"call-{number}", text))
    context.messages(limit)


def tokens(messages: Sequence[Message]) -> int:
    return sum(map(count_message, messages))


def texts(messages: Sequence[Message]) -> str:
    return "\n".join(message.text for message in messages)


def check_pairs(messages: Sequence[Message]) -> None:
    """What providers ask for: results directly behind the calls they answer, one each, and none without."""
    open_calls: list[str] = []
    for message in messages:
        if message.speaker is Speaker.TOOL:
            assert message.call_id in open_calls
            open_calls.remove(message.call_id)
        else:
            assert not open_calls
            open_calls = [call.id for call in message.calls]
    assert not open_calls


def test_what_fits_is_shown_as_it_was_added(tmp_path: Path) -> None:
    context = started(tmp_path)
    added = (assistant("I look.", ("1", "read", {"path": "a.py"})), result("1", "def parse(): ..."))
    for message in added:
        context.add(message)
    assert context.messages(8_000) == (
        Message(Speaker.SYSTEM, "You fix defects."),
        Message(Speaker.USER, "The parser fails on an empty file."),
        *added,
    )


def test_between_two_moments_of_making_room_each_call_only_adds_to_the_one_before(tmp_path: Path) -> None:
    context = started(tmp_path)
    before: tuple[Message, ...] = ()
    breaks = 0
    for number in range(120):
        work(context, number, f"line of file {number}\n" * 60)
        now = context.messages(8_000)
        breaks += now[: len(before)] != before
        before = now
    assert breaks == context.figures.made_room
    assert breaks < 120 / 5


def test_old_results_are_cleared_before_steps_go(tmp_path: Path) -> None:
    context = started(tmp_path)
    number = 0
    while not context.figures.made_room:
        work(context, number, f"first of {number}\n" + "word " * 400)
        number += 1
    shown = context.messages(8_000)
    assert context.figures.cleared_results > 0
    assert context.figures.summarised_steps == 0
    line = next(m.text for m in shown if m.call_id == "call-0")
    assert line.startswith('[cleared: read(path="a.py", n=0); ')
    assert "kept as output-1; it began: first of 0]" in line
    # The newest is whole.
    assert shown[-1].text.endswith("word word ")


def test_the_plan_stays_in_view_however_long_the_run(tmp_path: Path) -> None:
    context = started(tmp_path)
    context.add(assistant("", ("p", "plan", {"goal": PLAN.goal})))
    context.add(result("p", PLAN.text))
    for number in range(80):
        work(context, number, "noise\n" * 300)
        assert PLAN.first_line in texts(context.messages(8_000))
    done = PLAN.with_done([1])
    context.add(assistant("", ("p", "plan", {"done": [1]})))
    context.add(result("p", done.text))
    for number in range(80):
        work(context, number, "noise\n" * 300)
    shown = texts(context.messages(8_000))
    assert done.text in shown
    assert PLAN.text not in shown
    assert context.plan.plan == done


def test_a_long_output_is_shown_by_its_ends_and_kept_whole(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path)
    context = Context(outputs)
    text = "\n".join(f"line {number}" for number in range(1, 20_001))
    context.add(assistant("", ("1", "run", {})))
    context.add(result("1", text))
    shown = context.messages(20_000)[-1].text
    assert shown.startswith("line 1\n")
    assert shown.endswith("line 20000")
    assert "20,000 lines" in shown
    assert "is output-1" in shown
    assert len(shown) < 13_000
    assert outputs.read("output-1", 9_999, 10_000) == (
        "output-1, lines 9999 to 10000 of 20000\nline 9999\nline 10000"
    )


def test_one_step_that_is_longer_than_the_limit_is_shortened_and_not_lost(tmp_path: Path) -> None:
    context = started(tmp_path)
    calls = [(f"c{n}", "read", {"path": f"{n}.py"}) for n in range(6)]
    context.add(assistant("All at once.", *calls))
    for n in range(6):
        context.add(result(f"c{n}", f"head of {n} " + "é" * 11_000))
    shown = context.messages(LEAST_TOKENS)
    assert tokens(shown) <= LEAST_TOKENS
    check_pairs(shown)
    assert all(f"head of {n}" in texts(shown) for n in range(6))


def test_a_step_of_more_calls_than_fit_becomes_a_line(tmp_path: Path) -> None:
    context = started(tmp_path)
    calls = [(f"c{n}", "read", {"path": "x" * 300}) for n in range(80)]
    context.add(assistant("All at once.", *calls))
    for n in range(80):
        context.add(result(f"c{n}", "y" * 50))
    shown = context.messages(LEAST_TOKENS)
    assert tokens(shown) <= LEAST_TOKENS
    assert [m.speaker for m in shown] == [Speaker.SYSTEM, Speaker.USER, Speaker.USER]
    assert "All at once." in shown[-1].text


def test_what_a_person_says_while_a_tool_runs_comes_behind_its_result(tmp_path: Path) -> None:
    context = started(tmp_path)
    context.add(assistant("", ("1", "read", {})))
    context.add(Message(Speaker.USER, "Mind the encoding."))
    context.add(result("1", "text"))
    assert [m.speaker for m in context.messages(8_000)][-2:] == [Speaker.TOOL, Speaker.USER]


def test_results_without_a_call_and_calls_without_a_result_are_refused(tmp_path: Path) -> None:
    context = started(tmp_path)
    with pytest.raises(ValueError, match="no open call 'x'"):
        context.add(result("x", "text"))
    context.add(assistant("", ("1", "read", {})))
    with pytest.raises(ValueError, match="'1' has no result yet"):
        context.messages(8_000)
    with pytest.raises(ValueError, match="'1' has no result yet"):
        context.add(assistant("more"))
    context.add(result("1", ""))
    with pytest.raises(ValueError, match="instructions come before"):
        context.add(Message(Speaker.SYSTEM, "late"))


def test_a_limit_without_room_for_anything_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContextTooLong, match="3,999 tokens has no room"):
        started(tmp_path).messages(LEAST_TOKENS - 1)


def test_an_empty_reply_is_no_empty_message(tmp_path: Path) -> None:
    context = started(tmp_path)
    context.add(assistant("  "))
    assert context.messages(8_000)[-1].text == "(no reply)"


def test_rules_of_a_directory_come_into_view_with_its_first_file_and_stay(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "src" / "deep").mkdir(parents=True)
    (project / "AGENTS.md").write_text("Root rule.")
    (project / "src" / "AGENTS.md").write_text("Rule of src.")
    rules = RuleFiles(FolderFiles(project, "project"), UNTRUSTED)
    context = started(tmp_path / "outputs", rules)
    assert "Root rule." in texts(context.messages(8_000))
    assert "Rule of src." not in texts(context.messages(8_000))
    work(context, 0, "code", path="src/deep/a.py")
    shown = context.messages(8_000)
    assert "Rule of src." in shown[-1].text
    assert shown[-1].speaker is Speaker.USER
    for number in range(1, 80):
        work(context, number, "noise\n" * 300, path="src/deep/a.py")
    shown = context.messages(8_000)
    assert texts(shown).count("Rule of src.") == 1
    assert "Rule of src." in shown[2].text
    assert context.label.integrity is Integrity.UNTRUSTED


def test_labels_of_results_are_joined(tmp_path: Path) -> None:
    context = started(tmp_path)
    context.add(assistant("", ("1", "read", {})))
    assert context.label == TRUSTED
    context.add(result("1", "text"), UNTRUSTED)
    assert context.label.integrity is Integrity.UNTRUSTED


def test_a_summary_replaces_the_lines_and_is_asked_for_once(tmp_path: Path) -> None:
    context = started(tmp_path)
    asked: list[Request] = []
    for number in range(150):
        work(context, number, f"found {number}\n" + "noise " * 200)
        while (request := context.summary_due(8_000)) is not None:
            asked.append(request)
            said = {2: None, 3: ModelReply("Half a", "m", finish=Finish.LENGTH)}
            context.take_summary(request.key, said.get(len(asked), ModelReply(f"Summary {len(asked)}.", "m")))
        state = context.messages(8_000)[2].text if asked else ""
        assert tokens(context.messages(8_000)) <= 8_000
        if len(asked) == 1:
            assert state.endswith("Summary 1.")
        if len(asked) in {2, 3}:
            # These could not be written: lines stand for what came since the first.
            assert "Summary 1.\n\n" in state
            assert "Half a" not in state
    assert len({request.key for request in asked}) == len(asked) >= 4
    assert asked[0].earlier == ""
    assert "found 0" in asked[0].told
    assert asked[1].earlier == asked[2].earlier == "Summary 1."
    assert context.figures.model_summaries == len(asked) - 2
    call = asked[-1].call()
    assert call.purpose == "summarise"
    assert asked[-1].told in call.messages[-1].text


words = st.text('ab \n"{é\u202e\x1b', max_size=60).map(lambda text: text * 40) | st.text(max_size=200)
arguments = st.dictionaries(st.sampled_from(["path", "text"]), words, max_size=2).map(json.dumps) | words


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    """What a run may add: any words, calls with any arguments, ids that come again, results of any length."""
    made = [
        Message(Speaker.SYSTEM, draw(words)),
        Message(Speaker.USER, draw(words) * draw(st.integers(1, 9))),
    ]
    for _ in range(draw(st.integers(0, 25))):
        if draw(st.integers(0, 9)) == 0:
            made.append(Message(Speaker.USER, draw(words)))
        names = draw(st.lists(st.sampled_from(["read", "run", "plan"]), max_size=4))
        ids = draw(st.permutations(["a", "b", "c", "d"]))[: len(names)]
        calls = tuple(ToolCall(i, name, draw(arguments)) for i, name in zip(ids, names, strict=True))
        made.append(Message(Speaker.ASSISTANT, draw(words), calls))
        for id_, name in draw(st.permutations(list(zip(ids, names, strict=True)))):
            text = PLAN.text if name == "plan" else draw(words) * draw(st.integers(1, 20))
            made.append(result(id_, text))
    return made


@settings(max_examples=60, deadline=None)
@given(conversations(), st.integers(LEAST_TOKENS, 9_000))
def test_no_conversation_passes_the_limit_or_parts_a_call_from_its_result(
    conversation: list[Message], limit: int
) -> None:
    with TemporaryDirectory() as folder:
        context, again = Context(Outputs(Path(folder) / "1")), Context(Outputs(Path(folder) / "2"))
        has_plan = False
        for number, message in enumerate(conversation):
            context.add(message)
            again.add(message)
            has_plan |= message.text == PLAN.text
            following = conversation[number + 1 : number + 2]
            if any(each.speaker is Speaker.TOOL for each in following):
                continue
            shown = context.messages(limit)
            assert tokens(shown) <= limit
            check_pairs(shown)
            assert not has_plan or PLAN.first_line in texts(shown)
        # Whoever goes on after a kill adds the same, asks once, and sees the same.
        assert again.messages(limit) == context.messages(limit)
