"""Tracebacks in a text: which frames they name, nearest the error first, whatever language wrote them.

Lines are looked at one by one, long ones not at all, and no pattern here can go back over what it has read:
the time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `path` is as the traceback has it with "/" between its parts, for Java made of package and
    file name (`org/apache/Foo.java`), empty where none is named; `line` counts from 1; `function` is as
    written, without arguments, empty where none is named.
    """

    path: str
    line: int | None
    function: str


@dataclass(frozen=True, slots=True)
class Traceback:
    """The frames of one traceback, nearest the error first, and the error that it ends in.

    `error` is its line as written (`ValueError: no such unit`), empty where none was found. `language` is one
    of c, csharp, go, java, javascript, php, python, ruby, rust.
    """

    language: str
    frames: tuple[Frame, ...]
    error: str = ""


MAX_TRACEBACKS = 50
MAX_FRAMES = 200
_MAX_LINE_CHARS = 1000
_ERROR_CHARS = 400

_JVM_ENDINGS = (".java", ".kt", ".scala", ".groovy", ".clj")
_JS_ENDINGS = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".vue", ".svelte")
_LOCATION = re.compile(r"((?:[A-Za-z]:(?=[\\/]))?[^\s:()\"'@]++):(\d{1,9})(?::\d{1,9})?+")
_PYTHON = re.compile(r"\s*+File \"([^\"]++)\", line (\d{1,9})(?:, in (\S++))?")
_IPYTHON = re.compile(r"\s*+File ((?:[A-Za-z]:(?=[\\/]))?[^\s:\"]++):(\d{1,9})(?:, in ([\w.<>]++))?")
# `path in function(arguments)`; notebooks on the web make the path a link.
_IPYTHON_OLD = re.compile(r"\[?([^\s\]]++)(?:\]\([^)\s]++\))? in ([\w<>]++)(?:\(|$)")
_IPYTHON_LINE = re.compile(r"-+> ?(\d{1,9})")
_PYTEST = re.compile(r": (?:in ([\w<>]++)|[A-Z]\w*+$)")
_RUBY = re.compile(r":in [`'\"]([^'\"`]++)['\"]")
_RUBY_NUMBERED = re.compile(r"\s*+\d++: from ")
_PHP = re.compile(r"\s*+#\d++ ([^\s(]++)\((\d{1,9})\): ([\w\\:>{}-]++)")
_NUMBERED = re.compile(r"\s*+#\d++\s++(?:0x[0-9a-fA-F]++ in )?")
_RUST_FUNCTION = re.compile(r"\s*+\d++:\s++(?:0x[0-9a-f]++ - )?(\S++)")
_RUST_PANIC = re.compile(r"thread '[^']*+' (?:\(\d++\) )?panicked at ")
_SCHEME = re.compile(r"(?:[a-z][a-z-]{0,20}:/{2,3})")
# What may stand between two frames of one traceback: code and carets below a frame, numbered code as IPython
# shows it, functions above their place (Go, Rust), and "... 12 more".
_CONTINUES = re.compile(r"\s|\.\.\. \d|-+>|created by |[^\s()]{1,200}\(|\d++[: ]|\[|\||$")
_PYTHON_ERROR = re.compile(r"[A-Za-z_][\w.]*+(?::|$)")
_MAX_GAP = 30

_Found = tuple[str, Frame]


def find_tracebacks(text: str) -> tuple[tuple[Traceback, ...], str]:
    """The tracebacks in a text in order of appearance, and the text without their lines."""
    lines = text.split("\n")
    found = [_frame_at(lines, number) for number in range(len(lines))]
    groups = _groups(lines, found)[:MAX_TRACEBACKS]
    tracebacks: list[Traceback] = []
    taken: set[int] = set()
    for group in groups:
        language = _language(found, group)
        error_at = _error_at(lines, group, language)
        taken.update(
            range(_first_line(lines, group, language, error_at), _last_line(lines, group, error_at) + 1)
        )
        tracebacks.append(_traceback(lines, found, group, language, error_at))
    rest = "\n".join(line for number, line in enumerate(lines) if number not in taken)
    return tuple(tracebacks), rest


