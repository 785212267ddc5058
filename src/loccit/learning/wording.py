"""Questions out of sentences that people wrote: of a docstring, of a heading, of a commit's subject.

No model: tables of verbs and a handful of forms. A sentence that fits none of them becomes no question. Verbs
and connectives are exchanged for others that mean the same, so that the sentence itself is seldom found
again by searching for the question word by word.
"""

from __future__ import annotations

import re

_LEAST_WORDS, _MOST_WORDS = 5, 32
_LEAST_TELLING = 3

# What stands after a verb that has an object, and after hardly anything else at a sentence's beginning.
_DETERMINERS = frozenset(
    "the a an all each every any its one whether if that this these those given another some both".split()
)
_VERBS = frozenset(
    """
    add allow append apply assert assign attach bind build cache calculate call cancel cast check clean clear
    close collect combine compare compile compute configure connect construct convert copy count create decode
    decorate define delete determine detect disable dispatch display drop dump emit enable encode ensure enter
    escape evaluate execute exit expand export extract fetch fill filter find finish fix flush force format
    generate get give group guess handle hide hook import include increment index indicate infer initialise
    initialize insert install invoke issue iterate join keep list load log look lookup make manage map mark
    match merge modify mount move normalise normalize notify open output override parse pass perform pop
    prepare prevent print process prompt produce provide push put raise read receive reduce refresh register
    reload remove rename render reorder replace report represent request require reset resolve restore
    retrieve return reverse roll rotate run save search select send serialise serialize serve set show skip
    sort specify split start stop store strip submit support swap switch take tell test throw track transform
    translate trigger truncate try unpack unregister update upload use validate verify wait walk warn wrap
    write yield accept act behave contain expect hold inherit keep know list mean offer operate point refuse
    reject respect treat turn work
    """.split()
)
_PAST = {
    **{f"{verb}{'d' if verb.endswith('e') else 'ed'}": verb for verb in _VERBS},
    **{f"{verb[:-1]}ied": verb for verb in _VERBS if re.search("[^aeiou]y$", verb)},
    **{f"{verb}{verb[-1]}ed": verb for verb in _VERBS if re.search("[^aeiou][aeiou][bdgklmnprt]$", verb)},
    "built": "build",
    "made": "make",
    "gave": "give",
    "kept": "keep",
    "found": "find",
    "took": "take",
    "threw": "throw",
    "wrote": "write",
    "changed": "change",
    "improved": "improve",
    "corrected": "correct",
    "refactored": "refactor",
    "deprecated": "deprecate",
    "simplified": "simplify",
    "optimized": "optimise",
    "dropped": "drop",
    "avoided": "avoid",
    "implemented": "implement",
    "introduced": "introduce",
    "extended": "extend",
    "preserved": "preserve",
    "adjusted": "adjust",
    "restricted": "restrict",
    "limited": "limit",
    "silenced": "silence",
    "reverted": "revert",
}
_COMMIT_VERBS = _VERBS | frozenset(_PAST.values())
# The other verb says the same of nearly every object.
_OTHER_VERB: dict[str, str] = {
    pair.strip().partition("=")[0]: pair.strip().partition("=")[2]
    for pair in """
    build=construct, construct=build, create=make, make=create, calculate=compute, compute=calculate,
    generate=produce, produce=generate, delete=remove, remove=delete, fetch=obtain, get=obtain,
    retrieve=obtain, execute=run, run=execute, invoke=call, call=invoke, start=begin, stop=end,
    show=display, display=show, print=output, verify=check, validate=check, test=check, check=verify,
    initialize=set up, initialise=set up, ensure=make sure, determine=find out, handle=deal with,
    find=look for, yield=produce, transform=change, modify=change, replace=exchange, join=put together,
    combine=put together, save=store, store=keep, represent=stand for, provide=offer, raise=throw,
    send=pass on, collect=gather, convert=transform, select=choose, allow=permit, prevent=keep,
    update=change, register=record, parse=read, extract=take out
    """.split(",")
}
_BODY_SWAPS = tuple(
    (re.compile(rf"\b{old}\b"), new)
    for old, new in (
        ("whether or not", "if"),
        ("whether", "if"),
        ("in order to", "to"),
        ("such as", "like"),
        ("instead of", "rather than"),
        ("based on", "depending on"),
        ("(?:specified|provided|supplied|passed)", "given"),
        ("contains", "has"),
        ("containing", "with"),
        ("using", "with"),
        ("via", "through"),
        ("multiple", "several"),
        ("corresponding to", "that belongs to"),
        ("currently", "now"),
        ("(?:must|has to) be", "needs to be"),
        ("prior to", "before"),
        ("e\\.g\\.", "for example"),
    )
)
_AND_VERB = re.compile(r"(?<=\band )([a-z]+s)(?= )")
_PROSE_ROLE = re.compile(r":[\w:+.-]+:`~?[!]?([^`<]*?)(?:\s*<[^`]*>)?`")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|`([^`<]+?)\s*<[^`>]*>`_{0,2}")
_SENTENCE_END = re.compile(r"(?<![A-Za-z]\.[a-z])(?<!\be\.g)(?<!\bi\.e)(?<!\betc)[.!?](?=\s|$)")
_ASIDE = re.compile(r"\s*\([^()]*\)")
_NOT_PROSE = re.compile(r"[{}|=<>\\\[\]$]|://|::|>>>|\.\.\.|--|\bTODO\b|\bFIXME\b|\bXXX\b|@\w")
_SAYS_LITTLE = re.compile(
    r"(?:see|note|this|these|deprecated|overrides?|overridden|internal|private|same as|like|for|if|when|in|on"
    r"|as|at|by|from|with|since|an? alias|alias|stub|not|no|todo|we|i|you|it|there|here"
    r"|because|what|how|why|only|just|wrapper around|similar to|implements?|subclasses?|copyright"
    r"|licensed)\b",
    re.IGNORECASE,
)
# What only says that something is spoken of.
_WHOLE = re.compile(
    r"(?:this\s+(?:class|function|method|module|decorator|helper|exception|mixin|object|property|hook)"
    r"|this(?=\s+(?:is|can|will|may|must)\b)"
    r"|an?\s+(?:class|function|method)\s+(?:that|which))\s+",
    re.IGNORECASE,
)
# A sentence with a verb of its own, before any clause that might have it.
_STATES = re.compile(
    r"(?:(?!\b(?:that|which|who|whose|where|when|if|whether|what|how|to)\b).)*?"
    r"\b(?:returns?|is|are|was|were|will|should|can|may|must|has|have|does)\b"
)
_USED = re.compile(r"(?:(?:an?|the)\s+)?(?:class|function|method)\s+(?=used\b)", re.IGNORECASE)
_UPKEEP = re.compile(
    r"\b(?:docs?|document(?:s|ed|ing|ation)?|docstrings?|comments?|typos?|spelling|wording|gramma(?:r|tical)|changelog"
    r"|release notes?|type[- ]?(?:hints?|annotations?|checks?)|annotat(?:e|ed|ions?)|typing|mypy|pyright|ruff"
    r"|flake8|pylint|isort|black|noqa|lint(?:er|ing)?|eslint|prettier|style|whitespace|format(?:ting)?"
    r"|dependenc(?:y|ies)|requirements|pre-commit|refactor(?:s|ed|ing)?|clean(?:s|ed|ing)?[ -]?up|rename[sd]?"
    r"|cosmetic|unused|deprecated code|copyright|licen[cs]e|python ?2|pep ?8|f-strings?|code style"
    r"|reword(?:ed)?|tests?|testing|coverage|version \d|releases?|ci|tox|nox|benchmarks?)\b",
    re.IGNORECASE,
)
_AUXILIARY = frozenset("is are was can may will should must does has".split())
_TRUTH = re.compile(r"(?:return(?:s|ed)?\s+)?(?:true|whether|a bool(?:ean)? (?:indicating|saying))\s+", re.I)
_STOP = frozenset(
    "a an and are as at be by for from give given has have if in into is it its not of on or so that the "
    "this to used when which with code function class where does how".split()
)


def question_of_docstring(said: str, *, is_class: bool) -> str:
    """A question that a definition answers, made of the first sentence of what is written at it.

    Empty where the sentence is too short, too long, no prose, or of none of the known forms.
    """
    sentence = first_sentence(said)
    if not _is_fit(sentence):
        return ""
    whole = _WHOLE.sub("", sentence, count=1) if _WHOLE.match(sentence) else sentence
    whole = _USED.sub("", whole, count=1) if _USED.match(whole) else whole
    noun = "class" if is_class else "function"
    if not whole or _SAYS_LITTLE.match(whole):
        return ""
    truth = _TRUTH.match(whole)
    if truth and not is_class:
        rest = re.sub(r"^(?:if|when|that)\s+", "", whole[truth.end() :])
        return _finished(f"Which function tells whether {_reworded(rest)}?")
    first, _, rest = whole.partition(" ")
    word = first.lower()
    if rest.startswith("of "):
        word = ""  # "List of things" does not list anything
    if word in {"called", "used", "invoked", "raised", "thrown", "executed"}:
        return _finished(f"Which {noun} is {word} {_reworded(rest)}?")
    if word in _AUXILIARY and whole != sentence:
        return _finished(f"Which {noun} {word} {_reworded(rest)}?")
    verb = _base_of(word, rest)
    if verb:
        return _finished(_asking(verb, _AND_VERB.sub(_plain, _reworded(rest)), noun))
    # What else ends so is a verb that is not known, or speaks of several.
    is_several = word.endswith("s") and not word.endswith(("ss", "us", "is"))
    is_noun = first[:1].isupper() and not is_several and not _STATES.match(whole)
    return _finished(_about_noun(whole, noun)) if is_noun else ""


def question_of_heading(heading: str, page: str, section: str) -> str:
    """A question that a section of the documentation answers; empty where the heading says too little.

    Words that the section's own text writes small are written small. A short heading needs its page's title.
    """
    # The backquotes of a role are gone already.
    title = re.sub(r":[a-z]+:(?=[~\w])~?", "", plain(heading)).rstrip(":.")
    words = title.split()
    if not 1 < len(words) <= 12 or re.search(r"[{}=<>\\|]|\d\.\d", title) or title.isupper():
        return ""
    title, first = _as_in_prose(title, section), words[0].lower()
    about = f", under {_as_in_prose(plain(page), section)}" if page and len(words) < 3 else ""
    if title.endswith("?"):
        return f"{title[:1].upper()}{title[1:-1]}{about}?"
    if first == "how" and words[1].lower() == "to" and len(words) > 2:
        return f"How do I {title.split(maxsplit=2)[2]}{about}?"
    if first in {"how", "why", "what", "when", "where", "using", "use"}:
        return f"What does the documentation say about {title}{about}?"
    # Many a verb is a noun too: "Upload progress".
    if first in _VERBS and words[1].lower() in _DETERMINERS | {"your", "with", "from", "to"}:
        return f"How do I {title}{about}?"
    if first.endswith("ing") and len(first) > 5:
        return f"How does {title} work{about}?"
    return f"What does the documentation say about {title}{about}?"


def question_of_change(subject: str) -> str:
    """What was changed, asked by what the change was for; empty where the subject says too little."""
    said = plain(subject).rstrip(".")
    first, _, rest = said.partition(" ")
    word = first.lower()
    if not rest or not 3 <= len(said.split()) <= _MOST_WORDS:
        return ""
    verb = _PAST.get(word) or (word if word in _COMMIT_VERBS else "")
    if not verb and word.endswith("s"):
        verb = _singular(word) if _singular(word) in _COMMIT_VERBS else ""
    if verb:
        return f"What was changed to {verb} {_reworded(rest)}?"
    if word in {"don't", "do", "never", "no"}:
        return f"What was changed so that the code does not {_reworded(re.sub('^not ', '', rest))}?"
    return ""


def speaks_of_upkeep(subject: str) -> bool:
    """Whether a commit's subject tells of work on the code that no user could have reported as a fault."""
    return _UPKEEP.search(subject) is not None


def telling_words(question: str) -> list[str]:
    """The words of a question that say what it is about, in lower case, each once."""
    words = re.findall(r"[A-Za-z_][A-Za-z0-9_]{2,}", question)
    return list(dict.fromkeys(word.lower() for word in words if word.lower() not in _STOP))


def first_sentence(said: str) -> str:
    """The first sentence of a text, without markup, what it adds in parentheses, and its full stop."""
    paragraph = re.split(r"\n\s*\n", said.strip(), maxsplit=1)[0]
    line = plain(paragraph)
    end = _SENTENCE_END.search(line)
    sentence = line[: end.start()] if end else line.rstrip(":")
    return _ASIDE.sub("", sentence).strip(" -*:;,")


def plain(text: str) -> str:
    """The text on one line, without the marks of reStructuredText and Markdown."""
    text = _PROSE_ROLE.sub(lambda match: match[1].rpartition(".")[2] or match[1], text)
    text = _LINK.sub(lambda match: match[1] or match[2] or "", text)
    text = re.sub(r"`+([^`]*)`+_?", r"\1", text)
    text = re.sub(r"(?<!\w)(\*{1,2}|_{2})(?=\S)(.+?)(?<=\S)\1(?!\w)", r"\2", text)
    return " ".join(text.split())


def _is_fit(sentence: str) -> bool:
    words = sentence.split()
    return (
        _LEAST_WORDS <= len(words) <= _MOST_WORDS
        and not _NOT_PROSE.search(sentence)
        and len(telling_words(sentence)) >= _LEAST_TELLING
        and sum(word.strip(".,;:'\"()").isalpha() for word in words) >= 0.7 * len(words)
    )


def _base_of(word: str, rest: str) -> str:
    """The verb that a sentence begins with, in its plain form; empty where it begins with no verb."""
    if word in _VERBS:
        return word
    is_verb_here = rest.partition(" ")[0].lower() in _DETERMINERS
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        base = _singular(word)
        return base if base in _VERBS or is_verb_here else ""
    return word if is_verb_here and word.isalpha() and not word.endswith(("ing", "ed")) else ""


def _asking(verb: str, rest: str, noun: str) -> str:
    if verb == "get" and rest.startswith("if "):
        verb = "verify"
    if verb == "return":
        return f"Which function gives {rest}?"
    other = _OTHER_VERB.get(verb, verb)
    if noun == "class":
        return f"Which class {_third(other)} {rest}?"
    return f"Where does the code {other} {rest}?"


def _about_noun(sentence: str, noun: str) -> str:
    said = _reworded(_decapitalised(sentence))
    first = said.partition(" ")[0]
    if noun == "function" and first in {"the", "all", "every"}:
        return f"Which function gives {said}?"
    if first in {"the", "a", "an"}:
        return f"Which {noun} is {said}?"
    return f"Which {noun} is {'an' if said[:1] in 'aeio' else 'a'} {said}?"


def _reworded(text: str) -> str:
    for pattern, new in _BODY_SWAPS:
        text = pattern.sub(new, text)
    return text.strip()


def _plain(match: re.Match[str]) -> str:
    base = _singular(match[1])
    return base if base in _VERBS else match[1]


def _decapitalised(text: str) -> str:
    """With a small letter first, where the word is no name or acronym."""
    first = text.partition(" ")[0]
    return text if any(c.isupper() for c in first[1:]) else text[:1].lower() + text[1:]


def _as_in_prose(title: str, text: str) -> str:
    """The title with those words small that the text does not write with a capital amid a sentence."""
    # The heading itself stands in the text too.
    names = {match[0] for match in re.finditer(r"(?<=[a-z,] )[A-Z]\w*", text.replace(title, "", 1))}
    return " ".join(
        word if word.strip("(),?:") in names or any(c.isupper() for c in word[1:]) else word.lower()
        for word in title.split()
    )


def _singular(word: str) -> str:
    """A verb in the third person in its plain form."""
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("sses", "shes", "ches", "xes", "zzes", "goes", "does")):
        return word[:-2]
    return word.removesuffix("s")


def _third(verb: str) -> str:
    """A verb in the third person; of several words the first one."""
    first, blank, rest = verb.partition(" ")
    if re.search(r"[^aeiou]y$", first):
        form = f"{first[:-1]}ies"
    else:
        form = f"{first}es" if first.endswith(("s", "sh", "ch", "x", "z", "o")) else f"{first}s"
    return f"{form}{blank}{rest}"


def _finished(question: str) -> str:
    """The question, unless it ends in what only a longer sentence would make clear."""
    return "" if question.endswith((" the?", " a?", " of?", " to?", " and?", ",?")) else question
