"""Logs: what survives a kill, what is refused, and that old ones stay readable."""

from __future__ import annotations

import json
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.core.errors import InputError, MalformedLog, SourceUnreadable, StorageFailed
from loccit.evals.log import Entry, Journal, begun, is_finished, parse_log, read_log, write_log
from loccit.evals.outputs import Output, OutputOutcome, Usage
from tests.unit.evals.small_runs import ToldSystem, ran, samples, task_of

# Logs of the format as it was first published; they must be readable for ever.
SAMPLES = Path(__file__).resolve().parents[2] / "data"


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    ran(task_of(3, concurrency=1), tmp_path / "log.jsonl")
    return tmp_path / "log.jsonl"


def refusal(data: bytes) -> str:
    with pytest.raises(MalformedLog) as caught:
        parse_log(data, name="x.jsonl")
    assert "'x.jsonl'" in caught.value.message
    assert caught.value.next_step
    return caught.value.message


def test_a_finished_log_of_the_first_format_stays_readable() -> None:
    log = read_log(SAMPLES / "loccit-eval-1.finished.jsonl")
    assert log.is_complete
    assert [entry.key for entry in log.entries] == [("one", 0), ("one", 1), ("two", 0), ("two", 1)]
    assert log.figures("file.hit@1").values == {"one": 1.0, "two": 0.0}
    assert log.figures("coverage").values == {"one": 1.0, "two": 1.0}
    assert log.figures("failed").values == {"one": 0.0, "two": 0.5}
    assert log.figures("file.hit@1").missing == {"two": "no output: SystemFailed"}
    assert log.flaky("failed") == {"two": (0.0, 1.0)}


def test_an_unfinished_log_of_the_first_format_stays_readable() -> None:
    path = SAMPLES / "loccit-eval-1.unfinished.jsonl"
    log = read_log(path)
    assert not log.is_complete
    assert not is_finished(path)
    assert [entry.key for entry in log.entries] == [("one", 0)]
    assert begun(path) == {("one", 0): 2, ("one", 1): 1}


def test_what_is_read_is_written_again_byte_for_byte(finished: Path) -> None:
    log = read_log(finished)
    assert log.end is not None
    again = finished.with_name("again.jsonl")
    write_log(again, log.header, log.entries, log.end.run)
    assert again.read_bytes() == finished.read_bytes()
    old = read_log(SAMPLES / "loccit-eval-1.finished.jsonl")
    assert old.end is not None
    write_log(again, old.header, old.entries, old.end.run)
    # It was written before metrics said whose they are; nothing else of it is written otherwise.
    assert read_log(again) == old


_ANY = st.text(st.characters(codec="utf-8"))


@given(_ANY, st.floats(0, 1), st.floats(0, allow_infinity=False), _ANY.filter(bool))
def test_no_text_and_no_number_is_lost(text: str, score: float, cost: float, reason: str) -> None:
    made = Entry(
        sample=samples(1)[0],
        output=Output(text=text),
        scores={"m": score},
        missing={"n": reason},
        run=Usage(cost_usd=cost),
    )
    assert Entry.model_validate_json(made.model_dump_json(exclude_defaults=True)) == made


@pytest.mark.parametrize("cut", range(1, 400, 7))
def test_a_last_line_that_was_torn_is_left_out_and_written_over(finished: Path, cut: int) -> None:
    """Wherever a kill or a full disk cut it off: what is whole is read, and the next line begins a line."""
    lines = finished.read_bytes().splitlines(keepends=True)
    torn = finished.with_name("torn.jsonl")
    torn.write_bytes(lines[0] + lines[1] + lines[2][: min(cut, len(lines[2]) - 1)])
    assert [entry.key for entry in read_log(torn).entries] == [("s0", 0)]
    journal = Journal(torn)
    journal.starts("s1", 0)
    journal.add(read_log(finished).entries[1])
    journal.close()
    assert [entry.key for entry in read_log(torn).entries] == [("s0", 0), ("s1", 0)]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"{}", "is empty"),  # without its line end it was cut off
        (b"{\n", "is no log"),
        (b"[]\n", "has the format None"),
        (b"[" * 100_000 + b"\n", "is no log"),
        (
            b'{"format": "loccit-eval/2"}\n',
            "has the format 'loccit-eval/2', this version reads 'loccit-eval/1'",
        ),
        (b'{"format": "loccit-eval/1"}\n', "line 1: task is"),
    ],
)
def test_what_is_no_log_is_refused(data: bytes, said: str) -> None:
    assert said in refusal(data)