def error_line(line: str) -> str:
    """The error that a line of a traceback says, without what stands around it."""
    said = line.strip().removeprefix("E ").strip()
    for prefix in ("Caused by: ", "Uncaught ", "Unhandled exception. ", "PHP Fatal error: ", "Fatal error: "):
        said = said.removeprefix(prefix).strip()
    return said[:_ERROR_CHARS]


def _traceback(
    lines: Sequence[str],
    found: Sequence[_Found | None],
    group: Sequence[int],
    language: str,
    error_at: int | None,
) -> Traceback:
    frames = [one[1] for number in group if (one := found[number]) is not None]
    if language == "python" or _RUBY_NUMBERED.match(lines[group[0]]):
        frames.reverse()
    # The same frame many times over is a recursion: once says it.
    distinct = tuple(dict.fromkeys(frames))[:MAX_FRAMES]
    return Traceback(language, distinct, error_line(lines[error_at]) if error_at is not None else "")


def _groups(lines: Sequence[str], found: Sequence[_Found | None]) -> list[list[int]]:
    """The numbers of the lines with frames, those of one traceback together."""
    groups: list[list[int]] = []
    for number, one in enumerate(found):
        if one is None:
            continue
        last = groups[-1][-1] if groups else None
        if last is not None and _together(lines, found, last, number):
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


def _together(lines: Sequence[str], found: Sequence[_Found | None], last: int, number: int) -> bool:
    before, this = found[last], found[number]
    between = lines[last + 1 : number] if number - last <= _MAX_GAP else None
    return (
        before is not None
        and this is not None
        and before[0] == this[0]
        and between is not None
        and all(_CONTINUES.match(line) and "Traceback (most" not in line for line in between)
    )


def _language(found: Sequence[_Found | None], group: Sequence[int]) -> str:
    first = found[group[0]]
    return first[0] if first is not None else ""


def _first_line(lines: Sequence[str], group: Sequence[int], language: str, error_at: int | None) -> int:
    """Where the traceback begins: its headline, the function above its first place, the error before it."""
    first = group[0]
    if language in {"go", "rust"} and first > 0 and lines[first - 1].strip():
        first -= 1
    for number in range(first - 1, max(-1, first - 3), -1):
        line = lines[number]
        if "Traceback (most recent call last)" in line or line.startswith(("goroutine ", "stack backtrace")):
            first = number
            break
    if error_at is not None and first - 4 <= error_at < first:
        first = error_at
        # Rust says the place in a line above the message.
        if first > 0 and len(lines[first - 1]) <= _MAX_LINE_CHARS and _RUST_PANIC.match(lines[first - 1]):
            first -= 1
    return first


def _last_line(lines: Sequence[str], group: Sequence[int], error_at: int | None) -> int:
    """Where the traceback ends: at its error where that is last, else with the code below its last frame."""
    last = group[-1]
    if error_at is not None and error_at > last:
        return error_at
    has_code = last + 1 < len(lines) and lines[last + 1].startswith("    ") and _PYTHON.match(lines[last])
    return last + 1 if has_code else last


def _error_at(lines: Sequence[str], group: Sequence[int], language: str) -> int | None:
    """The number of the line that says the error: after Python's frames, before everybody else's."""
    if language == "python":
        for number in range(group[-1] + 1, min(len(lines), group[-1] + 12)):
            line = lines[number][:_MAX_LINE_CHARS].removeprefix("E ").removeprefix("  ")
            if line and not line[0].isspace() and _PYTHON_ERROR.match(line):
                return number
        return None
    for number in range(group[0] - 1, max(-1, group[0] - 6), -1):
        line = lines[number].strip()
        is_place = not line or line.startswith(("goroutine ", "stack backtrace", "Stack trace", "```"))
        is_function = language in {"go", "rust"} and number == group[0] - 1
        if not is_place and not is_function and not _RUST_FUNCTION.match(line):
            said = ": " in line or line.endswith(("Exception", "Error")) or language in {"go", "rust"}
            return number if said else None
    return None


# One line


def _frame_at(lines: Sequence[str], number: int) -> _Found | None:
    line = lines[number]
    if not 5 <= len(line) <= _MAX_LINE_CHARS:
        return None
    if line.startswith(">"):
        line = line.lstrip("> ")
    bare = line.lstrip()
    if bare.startswith("at "):
        return _at_frame(bare[3:].rstrip(), _function_above(lines, number))
    if bare.startswith("#"):
        return _php_frame(bare) or _c_frame(bare.rstrip())
    for read in _READERS:
        if (one := read(line)) is not None:
            return (
                one if one[1].line is not None else (one[0], replace(one[1], line=_pointed_at(lines, number)))
            )
    if line[0].isspace():
        return _go_frame(bare, lines[number - 1] if number else "")
    return None


