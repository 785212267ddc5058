"""Runs as a person reads them: a list, and the story of one as a tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from loccit.cli.output import Style, counted, one_line, say, say_styled

if TYPE_CHECKING:
    from loccit.telemetry.records import RunRecord, RunSummary, SpanRecord

_WIDTH = 100
_ID = 8
# What stands in a column of its own, or in words, and not among the other attributes of a span.
_TOLD = frozenset(
    "provider model answered_by purpose prompt origin finish cost_usd message input_tokens output_tokens "
    "cache_read_tokens cache_write_tokens reasoning_tokens".split()
)


def run_lines(found: Sequence[RunSummary]) -> Iterator[str]:
    """A line for each run, in columns."""
    style = Style()
    kinds = max((len(one.kind) for one in found), default=0)
    outcomes = max((len(one.outcome) for one in found), default=0)
    for one in found:
        at = datetime.fromtimestamp(one.started_at, UTC).strftime("%Y-%m-%d %H:%M")
        facts = (
            f"{at}  {one_line(one.kind):<{kinds}}  {one_line(one.outcome):<{outcomes}}  "
            f"{_dollars(one.cost_usd):>9}  {_milliseconds(one.took_ms):>10}  "
        )
        left = max(20, _WIDTH - _ID - 2 - len(facts))
        yield f"{style(one.id[:_ID], 'bold', 'cyan')}  {facts}{style(_shortened(one.question, left))}"


def show_run(record: RunRecord, *, quiet: bool) -> None:
    """Print the story of a run."""
    style = Style()
    at = datetime.fromisoformat(record.started_at).strftime("%Y-%m-%d %H:%M:%S UTC")
    ended = record.outcome or record.error
    say_styled(f"{style(record.id, 'bold', 'cyan')}  {one_line(record.kind)}, {one_line(ended)}, {at}")
    if record.question:
        say(one_line(record.question))
    if not quiet:
        say_styled(style(_summary(record), "dim"))
    say()
    for line in _tree(record, style):
        say_styled(line)


def _summary(record: RunRecord) -> str:
    """How it went, in a sentence."""
    parts = [
        counted(len(record.calls), "call"),
        _dollars(record.cost_usd),
        _milliseconds(record.took_ms),
        *(f"{count:,} {verdict}" for verdict, count in sorted(record.verdicts.items())),
    ]
    if record.prompts:
        parts.append(f"prompts {', '.join(record.prompts)}")
    if record.user:
        parts.append(f"by {record.user}")
    return one_line("; ".join(parts))


def _tree(record: RunRecord, style: Style) -> Iterator[str]:
    """Every span below the one that it belongs to, in order of time."""
    below: dict[int, list[SpanRecord]] = {}
    for span in record.spans:
        # A span belongs to one that began before it.
        below.setdefault(span.parent if span.parent < span.number else -1, []).append(span)
    rows = list(_rows(below, -1, ""))
    width = max((len(branch) + len(one_line(span.name)) for branch, span in rows), default=0)
    for branch, span in rows:
        name = one_line(span.name)
        gap = " " * (width - len(branch) - len(name))
        took = f"{_milliseconds(span.took_ms):>11}"
        told = _told(span.attributes)
        if span.error:
            told.insert(
                0, style(one_line(f"{span.error} {span.attributes.get('message', '')}".strip()), "red")
            )
        words = f"  {'  '.join(told)}" if told else ""
        yield f"{style(branch, 'dim')}{style(name, 'bold')}{gap}{took}{words}"


def _rows(
    below: Mapping[int, Sequence[SpanRecord]], number: int, indent: str
) -> Iterator[tuple[str, SpanRecord]]:
    children = below.get(number, ())
    for place, span in enumerate(children):
        is_last = place == len(children) - 1
        yield f"{indent}{'└─ ' if is_last else '├─ '}", span
        yield from _rows(below, span.number, indent + ("   " if is_last else "│  "))


def _told(attributes: Mapping[str, Any]) -> list[str]:
    """What is known of a span besides its time; of a call first who was asked, what for and at what cost."""
    told: list[str] = []
    if "model" in attributes:
        told.append(one_line(f"{attributes.get('answered_by') or attributes['model']}"))
        told.append(one_line(f"{attributes.get('prompt') or attributes.get('purpose', '')}"))
        if cost := Decimal(str(attributes.get("cost_usd", 0))):
            told.append(_dollars(cost))
        if attributes.get("origin", "model") != "model":
            told.append(f"from the {one_line(str(attributes['origin']))}")
        if "input_tokens" in attributes:
            told.append(_tokens(attributes))
        if attributes.get("finish", "stop") != "stop":
            told.append(one_line(f"ended by {attributes['finish']}"))
    told += [one_line(f"{name}={value}") for name, value in attributes.items() if name not in _TOLD]
    return [each for each in told if each]


def _tokens(attributes: Mapping[str, Any]) -> str:
    cached = attributes.get("cache_read_tokens", 0)
    reasoned = attributes.get("reasoning_tokens", 0)
    read = f" ({cached:,} cached)" if cached else ""
    thought = f" ({reasoned:,} reasoning)" if reasoned else ""
    return (
        f"{attributes['input_tokens']:,} tokens in{read}, {attributes.get('output_tokens', 0):,} out{thought}"
    )


def _shortened(text: str, width: int) -> str:
    line = one_line(" ".join(text.split()))
    return line if len(line) <= width else f"{line[: width - 1]}…"


def _dollars(value: Decimal) -> str:
    """The amount with four decimals, more where it would be nothing otherwise."""
    if value and abs(value) < Decimal("0.0001"):
        return f"${value:.8f}"
    return f"${value:,.4f}"


def _milliseconds(value: float) -> str:
    return f"{value:,.1f} ms" if value < 100 else f"{value:,.0f} ms"
