"""Which language a file is in, by its name alone, or by its first line where the name does not say."""

from __future__ import annotations

import re

AUTO = "auto"

# `.h` is C by name; `parse` calls it C++ when it sees lines that only C++ has.
_EXTENSIONS = {
    "python": "py pyi pyw pyx pxd bzl star",
    "javascript": "js jsx mjs cjs es6",
    "typescript": "ts mts cts",
    "tsx": "tsx",
    "go": "go",
    "rust": "rs",
    "java": "java",
    "c": "c h",
    "cpp": "cpp cc cxx c++ hpp hh hxx h++ inl ipp tpp cu cuh ino",
    "csharp": "cs csx",
    "ruby": "rb rake gemspec ru rbi podspec",
    "php": "php php3 php4 php5 php7 phtml inc",
    "bash": "sh bash zsh ksh bats ebuild",
    "markdown": "md markdown mdown mkd mdx qmd rmd",
    "rst": "rst rest",
    "html": "html htm xhtml vue svelte",
    "notebook": "ipynb",
    "toml": "toml",
    "yaml": "yaml yml",
    "json": "json json5 jsonc geojson webmanifest jsonl ndjson",
    "css": "css scss less sass",
    "text": "txt",
}
_NAMES = {
    "python": "SConstruct SConscript BUILD BUILD.bazel WORKSPACE Tiltfile .pythonrc",
    "javascript": "Jakefile",
    "ruby": "Rakefile Gemfile Guardfile Vagrantfile Podfile Fastfile Brewfile Capfile Berksfile .irbrc",
    "bash": ".bashrc .bash_profile .bash_aliases .profile .zshrc .zshenv .kshrc PKGBUILD APKBUILD",
    "toml": "Pipfile Cargo.lock poetry.lock uv.lock pdm.lock",
    "yaml": ".clang-format .clang-tidy .clangd .yamllint",
    "json": "composer.lock Pipfile.lock .eslintrc .babelrc .prettierrc .jshintrc flake.lock .watchmanconfig",
    "text": "LICENSE COPYING AUTHORS NOTICE CODEOWNERS INSTALL VERSION Makefile GNUmakefile Dockerfile"
    " .gitignore .gitattributes .dockerignore .editorconfig .mailmap py.typed",
}
_INTERPRETERS = {
    "python": re.compile(rb"python|pypy|uv$"),
    "javascript": re.compile(rb"node|deno$|bun$"),
    "typescript": re.compile(rb"ts-node|tsx$"),
    "ruby": re.compile(rb"ruby|jruby"),
    "php": re.compile(rb"php"),
    "bash": re.compile(rb"(ba|z|k|da|a)?sh$"),
}
_BY_EXTENSION = {ext: language for language, exts in _EXTENSIONS.items() for ext in exts.split()}
_BY_NAME = {name: language for language, names in _NAMES.items() for name in names.split()}
_SHEBANG = re.compile(rb"(?:\xef\xbb\xbf)?#![ \t]*(\S+)(?:[ \t]+([^\r\n]*))?")


def list_languages() -> tuple[str, ...]:
    """Every language that `language_of` can name, `auto` left out."""
    return tuple(_EXTENSIONS)


def language_of(path: str) -> str:
    """The language of a file by its name: a known file name, else the extension, case ignored.

    `auto` for a name without an extension (the first line may tell, which `parse` settles); `text` for an
    extension that is not known.
    """
    name = path.rpartition("/")[2]
    if name in _BY_NAME:
        return _BY_NAME[name]
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem:
        return AUTO
    return _BY_EXTENSION.get(extension.lower(), "text")


def language_of_first_line(data: bytes) -> str:
    """The language that a `#!` line names; `text` without one, or when it names another interpreter."""
    match = _SHEBANG.match(data[:256])
    if match is None:
        return "text"
    interpreter = match[1].rpartition(b"/")[2]
    if interpreter == b"env":
        # "env -S VAR=value python -u": the first word that is neither an option nor an assignment.
        words = [word for word in (match[2] or b"").split() if not word.startswith(b"-") and b"=" not in word]
        interpreter = words[0].rpartition(b"/")[2] if words else b""
    interpreter = interpreter.rstrip(b"0123456789.")
    found = (language for language, names in _INTERPRETERS.items() if names.match(interpreter))
    return next(found, "text")
