"""Writes the published schema and example of the dataset format; `--check` only says if they are current.

As `answer_format.py` does for answers: the example is about the repository that `example_repository.py`
writes, so that each of its places can be looked at.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from loccit.evals.dataset_schema import json_schema
from loccit.evals.datasets import (
    Dataset,
    DatasetHeader,
    Gold,
    Job,
    Lines,
    Sample,
    TrajectoryCheck,
    dataset_lines,
)

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
SCHEMA = REFERENCE / "loccit-dataset-1.schema.json"
EXAMPLE = REFERENCE / "loccit-dataset-1.example.jsonl"
PAGE = REFERENCE / "dataset-format.md"
_EXAMPLE_BLOCK = re.compile(r"(?<=<!-- the example -->\n```json\n).*?(?=```\n)", re.DOTALL)


def write_example_repository(folder: Path) -> None:
    """The repository of the documentation's examples."""
    path = ROOT / "scripts" / "example_repository.py"
    spec = importlib.util.spec_from_file_location("example_repository", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.write_repository(folder)


def example_dataset(folder: Path) -> Dataset:
    """One sample of each kind, about the example repository in `folder`."""
    listed = subprocess.run(
        ["git", "log", "--format=%H", "--reverse"], cwd=folder, capture_output=True, text=True, check=True
    )
    first, last = listed.stdout.split()
    retries, prices = "parcels/retries.py", "parcels/prices.py"
    samples = (
        Sample(
            id="localise-12",
            question="Parcels of exactly 30 kg are refused\n\nThe page says that 30 kg are taken.",
            job=Job.TRIAGE,
            gold=Gold(files=(prices,), functions=(f"{prices}::price",)),
            repo="parcels",
            commit=first,
            group="12",
            slices={"kind": "localise", "names_answer": "no"},
            origin={"kind": "localise", "issue": "12", "opened": "2024-03-02T11:20:00Z"},
        ),
        Sample(
            id="docstring-1c6c03b1f0a2",
            question="How often is the carrier asked again before we give up?",
            gold=Gold(
                files=(retries,),
                functions=(f"{retries}::with_retries",),
                passages=(Lines(path=retries, start_line=5, end_line=16),),
                answer="Three times in all, with a pause that doubles.",
                claims=("The carrier is asked three times in all.", "The pause between two times doubles."),
            ),
            repo="parcels",
            commit=last,
            group=retries,
            slices={"kind": "docstring", "names_answer": "no"},
        ),
        Sample(
            id="unanswerable-1",
            question="Where does the code steer the ferry across the river?",
            gold=Gold(abstain=True),
            repo="parcels",
            slices={"kind": "unanswerable"},
        ),
        Sample(
            id="fix-12",
            question="Parcels of exactly 30 kg are refused",
            job=Job.FIX,
            expect=TrajectoryCheck(
                calls=("run_tests",), in_order=("read", "edit"), never=("push",), most_steps=40
            ),
            repo="parcels",
            commit=first,
            group="12",
        ),
    )
    header = DatasetHeader(name="parcels", about="One sample of each kind.", made={"by": "hand"})
    return Dataset(samples, header)


def generated() -> dict[Path, str]:
    """What each generated file should hold."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "parcels"
        write_example_repository(folder)
        lines = [line.decode("utf-8") for line in dataset_lines(example_dataset(folder))]
    shown = "".join(json.dumps(json.loads(line), indent=2, ensure_ascii=False) + "\n" for line in lines)
    return {
        SCHEMA: json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n",
        EXAMPLE: "".join(lines),
        PAGE: _EXAMPLE_BLOCK.sub(lambda _: shown, PAGE.read_text(encoding="utf-8"), count=1),
    }


def main(arguments: list[str]) -> int:
    """0 when all is up to date or has been written, 1 when `--check` finds a difference."""
    texts = generated()
    stale = [
        path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if arguments == ["--check"]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date: run 'python scripts/dataset_format.py'")
        return 1 if stale else 0
    for path in stale:
        path.write_text(texts[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
