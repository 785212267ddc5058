"""One row per programming language: the grammar, and where its definitions, names and comments are.

Captures that a query may use:

- `@function`, `@class`, `@space`: a definition. A space (namespace, module) holds others and is code itself.
- `@name`: the definition's name in the same pattern; it may be qualified. `@owner`: a type named before it.
- `@body`: where the definition's head ends, where that is not its field `body`.
- `@inner`: a definition that is only the body of this one (`typedef struct ...`) and none of its own.
- `@wrap`: a node that only dresses a definition that ends with it (decorators, `export`, `template`).
- `@define`: another name that is defined there (constants, fields, enum members, macros).
- `@comment`: a comment; one directly above a definition belongs to it. `@lead`: so do these (attributes).
- `@doc`: documentation that is not a comment (docstrings).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language, Query


@dataclass(frozen=True, slots=True)
class Grammar:
    """`module` is the wheel's import name, `entry` its function; `separator` joins the parts of a symbol."""

    module: str
    query: str
    separator: str = "."
    entry: str = "language"


_PYTHON = """
(function_definition name: (_) @name) @function
(class_definition name: (_) @name) @class
(decorated_definition) @wrap
(comment) @comment
(module . (comment)* . (expression_statement . (string) @doc))
(function_definition body: (block . (comment)* . (expression_statement . (string) @doc)))
(class_definition body: (block . (comment)* . (expression_statement . (string) @doc)))
(module (expression_statement (assignment left: (identifier) @define)))
(class_definition body: (block (expression_statement (assignment left: (identifier) @define))))
(type_alias_statement . (type (identifier) @define))
"""

_JAVASCRIPT = """
(function_declaration name: (_) @name) @function
(generator_function_declaration name: (_) @name) @function
(class_declaration name: (_) @name) @class
(method_definition name: (_) @name) @function
(lexical_declaration (variable_declarator name: (identifier) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)])) @function
(variable_declaration (variable_declarator name: (identifier) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)])) @function
(lexical_declaration (variable_declarator name: (identifier) @name value: (class body: (_) @body))) @class
(expression_statement (assignment_expression left: [(identifier) (member_expression)] @name
  right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)])) @function
(expression_statement (assignment_expression left: [(identifier) (member_expression)] @name
  right: (class body: (_) @body))) @class
(pair key: (property_identifier) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @function
(program (lexical_declaration (variable_declarator name: (identifier) @define)))
(program (variable_declaration (variable_declarator name: (identifier) @define)))
(program (export_statement (lexical_declaration (variable_declarator name: (identifier) @define))))
(program (export_statement (variable_declaration (variable_declarator name: (identifier) @define))))
(export_statement) @wrap
(comment) @comment
"""

_JAVASCRIPT_FIELDS = """
(field_definition property: (_) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @function
(field_definition property: (_) @define)
"""

_TYPESCRIPT = """
(abstract_class_declaration name: (_) @name) @class
(interface_declaration name: (_) @name) @class
(enum_declaration name: (_) @name) @class
(type_alias_declaration name: (_) @name) @class
(function_signature name: (_) @name) @function
(class_body (method_signature name: (_) @name) @function)
(abstract_method_signature name: (_) @name) @function
(internal_module name: (_) @name) @space
(module name: (_) @name) @space
(public_field_definition name: (_) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @function
(public_field_definition name: (_) @define)
(interface_body [(property_signature name: (_) @define) (method_signature name: (_) @define)])
(enum_body [(property_identifier) @define (enum_assignment name: (_) @define)])
(ambient_declaration) @wrap
(class_body (decorator) @lead)
"""

_GO = """
(function_declaration name: (_) @name) @function
(method_declaration
  receiver: (parameter_list (parameter_declaration type: [
    (type_identifier) @owner
    (generic_type type: (_) @owner)
    (pointer_type [(type_identifier) @owner (generic_type type: (_) @owner)])]))
  name: (_) @name) @function
(type_declaration . "type" . (type_spec name: (_) @name)) @class
(type_declaration . "type" . (type_alias name: (_) @name)) @class
(type_declaration "(" (type_spec name: (_) @name) @class)
(type_declaration "(" (type_alias name: (_) @name) @class)
(source_file (const_declaration (const_spec name: (_) @define)))
(source_file (var_declaration (var_spec name: (_) @define)))
(source_file (var_declaration (var_spec_list (var_spec name: (_) @define))))
(field_declaration name: (_) @define)
(method_elem name: (_) @define)
(comment) @comment
"""

_RUST = """
(function_item name: (_) @name) @function
(function_signature_item name: (_) @name) @function
(macro_definition name: (_) @name) @function
(struct_item name: (_) @name) @class
(enum_item name: (_) @name) @class
(union_item name: (_) @name) @class
(trait_item name: (_) @name) @class
(type_item name: (_) @name) @class
(impl_item type: (_) @owner) @class
(mod_item name: (_) @name body: (_)) @space
(const_item name: (_) @define)
(static_item name: (_) @define)
(enum_variant name: (_) @define)
(field_declaration name: (_) @define)
(attribute_item) @lead
(line_comment) @comment
(block_comment) @comment
"""

_JAVA = """
(class_declaration name: (_) @name) @class
(interface_declaration name: (_) @name) @class
(enum_declaration name: (_) @name) @class
(record_declaration name: (_) @name) @class
(annotation_type_declaration name: (_) @name) @class
(method_declaration name: (_) @name) @function
(constructor_declaration name: (_) @name) @function
(compact_constructor_declaration name: (_) @name) @function
(field_declaration declarator: (variable_declarator name: (_) @define))
(constant_declaration declarator: (variable_declarator name: (_) @define))
(enum_constant name: (_) @define)
(line_comment) @comment
(block_comment) @comment
"""