def _python_frame(line: str) -> _Found | None:
    match = _PYTHON.match(line) or _IPYTHON.match(line)
    if match is not None:
        return "python", Frame(_path(match[1]), int(match[2]), match[3] or "")
    match = _IPYTHON_OLD.match(line)
    if match is not None and match[1].endswith((".py", ".pyx", ">")):
        return "python", Frame(_path(match[1]), None, match[2])
    return None


def _pointed_at(lines: Sequence[str], number: int) -> int | None:
    """The line that IPython's arrow points at, in the lines below a frame."""
    for line in lines[number + 1 : number + 12]:
        if (arrow := _IPYTHON_LINE.match(line)) is not None:
            return int(arrow[1])
    return None


def _placed_frame(line: str) -> _Found | None:
    """A line that begins with `path:line`, as pytest and Ruby write it."""
    bare = line.lstrip()
    numbered = _RUBY_NUMBERED.match(line)
    bare = line[numbered.end() :] if numbered else bare.removeprefix("from ")
    place = _LOCATION.match(bare)
    if place is None:
        return None
    rest = bare[place.end() : place.end() + 200]
    ruby = _RUBY.match(rest)
    if ruby is not None:
        return "ruby", Frame(_path(place[1]), int(place[2]), ruby[1])
    pytest = _PYTEST.match(rest)
    if pytest is not None and place[1].endswith(".py"):
        return "python", Frame(_path(place[1]), int(place[2]), pytest[1] or "")
    return None


def _browser_frame(line: str) -> _Found | None:
    """`function@address:line:column`, as Firefox and Safari write it."""
    function, at, address = line.strip().partition("@")
    if not at or " " in function or " " in address:
        return None
    path, line_number = _address(address)
    if line_number is None or not path.endswith(_JS_ENDINGS):
        return None
    return "javascript", Frame(path, line_number, function.strip("/<"))


_READERS: tuple[Callable[[str], _Found | None], ...] = (_python_frame, _placed_frame, _browser_frame)


def _at_frame(said: str, above: str) -> _Found | None:
    """What stands after `at `: Java, JavaScript, C#, and Rust, whose function is in the line above."""
    head, paren, tail = said.partition("(")
    head = head.strip()
    if not paren:
        path, line = _address(said.removeprefix("async "))
        if line is None:
            return None
        if path.endswith(".rs"):
            return "rust", Frame(path, line, above)
        return ("javascript", Frame(path, line, "")) if path.endswith(_JS_ENDINGS) else None
    inside, _, after = tail.partition(")")
    file, _, number = inside.partition(":")
    if file.endswith(_JVM_ENDINGS) or inside in {"Native Method", "Unknown Source"}:
        return "java", _java_frame(head, file, number)
    path, line = _address(inside)
    if line is not None:
        return "javascript", Frame(path, line, head.removeprefix("async ").removeprefix("new "))
    if after.startswith(" in "):
        place, _, number = after[4:].rpartition(":line ")
        if place:
            return "csharp", Frame(_path(place), int(number) if number.isdecimal() else None, head)
    is_name = "." in head and not any(character.isspace() for character in head)
    return ("csharp", Frame("", None, head)) if is_name and not after.strip() else None


def _java_frame(qualified: str, file: str, number: str) -> Frame:
    name = qualified.rpartition("/")[2]
    owner, _, method = name.rpartition(".")
    package, _, of_type = owner.rpartition(".")
    folder = f"{package.replace('.', '/')}/" if package else ""
    path = f"{folder}{file}" if file.endswith(_JVM_ENDINGS) else f"{folder}{of_type.split('$')[0]}.java"
    function = f"{of_type.split('$')[0]}.{method}" if of_type else method
    return Frame(path, int(number) if number.isdecimal() else None, function)


def _php_frame(line: str) -> _Found | None:
    match = _PHP.match(line)
    if match is None:
        return None
    return "php", Frame(_path(match[1]), int(match[2]), match[3].replace("->", "::"))


