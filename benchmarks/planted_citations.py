"""Are forged citations ever let through?

A model on this machine is as dishonest as it can be: per answer it makes one claim for each kind of forgery.
A claim that is left in the answer with a forged citation was let through.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import benchmarks
from benchmarks import written_homes
from benchmarks.model_server import Behaviour, ModelServer, Seen
from loccit import Loccit

NAME = "planted-citations"
SUMMARY = "forged citations (changed bytes, other files, ids from inside the text) that are let through"

QUESTIONS = 200
_LEAST_CHARS = 12
_ID_LIKE = re.compile(r"\b[a-z2-7]{6}\b")

Passages = list[tuple[str, str]]
Forger = Callable[[random.Random, Passages], tuple[str, str] | None]


def run(setting: benchmarks.Setting) -> dict[str, Any]:
    """How many citations of each kind were planted, and how many were let through."""
    planted: Counter[str] = Counter()
    through: Counter[str] = Counter()
    generator = random.Random(11)
    with ModelServer() as server:
        server.decide = lambda seen: _forged(seen, generator, planted)
        with written_homes.written_home(server) as home:
            loccit = Loccit(home)
            questions = written_homes.indexed(setting, loccit, setting.sample or QUESTIONS)
            asyncio.run(_asked(loccit, questions, through))
    return {
        "planted": sum(planted.values()),
        "let_through": benchmarks.target(sum(through.values()), at_most=0),
        "kinds": {kind: {"planted": planted[kind], "let_through": through[kind]} for kind in sorted(planted)},
    }


async def _asked(loccit: Loccit, questions: list[tuple[str, str, str]], through: Counter[str]) -> None:
    try:
        for path, commit, question in sorted(questions):
            written = await loccit.write_async(question, repos=[path], rev=commit)
            for claim in written.answer.claims:
                if claim.text.startswith("forged "):
                    through[claim.text.split(":")[0].removeprefix("forged ")] += 1
    finally:
        await loccit.aclose()


def _forged(seen: Seen, generator: random.Random, planted: Counter[str]) -> Behaviour:
    """One claim per kind, whose text is its own quote: nothing but the citation can fell it."""
    prompt = written_homes.prompt_of(seen)
    passages = [(id, text) for id, _, text in written_homes.EVIDENCE.findall(prompt)]
    claims = []
    for kind, forge in FORGERS.items():
        found = forge(generator, passages)
        if found is not None:
            planted[kind] += 1
            evidence, quote = found
            claims.append(
                {"text": f"forged {kind}: {quote}", "citations": [{"evidence": evidence, "quote": quote}]}
            )
    # An honest claim keeps the answer from being thrown away as a whole.
    honest = json.loads(written_homes.claims_of(prompt))["claims"]
    return Behaviour(text=json.dumps({"claims": [*honest * 4, *claims], "search": [], "read": []}))


def _line(generator: random.Random, text: str) -> str | None:
    lines = [line.strip() for line in text.split("\n") if len("".join(line.split())) >= _LEAST_CHARS]
    return generator.choice(lines) if lines else None


def _altered(change: Callable[[random.Random, str], str]) -> Forger:
    def forge(generator: random.Random, passages: Passages) -> tuple[str, str] | None:
        for id, text in generator.sample(passages, len(passages)):
            line = _line(generator, text)
            if line is not None and (forged := change(generator, line)) not in text and forged != line:
                return id, forged
        return None

    return forge


def _other_letter(generator: random.Random, line: str) -> str:
    places = [at for at, character in enumerate(line) if character.isalpha()]
    if not places:
        return line
    at = generator.choice(places)
    return f"{line[:at]}{'x' if line[at] != 'x' else 'y'}{line[at + 1 :]}"


def _other_number(generator: random.Random, line: str) -> str:
    return re.sub(r"\d", lambda match: str((int(match.group()) + 1) % 10), line, count=1)


def _other_spaces(generator: random.Random, line: str) -> str:
    return line.replace(" ", "  ", 1)


def _homoglyph(generator: random.Random, line: str) -> str:
    return line.replace("a", "а", 1)  # a Cyrillic letter


def _joined_lines(generator: random.Random, passages: Passages) -> tuple[str, str] | None:
    """Two lines that both stand there, but not one after the other."""
    for id, text in generator.sample(passages, len(passages)):
        lines = [line for line in text.split("\n") if len(line.strip()) >= _LEAST_CHARS]
        if len(lines) >= 3 and (forged := f"{lines[0].strip()}\n{lines[-1].strip()}") not in text:
            return id, forged
    return None


def _other_passage(generator: random.Random, passages: Passages) -> tuple[str, str] | None:
    """A true quote under the id of a passage that does not hold it."""
    for id, text in generator.sample(passages, len(passages)):
        for _, other in passages:
            line = _line(generator, other)
            if line is not None and line not in text:
                return id, line
    return None


def _inner_id(generator: random.Random, passages: Passages) -> tuple[str, str] | None:
    """A true quote under an id that stands inside a text."""
    known = {id for id, _ in passages}
    for _, text in generator.sample(passages, len(passages)):
        inner = [word for word in _ID_LIKE.findall(text) if word not in known]
        line = _line(generator, text)
        if inner and line is not None:
            return generator.choice(inner), line
    return None


FORGERS: dict[str, Forger] = {
    "another letter": _altered(_other_letter),
    "another number": _altered(_other_number),
    "other spaces": _altered(_other_spaces),
    "a letter that looks alike": _altered(_homoglyph),
    "lines joined": _joined_lines,
    "another passage": _other_passage,
    "an id from inside a text": _inner_id,
}
