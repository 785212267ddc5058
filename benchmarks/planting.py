"""True claims of people, mined from repositories, and false ones planted from them.

A claim is a sentence that people wrote about a function, a method or a class: of its docstring, or of a
README or a page of documentation that names it. Its evidence is the definition as a citation would hold it,
without the docstring and without any copy of the sentence. The rules that say which sentences are claims
about their evidence (`is_about_its_evidence`) know nothing of the checker and are the same for true and
planted claims.
"""

from __future__ import annotations

import ast
import builtins
import random
import re
import textwrap
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import repositories

MAX_FILE_BYTES = 400_000
LEAST_WORDS, MOST_WORDS = 4, 60
# A body of fewer lines says little that its signature does not; one of more is cited in parts.
LEAST_LINES, MOST_LINES = 3, 150
_NO_SOURCE = re.compile(
    r"(^|/)(tests?|testing|_?vendor(ed)?|examples?|docs?|benchmarks?|migrations|samples?|third_party)(/|$)"
    r"|(^|/)(test_[^/]*|[^/]*_test|conftest|setup)\.py$"
)

# What a definition cannot bear out: advice to its callers, who calls it, what was or will be, comparisons
# with what stands elsewhere, theory, and pointers to reading.
_OUTSIDE = re.compile(
    r"https?://|www\.|@\w+\.|\b(see|refer to|e\.g|for (example|instance|more|details?)|i\.e\. the one)\b"
    r"|\b(deprecated|legacy|historical(ly)?|previously|formerly|no longer|in (the )?future|version(added"
    r"|changed)|"
    r"(added|new|changed|introduced|removed) in|since|as of|prior to|todo|fixme|xxx|hack"
    r"|backwards?.compat\w*)\b"
    r"|\b(used|called|invoked|needed|required|overrid\w+|implemented|subclassed|inherited|provided"
    r"|intended|meant|"
    r"designed|exposed|documented|described|defined) (by|when|from|before|after|in|for|as|internally|on"
    r"|elsewhere)\b"
    r"|\b(override|subclass(es)?|implementers?|implementations?|users?|callers?|clients? (should|must"
    r"|can)|developers?|"
    r"you|your|we|our|us|i|let's|please|should|shouldn't|ought|recommended|useful|convenient|convenience"
    r"|helper|"
    r"typically|usually|normally|often|generally|sometimes|must|needs? to|has to|have to|expected to"
    r"|careful|beware|"
    r"make sure|remember|applications?|may want|currently|unfortunately|at the moment|right now|for now"
    r"|yet)\b"
    r"|\b(complexity|theorem|lemma|proof|conjecture|hypothesis|proposed|published|invented|literature)\b"
    r"|\b(19|20)\d\d\b|:(ref|doc|term|rfc|pep|issue|label):"
    r"|\b(unlike|similar(ly)?|same (as|way)|just like|like the|analog\w+|equivalent|compare[ds]? (to"
    r"|with)|instead of|"
    r"rather than|alternatives?|counterpart|alias|shorthand|shortcut|wrapper|variant|version of|based on)\b"
    r"|\b(example|examples|note|notes|warning|reference|references|wikipedia|paper|et al|rfc ?\d+"
    r"|pep ?\d+|section|"
    r"chapter|tutorial|docs|documentation|docstring|above|below|following)\b|\[\d+\]",
    re.IGNORECASE,
)
# What cannot be read alone: it leans on the sentence before. And formulas.
_LEANS = re.compile(
    r"(This|These|That|Those|It|Its|They|Their|Otherwise|However|Also|Thus|Therefore|Then|Such|Here|Both"
    r"|Hence|But|And|"
    r"Or|So|Additionally|Moreover|Furthermore|For|In (this|that|which|other|addition)|If (it|this|that"
    r"|so|not|they))\b"
)
_FORMULA = re.compile(r"[$\\=^|{}<>]|\bO\(")
_ROLE = re.compile(
    r":(?:[a-z]+:)?(?!(?:ref|doc|term|rfc|pep|issue|label)\b)[a-z]+:`(?:[^`<]*<)?[!~.]*([^`<>]+)>?`"
)
_DIRECTIVE = re.compile(r"^\s*\.\.(\s|$)")
_SECTION = re.compile(
    r"^\s*(Args|Arguments|Parameters|Params|Returns?|Yields?|Raises|Attributes|Examples?|Notes?"
    r"|References?|See Also|"
    r"Warnings?|Usage|Other Parameters|Keyword Arguments|Todo|Methods)\s*:?\s*$"
)
_FIELD = re.compile(r"^\s*(:\w[^:`]*:|@\w+|[-*+•] |\d+[.)] |[\w*, ]+ : |>>>|\||`{3}|[=~^\-#\"+*]{3,})")
_SENTENCE_END = re.compile(
    r"(?<![\s.(][A-Za-z])(?<!\be\.g)(?<!\bi\.e)(?<!\betc)(?<!\bvs)(?<!\bcf)[.!?]\s+(?=[A-Z`\"'(])"
)
_WORDS = re.compile(r"[A-Za-z]{2,}")
_PLAIN = re.compile(r"[^a-z0-9]+")

