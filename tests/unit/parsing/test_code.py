"""Source code: which bytes belong to which definition."""

from __future__ import annotations

import pytest

from loccit.core.chunks import Chunk, ChunkKind, ParsedFile
from loccit.parsing import ParsingOptions, parse
from tests.unit.parsing.tiling import check_tiling

APART = ParsingOptions(min_chunk_bytes=0, whole_class_bytes=0)


def text(data: bytes, chunk: Chunk) -> str:
    return data[chunk.start_byte : chunk.end_byte].decode()


def chunk_of(parsed: ParsedFile, symbol: str) -> Chunk:
    (found,) = (chunk for chunk in parsed.chunks if chunk.symbol == symbol)
    return found


def test_decorators_and_the_comment_above_belong_to_a_definition() -> None:
    """A blank line ends what belongs to it; so does code."""
    data = b"x = 1  # about x\n\n# about y\n\n# about f\n# and how\n@cache\n@other(1)\ndef f():\n    pass\n"
    first, function = parse(data, language="python", options=APART).chunks
    assert text(data, first) == "x = 1  # about x\n\n# about y\n\n"
    assert text(data, function).startswith("# about f\n# and how\n@cache\n")
    assert function.signature == "def f()"
    assert [data[start:end] for start, end in function.docs] == [b"# about f\n# and how"]


def test_a_decorated_method_that_ends_its_decorated_class_keeps_its_decorator() -> None:
    """Both end at the same byte; each has its own decorators."""
    data = b"@outer\nclass A:\n    x = 1\n\n    @inner\n    def f(self):\n        pass\n"
    header, method = parse(data, language="python", options=APART).chunks
    assert text(data, header) == "@outer\nclass A:\n    x = 1\n\n"
    assert text(data, method) == "    @inner\n    def f(self):\n        pass\n"
    assert (header.kind, header.symbol, header.defines) == (ChunkKind.CLASS, "A", ("A", "x"))
    assert (method.kind, method.symbol, method.defines) == (ChunkKind.FUNCTION, "A.f", ("f",))
    assert method.signature == "class A: def f(self)"


def test_a_nested_function_stays_in_its_function_unless_that_is_long() -> None:
    """Up to the limit a function is one chunk; beyond it, what it defines has chunks of its own."""
    inner = b"    def inner():\n" + b"        work()\n" * 30
    short = b"def outer():\n" + inner + b"    return inner\n"
    (chunk,) = parse(short, language="python").chunks
    assert (chunk.symbol, chunk.defines) == ("outer", ("outer", "inner"))
    long = b"def outer():\n" + b"    work()\n" * 300 + inner + b"    return inner\n"
    parsed = parse(long, language="python")
    check_tiling(parsed, long)
    assert chunk_of(parsed, "outer.inner").signature == "def outer(): def inner()"
    assert text(long, parsed.chunks[-1]).endswith("return inner\n")