_C = """
(function_definition declarator: [
  (function_declarator declarator: (_) @name)
  (pointer_declarator declarator: (function_declarator declarator: (_) @name))
  (pointer_declarator declarator: (pointer_declarator
    declarator: (function_declarator declarator: (_) @name)))]) @function
(preproc_function_def name: (_) @name) @function
(struct_specifier name: (_) @name body: (_)) @class
(union_specifier name: (_) @name body: (_)) @class
(enum_specifier name: (_) @name body: (_)) @class
(type_definition type: [
  (struct_specifier body: (_) @body) (union_specifier body: (_) @body) (enum_specifier body: (_) @body)
  ] @inner declarator: (_) @name) @class
(type_definition type: (_) declarator: (type_identifier) @define)
(preproc_def name: (_) @define)
(enumerator name: (_) @define)
(field_declaration declarator: [
  (field_identifier) @define
  (pointer_declarator declarator: (field_identifier) @define)
  (array_declarator declarator: (field_identifier) @define)])
([(translation_unit (declaration declarator: [
    (identifier) @define
    (array_declarator declarator: (identifier) @define)
    (pointer_declarator declarator: (identifier) @define)
    (init_declarator declarator: [
      (identifier) @define
      (array_declarator declarator: (identifier) @define)
      (pointer_declarator declarator: (identifier) @define)])]))])
(comment) @comment
"""

_CPP = """
(class_specifier name: (_) @name body: (_)) @class
(function_definition declarator: (reference_declarator (function_declarator declarator: (_) @name))) @function
(function_definition declarator: (operator_cast) @name) @function
(type_definition type: (class_specifier body: (_) @body) @inner declarator: (_) @name) @class
(namespace_definition name: (_) @name) @space
(concept_definition name: (_) @name) @class
(alias_declaration name: (_) @define)
(namespace_definition body: (declaration_list (declaration declarator: [
  (identifier) @define (init_declarator declarator: (identifier) @define)])))
(template_declaration) @wrap
"""

_CSHARP = """
(namespace_declaration name: (_) @name) @space
(class_declaration name: (_) @name) @class
(interface_declaration name: (_) @name) @class
(struct_declaration name: (_) @name) @class
(record_declaration name: (_) @name) @class
(enum_declaration name: (_) @name) @class
(delegate_declaration name: (_) @name) @class
(method_declaration name: (_) @name) @function
(constructor_declaration name: (_) @name) @function
(destructor_declaration name: (_) @name) @function
(operator_declaration) @function
(property_declaration name: (_) @define)
(field_declaration (variable_declaration (variable_declarator name: (_) @define)))
(event_field_declaration (variable_declaration (variable_declarator name: (_) @define)))
(enum_member_declaration name: (_) @define)
(comment) @comment
"""

_RUBY = """
(class name: (_) @name) @class
(module name: (_) @name) @class
(method name: (_) @name) @function
(singleton_method name: (_) @name) @function
(assignment left: (constant) @define)
(comment) @comment
"""

_PHP = """
(namespace_definition name: (_) @name body: (_)) @space
(class_declaration name: (_) @name) @class
(interface_declaration name: (_) @name) @class
(trait_declaration name: (_) @name) @class
(enum_declaration name: (_) @name) @class
(function_definition name: (_) @name) @function
(method_declaration name: (_) @name) @function
(const_declaration (const_element . (name) @define))
(property_declaration (property_element name: (variable_name (name) @define)))
(enum_case name: (_) @define)
(comment) @comment
"""

_BASH = """
(function_definition name: (_) @name) @function
(program (variable_assignment name: (variable_name) @define))
(program (declaration_command (variable_assignment name: (variable_name) @define)))
(comment) @comment
"""

GRAMMARS = {
    "python": Grammar("tree_sitter_python", _PYTHON),
    "javascript": Grammar("tree_sitter_javascript", _JAVASCRIPT + _JAVASCRIPT_FIELDS),
    "typescript": Grammar("tree_sitter_typescript", _JAVASCRIPT + _TYPESCRIPT, entry="language_typescript"),
    "tsx": Grammar("tree_sitter_typescript", _JAVASCRIPT + _TYPESCRIPT, entry="language_tsx"),
    "go": Grammar("tree_sitter_go", _GO),
    "rust": Grammar("tree_sitter_rust", _RUST, separator="::"),
    "java": Grammar("tree_sitter_java", _JAVA),
    "c": Grammar("tree_sitter_c", _C),
    "cpp": Grammar("tree_sitter_cpp", _C + _CPP, separator="::"),
    "csharp": Grammar("tree_sitter_c_sharp", _CSHARP),
    "ruby": Grammar("tree_sitter_ruby", _RUBY, separator="::"),
    "php": Grammar("tree_sitter_php", _PHP, separator="::", entry="language_php"),
    "bash": Grammar("tree_sitter_bash", _BASH),
}
"""What can be parsed. Symbols are joined as the language itself writes them, with "::" or "."."""


@cache
def load(language: str) -> tuple[Language, Query]:
    """The compiled grammar and its query. The first call for a language costs about 10 ms."""
    from tree_sitter import Language, Query

    grammar = GRAMMARS[language]
    entry: Callable[[], object] = getattr(import_module(grammar.module), grammar.entry)
    compiled = Language(entry())
    return compiled, Query(compiled, grammar.query)