IDENTIFIER = re.compile(
    r"`[.~!]*(?P<marked>[A-Za-z_][\w.]*(?:\(\))?)`"
    r"|(?<![\w.`/\-])(?P<bare>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+(?:\(\))?|[A-Za-z_]\w*\(\)"
    r"|_*[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+_*|"
    r"[A-Z]+[a-z0-9]+(?:[A-Z][a-z0-9]*)+|[a-z]+[a-z0-9]*(?:[A-Z][a-z0-9]+)+)(?![\w`/\-])"
)
NUMBER = re.compile(
    r"(?<![\w.\-/#\[`'\"])(?P<digits>\d+(?:\.\d+)*)"
    r"(?=$|[\s,;:)%'\"`\]]|\.(?:\s|$)|(?:s|ms|kb|mb|px|x)\b)"
    r"|(?<=`)(?P<marked>\d+(?:\.\d+)*)(?=`)"
    r"|(?<![\w.\-/#\[`'\"])(?P<word>zero|two|three|four|five|six|seven|eight|nine|ten|twelve|hundred"
    r"|thousand)\b(?!-)",
    re.IGNORECASE,
)
_NUMBER_WORDS = "zero two three four five six seven eight nine ten twelve hundred thousand".split()
_BUILT_IN = frozenset(dir(builtins))
_NO_NAMES = {"e.g", "i.e", "etc", "None", "True", "False", "self", "cls"}


@dataclass(frozen=True)
class Definition:
    """A function, method or class: its text without docstring, and the sentences that people wrote about
    it.
    """

    repo: str
    path: str
    symbol: str
    code: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Claim:
    """A sentence with its evidence. `kind` is "true" or what was planted; `slice` where people wrote it."""

    kind: str
    text: str
    about: Definition
    slice: str = "docstring"
    detail: str = ""


@dataclass
class Mined:
    """What one repository holds: definitions, claims, and the names that its sentences speak of, with their
    files.
    """

    repo: str
    definitions: list[Definition] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    # How many sentences were read, before any rule.
    sentences: int = 0
    # Sentences that also speak of another definition, which their own one does not mention.
    elsewhere: list[Claim] = field(default_factory=list)
    defined: set[str] = field(default_factory=set)
    # What its code names, and which of these names it gives itself.
    identifiers: set[str] = field(default_factory=set)
    own_names: set[str] = field(default_factory=set)
    names: Counter[str] = field(default_factory=Counter)
    names_of_file: dict[str, Counter[str]] = field(default_factory=dict)