@pytest.mark.parametrize("count", range(60, 180, 10))
def test_a_long_function_is_split_between_statements_into_like_parts(count: int) -> None:
    """Every part keeps symbol and head; none starts within a nested block or with what closes one."""
    statement = (
        "    if a > {n}:\n        b(\n            {n},\n        )\n    c(\n        {n}, with_more\n    )\n"
    )
    body = "".join(statement.format(n=n) for n in range(count))
    data = f"def long(a):\n{body}".encode()
    parsed = parse(data, language="python")
    check_tiling(parsed, data)
    assert len(parsed.chunks) - -(-len(data) // 2400) in {0, 1}
    assert {(chunk.symbol, chunk.signature) for chunk in parsed.chunks} == {("long", "def long(a)")}
    assert all(text(data, chunk).startswith(("    if a > ", "    c(")) for chunk in parsed.chunks[1:])
    sizes = [chunk.end_byte - chunk.start_byte for chunk in parsed.chunks]
    assert min(sizes) > 0.5 * max(sizes)


def test_small_methods_are_joined_under_their_class() -> None:
    """They share a chunk that has their parent's symbol and head, and define what each of them did."""
    methods = b"".join(b"    def m%d(self):\n        return %d\n\n" % (n, n) for n in range(12))
    data = b'class Many(Base):\n    """%s"""\n\n' % (b"About it. " * 30) + methods
    header, *groups = parse(data, language="python").chunks
    assert header.defines == ("Many",)
    assert 1 < len(groups) < 5
    assert {(group.kind, group.symbol, group.signature) for group in groups} == {
        (ChunkKind.CLASS, "Many", "class Many(Base)")
    }
    assert [name for group in groups for name in group.defines] == [f"m{n}" for n in range(12)]


def test_a_class_header_is_never_joined_with_what_stands_before_the_class() -> None:
    """However small both are, the chunk that holds `class B` is B's."""
    long = b"    def long(self):\n" + b"        work()\n" * 50
    data = b"def a():\n    pass\n\n\nclass B:\n    x = 1\n\n" + long
    parsed = parse(data, language="python")
    assert chunk_of(parsed, "B").defines == ("B", "x")
    assert chunk_of(parsed, "a").defines == ("a",)


def test_a_head_is_one_line_without_comments_of_bounded_length() -> None:
    """Line breaks, comments and the final comma leave no trace; a very long head is cut with an ellipsis."""
    data = b"def f(\n    a,  # first\n    *,\n    b=1,\n) -> None:\n    # body\n    pass\n"
    (chunk,) = parse(data, language="python").chunks
    assert chunk.signature == "def f(a, *, b=1) -> None"
    data = b"def f(" + b", ".join(b"argument_%d" % n for n in range(100)) + b"):\n    pass\n"
    (chunk,) = parse(data, language="python").chunks
    assert len(chunk.signature) == 400
    assert chunk.signature.endswith("…")


def test_what_parses_is_kept_beside_an_error() -> None:
    """The file is partial, and its definitions are still found."""
    good = b"def good():\n    return 1\n\n\n"
    data = good * 3 + b"def (:\n\n\n" + good.replace(b"good", b"after") * 3
    parsed = parse(data, language="python")
    assert parsed.is_partial
    assert {"good", "after"} <= {name for chunk in parsed.chunks for name in chunk.defines}


@pytest.mark.parametrize("language", ["python", "go", "java", "rust", "csharp", "typescript", "ruby"])
def test_prose_under_a_code_name_is_cut_as_text(language: str) -> None:
    """A grammar that makes nothing of most of a file is not believed."""
    data = b"It isn't code: (these are words, and brackets\nthat nobody closes; see above. " * 40
    parsed = parse(data, language=language)
    assert parsed.is_partial
    assert {chunk.kind for chunk in parsed.chunks} == {ChunkKind.TEXT}


def test_definitions_inside_conditions_are_found() -> None:
    """Preprocessor conditions and `try` blocks are no obstacle."""
    data = b"try:\n    import a\nexcept ImportError:\n    def a():\n        return 1\n"
    assert parse(data, language="python").chunks[0].defines == ("a",)
    data = b"#ifndef A_H\n#define A_H\n#ifdef B\nint f(void) { return 1; }\n#endif\n#endif\n"
    (chunk,) = parse(data, language="c").chunks
    assert chunk.defines == ("A_H", "f")


@pytest.mark.parametrize(
    ("language", "data", "symbol"),
    [
        ("go", b"package a\n\nfunc (r *Receiver[T]) Method() {}\n", "Receiver.Method"),
        ("rust", b"impl<T> Display for Type<T> {\n    fn fmt(&self) {}\n}\n", "Type::fmt"),
        ("cpp", b"namespace ns { class A { int m() { return 1; } }; }\n", "ns::A::m"),
        ("cpp", b"int ns::A::m() { return 1; }\n", "ns::A::m"),
        ("java", b"class A { class B { void m() {} } }\n", "A.B.m"),
        ("csharp", b"namespace N.M { class A { void F() {} } }\n", "N.M.A.F"),
        ("ruby", b"module A\n  class B\n    def self.m\n      1\n    end\n  end\nend\n", "A::B::m"),
        ("php", b"<?php\nclass A { function m() {} }\n", "A::m"),
        ("javascript", b"export default class A { static m() {} }\n", "A.m"),
        ("typescript", b"namespace N { export const f = () => 1 }\n", "N.f"),
        ("bash", b"function f {\n  :\n}\n", "f"),
    ],
)
def test_symbols_are_qualified_as_the_language_writes_them(language: str, data: bytes, symbol: str) -> None:
    """`::` in C++, Rust, Ruby and PHP, a dot elsewhere; a method named outside its type counts as inside."""
    parsed = parse(data, language=language, options=APART)
    assert not parsed.is_partial
    assert symbol in {chunk.symbol for chunk in parsed.chunks}
    check_tiling(parsed, data)