def _c_frame(line: str) -> _Found | None:
    """A frame of gdb, `#0 0x1 in function (arguments) at file.c:12`, or of a sanitizer, without `at`."""
    start = _NUMBERED.match(line)
    if start is None:
        return None
    said, at, place = line[start.end() :].rpartition(" at ")
    if not at:
        said, _, place = line[start.end() :].rpartition(" ")
    found = _LOCATION.fullmatch(place)
    if found is None or not said:
        return None
    return "c", Frame(_path(found[1]), int(found[2]), said.partition("(")[0].strip())


def _go_frame(bare: str, above: str) -> _Found | None:
    place = _LOCATION.match(bare)
    if place is None or not place[1].endswith(".go"):
        return None
    if not above[:_MAX_LINE_CHARS].endswith(")") and not above.startswith("created by "):
        return None
    called = above.strip()[:_MAX_LINE_CHARS].removeprefix("created by ").partition(" in goroutine")[0]
    # The arguments are in the last parentheses; earlier ones hold a receiver: `main.(*Server).run(0x1)`.
    function = called.rpartition("(")[0] if called.endswith(")") else called
    return "go", Frame(_path(place[1]), int(place[2]), function)


def _function_above(lines: Sequence[str], number: int) -> str:
    match = _RUST_FUNCTION.match(lines[number - 1][:_MAX_LINE_CHARS]) if number else None
    return match[1] if match is not None else ""


def _address(written: str) -> tuple[str, int | None]:
    """Path and line of `path:line` or `path:line:column`, where the path may be an address."""
    scheme = _SCHEME.match(written)
    place = written[scheme.end() :] if scheme else written
    parts = place.rsplit(":", 2)
    if len(parts) == 3 and parts[1].isdecimal() and parts[2].isdecimal():
        path, line = parts[0], parts[1]
    elif len(parts) >= 2 and parts[-1].isdecimal():
        path, line = ":".join(parts[:-1]), parts[-1]
    else:
        return "", None
    if scheme and scheme[0].startswith("http"):
        path = path.partition("/")[2]
    elif scheme and scheme[0] == "file:///":
        path = f"/{path}"
    return _path(path.partition("?")[0]), int(line[:9])


def _path(written: str) -> str:
    return written.replace("\\", "/")


def panics(text: str) -> list[Traceback]:
    """Rust's panics that say their place in the line of the error, and PHP's fatal errors."""
    found: list[Traceback] = []
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if len(line) > _MAX_LINE_CHARS or len(found) == MAX_TRACEBACKS:
            continue
        one = _rust_panic(line, lines[number + 1] if number + 1 < len(lines) else "") or _php_error(line)
        if one is not None:
            found.append(one)
    return found


def _rust_panic(line: str, below: str) -> Traceback | None:
    start = _RUST_PANIC.search(line)
    if start is None:
        return None
    said = line[start.end() :].strip().rstrip(":")
    message, comma, place = said.rpartition(", ")
    found = _LOCATION.fullmatch(place if comma else said)
    if found is None:
        return None
    error = message.strip("'") if comma else below.strip()
    return Traceback("rust", (Frame(_path(found[1]), int(found[2]), ""),), error[:_ERROR_CHARS])


def _php_error(line: str) -> Traceback | None:
    head, fatal, said = line.partition("Fatal error: ")
    if not fatal or len(head) > 60:
        return None
    message, _, place = said.rpartition(" in ")
    found = _LOCATION.fullmatch(place.strip().replace(" on line ", ":"))
    if found is None:
        return None
    error = error_line(message.strip())
    return Traceback("php", (Frame(_path(found[1]), int(found[2]), ""),), error)


def merged(tracebacks: Sequence[Traceback], said: Sequence[Traceback]) -> tuple[Traceback, ...]:
    """The tracebacks, with the places that panics say set before the frames of the one in their language."""
    result = list(tracebacks)
    for panic in said:
        for number, one in enumerate(result):
            if one.language == panic.language and panic.frames[0] not in one.frames:
                frames = (panic.frames[0], *one.frames)[:MAX_FRAMES]
                result[number] = replace(one, frames=frames, error=panic.error or one.error)
                break
        else:
            result.append(panic)
    return tuple(result)[:MAX_TRACEBACKS]
