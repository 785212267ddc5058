"""Logs of inspect_ai are read as they are, ours are such that it reads them, and hostile files do no harm."""

from __future__ import annotations

import importlib
import io
import json
import math
import struct
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loccit.cli.evals.exchange import export, import_log
from loccit.core.errors import InputError, LimitExceeded, LoccitError, MalformedLog, SourceUnreadable
from loccit.evals import inspect_archive
from loccit.evals.datasets import Dataset, Gold, Sample
from loccit.evals.inspect_document import inspect_document, write_inspect_document
from loccit.evals.inspect_log import read_inspect_log
from loccit.evals.log import (
    DatasetFacts,
    Entry,
    EvalLog,
    LogHeader,
    RunFacts,
    SystemFacts,
    complete,
    metric_facts,
    read_log,
    save_log,
)
from loccit.evals.metrics import Better, Metric
from loccit.evals.outputs import Cited, Output, OutputClaim, OutputOutcome, Step, Usage
from loccit.evals.statistics import Scale

DATA = Path(__file__).parents[2] / "data" / "inspect_ai"
ZSTANDARD = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"


def document(name: str) -> dict[str, Any]:
    """A log of inspect_ai as JSON."""
    return json.loads((DATA / f"{name}-0.3.285.json").read_text(encoding="utf-8"))


def read(changed: dict[str, Any], folder: Path, told: list[str] | None = None) -> EvalLog:
    """What is read of a document."""
    path = folder / "changed.json"
    path.write_text(json.dumps(changed), encoding="utf-8")
    return read_inspect_log(path, (told if told is not None else []).append)


def figures(log: EvalLog) -> list[tuple[str, int, dict[str, float], dict[str, str]]]:
    return [(one.sample.id, one.repeat, one.scores, one.missing) for one in log.entries]


def log_of_ours(*, repeats: int = 2) -> EvalLog:
    """A log with everything that a log may have: failures, abstentions, missing figures, a judge, amounts."""
    samples = [
        Sample(
            id=f"q{number}",
            question=f"Where is «thing {number}» decided?",
            gold=Gold(abstain=True) if number == 3 else Gold(answer=f"in part {number}", files=("a.py",)),
            group=f"page {number // 4}",
            slices={"kind": "even" if number % 2 == 0 else "odd"},
        )
        for number in range(9)
    ]
    entries: list[Entry] = []
    for number, sample in enumerate(samples):
        for repeat in range(repeats):
            output = Output(
                text=f"In part {number}.",
                claims=(OutputClaim(text="In part", cited=(Cited(path="a.py", start_line=1, end_line=2),)),),
                files=("a.py", "b.py"),
            )
            scores = {
                "correct.f1": (number + repeat) % 3 / 2,
                "judge.right": float(number % 2),
                "words": 3.0 * number,
            }
            missing: dict[str, str] = {}
            run = Usage(
                latency_s=0.5, cost_usd=0.25, input_tokens=10, output_tokens=2, started_at=1000.0 + number
            )
            if number == 2:
                output = Output(outcome=OutputOutcome.FAILED, error="Timeout", message="no output within 3 s")
                missing, scores = dict.fromkeys(scores, "no output: Timeout"), {}
                run = Usage(latency_s=3.0)
            elif number == 3:
                output = Output(outcome=OutputOutcome.ABSTAINED, abstention="not_in_sources")
                scores = {"abstention.recall": 1.0}
            elif number == 5 and repeat == 1:
                scores.pop("judge.right")
                missing = {"judge.right": "MalformedReply: no verdict"}
            entries.append(
                Entry(sample=sample, repeat=repeat, output=output, scores=scores, missing=missing, run=run)
            )
    metrics = [
        Metric("correct.f1", "Words in common."),
        Metric("judge.right", "Right, says a model.", judge="right@1"),
        Metric("words", "How many words.", Better.LOWER, Scale.AMOUNT),
        Metric("abstention.recall", "Rightly declined."),
    ]
    header = LogHeader(
        task="demo",
        dataset=DatasetFacts(name="parts", samples=len(samples), digest=Dataset(tuple(samples)).digest),
        system=SystemFacts(kind="loccit", name="main", facts={"retrieval": {"top_k": 20}}),
        scorers={"answers": "1", "right": "right@1"},
        metrics=metric_facts(metrics),
        repeats=repeats,
        version="0.1",
        run=RunFacts(id="r1", started_at=990.0),
    )
    return complete(header, entries, RunFacts(id="r1", started_at=990.0, finished_at=1100.0, seconds=110.0))


