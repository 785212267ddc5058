"""Task files: what they say, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from loccit.core.errors import InputError, LoccitError, SourceUnreadable
from loccit.evals.datasets import Dataset, Gold, Job, Sample
from loccit.evals.tasks import computed_scorers, drawn, read_task
from tests.unit.evals.small_runs import samples


def written(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "task.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def test_a_task_is_read_with_its_folder_and_its_name(tmp_path: Path) -> None:
    task = read_task(
        written(
            tmp_path,
            """
            dataset = "samples.jsonl"
            repos = ["shop"]
            scorers = ["retrieval", "mine.py:f"]
            repeats = 3
            usd = 1
            [system]
            kind = "http"
            url = "http://127.0.0.1:8000/answer"
            key_variable = "SHOP_KEY"
            """,
        )
    )
    assert (task.name, task.folder, task.repos, task.repeats) == ("task", tmp_path, ("shop",), 3)
    assert (task.limits.usd, task.limits.concurrency) == (1.0, 4)
    assert (task.system.kind, task.system.key_variable) == ("http", "SHOP_KEY")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "dataset"),
        ("dataset", "is not TOML"),
        (b"dataset = '\xff'", "is not TOML"),
        (b"a = " + b"[" * 20_000, "is not TOML"),
        ("dataset = 1", "dataset is 1"),
        (f"dataset = {list(range(999))}", "dataset is [0, 1, 2,"),
        ("dataset = 'a'\nsampel = 3", "sampel is 3"),
        ("dataset = 'a'\nfolder = '/'", "unknown key 'folder'"),
        ("dataset = 'a'\nrepeats = '3'", "repeats is '3'"),
        ("dataset = 'a'\nconcurrency = 1.5", "concurrency is 1.5"),
        ("dataset = 'a'\nsample = true", "sample is True"),
        ("dataset = 'a'\nscorers = 'retrieval'", "scorers is 'retrieval'"),
        ("dataset = 'a'\nscorers = [1]", "scorers.0 is 1"),
        ("dataset = 'a'\nsystem = 'http'", "system is 'http'"),
        ("dataset = 'a'\n[system]\nkind = 'telepathy'", "system.kind is 'telepathy'"),
        ("dataset = 'a'\n[system]\nlink = 'x'", "system.link is 'x'"),
        ("dataset = 'a'\n[system]\nkind = 'http'", "kind 'http' has no url"),
        ("dataset = 'a'\n[system]\nkind = 'openai'", "kind 'openai' has no model"),
        ("dataset = 'a'\n[system]\nkind = 'python'", "kind 'python' has no function"),
        ("dataset = 'a'\n[system]\nurl = 'http://a/b'", "kind 'loccit' has no url: 'http://a/b'"),
        (
            "dataset = 'a'\n[system]\nkind = 'http'\nurl = 'http://a'\n[system.settings.retrieval]\nk = 1",
            "kind 'http' has no settings: {'retrieval': {'k': 1}}",
        ),
        ("dataset = 'a'\n[system]\nkind = 'http'\nurl = 'a/b'", "url is 'a/b'"),
        ("dataset = 'a'\n[system]\nkind = 'http'\nurl = 'file:///etc/passwd'", "url is 'file:///etc/passwd'"),
        ("dataset = 'a'\n[system]\nkind = 'http'\nurl = 'http://[::'", "url is 'http://[::'"),
        ("dataset = 'a'\n[system]\nkind = 'http'\nurl = 'http://a:99999'", "url is 'http://a:99999'"),
    ],
)
def test_what_is_wrong_with_a_task_is_named_with_its_value(
    tmp_path: Path, text: str | bytes, said: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_task(written(tmp_path, text))
    assert said in caught.value.message
    assert len(caught.value.message) < 500


def test_a_password_in_an_address_is_refused_and_not_repeated(tmp_path: Path) -> None:
    """It would stand in every log."""
    with pytest.raises(InputError) as caught:
        read_task(
            written(tmp_path, "dataset = 'a'\n[system]\nkind = 'http'\nurl = 'http://ana:s3cret@box/answer'")
        )
    assert "'box'" in caught.value.message
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("concurrency = 0", "concurrency is 0"),
        ("per_minute = -3", "per_minute is -3"),
        ("usd = nan", "usd is nan"),
        ("usd = 0", "usd is 0.0"),
        ("timeout_s = -inf", "timeout_s is -inf"),
    ],
)
def test_limits_that_are_none_are_named(tmp_path: Path, line: str, said: str) -> None:
    task = read_task(written(tmp_path, f"dataset = 'a'\n{line}"))
    with pytest.raises(InputError) as caught:
        _ = task.limits
    assert said in caught.value.message


def test_what_is_no_task_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'task\.txt' is no task"):
        read_task("task.txt")
    with pytest.raises(SourceUnreadable):
        read_task(str(tmp_path / "none.toml"))
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(SourceUnreadable):
        read_task(str(tmp_path / "folder.toml"))
    with pytest.raises(LoccitError):
        read_task(str(tmp_path / "none.jsonl")).read_dataset()


def test_a_dataset_by_itself_is_a_task(tmp_path: Path) -> None:
    task = read_task(str(tmp_path / "shop.jsonl"))
    assert (task.name, task.dataset, task.folder) == ("shop", "shop.jsonl", tmp_path)


def test_samples_are_drawn_by_the_seed_and_keep_their_order() -> None:
    dataset = Dataset(samples(50))
    some = [sample.id for sample in drawn(dataset, 10, 1).samples]
    assert some == [sample.id for sample in drawn(dataset, 10, 1).samples]
    assert some != [sample.id for sample in drawn(dataset, 10, 2).samples]
    assert some == sorted(some, key=lambda one: int(one[1:]))
    assert drawn(dataset, None, 0) is drawn(dataset, 50, 0) is dataset
    with pytest.raises(InputError, match="0 samples are wanted"):
        drawn(dataset, 0, 0)
    with pytest.raises(InputError, match="seed is -1"):
        drawn(dataset, 1, -1)


def test_without_names_the_scorers_are_those_that_the_samples_have_something_for() -> None:
    def names(*made: Sample) -> list[str]:
        return [scorer.name for scorer in computed_scorers((), Dataset(made), Path())]

    search = Sample(id="a", question="?", job=Job.SEARCH, gold=Gold(files=("a",)))
    ask = Sample(id="b", question="?", gold=Gold(abstain=True))
    fix = Sample(id="c", question="?", job=Job.FIX)
    assert names(search) == ["retrieval"]
    assert names(ask) == ["answers"]
    assert names(fix) == ["agents"]
    assert names(search, ask, fix) == ["retrieval", "answers", "agents"]


def test_a_scorer_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no scorer 'luck'"):
        computed_scorers(("luck",), Dataset(samples(1)), tmp_path)