def test_what_was_changed_is_refused(finished: Path) -> None:
    """An entry, a figure, the order, one left out, one more: the digest, or the number, is another."""
    lines = finished.read_bytes().splitlines(keepends=True)
    assert "its digest is another one" in refusal(b"".join(lines).replace(b"In f1.", b"In f9."))
    assert "its digest is another one" in refusal(b"".join(lines).replace(b'"task":"small"', b'"task":"big"'))
    assert "its digest is another one" in refusal(b"".join([lines[0], lines[2], lines[1], *lines[3:]]))
    assert "has 2 entries and says that it has 3" in refusal(b"".join([*lines[:2], *lines[3:]]))
    assert "there is more after the end" in refusal(b"".join([*lines, lines[1]]))
    assert "line 3" in refusal(b"".join([*lines[:2], b'{"sample": 1}\n', *lines[2:]]))
    assert "line 5" in refusal(b"".join([*lines[:-1], b'{"end": ' + b"[" * 100_000 + b"\n"]))
    assert "line 5: entries" in refusal(b"".join([*lines[:-1], b'{"end": {"entries": -1}}\n']))


def test_what_differs_from_run_to_run_is_no_part_of_the_digest(finished: Path) -> None:
    log = read_log(finished)
    assert log.end is not None
    slower = [entry.model_copy(update={"run": Usage(latency_s=9.0)}) for entry in log.entries]
    other = write_log(finished.with_name("other.jsonl"), log.header, slower, log.end.run)
    assert other.end is not None
    assert other.end.digest == log.end.digest


def test_a_missing_file_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable):
        read_log(tmp_path / "none.jsonl")
    with pytest.raises(SourceUnreadable):
        read_log(tmp_path)


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """As on a disk that is full: a write ends early, the next one fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_a_typed_error_and_leaves_whole_lines(finished: Path) -> None:
    log = read_log(finished)
    lines = finished.read_bytes().splitlines(keepends=True)
    path = finished.with_name("full.jsonl")
    path.write_bytes(lines[0] + lines[1])
    journal = Journal(path)
    with no_file_larger_than(path.stat().st_size + 50):
        for entry in log.entries[1:]:
            with pytest.raises(StorageFailed):
                journal.add(entry)
    assert path.read_bytes() == lines[0] + lines[1]
    journal.add(log.entries[1])
    journal.close()
    assert path.read_bytes() == b"".join(lines[:3])


def test_a_log_that_cannot_be_begun_or_finished_leaves_what_was_there(finished: Path) -> None:
    log = read_log(finished)
    assert log.end is not None
    before = finished.read_bytes()
    with no_file_larger_than(100):
        with pytest.raises(StorageFailed):
            Journal.begin(finished.with_name("new.jsonl"), log.header)
        with pytest.raises(StorageFailed):
            write_log(finished, log.header, log.entries, log.end.run)
    assert finished.read_bytes() == before
    assert [path.name for path in finished.parent.iterdir()] == [finished.name]


def test_a_full_disk_stops_a_run_which_then_goes_on(tmp_path: Path) -> None:
    """It is told, not hidden by what closing the file says; nothing that is done is asked again."""
    path, system = tmp_path / "log.jsonl", ToldSystem()
    with no_file_larger_than(9000), pytest.raises(StorageFailed):
        ran(task_of(30, system, concurrency=4), path)
    done = {entry.sample.id for entry in read_log(path).entries}
    assert 0 < len(done) < 30
    system.asked.clear()
    assert ran(task_of(30, system), path).is_complete
    assert {sample for sample, _ in system.asked} == {f"s{n}" for n in range(30)} - done


def test_figures_are_numbers_or_missing_with_a_reason(finished: Path) -> None:
    log = read_log(finished)
    assert log.figures("cost_usd").values == {"s0": 0.25, "s1": 0.25, "s2": 0.25}
    assert log.figures("output_tokens").values == {}
    assert set(log.figures("output_tokens").missing.values()) == {"the system does not tell"}
    assert log.figures("passage.mrr") == log.figures("resolved")  # applies to none
    with pytest.raises(InputError, match="no metric 'speed'"):
        log.figures("speed")


def test_a_mean_over_repeats_says_what_is_missing_of_it() -> None:
    log = read_log(SAMPLES / "loccit-eval-1.finished.jsonl")
    figures = log.figures("correct.f1")
    assert figures.missing == {"two": "no output: SystemFailed"}
    assert set(figures.values) == {"one", "two"}
    assert figures.without_value == ()
    failed = [e for e in log.entries if e.output.outcome is OutputOutcome.FAILED]
    assert [json.loads(e.model_dump_json())["scores"] for e in failed] == [{}]