# What inspect_ai wrote


def test_every_form_of_a_score_is_the_number_that_inspect_takes_it_for() -> None:
    """C, P, I, N and parts of a score; what is not scored is missing with the scorer's own words."""
    log = read_inspect_log(DATA / "graded-0.3.285.json")
    assert [(one[0], one[2]) for one in figures(log)] == [
        ("sum-0", {"several.length": 7.0, "several.right": 0.0, "graded": 1.0}),
        ("sum-1", {"several.length": 7.0, "several.right": 1.0, "graded": 0.5}),
        ("sum-2", {"graded": 0.0}),
        ("sum-3", {"several.length": 7.0, "several.right": 0.0, "graded": 0.0}),
        ("sum-4", {"several.length": 7.0, "several.right": 1.0, "graded": 1.0}),
    ]
    why = "invalid_response_format: no verdict in the reply"
    assert [one.missing for one in log.entries if one.missing] == [
        {"several.length": why, "several.right": why}
    ]
    assert log.is_complete
    assert log.header.metrics["several.length"].scale is Scale.AMOUNT
    assert log.header.metrics["graded"].scale is Scale.SCORE


def test_groups_and_slices_are_those_that_the_tasks_own_metrics_name() -> None:
    """`stderr(cluster="page")` and `grouped(accuracy(), "size")`."""
    log = read_inspect_log(DATA / "graded-0.3.285.json")
    assert [sample.group for sample in log.samples.values()] == ["page 0"] * 4 + ["page 1"]
    assert [sample.slices for sample in log.samples.values()] == [{"size": "small"}] * 3 + [
        {"size": "large"}
    ] * 2


def test_epochs_are_repeats_in_the_order_of_the_dataset() -> None:
    """An archive of an older version, packed with deflate."""
    log = read_inspect_log(DATA / "repeated-0.3.100.eval")
    assert log.header.repeats == 3
    assert [(entry.sample.id, entry.repeat) for entry in log.entries] == [
        (f"sum-{number}", repeat) for number in range(5) for repeat in range(3)
    ]
    assert log.figures("includes").values == {
        "sum-0": 0.0,
        "sum-1": 1.0,
        "sum-2": 1.0,
        "sum-3": 0.0,
        "sum-4": 2 / 3,
    }
    assert log.flaky("includes") == {"sum-4": (1.0, 0.0, 1.0)}


def test_both_formats_of_one_task_are_read_alike() -> None:
    """The archive of the newest version is packed with Zstandard."""
    importlib.import_module(ZSTANDARD)
    packed, plain = (read_inspect_log(DATA / f"graded-0.3.285.{form}") for form in ("eval", "json"))
    assert figures(packed) == figures(plain)
    assert [one.output for one in packed.entries] == [one.output for one in plain.entries]
    assert (packed.header.dataset, packed.header.scorers) == (plain.header.dataset, plain.header.scorers)


def test_without_a_package_for_zstandard_an_archive_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a broken archive: something to install, or another format."""
    monkeypatch.setitem(sys.modules, ZSTANDARD, None)
    with pytest.raises(InputError, match="inspect log convert --to json") as raised:
        read_inspect_log(DATA / "graded-0.3.285.eval")
    assert not isinstance(raised.value, MalformedLog)


def test_what_raised_has_failed_and_is_missing_everywhere() -> None:
    """Never 0, and never gone: inspect_ai's own mean leaves it out without a count."""
    log = read_inspect_log(DATA / "failing-0.3.285.json")
    failed = next(entry for entry in log.entries if entry.output.outcome is OutputOutcome.FAILED)
    assert (failed.sample.id, failed.output.error) == ("sum-1", "ValueError")
    assert failed.missing == {"includes": "no output: ValueError('cannot add 1')"}
    assert log.figures("failed").values["sum-1"] == 1.0
    assert log.figures("includes").without_value == ("sum-1",)
    assert log.is_complete


def test_a_run_that_ended_early_is_not_complete(tmp_path: Path) -> None:
    """The sample that was under way was not asked to its end, and is no failure of the system."""
    told: list[str] = []
    log = read_inspect_log(DATA / "aborted-0.3.285.json", told.append)
    assert not log.is_complete
    assert [entry.sample.id for entry in log.entries] == ["sum-0", "sum-1"]
    assert log.header.dataset.samples == 5
    assert "1 samples were under way" in told[0]
    save_log(tmp_path / "log.jsonl", log)
    assert read_log(tmp_path / "log.jsonl") == log


