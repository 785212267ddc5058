"""Prompts are versioned files whose variables are checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from loccit.answering import compose
from loccit.core.calls import Speaker
from loccit.models.templates import load_template
from loccit.verification import judge

TEXT = """# greet, version 3

Greets somebody.

## system

You greet.

## user

Hello {{name}}, this is {{place}}.
"""


def written(folder: Path, text: str, name: str = "greet.md") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_a_template_has_a_version_a_purpose_and_its_messages_in_order(tmp_path: Path) -> None:
    template = load_template(written(tmp_path, TEXT))
    assert (template.id, template.purpose) == ("greet@3", "Greets somebody.")
    assert [message.speaker for message in template.messages] == [Speaker.SYSTEM, Speaker.USER]
    assert template.variables == {"name", "place"}


def test_what_is_put_in_is_never_taken_for_a_variable(tmp_path: Path) -> None:
    """A source that says `{{place}}` stays as it is."""
    template = load_template(written(tmp_path, TEXT))
    filled = template.fill(name="{{place}} \\1 \\g<0>", place="here")
    assert filled[1].text == "Hello {{place}} \\1 \\g<0>, this is here."


@pytest.mark.parametrize("values", [{}, {"name": "x"}, {"name": "x", "place": "y", "more": "z"}])
def test_a_missing_or_unknown_variable_is_an_error(tmp_path: Path, values: dict[str, str]) -> None:
    template = load_template(written(tmp_path, TEXT))
    with pytest.raises(ValueError, match="greet@3"):
        template.fill(**values)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("other.md", TEXT),
        ("greet.md", TEXT.replace(", version 3", "")),
        ("greet.md", "# greet, version 3\n\nx\n"),
    ],
)
def test_a_file_of_another_form_is_no_template(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(ValueError, match=name):
        load_template(written(tmp_path, text, name))


def test_every_prompt_of_the_product_can_be_read() -> None:
    found = {**compose.prompts(), **judge.prompts()}
    assert sorted(found) == ["answer", "condense", "judge", "repair", "reply_draft"]
    assert all(template.purpose and template.variables for template in found.values())