def mined(path: Path, repo: str) -> Mined:
    """The true claims of a repository's newest commit, in the order of its files."""
    found = Mined(repo)
    by_name: dict[str, list[Definition]] = {}
    mentioned: list[tuple[str, str]] = []
    for file, text in _files(path, ".py"):
        tree = _parsed(text)
        if tree is None:
            continue
        for name, is_given in _names_in(tree):
            found.identifiers.add(name)
            if is_given and name not in _BUILT_IN:
                found.own_names.add(name)
        found.defined.update(
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        )
        for definition in _definitions_in(tree.body, "", repo, file, text.split("\n")):
            found.definitions.append(definition)
            by_name.setdefault(definition.symbol.rpartition(".")[2], []).append(definition)
            for sentence in definition.sentences:
                mentioned += [(file, _name(match)) for match in IDENTIFIER.finditer(sentence)]
                found.sentences += 1
                if is_about_its_evidence(sentence) and not _holds_copy(definition.code, sentence):
                    found.claims.append(Claim("true", sentence, definition))
    for file, name in mentioned:
        if is_identifier(name, found.own_names):
            found.names[name] += 1
            found.names_of_file.setdefault(file, Counter())[name] += 1
    found.claims.extend(_page_claims(path, by_name))
    found.elsewhere = [claim for claim in found.claims if _speaks_of_another(claim, found.defined)]
    apart = set(map(id, found.elsewhere))
    found.claims = [claim for claim in found.claims if id(claim) not in apart]
    return found


def _names_in(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """Every name that the code of a file holds, and whether it is given there: to a definition, a parameter,
    a variable or an attribute.
    """
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, True
            case ast.arg(arg=name):
                yield name, True
            case ast.Name(id=name, ctx=context) | ast.Attribute(attr=name, ctx=context):
                yield name, isinstance(context, ast.Store)
            case ast.keyword(arg=str(name)):
                yield name, False
            case ast.alias(name=name):
                yield from ((part, False) for part in name.split("."))
            case _:
                pass


def _speaks_of_another(claim: Claim, defined: set[str]) -> bool:
    """Whether the sentence names a definition of the repository of which its own one does not speak."""
    about = claim.about
    own = set(re.findall(r"\w+", f"{about.code} {about.path} {about.symbol}"))
    for match in IDENTIFIER.finditer(claim.text):
        for part in _name(match).removesuffix("()").split("."):
            if part in defined and part not in own:
                return True
    return False


def _files(path: Path, *suffixes: str, is_source: bool = True) -> Iterator[tuple[str, str]]:
    for row in repositories.lines(path, "ls-tree", "-r", "--long", "HEAD"):
        fields, _, name = row.partition("\t")
        mode, kind, blob, size = fields.split()
        # A clone may lack some blobs: git says so in place of the size.
        if kind != "blob" or not mode.startswith("100") or not size.isdigit() or int(size) > MAX_FILE_BYTES:
            continue
        if name.endswith(suffixes) and not (is_source and _NO_SOURCE.search(name)):
            yield name, repositories.git(path, "cat-file", "blob", blob).decode("utf-8", "replace")


def _parsed(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def _definitions_in(
    body: Sequence[ast.stmt], prefix: str, repo: str, path: str, lines: Sequence[str]
) -> Iterator[Definition]:
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        symbol = f"{prefix}{node.name}"
        docstring = ast.get_docstring(node)
        if docstring and not node.name.startswith("test"):
            code = _without_docstring(node, lines)
            if LEAST_LINES <= _code_lines(node, code) <= MOST_LINES:
                yield Definition(repo, path, symbol, code, tuple(sentences_of(docstring)))
        if isinstance(node, ast.ClassDef):
            yield from _definitions_in(node.body, f"{symbol}.", repo, path, lines)


def _without_docstring(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, lines: Sequence[str]
) -> str:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    literal = node.body[0]
    end = node.end_lineno or node.lineno
    kept = [*lines[first - 1 : literal.lineno - 1], *lines[(literal.end_lineno or literal.lineno) : end]]
    if literal.lineno == node.lineno:
        kept = [lines[first - 1]]
    return textwrap.dedent("\n".join(kept))


def _code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, code: str) -> int:
    """Lines of the body that hold code; none for a stub."""
    body = node.body[1:]
    if not body or all(isinstance(one, ast.Pass | ast.Raise) or _is_literal(one) for one in body):
        return 0
    first = body[0].lineno
    span = (node.end_lineno or first) - first + 1
    tail = code.split("\n")[-span:]
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in tail)


