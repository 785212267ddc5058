"""A conversation within a number of tokens: the last turns whole, older ones by what was asked and cited."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from loccit.core.answers import Answer, Citation, Claim

_SHORT_CHARS = 160

# A question, and what was answered: text alone where only whoever asks remembers it, and nobody checked it.
Exchange = tuple[str, Answer | str]


def condensed(turns: Sequence[Exchange], *, count_tokens: Callable[[str], int], budget_tokens: int) -> str:
    """The turns, oldest first, as a prompt has them; empty where there are none.

    `turns` are questions with their answers, oldest first. From the last one backwards they are given whole
    while they take no more than half of the budget; before those each is summarised, its citations kept. What
    finds no room at all is the oldest.
    """
    whole: list[str] = []
    left = budget_tokens
    number = len(turns)
    while number:
        text = _whole(*turns[number - 1])
        cost = count_tokens(text)
        if cost > left - budget_tokens // 2:
            break
        whole.append(text)
        left -= cost
        number -= 1
    short: list[str] = []
    while number:
        text = _summary(*turns[number - 1])
        cost = count_tokens(text)
        if cost > left:
            break
        short.append(text)
        left -= cost
        number -= 1
    return "\n\n".join([*reversed(short), *reversed(whole)])


def _whole(question: str, answer: Answer | str) -> str:
    if isinstance(answer, str):
        return f"Question: {question}\nAnswer:\n{answer or '(none)'}"
    said = [f"- {claim.text} {_places(claim)}" for claim in answer.claims] or ["- (no answer was found)"]
    return "\n".join([f"Question: {question}", "Answer:", *said])


def _summary(question: str, answer: Answer | str) -> str:
    if isinstance(answer, str):
        return f"Earlier question: {_shortened(question)}\n- {_shortened(answer)}"
    said = [f"- {_shortened(claim.text)} {_places(claim)}" for claim in answer.claims[:2]]
    return "\n".join([f"Earlier question: {_shortened(question)}", *said])


def _places(claim: Claim) -> str:
    return f"[{', '.join(dict.fromkeys(_place(citation) for citation in claim.citations))}]"


def _place(citation: Citation) -> str:
    if citation.path is None:
        return f"commit {(citation.commit or '')[:12]}"
    return f"{citation.path}:{citation.start_line}-{citation.end_line}"


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHORT_CHARS else f"{flat[:_SHORT_CHARS]}…"