def test_what_a_limit_stopped_is_partial_and_scored_as_it_was() -> None:
    """With the limit's own words."""
    log = read_inspect_log(DATA / "limited-0.3.285.json")
    stopped = log.by_sample["sum-2"][0]
    assert stopped.output.outcome is OutputOutcome.PARTIAL
    assert stopped.output.message == "Message limit reached. count: 6; limit: 6"
    assert stopped.scores == {"includes": 0.0}
    assert stopped.run.calls == 2


def test_messages_tools_targets_and_judges_are_read() -> None:
    """A judge says so, and one that gave no verdict is missing."""
    log = read_inspect_log(DATA / "chat-0.3.285.json")
    first, second = log.entries
    assert first.sample.question == "system: Be brief.\n\nuser: Capital of France?"
    assert first.sample.gold.answer == "Paris"
    assert (first.output.steps, second.output.steps) == (
        (Step(tool="look_up"),),
        (Step(tool="look_up", succeeded=False),),
    )
    assert log.header.metrics["model_graded_qa"].judge.startswith("inspect_ai/model_graded_qa@")
    assert second.missing == {"model_graded_qa": "grader_failed: Grade not found in model output: No idea"}
    # What came from a cache is read too, and the judge's tokens are told with the others.
    assert (first.run.input_tokens, first.run.output_tokens, first.run.calls) == (51, 9, 3)


@pytest.mark.parametrize(
    ("value", "number"),
    [("C", 1.0), ("yes", 1.0), ("False", 0.0), (True, 1.0), ("0.75", 0.75), (3, 3.0), ("1e1", 10.0)],
)
def test_words_and_numbers_are_scores(tmp_path: Path, value: object, number: float) -> None:
    """As `value_to_float` has them."""
    changed = document("limited")
    changed["samples"][0]["scores"]["includes"]["value"] = value
    assert read(changed, tmp_path).entries[0].scores == {"includes": number}


@pytest.mark.parametrize("value", ["A", "", "c", None, [1, 2], float("inf"), "nan", 10**400])
def test_what_is_no_number_is_missing_and_not_0(tmp_path: Path, value: object) -> None:
    """inspect_ai takes it for 0, with a warning."""
    changed = document("limited")
    del changed["samples"][0]["scores"]["includes"]["explanation"]
    changed["samples"][0]["scores"]["includes"]["value"] = value
    entry = read(changed, tmp_path).entries[0]
    assert entry.scores == {}
    assert entry.missing["includes"].startswith(("no number", "the score is"))


def test_a_scale_below_0_is_missing_in_all_samples(tmp_path: Path) -> None:
    """The mean of those that are not negative would be another one."""
    changed = document("limited")
    for number, sample in enumerate(changed["samples"]):
        sample["scores"]["includes"]["value"] = number - 1
    told: list[str] = []
    log = read(changed, tmp_path, told)
    assert all(entry.scores == {} and "below 0" in entry.missing["includes"] for entry in log.entries)
    assert "goes below 0" in told[0]


def test_an_invalidated_sample_is_missing_with_who_said_so(tmp_path: Path) -> None:
    """Its output is kept."""
    changed = document("limited")
    changed["samples"][0]["invalidation"] = {
        "author": "ana",
        "reason": "the question was wrong",
        "timestamp": "2026-01-01T00:00:00Z",
    }
    entry = read(changed, tmp_path).entries[0]
    assert entry.missing == {"includes": "invalidated by ana: the question was wrong"}
    assert entry.output.text


def test_a_score_that_is_called_like_a_figure_of_ours_has_another_name(tmp_path: Path) -> None:
    """`failed` is whether there was an output."""
    changed = document("limited")
    for sample in changed["samples"]:
        sample["scores"]["failed"] = {"value": "C"}
    log = read(changed, tmp_path)
    assert log.figures("failed").values["sum-0"] == 0.0
    assert log.figures("failed.score").values["sum-0"] == 1.0


def test_a_scorer_that_gives_one_figure_here_and_several_there_is_read(tmp_path: Path) -> None:
    """Each figure is missing where the other was given."""
    changed = document("limited")
    changed["samples"][0]["scores"]["includes"]["value"] = {"strict": 1, "lenient": None}
    log = read(changed, tmp_path)
    assert list(log.header.metrics) == ["includes.strict", "includes.lenient", "includes"]
    assert log.entries[0].scores == {"includes.strict": 1.0}
    assert log.entries[0].missing.keys() == {"includes", "includes.lenient"}
    assert log.entries[1].missing.keys() == {"includes.strict", "includes.lenient"}


