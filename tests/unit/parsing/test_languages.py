"""A file's language: by its name, by its first line, and by what only one language has."""

from __future__ import annotations

import pytest

from loccit.parsing import language_of, list_languages, parse


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("src/app.py", "python"),
        ("types.pyi", "python"),
        ("APP.PY", "python"),
        ("a.b/c.test.ts", "typescript"),
        ("Panel.tsx", "tsx"),
        ("index.mjs", "javascript"),
        ("ring.h", "c"),
        ("shape.hpp", "cpp"),
        ("notes.ipynb", "notebook"),
        ("docs/index.rst", "rst"),
        ("Gemfile", "ruby"),
        ("lib/.bashrc", "bash"),
        ("Cargo.lock", "toml"),
        ("Makefile", "text"),
        ("LICENSE", "text"),
        ("data.unknown", "text"),
        ("bin/run", "auto"),
        (".hidden", "auto"),
        ("dir.py/run", "auto"),
        ("", "auto"),
        ("bad\udcff.go", "go"),
    ],
)
def test_a_name_tells_the_language(path: str, language: str) -> None:
    """Only the last part of the path counts, in any case; a name without extension is left open."""
    assert language_of(path) == language


def test_all_languages_of_the_specification_are_listed() -> None:
    """The list is what `--lang` may name."""
    code = {"bash", "c", "cpp", "csharp", "go", "java", "javascript", "php", "python", "ruby", "rust"}
    markup = {"html", "markdown", "notebook", "rst", "text"}
    assert set(list_languages()) >= code | markup | {"tsx", "typescript", "json", "toml", "yaml"}


@pytest.mark.parametrize(
    ("line", "language"),
    [
        (b"#!/usr/bin/env python3\n", "python"),
        (b"#!/usr/bin/python3.11 -u\n", "python"),
        (b"#!/usr/bin/env -S NAME=1 node --flag\n", "javascript"),
        (b"#! /bin/sh\n", "bash"),
        (b"#!/usr/local/bin/bash\r\n", "bash"),
        (b"\xef\xbb\xbf#!/usr/bin/ruby\n", "ruby"),
        (b"#!/usr/bin/env\n", "text"),
        (b"#!/usr/bin/perl\n", "text"),
        (b"#!\n", "text"),
        (b"# no interpreter\n", "text"),
    ],
)
def test_the_first_line_settles_what_the_name_leaves_open(line: bytes, language: str) -> None:
    """`auto` becomes what the `#!` line starts, or text."""
    assert parse(line, language="auto").language == language


@pytest.mark.parametrize(
    "line", [b"class Shape;", b"namespace geo {", b"template <typename T>", b"using Name = int;", b" public:"]
)
def test_a_header_with_lines_of_c_plus_plus_is_c_plus_plus(line: bytes) -> None:
    """`.h` says C; the file's own lines may say more."""
    data = b"#pragma once\n" + line + b"\n"
    assert parse(data, language=language_of("shape.h")).language == "cpp"


@pytest.mark.parametrize(
    "line", [b"struct ring;", b"/* class\n * of things */", b"int class_of(int namespace_id);"]
)
def test_a_header_without_them_stays_c(line: bytes) -> None:
    """Words alone do not make C++."""
    assert parse(line + b"\n", language="c").language == "c"


def test_text_with_directives_is_restructured_text() -> None:
    """Some projects write their documentation in `.txt` files."""
    data = b"=====\nForms\n=====\n\n.. module:: forms\n\nHow to use them.\n"
    parsed = parse(data, language=language_of("docs/forms.txt"))
    assert (parsed.language, parsed.chunks[0].symbol) == ("rst", "Forms")
    assert parse(b"Forms\n=====\n\nHow to use them.\n", language="text").language == "text"