def _is_literal(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def sentences_of(docstring: str) -> list[str]:
    """The sentences of a docstring's prose, in order: no sections, fields, lists, literal blocks or
    doctests.
    """
    sentences: list[str] = []
    is_literal = False
    for paragraph in re.split(r"\n\s*\n", docstring):
        lines = paragraph.split("\n")
        if _SECTION.match(lines[0]):
            break
        indented = lines[0][:1].isspace()
        if indented or any(_FIELD.match(line) or _DIRECTIVE.match(line) for line in lines):
            if any(re.match(r"\s*(:\w|@\w)", line) for line in lines):
                break
            continue
        if is_literal and indented:
            continue
        text = " ".join(" ".join(lines).split())
        is_literal = text.endswith("::")
        sentences += split_sentences(plain(text))
    return sentences


def split_sentences(text: str) -> list[str]:
    """A paragraph's sentences."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return [
        text[a:b].strip() for a, b in zip([0, *ends], [*ends, len(text)], strict=True) if text[a:b].strip()
    ]


def plain(text: str) -> str:
    """Text without the roles of reStructuredText and with one kind of marks around code."""
    text = _ROLE.sub(lambda match: f"`{match[1].strip()}`", text)
    text = re.sub(r"``([^`]+)``", r"`\1`", text)
    return re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)


def is_about_its_evidence(sentence: str) -> bool:
    """Whether a sentence states something about its definition: whole, of a few words, and not about what
    stands elsewhere.
    """
    words = _WORDS.findall(sentence)
    return (
        LEAST_WORDS <= len(words) <= MOST_WORDS
        and sentence[0] not in "(`'\"" + "abcdefghijklmnopqrstuvwxyz"
        and sentence[-1] in "."
        and not _OUTSIDE.search(sentence)
        and not _LEANS.match(sentence)
        and not _FORMULA.search(sentence)
        and "::" not in sentence
        and _has_verb(sentence)
    )


def _has_verb(sentence: str) -> bool:
    """Whether it says something: it begins with a verb, or holds a form that is hardly anything else."""
    words = re.findall(r"[A-Za-z']+", sentence)
    if words[0].lower() in VERBS:
        return True
    return any(word in _FINITE or (word in VERBS and word not in _BASE_FORMS) for word in words[1:])


def _holds_copy(code: str, sentence: str) -> bool:
    return _PLAIN.sub("", sentence.lower()) in _PLAIN.sub("", code.lower())


def _page_claims(path: Path, by_name: dict[str, list[Definition]]) -> Iterator[Claim]:
    """Sentences of READMEs and documentation that mark in code one name that one definition has."""
    for file, text in _files(path, ".md", ".rst", is_source=False):
        if re.search(r"(?i)change|history|news|release|whats?new|versions?/", file):
            continue
        for paragraph in re.split(r"\n\s*\n", text):
            lines = paragraph.split("\n")
            if lines[0][:1].isspace() or any(_FIELD.match(line) or _DIRECTIVE.match(line) for line in lines):
                continue
            for sentence in split_sentences(plain(" ".join(" ".join(lines).split()))):
                if not is_about_its_evidence(sentence):
                    continue
                definition = _named(sentence, by_name)
                if definition and not _holds_copy(definition.code, sentence):
                    yield Claim("true", sentence, definition, "page")


def _named(sentence: str, by_name: dict[str, list[Definition]]) -> Definition | None:
    """The definition that the first name marked as code means, where only one has it."""
    for match in IDENTIFIER.finditer(sentence):
        name = (match["marked"] or match["bare"]).removesuffix("()").rpartition(".")[2]
        found = by_name.get(name, [])
        if found and (len(name) > 4):
            return found[0] if len(found) == 1 else None
    return None


# Pairs of which each word is the other's opposite.
_OPPOSITES = (
    "true false",
    "before after",
    "minimum maximum",
    "min max",
    "enabled disabled",
    "enable disable",
    "first last",
    "increases decreases",
    "lower upper",
    "ascending descending",
    "start end",
    "add remove",
    "adds removes",
    "open close",
    "read write",
    "allow forbid",
    "input output",
    "valid invalid",
    "include exclude",
    "included excluded",
    "left right",
    "more less",
    "encode decode",
    "success failure",
    "synchronous asynchronous",
    "with without",
    "if unless",
    "always never",
)
_OPPOSITE = {word: other for pair in _OPPOSITES for word, other in (pair.split(), reversed(pair.split()))}
_NEGATIONS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b([Cc])annot\b"), r"\1an"),
    (re.compile(r"\b([Cc])an't\b"), r"\1an"),
    (re.compile(r"\b([Ww])on't\b"), r"\1ill"),
    (re.compile(r"\b(is|are|was|were|has|have|had|must|could|would)n't\b", re.IGNORECASE), r"\1"),
    (
        re.compile(r"\b(is|are|was|were|be|been|has|have|had|must|could|would|will|can|may|might) not\b"),
        r"\1",
    ),
    (re.compile(r"\bDoes(?: not|n't) ([a-z])([a-z]+)"), "does"),
    (re.compile(r"\bdoes(?: not|n't) ([a-z])([a-z]+)"), "does"),
    (re.compile(r"\bDo(?: not|n't) ([a-z])"), "do"),
    (re.compile(r"\bdo(?: not|n't) "), ""),
    (re.compile(r"\bunless\b"), "if"),
    (re.compile(r"\bwithout\b"), "with"),
    (re.compile(r"\bnever\b"), "always"),
    (re.compile(r"\bNever\b"), "Always"),
    (re.compile(r"\bnot "), ""),
)
_AUXILIARY = re.compile(r"\b(is|are|was|were|must|could|would|will|can|may|might)\b(?! not)")


def planted(truth: Claim, among: Mined, chance: random.Random) -> Iterator[Claim]:
    """The false claims that can be made of a true one: at most one of each kind."""
    makers = {
        "number": lambda: _with_another_number(truth.text, chance),
        "negation": lambda: _negated(truth.text),
        "identifier": lambda: _with_another_name(truth, among, among.names, chance),
        "neighbour": lambda: _with_another_name(
            truth, among, among.names_of_file.get(truth.about.path), chance
        ),
        "behaviour": lambda: _of_another(truth, among, chance),
        "opposite": lambda: _opposite(truth.text, chance),
    }
    for kind, make in makers.items():
        made = make()
        if made is not None:
            text, detail = made
            yield Claim(kind, text, truth.about, truth.slice, detail)


def _with_another_number(text: str, chance: random.Random) -> tuple[str, str] | None:
    found = list(NUMBER.finditer(text))
    if not found:
        return None
    match = chance.choice(found)
    if match["word"]:
        word = match["word"].lower()
        other = chance.choice([one for one in _NUMBER_WORDS if one != word])
        other = other.capitalize() if match["word"][0].isupper() else other
        start, end = match.span("word")
    else:
        start, end = match.span("digits" if match["digits"] else "marked")
        other = _another_number(text[start:end], chance)
    return f"{text[:start]}{other}{text[end:]}", f"{text[start:end]} -> {other}"


def _another_number(digits: str, chance: random.Random) -> str:
    """A number as it might have been: a neighbour, a multiple, or another round one."""
    head, dot, last = digits.rpartition(".")
    value = int(last)
    if dot:
        others = [value + 1, value + 2, abs(value - 1), value + 5]
    else:
        others = [value + 1, value - 1, value + 2, value * 2, value * 10, value // 2, value + 10, value + 100]
    chosen = chance.choice([one for one in others if one >= 0 and one != value])
    return f"{head}{dot}{chosen}"


def _negated(text: str) -> tuple[str, str] | None:
    """A negation taken out where there is one, else one put before the main verb."""
    for pattern, replacement in _NEGATIONS:
        match = pattern.search(text)
        if match is None:
            continue
        if replacement == "does":
            verb = _third_person(match[1] + match[2])
            put = verb.capitalize() if match[0][0] == "D" else verb
        elif replacement == "do":
            put = match[1].upper()
        else:
            put = match.expand(replacement)
        return f"{text[: match.start()]}{put}{text[match.end() :]}", "removed"
    if re.search(r"\b(no|none|nothing|neither|nor)\b", text):
        return None
    return _main_verb_negated(text)


def _main_verb_negated(text: str) -> tuple[str, str] | None:
    """The verb that the sentence begins with, else the first auxiliary or sure verb of its main clause."""
    verb = re.match(r"([A-Z][a-z]+)\b(?= [a-z`\d])", text)
    if verb and verb[1].lower() in VERBS:
        return f"Does not {VERBS[verb[1].lower()]}{text[verb.end() :]}", "inserted"
    start = 0
    if _SUBORDINATE.match(text):
        comma = text.find(", ")
        if comma < 0:
            return None
        start = comma
    places = [(match.end(), match.end(), " not") for match in _AUXILIARY.finditer(text, start)]
    places += [
        (match.start(), match.end(), f"does not {VERBS[match[1]]}")
        for match in re.finditer(r"(?<=[a-z`)] )\b([a-z]+s)\b", text)
        if match[1] in _SURE_VERBS and match.start() > start
    ]
    if not places:
        return None
    at, end, put = min(places)
    return f"{text[:at]}{put}{text[end:]}", "inserted"


_SUBORDINATE = re.compile(
    r"(If|When|Whenever|Unless|While|Once|Because|Where|Although|Given|With|Without|By|On|In)\b"
)


def _third_person(verb: str) -> str:
    if verb.endswith(("s", "sh", "ch", "x", "z", "o")):
        return f"{verb}es"
    if verb.endswith("y") and verb[-2:-1] not in "aeiou":
        return f"{verb[:-1]}ies"
    return f"{verb}s"


_BASES = (
    "abort accept acquire activate adapt add adjust advance aggregate allocate allow analyze annotate answer "
    "append apply approximate arrange ask assemble assert assign assume attach authenticate authorize await "
    "become bind block boost bootstrap break bring broadcast build bump bypass cache calculate call "
    "capture cast catch center change check choose chunk clean clear clone close coerce collapse collect "
    "combine commit compare compile complete compress compute concatenate condense configure confirm "
    "connect construct consume contain continue contribute control convert coordinate copy correct count "
    "cover create crop customize cycle deactivate deal debug decide decode decorate decrease dedent "
    "deduplicate defer define delegate delete deliver deploy derive describe deserialize destroy detect "
    "determine diff differ disable discard discover dispatch display divide download drain draw drop "
    "dump duplicate echo edit eliminate embed emit emulate enable encode encrypt end enforce ensure "
    "enter enumerate erase escape estimate evaluate examine exchange exclude execute exit expand expect "
    "explain export expose extend extract factor fail fetch fill filter finalize find finish fit flag "
    "flatten flip flush follow force format forward free freeze gather generalize generate get give grab "
    "group grow guarantee guess halt handle hash hide hold identify ignore implement imply import "
    "include increase increment indent index indicate inform inherit initialize inject insert inspect "
    "install instantiate instruct integrate intercept interpolate interpret introduce invert invoke "
    "issue iterate join keep kill label launch lay let lift limit link list listen load locate lock log "
    "look lookup lower maintain make manage map mark match measure merge migrate mimic minimize mix mock "
    "model modify monitor mount move mutate name need negate normalize notify number observe obtain "
    "occur open operate optimize order organize output overlay override overwrite own pack pad paint "
    "parametrize parse partition pass patch pause perform permit persist pick pickle place plot poll pop "
    "populate post predict prefer prefetch prefix prepare prevent print proceed process produce promote "
    "propagate protect provide prune publish pull purge push put query queue quote raise rank react read "
    "rebuild recalculate receive recompute reconstruct record recover recurse redirect reduce refer "
    "reflect reformat refresh refuse register regroup reject release reload rely remain remember remove "
    "rename render reorder repeat replace reply report represent reproduce request require reserve reset "
    "reshape resize resolve respond restart restore restrict result resume retain retrieve retry return "
    "reuse reverse revert revoke rewrite rotate round route run sample sanitize satisfy save scale scan "
    "schedule scroll search seek seem select send separate serialize serve set setup share shift shorten "
    "show shuffle shut sign signal simplify simulate sit skip sleep slice solve sort spawn specify speed "
    "spin split squash stack standardize start state stay step stop store strip submit subscribe sum "
    "supply support suppress suspend swallow swap switch synchronize tag take tell terminate test throw "
    "tie toggle tokenize touch trace track train transfer transform translate traverse treat trigger "
    "trim truncate try turn undo unpack unregister unwrap update upgrade upload use validate vary verify "
    "view visit wait walk warn watch wire work wrap write yank yield zip "
).split()
_BASE_FORMS = frozenset(_BASES)
_FINITE = frozenset(
    "is are was were be has have had does do did will would can could may might cannot doesn't isn't "
    "aren't don't won't can't".split()
)
VERBS = {form: base for base in _BASES for form in (base, _third_person(base))}
# Forms that are hardly ever nouns in the plural.
_SURE_VERBS = {
    _third_person(base)
    for base in "accept add allow apply assign become build clear close compute contain convert create "
    "delete determine "
    "disable enable ensure execute extract fetch generate get give handle hold ignore implement include "
    "insert keep make modify open parse perform prepare produce provide raise read receive remove render "
    "replace represent require reset resolve retrieve return send set specify store take update use "
    "validate write yield".split()
}


def _with_another_name(
    truth: Claim, among: Mined, pool: Counter[str] | None, chance: random.Random
) -> tuple[str, str] | None:
    """With another name of the same shape, which the repository gives and sentences speak of."""
    found = [
        match for match in IDENTIFIER.finditer(truth.text) if is_identifier(_name(match), among.identifiers)
    ]
    if not found or not pool:
        return None
    match = chance.choice(found)
    name = _name(match)
    others = [
        one
        for one in sorted(pool)
        if _shape(one) == _shape(name)
        and _tail(one) != _tail(name)
        # Without marks, a plain word would be no name.
        and (match["marked"] or IDENTIFIER.fullmatch(one))
    ]
    if not others:
        return None
    other = chance.choices(others, weights=[pool[one] for one in others])[0]
    start, end = match.span("marked" if match["marked"] else "bare")
    return f"{truth.text[:start]}{other}{truth.text[end:]}", f"{name} -> {other}"


def is_identifier(name: str, identifiers: set[str]) -> bool:
    """Whether it is one of these: PostgreSQL is no name in code, and a single letter is notation."""
    last = name.removesuffix("()").rpartition(".")[2]
    return name not in _NO_NAMES and len(_tail(name)) > 1 and last in identifiers


def _name(match: re.Match[str]) -> str:
    return match["marked"] or match["bare"]


def _tail(name: str) -> str:
    return name.removesuffix("()").rpartition(".")[2].strip("_").lower()


def _shape(name: str) -> tuple[bool, bool, bool]:
    """Class-like or not, called or not, private or not."""
    tail = name.removesuffix("()").rpartition(".")[2]
    return tail.strip("_")[:1].isupper(), name.endswith("()"), tail.isupper()


def _of_another(truth: Claim, among: Mined, chance: random.Random) -> tuple[str, str] | None:
    """A sentence about another definition: of the same file in every other case, if there is one."""
    is_here = chance.random() < 0.5
    name = truth.about.symbol.rpartition(".")[2].strip("_")
    others = [
        claim
        for claim in among.claims
        if claim.about.symbol.rpartition(".")[2].strip("_") != name
        and claim.text != truth.text
        and (not is_here or claim.about.path == truth.about.path)
    ]
    if not others:
        return None
    return chance.choice(others).text, "file" if is_here else "repository"


def _opposite(text: str, chance: random.Random) -> tuple[str, str] | None:
    places = [match for match in re.finditer(r"[A-Za-z]+", text) if match[0].lower() in _OPPOSITE]
    if not places:
        return None
    match = chance.choice(places)
    other = _OPPOSITE[match[0].lower()]
    other = other.capitalize() if match[0][0].isupper() else other
    return f"{text[: match.start()]}{other}{text[match.end() :]}", f"{match[0]} -> {other}"
