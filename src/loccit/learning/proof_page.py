"""A proof as a page for people: the figures, where they hold and where not, and what was checked."""

from __future__ import annotations

from loccit.evals.report_parts import (
    BarPlot,
    Callout,
    Case,
    Cases,
    Cell,
    Column,
    Fact,
    Facts,
    Headline,
    Page,
    Panel,
    Part,
    Point,
    PointSeries,
    Prose,
    ReliabilityPlot,
    ScatterPlot,
    Section,
    Series,
    Table,
    Tone,
    Unit,
    Value,
    middle,
    systems_table,
    value_cell,
    written,
)
from loccit.evals.statistics import Interval
from loccit.learning.past_cases import Origin
from loccit.learning.proof import BM25, GREP, METRICS, SYSTEMS, TUNED, UNTUNED, Miss, Proof
from loccit.learning.proof_figures import SPLIT_METRIC, Split, day, duration, gain, predicted, score, splits

_UNITS = (*(Unit.SHARE,) * (len(METRICS) - 1), Unit.SCORE)
_TITLES = (*METRICS[:-1], "MRR")
_SHORT = 12


def page(proof: Proof) -> Page:
    """The whole report of `loccit prove`."""
    sections = (
        _systems(proof),
        _where(proof),
        _worst(proof),
        *_probabilities(proof),
        _leaks(proof),
        _time(proof),
    )
    return Page(
        title=f"How well would loccit have found the files of your last {_fixes(len(proof.cases))}?",
        kicker=f"{proof.repo} · {proof.commits:,} commits · replayed up to {proof.head[:_SHORT]}",
        summary=_summary(proof),
        headline=_headline(proof),
        sections=sections,
        colophon=(
            Fact("Made by", f"loccit prove, loccit {proof.version}"),
            Fact("Repository", f"{proof.repo} at {proof.head}"),
            Fact("Cases", f"{len(proof.cases):,} {_cases_name(proof)}", f"{proof.asked:,} were asked for"),
        ),
    )


def _fixes(count: int) -> str:
    return "fix" if count == 1 else f"{count:,} fixes"


def _cases_name(proof: Proof) -> str:
    return (
        "fixed issues of the tracker" if proof.origin is Origin.ISSUES else "fix commits, by their messages"
    )


def _summary(proof: Proof) -> str:
    is_tracker = proof.origin is Origin.ISSUES
    asked = "fixed issues was asked again" if is_tracker else "fix commits was asked again by its message,"
    return (
        f"Each of the last {len(proof.cases):,} {asked} as of the commit before the fix. "
        "Neither the search nor what it had learned could see anything younger."
    )


def _headline(proof: Proof) -> Headline:
    found = score(proof.cases, TUNED, SPLIT_METRIC)
    others = [f"{_percent(score(proof.cases, each, SPLIT_METRIC))} with {name}" for each, name in _COMPARED]
    over = gain(proof.cases, TUNED, UNTUNED, "mrr")
    return Headline(
        figure=_percent(found),
        label="of the files that a fix changed were among the first five",
        words=(
            f"Between {_percent_range(found)}, with 95% confidence. On the same cases it was "
            f"{', '.join(others[:-1])} and {others[-1]}."
        ),
        facts=(
            Fact("Tuned over untuned, MRR", _signed(over), f"{_signed_range(over)}, {_clear(over)}"),
            Fact(
                "Cases",
                f"{len(proof.cases):,}",
                f"{day(proof.blocks[0].first)} to {day(proof.blocks[-1].last)}",
            ),
            Fact("Leak check", f"{proof.held:,} of {len(proof.cases):,} held"),
            Fact(
                "Time per case", _written_seconds(duration(proof.cases, TUNED)), "no language model, no cost"
            ),
        ),
    )


_COMPARED = ((UNTUNED, "loccit untuned"), (BM25, "BM25"), (GREP, "`git grep` of the issue's words"))


def _percent(value: Interval) -> str:
    return f"{100 * value.estimate:.0f}%"


def _percent_range(value: Interval) -> str:
    return f"{100 * value.low:.0f} and {100 * value.high:.0f}%"


def _signed(value: Interval) -> str:
    return f"{value.estimate:+.3f}".replace("-", "−")


def _signed_range(value: Interval) -> str:
    return f"{value.low:+.3f} to {value.high:+.3f}".replace("-", "−")


def _clear(value: Interval) -> str:
    return "clear of zero" if value.is_clear_of_zero else "not clear of zero"


def _systems(proof: Proof) -> Section:
    rows = tuple(
        Series(system, tuple(score(proof.cases, system, metric) for metric in METRICS)) for system in SYSTEMS
    )
    parts: list[Part] = [
        systems_table(
            "Share of the changed files that were found, and how high the first one ranked",
            _TITLES,
            rows,
            units=_UNITS,
            note="Below each figure, its 95% interval. Bold: the highest of its column.",
        ),
        BarPlot(
            "Recall, by system",
            "Bars are estimates, lines their 95% intervals.",
            _TITLES[:-1],
            tuple(Series(row.name, row.values[:-1]) for row in rows),
            highest=1.0,
        ),
        _gains(proof),
    ]
    if proof.notes:
        said = " ".join(f"{note[:1].upper()}{note[1:]}." for note in proof.notes)
        parts.insert(0, Callout("Read these figures with care", said, Tone.WARNING))
    return Section(
        "The four systems",
        tuple(parts),
        lead=f"Every system was asked the same {len(proof.cases):,} cases, each of the same source files.",
    )


