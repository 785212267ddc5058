"""From a file's bytes to its chunks: which cutter does it, and what happens when it cannot."""

from __future__ import annotations

import re

from loccit.core.chunks import Chunk, ParsedFile
from loccit.parsing.encoding import SourceText, detect_encoding
from loccit.parsing.inspection import is_generated, why_unsearchable
from loccit.parsing.languages import AUTO, language_of_first_line
from loccit.parsing.options import ParsingOptions

# Cuts and names of the same bytes may differ between versions: results are kept under this number.
PARSER_VERSION = 2
_DEFAULTS = ParsingOptions()

_CODE = frozenset(
    {"bash", "c", "cpp", "csharp", "go", "java", "javascript", "php", "python", "ruby", "rust", "tsx"}
    | {"typescript"}
)
_CPP_LINE = re.compile(
    rb"^[ \t]*(?:class[ \t]+\w+(?:[ \t]+final)?[ \t]*(?:[:{;]|\r?$)|(?:inline[ \t]+)?namespace\b[^\n;]*\{"
    rb"|template[ \t]*<|using[ \t]+(?:namespace\b|\w+[ \t]*=)|(?:public|private|protected)[ \t]*:)",
    re.MULTILINE,
)
_RST_LINE = re.compile(rb"^\.\. (?:[a-z][a-z:-]*::|_[^\n:]{1,100}:)", re.MULTILINE)


def parse(data: bytes, *, language: str, options: ParsingOptions = _DEFAULTS) -> ParsedFile:
    """The file cut into chunks that tile it. Never raises for any bytes.

    `language` is what `language_of` said. The result's language differs where the bytes settle it: `auto`
    becomes what the `#!` line says or `text`; `c` becomes `cpp` where a line only makes sense there, as in
    headers; `text` becomes `rst` where lines are its directives or targets.
    """
    encoding = detect_encoding(data)
    language = _settle(language, data)
    reason = why_unsearchable(data, encoding)
    if reason is not None or encoding is None:
        return ParsedFile(language, encoding or "latin-1", (), unsearchable=reason)
    source = SourceText(data, encoding)
    chunks, is_partial = _cut(source, language, options)
    return ParsedFile(language, encoding, chunks, is_partial, is_generated(data, language))


def _settle(language: str, data: bytes) -> str:
    if language == AUTO:
        return language_of_first_line(data)
    if language == "c" and _CPP_LINE.search(data):
        return "cpp"
    if language == "text" and _RST_LINE.search(data):
        return "rst"
    return language


def _cut(source: SourceText, language: str, options: ParsingOptions) -> tuple[tuple[Chunk, ...], bool]:
    """Chunks, and whether something that has a structure had to be cut as text."""
    # Cutters are imported where they are needed: most processes see few languages, and search sees none.
    if language in _CODE and not source.is_utf16:
        from loccit.parsing.code import cut_code

        found = cut_code(source, language, options)
        if found is not None:
            return found
    elif language in {"markdown", "rst", "html"}:
        from loccit.parsing import markup

        cutters = {"markdown": markup.cut_markdown, "rst": markup.cut_rst, "html": markup.cut_html}
        return cutters[language](source, options), False
    elif language in {"json", "toml", "yaml"}:
        return _cut_data(source, language, options)
    elif language == "notebook":
        from loccit.parsing.notebook import cut_notebook

        cells = cut_notebook(source, options)
        if cells is not None:
            return cells, False
    from loccit.parsing.text import cut_text

    return cut_text(source, options), language in _CODE or language == "notebook"


def _cut_data(source: SourceText, language: str, options: ParsingOptions) -> tuple[tuple[Chunk, ...], bool]:
    from loccit.parsing import data

    if language == "json":
        return data.cut_json(source, options)
    return (data.cut_toml if language == "toml" else data.cut_yaml)(source, options), False
