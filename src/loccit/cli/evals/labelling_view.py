"""A terminal in which a person labels samples, one at a time, without knowing what the judge said."""

from __future__ import annotations

import os
import sys
import termios
import textwrap
import tty
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from loccit.cli.output import finish, one_line, say, visible
from loccit.core.errors import InputError
from loccit.evals.judge_calibration import LabelBook, Unit
from loccit.evals.judges import reference_text
from loccit.evals.log import EvalLog
from loccit.evals.metrics import Metric
from loccit.evals.outputs import Cited, Output, OutputOutcome

_WIDTH = 80
_ESCAPE = b"\x1b"
_VALUES = {"y": 1.0, "n": 0.0, "s": None}
_WORDS: dict[float | None, str] = {1.0: "yes", 0.0: "no", None: "skipped"}
_KEYS = "y yes   n no   s skip   b back   q quit"


def label_samples(log: EvalLog, metric: Metric, units: Sequence[Unit], book: LabelBook) -> bool:
    """Ask for a label of each unit, in their order, that the book has none for; whether all have one now.

    Keys count at once; each label is in the book before the next sample is shown. Raises InputError where
    there is no terminal, StorageFailed.
    """
    at = _next_open(units, book, 0)
    if at is None:
        return True
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout.isatty()):
        raise InputError(
            "labelling needs a terminal", next_step="label in a CSV file instead, and name it with --labels"
        )
    with _keys() as key:
        while at is not None:
            unit = units[at]
            _show(log, metric, units, at, book)
            pressed = key()
            if pressed in _VALUES:
                book.put(unit, _VALUES[pressed])
                say(_WORDS[_VALUES[pressed]])
                at = _next_open(units, book, at + 1)
            elif pressed == "b":
                say("back" if at else "this is the first")
                at = max(0, at - 1)
            else:
                say("quit")
                return False
    return True


def _next_open(units: Sequence[Unit], book: LabelBook, start: int) -> int | None:
    """The next unit from there on without a label, else the first of all without one."""
    order = (*range(start, len(units)), *range(start))
    return next((at for at in order if book.of(units[at]) is None), None)


@contextmanager
def _keys() -> Generator[Callable[[], str]]:
    """Single keys of the terminal, without Enter; afterwards it is as it was before."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)

    def key() -> str:
        while True:
            data = os.read(descriptor, 1)
            if not data:
                return "q"  # the terminal is gone
            if data == _ESCAPE:
                # An arrow or function key is an escape and letters, which mean nothing here.
                termios.tcflush(descriptor, termios.TCIFLUSH)
            elif data in b"ynsbq":
                return data.decode()

    try:
        yield key
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _show(log: EvalLog, metric: Metric, units: Sequence[Unit], at: int, book: LabelBook) -> None:
    """Everything that decides the label; nothing that the judge said, nor which system wrote."""
    unit = units[at]
    output = next(e.output for e in log.by_sample[unit[0]] if e.repeat == unit[1])
    done = sum(book.of(each) is not None for each in units)
    say("")
    head = f" {at + 1} of {len(units)}, {done} labelled "
    say(f"=={head}{'=' * max(0, _WIDTH - len(head) - 2)}")
    sample = log.samples[unit[0]]
    _section("Question", sample.question)
    if reference := reference_text(sample):
        _section("What is right", reference)
    _show_answer(output)
    say("")
    say("-" * _WIDTH)
    _paragraphs(metric.about)
    label = book.of(unit)
    # A key that was pressed before the sample stood there was not meant for it.
    termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
    say(f"{_KEYS}   (now: {_WORDS.get(label.value, label.value)})" if label else _KEYS)
    finish()


def _show_answer(output: Output) -> None:
    if output.outcome is OutputOutcome.ABSTAINED:
        _section("Answer", f"(none) {output.abstention}")
        return
    # Most systems' text is their claims: these are shown with what they cite, and the text where it differs.
    claims = "\n".join(claim.text for claim in output.claims)
    if output.text.strip() and " ".join(output.text.split()) != " ".join(claims.split()):
        _section("Answer", output.text)
    if output.claims:
        _section("Answer, claim by claim")
    for number, claim in enumerate(output.claims, start=1):
        _paragraphs(f"[{number}] {claim.text}", indent="    ", first="")
        for cited in claim.cited:
            _show_quote(cited)
        if not claim.cited:
            say("      (cites nothing)")


def _show_quote(cited: Cited) -> None:
    fault = "  (NOT in the source)" if cited.holds is False else ""
    say(f"      {one_line(cited.path)}:{cited.start_line}-{cited.end_line}{fault}")
    for line in cited.quote.splitlines():
        _paragraphs(line, indent="      | ")


def _section(title: str, text: str = "") -> None:
    say("")
    say(f"{title}:")
    if text:
        _paragraphs(text, indent="  ")


def _paragraphs(text: str, *, indent: str = "", first: str | None = None) -> None:
    """The text in lines of at most the width; its own line ends and indents are kept."""
    for number, line in enumerate(visible(text).expandtabs(4).splitlines()):
        begin = indent if first is None or number else first
        wrapped = textwrap.wrap(
            line,
            _WIDTH,
            initial_indent=begin,
            subsequent_indent=indent,
            break_on_hyphens=False,
            drop_whitespace=True,
            replace_whitespace=False,
        )
        for each in wrapped or [begin.rstrip()]:
            say(each)