def _gains(proof: Proof) -> Table:
    rows = [
        (other, [gain(proof.cases, TUNED, other, metric) for metric in METRICS]) for other in SYSTEMS[:-1]
    ]
    return Table(
        "Tuned less each of the others, on the same cases, in points (of MRR, hundredths)",
        (Column("Compared with", is_number=False), *(Column(title) for title in _TITLES)),
        tuple(
            (Cell(other), *(value_cell(each, Unit.POINTS, tone=_tone(each)) for each in row))
            for other, row in rows
        ),
        note="✓ marks a gain and ✗ a loss whose interval is clear of zero. Bars that overlap above may still "
        "differ clearly here: these are differences on the same cases.",
    )


def _tone(value: Interval) -> Tone:
    return Tone.GOOD if value.low > 0 else Tone.BAD if value.high < 0 else Tone.NEUTRAL


def _where(proof: Proof) -> Section:
    return Section(
        "Where it works, and where it does not",
        tuple(_split_plot(split) for split in splits(proof)),
        lead=f"All of these show {SPLIT_METRIC}. Behind each group stands how many cases it has: few "
        "say little, and of ten splits one looks unusual by chance.",
    )


_WHAT = {
    "named": "By a path, a module, a traceback or a name that only this file defines.",
    "size": "Source files that were there before.",
    "age": "From its report to its fix.",
    "time": "By blocks. The tuned ranker of each has learned from what came before it.",
    "component": "By the first of the files that the fix changed.",
}


def _split_plot(split: Split) -> BarPlot:
    return BarPlot(
        split.question,
        _WHAT[split.name],
        tuple(f"{group.name} ({len(group.cases):,})" for group in split.groups),
        tuple(
            Series(system, tuple(score(group.cases, system, SPLIT_METRIC) for group in split.groups))
            for system in SYSTEMS
        ),
        highest=1.0,
    )


def _worst(proof: Proof) -> Section:
    if not proof.misses:
        text = "In every case a right file was among the first three."
        return Section("The worst misses", (Prose(text),))
    cases = tuple(_miss(proof, miss) for miss in proof.misses)
    note = (
        f"The {len(cases):,} of {len(proof.cases):,} cases whose first right file was furthest from the top. "
        "They quote your issues and your code: mind to whom you give this page."
    )
    return Section("The worst misses", (Cases(cases, note=note),))


def _miss(proof: Proof, miss: Miss) -> Case:
    one = proof.cases[miss.case]
    case = one.case
    rank = one.results[TUNED].first_rank
    ranks = " · ".join(f"{system} {one.results[system].first_rank or 'not found'}" for system in SYSTEMS)
    first = [
        f"{at:>2} {100 * each.probability:4.0f}%  {each.path}{'  ← changed' if each.is_right else ''}"
        for at, each in enumerate(one.placed, start=1)
    ]
    text = case.body if case.body.strip() else "(no text but the title)"
    return Case(
        title=case.title if proof.origin is Origin.COMMITS else f"{case.id}: {case.title}",
        outcome=f"rank {rank}" if rank else "not found",
        why=miss.why,
        facts=(
            Fact("Fixed by", case.commit[:_SHORT], day(case.time)),
            Fact("Asked at", case.parent[:_SHORT], day(case.moment)),
            Fact("Issue names the file", "yes" if one.names_file else "no"),
            Fact("First right file", ranks),
        ),
        panels=(
            Panel(case.title, text, url=case.url),
            Panel(f"What the fix did to {miss.path}", miss.patch, is_code=True),
            Panel("What was ranked first", "\n".join(first) or "(nothing)", is_code=True),
        ),
    )


def _probabilities(proof: Proof) -> tuple[Section, ...]:
    found = predicted(proof.cases)
    if found is None:
        return ()
    error = written(found.expected_error, Unit.SHARE)
    return (
        Section(
            "Can the probabilities be believed?",
            (
                ReliabilityPlot(
                    "Predicted and observed",
                    "Each dot is about a tenth of the first ten files of all cases. On the dashed line, 30% "
                    "means 3 of 10.",
                    found.bins,
                ),
                Facts(
                    (
                        Fact("Expected calibration error", error, "0% is best"),
                        Fact("Brier score", f"{found.brier:.3f}", "0 is best"),
                    )
                ),
            ),
        ),
    )


def _leaks(proof: Proof) -> Section:
    total = len(proof.cases)
    if proof.held == total:
        callout = Callout(
            f"{total:,} of {total:,} cases saw nothing younger than the parent of their fix",
            "Counted for each case from the commits, files and lessons that were really used.",
            Tone.GOOD,
        )
    else:
        callout = Callout(
            f"{total - proof.held:,} of {total:,} cases may have seen what came after",
            "Do not use these figures, and tell us.",
            Tone.BAD,
        )
    return Section("Was anything leaked?", (callout, _checks(proof), _blocks(proof), *_left_out(proof)))


