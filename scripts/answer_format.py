"""Writes the published schema and example of the answer format; `--check` only says if they are current.

The schema comes from the models. The example is an answer about the repository that `example_repository.py`
writes, so it can be re-checked; it stands in a file of its own and, indented, in the page.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from loccit.core.answers import Answer, Claim, ClaimKind, Verdict, VerdictLabel, json_schema, seal
from loccit.verification import check_quotation, cite, cite_commit

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
SCHEMA = REFERENCE / "loccit-answer-1.schema.json"
EXAMPLE = REFERENCE / "loccit-answer-1.example.json"
PAGE = REFERENCE / "answer-format.md"
_EXAMPLE_BLOCK = re.compile(r"(?<=<!-- the example -->\n```json\n).*?(?=```\n)", re.DOTALL)
_CITED_BLOCK = re.compile(r"(?<=export GIT_NO_REPLACE_OBJECTS=1\n).*?(?=\n\n)", re.DOTALL)
_CITED = ("commit", "path", "blob", "start_byte", "end_byte", "start_line", "end_line", "sha256")
_UNCHECKED = Verdict(label=VerdictLabel.UNCHECKED, score=None, checker="none", version="1")


def write_example_repository(folder: Path) -> None:
    """The repository of the documentation's examples."""
    spec = importlib.util.spec_from_file_location(
        "example_repository", ROOT / "scripts/example_repository.py"
    )
    if spec is None or spec.loader is None:
        raise FileNotFoundError("scripts/example_repository.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.write_repository(folder)


def _git(folder: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=True).stdout


def example_answer(folder: Path) -> Answer:
    """An answer about the example repository in `folder`: two quotations, one of code and one of a commit."""
    commit = _git(folder, "rev-parse", "HEAD").decode().strip()
    tree = _git(folder, "rev-parse", "HEAD^{tree}").decode().strip()
    path = "parcels/retries.py"
    code = _git(folder, "cat-file", "blob", f"{commit}:{path}")
    message = _git(folder, "cat-file", "commit", commit)
    start = code.index(b"def with_retries")
    said = message.index(b"Its gateway")
    citations = (
        cite(
            repo="parcels",
            commit=commit,
            tree=tree,
            path=path,
            data=code,
            start_byte=start,
            end_byte=len(code),
        ),
        cite_commit(repo="parcels", commit=commit, data=message, start_byte=said, end_byte=len(message)),
    )
    reasons = (("defines with_retries", "holds: timeout, again"), ("commit message holds: request",))
    return seal(
        question="What happens when the carrier does not answer a request, and why?",
        outcome="answered",
        abstention=None,
        confidence=0.84,
        claims=[_quotation(citation, why) for citation, why in zip(citations, reasons, strict=True)],
        dropped=[],
        snapshots=[
            {
                "repo": "parcels",
                "commit": commit,
                "tree": tree,
                "indexed_at": "2024-03-08T09:30:00Z",
                "files": 4,
                "skipped": [{"reason": "empty", "files": 1}],
                "changed_files": 0,
                "history": "complete",
            }
        ],
        run={
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
            "started_at": "2024-03-08T09:31:00Z",
            "timings_ms": {"search": 3.2, "answer": 1.1},
            "cost_usd": 0,
            "index_age_s": 60,
            "version": "0.1.0",
        },
    )


def _quotation(citation: object, why: tuple[str, ...]) -> Claim:
    fields = {"kind": ClaimKind.QUOTATION, "citations": (citation,), "verdict": _UNCHECKED, "why": why}
    draft = Claim.model_validate({"text": getattr(citation, "quote", ""), **fields})
    return draft.model_copy(update={"verdict": check_quotation(draft)})


def generated() -> dict[Path, str]:
    """What each generated file should hold."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "parcels"
        write_example_repository(folder)
        answer = example_answer(folder)
    document = json.loads(answer.to_json())
    indented = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    cited = document["claims"][0]["citations"][0]
    page = _EXAMPLE_BLOCK.sub(lambda _: indented, PAGE.read_text(encoding="utf-8"), count=1)
    page = _CITED_BLOCK.sub(lambda _: "\n".join(f"{name}={cited[name]}" for name in _CITED), page, count=1)
    return {
        SCHEMA: json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n",
        EXAMPLE: answer.to_json() + "\n",
        PAGE: page,
    }


def main(arguments: list[str]) -> int:
    """0 when all is up to date or has been written, 1 when `--check` finds a difference."""
    is_check = arguments == ["--check"]
    stale = [
        path
        for path, text in generated().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if is_check:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date: run 'python scripts/answer_format.py'")
        return 1 if stale else 0
    for path in stale:
        path.write_text(generated()[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
