"""From a file's bytes to its chunks: which cutter does it, and what happens when it cannot."""

from __future__ import annotations

import re

from loccit.core.chunks import Chunk, ParsedFile
from loccit.parsing.encoding import SourceText, detect_encoding
from loccit.parsing.inspection import is_generated, why_unsearchable
from loccit.parsing.languages import AUTO, language_of_first_line
from loccit.parsing.options import ParsingOptions

# Cuts and names of the same bytes may differ between versions: results are kept under this number.
PARSER_VERSION = 1
_DEFAULTS = ParsingOptions()

_CODE = frozenset(
    {"bash", "c", "cpp", "csharp", "go", "java", "javascript", "php", "python", "ruby", "rust", "tsx"}
    | {"typescript"}
)
_CPP_LINE = re.compile(
    rb"^[ \t]*(?:class\s+\w|namespace\b|template\s*<|using\s+\w|(?:public|private|protected)\s*:)",
    re.MULTILINE,
)


def parse(data: bytes, *, language: str, options: ParsingOptions = _DEFAULTS) -> ParsedFile:
    """The file cut into chunks that tile it. Never raises for any bytes.

    `language` is what `language_of` said. The result's language differs where the bytes settle it: `auto`
    becomes what the `#!` line says or `text`, and `c` becomes `cpp` where a line only makes sense there (headers).
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
    return language


def _cut(source: SourceText, language: str, options: ParsingOptions) -> tuple[tuple[Chunk, ...], bool]:
    """Chunks, and whether something had to be cut as text that has a structure."""
    # Cutters are imported where they are needed: most processes see few languages, and search sees none.
    if language in _CODE and not source.is_utf16:
        from loccit.parsing.code import cut_code

        found = cut_code(source, language, options)
        if found is not None:
            return found
    elif language == "markdown":
        from loccit.parsing.markup import cut_markdown

        return cut_markdown(source, options), False
    from loccit.parsing.text import cut_text

    return cut_text(source, options), language in _CODE
