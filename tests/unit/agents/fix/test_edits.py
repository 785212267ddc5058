"""Edits are exact or refused; a refusal says what was expected. Encodings and line ends stay as they are."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loccit.agents.fix.patches import apply_patch
from loccit.agents.fix.texts import MAX_FILE_BYTES, new_file, replaced_once
from loccit.core.errors import InputError, LimitExceeded

CODE = b"def parse(text):\n    value = text\n    return value\n\n\ndef other(text):\n    value = text\n"


def patched(patch: str, **files: bytes) -> dict[str, bytes | None]:
    """What a patch makes of files, whose names have `_` for `.`."""
    named = {name.replace("_", "."): data for name, data in files.items()}
    return apply_patch(patch, named.get)


def test_the_one_place_is_replaced() -> None:
    changed = replaced_once("a.py", CODE, "    return value\n", "    return value.strip()\n")
    assert changed == CODE.replace(b"return value", b"return value.strip()")


def test_a_text_that_stands_twice_is_refused_with_its_lines() -> None:
    with pytest.raises(InputError, match=r"2 times, at lines 2, 7; give more lines around it"):
        replaced_once("a.py", CODE, "    value = text\n", "    value = 1\n")


def test_places_that_overlap_are_two_places() -> None:
    with pytest.raises(InputError, match="2 times"):
        replaced_once("a.txt", b"ababa", "aba", "x")


def test_a_text_that_stands_nowhere_is_refused_with_the_nearest_line() -> None:
    with pytest.raises(InputError, match=r"nearest is line 3: '    return value'"):
        replaced_once("a.py", CODE, "    return valeu\n", "    return 1\n")
    with pytest.raises(InputError, match="its line 3 has the first line, but what follows differs"):
        replaced_once("a.py", CODE, "  return value\n  x", "y")


@pytest.mark.parametrize(("old", "new"), [("", "x"), ("value = text", "value = text")])
def test_an_edit_that_says_nothing_is_refused(old: str, new: str) -> None:
    with pytest.raises(InputError):
        replaced_once("a.py", CODE, old, new)


def test_line_ends_stay_as_they_are_whichever_the_edit_has() -> None:
    dos = b"a\r\nb\r\nc\r\n"
    assert replaced_once("a", dos, "b\n", "x\ny\n") == b"a\r\nx\r\ny\r\nc\r\n"
    assert replaced_once("a", b"a\nb\nc\n", "b\r\n", "x\r\ny\r\n") == b"a\nx\ny\nc\n"
    assert replaced_once("a", b"a\nb\r\nc\n", "b\nc", "b\nd") == b"a\nb\r\nd\n"
    assert replaced_once("a", b"a\nb", "b", "b\nc") == b"a\nb\nc"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_the_encoding_and_its_mark_stay(encoding: str) -> None:
    before = "gr\u00fc\u00dfe\nb\n".encode(encoding)
    after = replaced_once("a.txt", before, "b", "\u00e4")
    assert after == "gr\u00fc\u00dfe\n\u00e4\n".encode(encoding)


def test_a_character_that_the_encoding_lacks_is_refused() -> None:
    with pytest.raises(InputError, match="latin-1 text, which has no '\u20ac'"):
        replaced_once("a.txt", b"caf\xe9\n", "caf", "\u20ac")


def test_binary_and_huge_files_are_refused() -> None:
    with pytest.raises(InputError, match="binary"):
        replaced_once("a.bin", b"a\0b", "a", "b")
    with pytest.raises(LimitExceeded):
        replaced_once("a.txt", b"a" * (MAX_FILE_BYTES + 1), "a", "b")
    with pytest.raises(LimitExceeded):
        new_file("a.txt", "a" * (MAX_FILE_BYTES + 1))
    with pytest.raises(InputError):
        new_file("a.txt", "\ud800")


PATCH = """\
diff --git a/a.py b/a.py
index 000..111 100644
--- a/a.py
+++ b/a.py
@@ -1,3 +1,3 @@
 def parse(text):
-    value = text
+    value = text.strip()
     return value