def test_pictures_in_an_input_are_named_and_counted(tmp_path: Path) -> None:
    """Left out in silence, the question would be another one."""
    changed = document("chat")
    changed["samples"][0]["input"][1]["content"] = [
        {"type": "text", "text": "attachment://abc"},
        {"type": "image", "image": "data:image/png;base64,AAAA"},
    ]
    changed["samples"][0]["attachments"]["abc"] = "What is this?"
    told: list[str] = []
    log = read(changed, tmp_path, told)
    assert log.entries[0].sample.question.endswith("user: What is this?\n[image]")
    assert any("'image'" in sentence for sentence in told)


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda d: d.update(version=3), "version 3"),
        (lambda d: d.update(samples=None), "has no samples"),
        (lambda d: d.update(samples=[]), "no sample that was asked"),
        (lambda d: d["samples"].append(d["samples"][0]), "is there twice"),
        (lambda d: d["samples"].append(3), "no object"),
        (lambda d: d["samples"][0].update(epoch=0), "epoch is 0"),
        (lambda d: d["samples"][0].update(id=""), "id"),
        (lambda d: d["samples"][0].update(score={"value": 1}), "older form"),
        (lambda d: d["samples"][0].update(input=5), "input"),
        (lambda d: d["eval"].pop("task"), "eval.task"),
        (
            lambda d: d["samples"][0].update(scores={"a.b": {"value": 1}, "a": {"value": {"b": 1}}}),
            "two scores",
        ),
        (lambda d: d["eval"].update(metadata={"loccit": {"format": "loccit-eval/9"}}), "loccit-eval/9"),
        (lambda d: d["eval"].update(metadata={"loccit": {}}), "metadata.loccit: sample"),
    ],
)
def test_what_is_no_such_log_is_refused_with_the_place(
    tmp_path: Path, break_it: Callable[[dict[str, Any]], object], said: str
) -> None:
    """With a next step."""
    changed = document("limited")
    break_it(changed)
    with pytest.raises(MalformedLog, match=said) as raised:
        read(changed, tmp_path)
    assert raised.value.next_step


# What we write


def test_a_log_of_ours_comes_back_as_it_was(tmp_path: Path) -> None:
    """Digest and all: what inspect_ai has no place for is in metadata."""
    log = log_of_ours()
    path = write_inspect_document(tmp_path / "log.json", log)
    told: list[str] = []
    assert read_inspect_log(path, told.append) == log
    assert told == []


@pytest.mark.parametrize("name", ["graded", "failing", "limited", "chat"])
def test_a_log_of_theirs_goes_through_ours_and_keeps_samples_and_scores(tmp_path: Path, name: str) -> None:
    """Ids that are numbers, messages, several targets, choices and metadata too."""
    log = read_inspect_log(DATA / f"{name}-0.3.285.json")
    before, after = document(name), inspect_document(log)
    there = {(one["id"], one["epoch"]): one for one in before["samples"]}
    assert len(after["samples"]) == len(there)
    for entry, sample in zip(log.entries, after["samples"], strict=True):
        original = there[sample["id"], sample["epoch"]]
        assert sample["target"] == original["target"]
        assert sample.get("choices") == original.get("choices")
        assert sample["output"]["completion"] == original["output"]["completion"]
        assert ("error" in sample) == ("error" in original)
        assert original["metadata"].items() <= sample["metadata"].items()
        if isinstance(original["input"], str):
            assert sample["input"] == original["input"]
        else:
            assert [one["content"] for one in sample["input"]] == [
                one["content"] for one in original["input"]
            ]
        assert {
            k: v["value"] for k, v in sample["scores"].items() if v["value"] == v["value"]
        } == entry.scores
    path = write_inspect_document(tmp_path / "log.json", log)
    assert read_inspect_log(path) == log


def test_means_and_standard_errors_are_those_that_inspect_wrote() -> None:
    """Accuracy 0.5 and the error of two clusters, from its own results."""
    before = {one["name"]: one["metrics"] for one in document("graded")["results"]["scores"]}["graded"]
    log = read_inspect_log(DATA / "graded-0.3.285.json")
    after = {one["name"]: one["metrics"] for one in inspect_document(log)["results"]["scores"]}["graded"]
    assert after["mean"]["value"] == pytest.approx(before["accuracy"]["value"])
    assert after["stderr"]["value"] == pytest.approx(before["stderr"]["value"])