def _checks(proof: Proof) -> Table:
    leaks = [one.leaks for one in proof.cases]
    seen = sum(each.seen_commits for each in leaks)
    lessons = sum(each.lessons for each in leaks)
    files = sum(len(one.case.changed) for one in proof.cases)
    checks: list[tuple[str, str, list[bool]]] = [
        ("The fix is not among the commits that it saw", "", [not each.is_fix_seen for each in leaks]),
        (
            "All commits that it saw lead to the parent of the fix",
            f"{seen:,} looked at",
            [not each.unrelated_commits for each in leaks],
        ),
        (
            "The changed files stood there as before the fix",
            f"{files:,} compared",
            [not each.other_files for each in leaks],
        ),
        (
            "Every lesson leads to the parent of the fix, and is no younger",
            f"{lessons:,} looked at",
            [not each.late_lessons for each in leaks],
        ),
    ]
    if proof.origin is Origin.ISSUES:
        checks.append(("The issue is older than its fix", "", [not each.is_issue_younger for each in leaks]))
    clocks = sum(each.later_clocks > 0 for each in leaks)
    told = (
        "Of an issue only its title at that time and its text were read, no comment; trackers do not tell "
        "what a text was before it was edited."
        if proof.origin is Origin.ISSUES
        else "The message of a fix was written by who knew the fix: it says more than an issue would."
    )
    skewed = (
        f" In {clocks:,} cases a commit that leads to the parent has a clock that runs ahead of it."
        if clocks
        else ""
    )
    return Table(
        "The leak check, by case",
        (Column("Check", is_number=False), Column("Held"), Column("Failed")),
        tuple(
            (
                Cell(name, detail),
                Cell(f"{sum(held):,}"),
                Cell(f"{len(held) - sum(held):,}", tone=Tone.NEUTRAL if all(held) else Tone.BAD),
            )
            for name, detail, held in checks
        ),
        note=told + skewed,
    )


def _blocks(proof: Proof) -> Table:
    return Table(
        "What the tuned ranker of each block learned from",
        (
            Column("Cases asked at", is_number=False),
            Column("Cases"),
            Column("Past fixes read"),
            Column("Of these replayed"),
            Column("The newest of them"),
            Column("Training"),
        ),
        tuple(
            (
                Cell(f"{day(block.first)} to {day(block.last)}"),
                Cell(f"{block.cases:,}"),
                Cell(f"{block.lessons:,}", "" if block.is_tuned else "too few: not tuned"),
                Cell(f"{block.replayed:,}"),
                Cell("–" if block.newest_lesson is None else day(block.newest_lesson)),
                Cell(written(block.seconds, Unit.SECONDS)),
            )
            for block in proof.blocks
        ),
        note="They lead to the parent of the first fix of their block, and are no younger than it.",
    )


def _left_out(proof: Proof) -> tuple[Part, ...]:
    if not proof.left_out:
        return ()
    rows = tuple((Cell(str(reason)), Cell(f"{count:,}")) for reason, count in proof.left_out.items())
    return (Table("Fixes that could not be cases", (Column("Why", is_number=False), Column("Fixes")), rows),)


def _time(proof: Proof) -> Section:
    durations = {system: duration(proof.cases, system) for system in SYSTEMS}
    rows = tuple(
        (Cell(system), value_cell(durations[system], Unit.SECONDS), value_cell(0.0, Unit.DOLLARS))
        for system in SYSTEMS
    )
    total = sum(proof.seconds.values())
    stages = tuple((Cell(name), Cell(written(each, Unit.SECONDS))) for name, each in proof.seconds.items())
    return Section(
        "Time and cost",
        (
            ScatterPlot(
                "Quality against time",
                "Up is better, left is faster.",
                "Seconds per case",
                SPLIT_METRIC,
                tuple(_point(proof, system, durations[system]) for system in SYSTEMS),
                x_unit=Unit.SECONDS,
            ),
            Table(
                "Per case",
                (Column("System", is_number=False), Column("Time"), Column("Cost")),
                rows,
                note="From the words of an issue to the list of files, at a commit that is open for search. "
                "Nothing was sent anywhere, and no language model was called.",
            ),
            Table(
                "This report",
                (Column("Stage", is_number=False), Column("Time")),
                (
                    *stages,
                    (Cell("together", is_strong=True), Cell(written(total, Unit.SECONDS), is_strong=True)),
                ),
            ),
        ),
    )


def _point(proof: Proof, system: str, seconds: Value) -> PointSeries:
    return PointSeries(
        system, (Point(middle(seconds) or 0.0, score(proof.cases, system, SPLIT_METRIC), system),)
    )


def _written_seconds(value: Interval | float) -> str:
    return written(value.estimate if isinstance(value, Interval) else value, Unit.SECONDS)
