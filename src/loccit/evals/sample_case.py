"""One sample of a log as a case that a reader opens: question, gold, answer and evidence side by side.

All texts are those of the log: nothing is read from a repository, which may have moved on.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from loccit.evals.datasets import Gold, Lines, Sample
from loccit.evals.log import Entry, EvalLog
from loccit.evals.metrics import Metric
from loccit.evals.outputs import Cited, Output, OutputClaim, OutputOutcome
from loccit.evals.report_parts import Case, Fact, Panel, Tone, Unit, written

_TITLE = 140
_RANKED = 10
_SHORT = 12
# Characters of one panel, so that a page of many samples stays small.
_PANEL = 3_000
_QUOTE = 600
_CODE_WIDTH = 64


def sample_case(log: EvalLog, entry: Entry, metric: Metric) -> Case:
    """The case of an entry; `metric` is the one whose value stands beside its title."""
    sample, output = entry.sample, entry.output
    value = entry.scores.get(metric.name)
    outcome = f"{metric.name} –" if value is None else f"{metric.name} {written(value, metric.unit)}"
    return Case(
        title=question_title(sample),
        outcome=outcome,
        why=_why(entry),
        facts=tuple(_facts(log, entry)),
        panels=tuple(panels(sample, output)),
        tone=Tone.BAD if value is None or value < 0.5 else Tone.WARNING,
    )


def question_title(sample: Sample) -> str:
    """The first line of the question."""
    lines = sample.question.strip().splitlines()
    first = lines[0] if lines else sample.id
    return first if len(first) <= _TITLE else f"{first[: _TITLE - 1]}…"


def panels(sample: Sample, output: Output) -> Iterator[Panel]:
    """What was asked; what would be right, and beside it what was given; the evidence for either."""
    yield Panel("Question", _cut(sample.question))
    yield Panel("What would be right", right_text(sample.gold))
    yield Panel("What was given", given_text(output))
    places = "\n".join(_gold_places(sample, output))
    claimed = "\n".join(_claims(sample, output))
    ranked = "\n".join(_ranked(sample, output))
    if places or claimed or ranked:
        yield Panel("The right evidence, and how far it came", _cut(places or "(not said)"), is_code=True)
        if claimed or not ranked:
            yield Panel("What was claimed, and cited for it", _cut(claimed or "(nothing)"), is_code=True)
        else:
            yield Panel("What was ranked first", _cut(ranked), is_code=True)


def right_text(gold: Gold) -> str:
    """What would be right, as far as it is known."""
    return _cut("\n".join(_right(gold)) or "(not said)")


def claims_text(entry: Entry) -> str:
    """What was claimed with what each claim cites, or where nothing was claimed what was ranked."""
    output = entry.output
    claimed = "\n".join(_claims(entry.sample, output)) or "\n".join(_ranked(entry.sample, output))
    return _cut(claimed or "(nothing)")


def given_text(output: Output) -> str:
    """What a system answered, or why it did not."""
    match output.outcome:
        case OutputOutcome.FAILED:
            return _cut(f"Nothing: {output.error or 'it failed'}\n\n{output.message}".strip())
        case OutputOutcome.ABSTAINED:
            return _cut(f"It declined: {output.abstention or 'no reason given'}\n\n{output.text}".strip())
        case _:
            return _cut(output.text or "\n".join(claim.text for claim in output.claims) or "(no text)")


def _why(entry: Entry) -> str:
    """What is known of how it went wrong, in a sentence."""
    gold, output = entry.sample.gold, entry.output
    if output.outcome is OutputOutcome.FAILED:
        return f"There is no output: {output.error or 'it failed'}."
    if gold.abstain:
        if output.outcome is OutputOutcome.ABSTAINED:
            return "The sources do not answer this, and it said so."
        return "The sources do not answer this; it should have declined."
    if output.outcome is OutputOutcome.ABSTAINED:
        return "The sources answer this; it declined."
    if gold.passages and output.stages is not None:
        return _where_lost(entry)
    return ""


def _where_lost(entry: Entry) -> str:
    gold, output = entry.sample.gold.passages, entry.output
    stages = output.stages
    if stages is None:
        return ""
    for found, lost in (
        (stages.retrieved, "was not found by search"),
        (stages.packed, "was found, and not given to the writer"),
        (_all_cited(output), "was given to the writer, and not cited"),
    ):
        # A stage that tells nothing did not lose anything.
        if found and not any(same(right, each) for right in gold for each in found):
            return f"The right evidence {lost}."
    return "Some of the right evidence was cited."


def _facts(log: EvalLog, entry: Entry) -> Iterator[Fact]:
    sample, run = entry.sample, entry.run
    yield Fact("Sample", sample.id)
    if sample.repo or sample.commit:
        yield Fact("Asked at", f"{sample.repo} {(sample.commit or 'HEAD')[:_SHORT]}".strip())
    for name, value in sample.slices.items():
        yield Fact(name, value)
    siblings = log.by_sample[sample.id]
    for name, metric in log.metrics.items():
        values = [each.scores.get(name) for each in siblings]
        if any(value is not None for value in values):
            judged = "uncalibrated judge" if metric.judge else ""
            yield Fact(name, repeats_text(values, metric.unit), f"({judged})" if judged else "")
    for name, reason in entry.missing.items():
        yield Fact(name, "–", f"({reason})")
    if run.latency_s is not None:
        yield Fact("Took", written(run.latency_s, Unit.SECONDS))
    if run.cost_usd is not None:
        yield Fact("Cost", written(run.cost_usd, Unit.DOLLARS))
    if output_confidence := entry.output.confidence:
        yield Fact("Confidence", written(output_confidence, Unit.SHARE))
    if run.trace_id:
        yield Fact("Trace", run.trace_id)


def repeats_text(values: Iterable[float | None], unit: Unit) -> str:
    """What each repeat gave, in order; a dash where one gave nothing."""
    known = ["–" if value is None else written(value, unit) for value in values]
    if unit is Unit.SHARE:  # beside one another, decimals that are zero only tire
        known = [each.replace(".0%", "%") for each in known]
    return " · ".join(known)


def _right(gold: Gold) -> Iterator[str]:
    if gold.abstain:
        yield "To decline: the sources do not hold the answer."
    if gold.answer:
        yield gold.answer
    if gold.claims:
        yield "It says:"
        yield from (f"- {claim}" for claim in gold.claims)
    for title, names in (("Files:", gold.files), ("Functions:", gold.functions)):
        if names:
            yield title
            yield from (f"- {name}" for name in names)
    if gold.passages:
        yield "Passages:"
        yield from (f"- {place(each)}" for each in gold.passages)


def _gold_places(sample: Sample, output: Output) -> Iterator[str]:
    """Each right place and how far it came."""
    for right in sample.gold.passages:
        yield place(right)
        if output.stages is not None:
            yield f"    search: {_rank(right, output.stages.retrieved)}"
            yield f"    given to the writer: {_rank(right, output.stages.packed)}"
        elif output.passages is not None:
            yield f"    ranked: {_rank(right, output.passages)}"
        elif not output.claims:
            yield "    (the system does not tell what it found)"
        if output.claims:
            cited = any(same(right, each) for each in _all_cited(output))
            yield f"    cited: {'yes' if cited else 'no'}"
    for names, ranking in ((sample.gold.files, output.files), (sample.gold.functions, output.functions)):
        if ranking is not None:
            for name in names:
                at = ranking.index(name) + 1 if name in ranking else None
                yield f"{name}\n    ranked: {f'{at} of {len(ranking)}' if at else 'not found'}"


def _rank(right: Lines, found: Sequence[Lines]) -> str:
    at = next((number for number, each in enumerate(found, start=1) if same(right, each)), None)
    return f"number {at} of {len(found)}" if at else f"not among {len(found)}"


def _claims(sample: Sample, output: Output) -> Iterator[str]:
    for number, claim in enumerate(output.claims, start=1):
        yield from _claim(sample, claim, f"{number}. ")
    for claim in output.dropped:
        yield from _claim(sample, claim, "left out: ")


def _claim(sample: Sample, claim: OutputClaim, name: str) -> Iterator[str]:
    verdict = f"  [{claim.verdict}]" if claim.verdict is not None else ""
    said = f"{name}{claim.text}{verdict}"
    yield from textwrap.wrap(said, _CODE_WIDTH, subsequent_indent="   ", break_on_hyphens=False)
    if not claim.cited:
        yield "    (nothing cited)"
    for each in claim.cited:
        holds = "  ✗ the quote does not stand there" if each.holds is False else ""
        yield f"    {place(each)}{_mark(each, sample.gold.passages)}{holds}"
        quote = each.quote if len(each.quote) <= _QUOTE else f"{each.quote[:_QUOTE]}…"
        yield from (f"    │ {line}" for line in quote.splitlines())


def _ranked(sample: Sample, output: Output) -> Iterator[str]:
    gold = sample.gold
    passages = output.stages.retrieved if output.stages is not None else output.passages
    if passages and gold.passages:
        for at, each in enumerate(passages[:_RANKED], start=1):
            yield f"{at:>2} {place(each)}{_mark(each, gold.passages)}"
        return
    for names, ranking in ((gold.functions, output.functions), (gold.files, output.files)):
        if ranking and names:
            for at, name in enumerate(ranking[:_RANKED], start=1):
                yield f"{at:>2} {name}{'  ← right' if name in names else ''}"
            return


def _mark(found: Lines, gold: Sequence[Lines]) -> str:
    return "  ← right" if any(same(right, found) for right in gold) else ""


def same(right: Lines, found: Lines) -> bool:
    """Whether both have a line in common, in the same repository as far as both name one."""
    if right.repo and found.repo and right.repo != found.repo:
        return False
    return right.overlaps(found)


def place(lines: Lines) -> str:
    """As `src/a.py:10-20`."""
    span = str(lines.start_line)
    if lines.end_line != lines.start_line:
        span += f"-{lines.end_line}"
    return f"{f'{lines.repo}: ' if lines.repo else ''}{lines.path}:{span}"


def _all_cited(output: Output) -> list[Cited]:
    return [each for claim in output.claims for each in claim.cited]


def _cut(text: str) -> str:
    return text if len(text) <= _PANEL else f"{text[:_PANEL]}… [cut: {_PANEL:,} of {len(text):,} characters]"