def test_missing_is_nan_with_its_reason_and_never_0() -> None:
    """As inspect_ai has it for scores that are not there; tokens that nobody knows are left out."""
    written = inspect_document(log_of_ours())
    samples = {(one["id"], one["epoch"]): one for one in written["samples"]}
    missing = samples["q5", 2]["scores"]["judge.right"]
    assert math.isnan(missing["value"])
    assert missing["explanation"] == "MalformedReply: no verdict"
    assert [one["metadata"]["loccit_group"] for one in samples.values()][-1] == "page 2"
    failed = samples["q2", 1]
    assert failed["error"]["message"] == "no output within 3 s"
    assert failed["model_usage"] == written["stats"]["model_usage"] == {}
    assert samples["q3", 1]["scores"].keys() == {"abstention.recall"}
    result = {one["name"]: one for one in written["results"]["scores"]}["correct.f1"]
    assert (result["scored_samples"], result["unscored_samples"]) == (7, 1)


def test_scores_that_inspect_changed_since_are_those_that_count(tmp_path: Path) -> None:
    """An edited score, and one of a scorer that was added."""
    written = inspect_document(log_of_ours())
    written["samples"][0]["scores"]["correct.f1"]["value"] = 0.25
    for sample in written["samples"]:
        sample["scores"]["added"] = {"value": "C"}
    log = read(written, tmp_path)
    assert log.entries[0].scores["correct.f1"] == 0.25
    assert set(log.figures("added").values.values()) == {1.0}
    assert "added" in log.header.metrics


def test_a_folder_gets_a_name_that_inspects_viewer_lists(tmp_path: Path) -> None:
    """It begins with a time; another ending than .json is refused."""
    path = write_inspect_document(tmp_path, log_of_ours())
    assert path.parent == tmp_path
    assert path.name.startswith("1970-01-01T00-16-30-00-00_demo_")
    with pytest.raises(InputError, match=r"\.json"):
        write_inspect_document(tmp_path / "log.txt", log_of_ours())


def test_only_a_complete_log_is_written() -> None:
    """To inspect_ai a log without an end is one that is still being run."""
    log = log_of_ours()
    with pytest.raises(InputError, match="not complete"):
        inspect_document(EvalLog(log.header, log.entries))


@pytest.mark.parametrize("kept", ["{", "3", '{"id": 7}', "[" * 100_000])
def test_an_origin_that_claims_to_be_of_inspect_and_is_not_is_refused(kept: str) -> None:
    """A log may have been changed by hand."""
    log = log_of_ours(repeats=1)
    sample = log.entries[0].sample.model_copy(update={"origin": {"inspect": kept}})
    entries = (log.entries[0].model_copy(update={"sample": sample}), *log.entries[1:])
    with pytest.raises(MalformedLog, match="origin"):
        inspect_document(complete(log.header, entries, RunFacts()))


def test_the_commands_export_and_import_the_same_log(tmp_path: Path) -> None:
    """And do not write over a log."""
    log = log_of_ours()
    save_log(tmp_path / "log.jsonl", log)
    export(tmp_path / "log.jsonl", out=tmp_path / "log.json", quiet=True)
    import_log(tmp_path / "log.json", out=tmp_path / "again.jsonl", quiet=True)
    assert read_log(tmp_path / "again.jsonl") == log
    with pytest.raises(InputError, match="there already"):
        import_log(tmp_path / "log.json", out=tmp_path / "again.jsonl")


# Hostile files


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive with these."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return data.getvalue()


def parts(name: str = "limited") -> dict[str, bytes]:
    """A log of inspect_ai as the members of its archive."""
    whole = document(name)
    samples = whole.pop("samples")
    members = {f"samples/{one['id']}_epoch_{one['epoch']}.json": json.dumps(one).encode() for one in samples}
    return {**members, "header.json": json.dumps(whole).encode()}


def reading(data: bytes, folder: Path) -> EvalLog:
    path = folder / "log.eval"
    path.write_bytes(data)
    return read_inspect_log(path)