"""


def test_a_patch_changes_files_as_git_would() -> None:
    assert patched(PATCH, a_py=CODE) == {
        "a.py": CODE.replace(b"value = text\n    return", b"value = text.strip()\n    return")
    }


def test_files_are_made_and_taken_away_by_patch() -> None:
    made = "--- /dev/null\n+++ b/sub/new.txt\n@@ -0,0 +1,2 @@\n+one\n+two\n\\ No newline at end of file\n"
    gone = "--- a/b.txt\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-only\n"
    assert patched(made + gone, b_txt=b"only\n") == {"sub/new.txt": b"one\ntwo", "b.txt": None}


def test_a_hunk_whose_lines_stand_elsewhere_finds_the_one_place() -> None:
    moved = b"# a\n# b\n" + CODE
    assert patched(PATCH, a_py=moved)["a.py"] == b"# a\n# b\n" + (patched(PATCH, a_py=CODE)["a.py"] or b"")


def test_a_hunk_that_does_not_fit_names_what_it_expects_and_what_is_there() -> None:
    with pytest.raises(InputError, match=r"expects '    value = text' at line 2, where '    value = 7' is"):
        patched(PATCH, a_py=CODE.replace(b"value = text\n    return", b"value = 7\n    return"))
    with pytest.raises(InputError, match=r"stand in 'a.py' at lines 2, 4, not at 1"):
        patched("--- a/a.py\n+++ b/a.py\n@@ -1,1 +1,1 @@\n-x\n+y\n", a_py=b"a\nx\nb\nx\n")


def test_a_hunk_that_was_cut_off_is_refused_with_its_right_header() -> None:
    cut = PATCH.removesuffix("     return value\n")
    with pytest.raises(InputError, match=r"has 2 and 2; write '@@ -1,2 \+1,2 @@' if it is whole"):
        patched(cut, a_py=CODE)


@pytest.mark.parametrize(
    "patch",
    [
        "",
        "nothing of the kind",
        "@@ -1 +1 @@\n-a\n+b\n",
        "--- a/a.py\n+++ b/a.py\n@@ one @@\n",
        "--- a/a.py\n+++ b/b.py\n@@ -1 +1 @@\n-a\n+b\n",
        "--- a/../x\n+++ b/../x\n@@ -1 +1 @@\n-a\n+b\n",
        "--- /dev/null\n+++ b/.git/hooks/pre-commit\n@@ -0,0 +1 @@\n+a\n",
        "--- /dev/null\n+++ b/a.py\n@@ -0,0 +1 @@\n+a\n",
        "--- a/gone.py\n+++ b/gone.py\n@@ -1 +1 @@\n-a\n+b\n",
        "rename from a.py\nrename to b.py\n",
        "old mode 100644\nnew mode 100755\n",
        "GIT binary patch\n",
        "--- a/a.py\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-def parse(text):\n",
    ],
)
def test_what_is_no_patch_of_texts_is_refused_and_changes_nothing(patch: str) -> None:
    with pytest.raises(InputError) as refused:
        patched(patch, a_py=CODE)
    assert refused.value.message


LINES = st.lists(
    st.sampled_from(["a", "b", "", "  c", "-d", "+e", "@@ -1 +1 @@", "--- x", "-- x", "++ y", "\\ y"]),
    max_size=12,
)


@given(old=LINES, new=LINES, end=st.sampled_from(["\n", "\r\n"]), bare=st.booleans())
def test_the_diff_of_any_two_texts_applies(old: list[str], new: list[str], end: str, bare: bool) -> None:
    """As difflib writes it, whatever the lines look like; the file keeps its line ends."""
    last = "" if bare else "\n"
    before, after = ("\n".join([*lines, "z"]) + last for lines in (old, new))
    diff = difflib.unified_diff(before.splitlines(True), after.splitlines(True), "a/f", "b/f")
    marked = (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in diff)
    patch = "".join(marked)
    if before == after:
        return
    if "\n" not in before:
        end = "\n"  # a file of one bare line has no line end to keep
    written = before.replace("\n", end).encode()
    assert patched(patch, f=written) == {"f": after.replace("\n", end).encode()}
