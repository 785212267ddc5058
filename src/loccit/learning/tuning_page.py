"""A tuning as a page for people: what was learned, from how much, and whether it holds on later fixes."""

from __future__ import annotations

from loccit.evals.report_parts import (
    BarPlot,
    Callout,
    Cell,
    Column,
    Fact,
    Facts,
    Headline,
    LinePlot,
    Page,
    Part,
    Point,
    PointSeries,
    Prose,
    Section,
    Series,
    Table,
    Tone,
    Unit,
    systems_table,
    value_cell,
    written,
    written_range,
)
from loccit.learning.proof import METRICS, TUNED, UNTUNED
from loccit.learning.proof_figures import day
from loccit.learning.tuning import DECIDING, Decision, Outcome, Tuning, gain

_UNITS = (*(Unit.SHARE,) * (len(METRICS) - 1), Unit.SCORE)
_TITLES = (*METRICS[:-1], "MRR")
_SHORT = 12
# The gain in time is shown where a part has so many fixes at least.
_LEAST_IN_PART = 40
_PARTS = 5


def page(tuning: Tuning) -> Page:
    """The whole report of `loccit tune`."""
    sections = [_decision(tuning)]
    if tuning.outcomes:
        sections.append(_scores(tuning))
    sections.append(_learned(tuning))
    return Page(
        title="Does what loccit learned from your past hold on what came later?",
        kicker=f"{tuning.repo} · {tuning.commits:,} commits · learned up to {tuning.commit[:_SHORT]}",
        summary="Past fixes taught a ranker; later fixes, which it had not seen, say whether it helps.",
        headline=_headline(tuning) if tuning.outcomes else None,
        sections=tuple(sections),
        colophon=(
            Fact("Made by", f"loccit tune, loccit {tuning.version}"),
            Fact("Repository", f"{tuning.repo} at {tuning.commit}"),
            Fact("Took", written(sum(tuning.seconds.values()), Unit.SECONDS), "no language model, no cost"),
        ),
    )


def _headline(tuning: Tuning) -> Headline:
    found, before = tuning.score(TUNED, "recall@5"), tuning.score(UNTUNED, "recall@5")
    over = tuning.gain(DECIDING)
    clear = "clear of zero" if over.is_clear_of_zero else "not clear of zero"
    points = written_range(over, Unit.POINTS)
    return Headline(
        figure=f"{100 * found.estimate:.0f}%",
        label="of the files that a later fix changed were among the first five",
        words=(
            f"Between {100 * found.low:.0f} and {100 * found.high:.0f}%, with 95% confidence; "
            f"{100 * before.estimate:.0f}% without what was learned."
        ),
        facts=(
            Fact("Tuned over untuned, MRR", written(over.estimate, Unit.POINTS), f"{points}, {clear}"),
            Fact("Tested on", f"{len(tuning.outcomes):,} fixes", _period(tuning.outcomes)),
            Fact("Learned from", f"{tuning.fixes:,} fixes", f"{tuning.replayed:,} of them replayed"),
        ),
    )


def _decision(tuning: Tuning) -> Section:
    is_used = tuning.decision in {Decision.ADOPTED, Decision.IN_USE}
    parts: list[Part] = [
        Callout(tuning.why, " ".join(f"{note}." for note in tuning.notes), _tone(is_used=is_used))
    ]
    if tuning.in_use:
        rows = tuple(
            (
                Cell("in use" if at == 0 else f"{at} before"),
                Cell(facts.commit[:_SHORT], day(facts.made_at)),
                Cell(f"{facts.read:,}", f"{facts.replayed:,} replayed"),
            )
            for at, facts in enumerate(tuning.in_use)
        )
        columns = (
            Column("Ranker", is_number=False),
            Column("Learned up to", is_number=False),
            Column("From fixes"),
        )
        parts.append(
            Table("What is kept", columns, rows, note="Go back to the one before: loccit tune --roll-back")
        )
    return Section("What followed", tuple(parts))


def _tone(*, is_used: bool) -> Tone:
    return Tone.GOOD if is_used else Tone.NEUTRAL


def _scores(tuning: Tuning) -> Section:
    rows = tuple(
        Series(system, tuple(tuning.score(system, metric) for metric in METRICS))
        for system in (UNTUNED, TUNED)
    )
    gains = tuple(tuning.gain(metric) for metric in METRICS)
    difference = tuple(
        value_cell(value, Unit.POINTS, tone=Tone.GOOD if value.low > 0 else Tone.NEUTRAL) for value in gains
    )
    parts: list[Part] = [
        systems_table("How high the changed files ranked", _TITLES, rows, units=_UNITS),
        Table(
            "Tuned less untuned, on the same fixes, in points",
            (Column("", is_number=False), *(Column(title) for title in _TITLES)),
            ((Cell("difference"), *difference),),
            note="✓ marks differences whose interval is clear of zero. The one of MRR decides.",
        ),
        BarPlot(
            "Recall, with and without what was learned",
            "Lines are 95% intervals.",
            _TITLES[:-1],
            tuple(Series(row.name, row.values[:-1]) for row in rows),
            highest=1.0,
        ),
    ]
    in_time = _in_time(tuning.outcomes)
    return Section(
        "Tested on later fixes",
        (*parts, *in_time),
        lead="Each fix was ranked by a ranker that had learned from what came before it, and nothing else.",
    )


def _in_time(outcomes: tuple[Outcome, ...]) -> tuple[Part, ...]:
    count = min(_PARTS, len(outcomes) // _LEAST_IN_PART)
    if count < 2:
        return ()
    ends = [round(number * len(outcomes) / count) for number in range(count + 1)]
    parts = [outcomes[ends[at] : ends[at + 1]] for at in range(count)]
    points = tuple(
        Point(float(end), gain(part, DECIDING), _period(part))
        for end, part in zip(ends[1:], parts, strict=True)
    )
    return (
        LinePlot(
            "The gain in time",
            "Tuned less untuned in MRR, by the number of the tested fix, oldest first.",
            "Tested fixes",
            "Gain in MRR",
            (PointSeries("tuned less untuned", points),),
            x_unit=Unit.COUNT,
            y_unit=Unit.POINTS,
        ),
    )


def _learned(tuning: Tuning) -> Section:
    facts = [
        Fact("Commits read", f"{tuning.commits:,}"),
        Fact("Fixes among them", f"{tuning.fixes:,}", f"{tuning.needed:,} needed"),
        Fact("Replayed", f"{tuning.replayed:,}", f"{tuning.new:,} fixes were new"),
    ]
    if tuning.association_share is not None and tuning.linear_share is not None:
        facts += [
            Fact("Share of the words of past fixes", f"{tuning.association_share:.2f}"),
            Fact("Share of the weights", f"{tuning.linear_share:.2f}", "the general ranker counts 1"),
        ]
    stages = tuple((Cell(name), Cell(written(each, Unit.SECONDS))) for name, each in tuning.seconds.items())
    how = (
        "Two things are learned: which words of past fixes went with which files, and how much each signal "
        "says here. How much either counts beside the general ranker is settled on the newest fixes, which "
        "had no part in learning them."
    )
    table = Table("Time", (Column("Stage", is_number=False), Column("Time")), stages)
    return Section("What it learned from", (Facts(tuple(facts)), Prose(how), table))


def _period(outcomes: tuple[Outcome, ...]) -> str:
    times = [one.time for one in outcomes]
    return f"{day(min(times))} to {day(max(times))}"