def test_what_unpacks_to_more_than_is_allowed_stops_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One member, all members together, how many there are, and the file itself."""
    bomb = archive({**parts(), "samples/z_epoch_1.json": b"0" * 3_000_000})
    monkeypatch.setattr(inspect_archive, "MAX_MEMBER_BYTES", 1_000_000)
    with pytest.raises(LimitExceeded, match="z_epoch_1"):
        reading(bomb, tmp_path)
    monkeypatch.setattr(inspect_archive, "MAX_UNPACKED_BYTES", 20_000)
    with pytest.raises(LimitExceeded, match="unpacked"):
        reading(archive(parts()), tmp_path)
    monkeypatch.setattr(inspect_archive, "MAX_MEMBERS", 3)
    with pytest.raises(LimitExceeded, match="members"):
        reading(archive(parts()), tmp_path)
    monkeypatch.setattr(inspect_archive, "MAX_FILE_BYTES", 100)
    with pytest.raises(LimitExceeded, match="size of"):
        reading(archive(parts()), tmp_path)


def test_a_bomb_of_zstandard_stops_at_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its frames reach ratios that deflate does not, and may be many."""
    zstandard = importlib.import_module(ZSTANDARD)
    monkeypatch.setattr(inspect_archive, "MAX_MEMBER_BYTES", 1_000_000)
    for packed, error, said in (
        (zstandard.compress(b"0" * 50_000_000), LimitExceeded, "size of"),
        (zstandard.compress(b"") * 40, MalformedLog, "frames"),
        (zstandard.compress(b"{}")[:-3], MalformedLog, "too early"),
        (b"no frame", MalformedLog, "cannot be unpacked"),
    ):
        data = bytearray(archive({"header.json": packed}, zipfile.ZIP_STORED))
        # The method, in the local header and in the directory.
        directory = data.index(b"PK\x01\x02")
        data[8:10] = data[directory + 10 : directory + 12] = struct.pack("<H", 93)
        tracemalloc.start()
        with pytest.raises(error, match=said):
            reading(bytes(data), tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
        tracemalloc.stop()


def test_a_changed_byte_a_missing_header_and_a_password_are_told(tmp_path: Path) -> None:
    """Each with the member it is in."""
    data = archive(parts(), zipfile.ZIP_STORED)
    at = data.index(b"What is 1")
    with pytest.raises(MalformedLog, match="checksum"):
        reading(data[:at] + b"Whit" + data[at + 4 :], tmp_path)
    with pytest.raises(MalformedLog, match=r"start\.json"):
        reading(archive({"samples/a_epoch_1.json": b"{}"}), tmp_path)
    with pytest.raises(MalformedLog, match="has no samples"):
        reading(archive({"header.json": b"{}"}), tmp_path)
    at = data.index(b"PK\x01\x02")
    with pytest.raises(MalformedLog, match="encrypted"):
        reading(data[: at + 8] + b"\x01" + data[at + 9 :], tmp_path)
    with pytest.raises(MalformedLog, match="packed by method 14"):
        reading(archive(parts(), zipfile.ZIP_LZMA), tmp_path)
    with pytest.raises(MalformedLog, match="no zip archive"):
        reading(b"PK\x03\x04" + b"\0" * 60, tmp_path)


def test_nesting_and_numbers_without_end_are_refused(tmp_path: Path) -> None:
    """Before anything recurses into them."""
    for data in (b'{"samples":' + b"[" * 200_000, b'{"version": ' + b"1" * 5_000 + b"}", b"[]", b"", b"\xff"):
        path = tmp_path / "log.json"
        path.write_bytes(data)
        with pytest.raises(MalformedLog):
            read_inspect_log(path)
    with pytest.raises(SourceUnreadable):
        read_inspect_log(tmp_path / "none.json")


def test_a_killed_run_is_read_from_what_it_began_with(tmp_path: Path) -> None:
    """Its archive has no header yet."""
    members = parts()
    members["_journal/start.json"] = members.pop("header.json")
    del members["samples/sum-3_epoch_1.json"]
    log = reading(archive(members), tmp_path)
    assert [entry.sample.id for entry in log.entries] == ["sum-0", "sum-1", "sum-2", "sum-4"]
    assert not log.is_complete


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    at=st.integers(0, 29_000),
    new=st.binary(min_size=1, max_size=6),
    cut=st.one_of(st.none(), st.integers(0, 29_000)),
)
def test_an_archive_that_was_damaged_anywhere_is_read_right_or_refused(
    tmp_path: Path, at: int, new: bytes, cut: int | None
) -> None:
    """An error of ours, or the same figures: checksums stand before everything."""
    data = (DATA / "repeated-0.3.100.eval").read_bytes()
    changed = (data[:at] + new + data[at + len(new) :])[:cut]
    whole = figures(read_inspect_log(DATA / "repeated-0.3.100.eval"))
    try:
        found = reading(changed, tmp_path)
    except LoccitError:
        return
    assert [one for one in whole if one in figures(found)] == figures(found)
