"""What is in this file, and where are its natural cuts? Grammars are loaded when a file first needs them."""

from loccit.parsing.languages import language_of, list_languages
from loccit.parsing.options import ParsingOptions
from loccit.parsing.parser import PARSER_VERSION, parse

__all__ = ["PARSER_VERSION", "ParsingOptions", "language_of", "list_languages", "parse"]
