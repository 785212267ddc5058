"""Skills are found, checked with clear errors, disclosed step by step, and can only take rights away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from loccit.agents.project_files import CommittedFiles, FolderFiles
from loccit.agents.skill_tool import SkillBook, may_call
from loccit.agents.skills import (
    PROJECT_FOLDERS,
    BrokenSkill,
    Skill,
    SkillFolder,
    Skills,
    SkillSource,
    built_in_folder,
    check_skill,
    find_skills,
)
from loccit.agents.tool_rules import with_rules
from loccit.core.calls import ToolCall
from loccit.core.errors import NotFound, UnsafeSource
from loccit.policy.gateway import Gateway, Hooks
from loccit.policy.grants import Request
from loccit.policy.labels import TRUSTED, UNTRUSTED
from loccit.policy.policy_file import Policy
from loccit.policy.rules import Verdict
from loccit.sources import open_repository
from tests.repositories import make_repository

GOOD = "---\nname: a-skill\ndescription: Does a thing. Use it for things.\n---\n# Do it\n"

# Folder, SKILL.md, and a part of what is wrong with it; None where nothing is. The format's own validator
# (skills-ref 0.1.1) says the same but for those in `DIFFERENT`.
CASES: dict[str, tuple[str, str, str | None]] = {
    "all fields": (
        "a-skill",
        "---\nname: a-skill\ndescription: >-\n  Does a thing.\n  Use it.\nlicense: MIT\ncompatibility: any\n"
        'metadata:\n  author: us\n  version: "1.0"\nallowed-tools: Bash(git log:*) Read\n---\nBody\n',
        None,
    ),
    "a plain number and a yes are texts": (
        "a-skill",
        "---\nname: a-skill\ndescription: yes\nmetadata:\n  version: 1.0\n---\nBody\n",
        None,
    ),
    "a name of 64": ("a" * 64, f"---\nname: {'a' * 64}\ndescription: d\n---\nBody\n", None),
    "a description of 1,024": (
        "a-skill",
        f"---\nname: a-skill\ndescription: {'d' * 1024}\n---\nBody\n",
        None,
    ),
    "a name of digits": ("123", "---\nname: 123\ndescription: d\n---\nBody\n", None),
    "no front matter": ("a-skill", "# Body\n", "does not begin with a line '---'"),
    "an empty file": ("a-skill", "", "does not begin with a line '---'"),
    "no end of it": ("a-skill", "---\nname: a-skill\n", "no line '---' at its end"),
    "no name": ("a-skill", "---\ndescription: d\n---\nBody\n", "no 'name'"),
    "no description": ("a-skill", "---\nname: a-skill\n---\nBody\n", "no 'description'"),
    "an empty description": ("a-skill", "---\nname: a-skill\ndescription: ''\n---\nBody\n", "no 'desc"),
    "a name of 65": ("a" * 65, f"---\nname: {'a' * 65}\ndescription: d\n---\nBody\n", "65 characters"),
    "a description of 1,025": (
        "a-skill",
        f"---\nname: a-skill\ndescription: {'d' * 1025}\n---\nBody\n",
        "1,025 characters",
    ),
    "a compatibility of 501": (
        "a-skill",
        f"---\nname: a-skill\ndescription: d\ncompatibility: {'d' * 501}\n---\nBody\n",
        "501 characters",
    ),
    "upper case": ("A-Skill", "---\nname: A-Skill\ndescription: d\n---\nBody\n", "lower-case letters"),
    "two hyphens": ("a--b", "---\nname: a--b\ndescription: d\n---\nBody\n", "single hyphens"),
    "a hyphen at the end": ("a-", "---\nname: a-\ndescription: d\n---\nBody\n", "single hyphens"),
    "an underscore": ("a_b", "---\nname: a_b\ndescription: d\n---\nBody\n", "lower-case letters"),
    "another folder": ("other", GOOD, "not that of its folder, 'other'"),
    "an unknown key": (
        "a-skill",
        "---\nname: a-skill\ndescription: d\nversion: 1\n---\nBody\n",
        "unknown key 'version'",
    ),
    "a colon in a plain text": (
        "a-skill",
        "---\nname: a-skill\ndescription: use it: often\n---\nBody\n",
        "line 3: mapping values are not allowed here; put a text with",
    ),
    "a key twice": (
        "a-skill",
        "---\nname: a-skill\nname: a-skill\ndescription: d\n---\nBody\n",
        "line 3 of the front matter has 'name' again",
    ),
    "an alias": (
        "a-skill",
        "---\nname: &n a-skill\ndescription: *n\n---\nBody\n",
        "an anchor, an alias or a tag",
    ),
    "a tag": (
        "a-skill",
        "---\nname: a-skill\ndescription: !!python/object:os.system d\n---\nBody\n",
        "an anchor, an alias or a tag",
    ),
    "no mapping": ("a-skill", "---\n- name\n---\nBody\n", "no list of 'key: value'"),
    "a list for a name": ("a-skill", "---\nname:\n  - a\ndescription: d\n---\nBody\n", "no 'name'"),
    "many levels": ("a-skill", f"---\nname: {'[' * 3000}\n---\nBody\n", "too many levels"),
    "letters of other alphabets": (
        "größe",
        "---\nname: größe\ndescription: d\n---\nBody\n",
        "lower-case letters a-z",
    ),
    "nested metadata": (
        "a-skill",
        "---\nname: a-skill\ndescription: d\nmetadata:\n  a:\n    b: c\n---\nBody\n",
        "'metadata' is not a list",
    ),
    "nothing below": ("a-skill", "---\nname: a-skill\ndescription: d\n---\n\n", "nothing below"),
    "a link upwards": (
        "a-skill",
        f"{GOOD}See [it](../../secrets.md) and [that](reference.md).\n",
        "links to '../../secrets.md', which is outside of its folder",
    ),
    "a link to the machine": ("a-skill", f"{GOOD}See [it](/etc/passwd).\n", "links to '/etc/passwd'"),
}
# The format's validator lets these pass; loccit does not, each for a reason in docs/reference/skills.md.
DIFFERENT = {
    "letters of other alphabets",
    "nested metadata",
    "nothing below",
    "a link upwards",
    "a link to the machine",
}


def make_skill(folder: Path, name: str, text: str = GOOD) -> Path:
    (folder / name).mkdir(parents=True)
    (folder / name / "SKILL.md").write_text(text, encoding="utf-8")
    return folder / name


def folder_of(path: Path, source: SkillSource = SkillSource.USER) -> SkillFolder:
    return SkillFolder(FolderFiles(path, "skills"), "", source, TRUSTED)


def problems_of(found: Skill | BrokenSkill) -> str:
    return " | ".join(found.problems) if isinstance(found, BrokenSkill) else ""


@pytest.mark.parametrize("case", CASES)
def test_a_skill_is_checked_and_what_is_wrong_is_named(tmp_path: Path, case: str) -> None:
    name, text, wrong = CASES[case]
    found = check_skill(make_skill(tmp_path, name, text), TRUSTED)
    if wrong is None:
        assert isinstance(found, Skill), problems_of(found)
    else:
        assert wrong in problems_of(found)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    skill = make_skill(tmp_path, "other", "---\nname: A\nmore: x\n---\n\n")
    found = check_skill(skill, TRUSTED)
    assert isinstance(found, BrokenSkill)
    assert len(found.problems) == 5


def test_links_and_large_and_foreign_files_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    skill = make_skill(tmp_path / "skills", "a-skill")
    (skill / "notes.md").symlink_to(secret)
    assert "'notes.md' is a link, which may lead out" in problems_of(check_skill(skill, TRUSTED))
    (skill / "notes.md").unlink()
    (skill / "big.bin").write_bytes(b"x" * 1_000_001)
    assert "'big.bin' has 1,000,001 bytes" in problems_of(check_skill(skill, TRUSTED))
    (skill / "big.bin").unlink()
    (skill / "SKILL.md").unlink()
    (skill / "SKILL.md").symlink_to(secret)
    assert "'SKILL.md' is a link" in problems_of(check_skill(skill, TRUSTED))
    (skill / "SKILL.md").unlink()
    (skill / "SKILL.md").write_bytes(b"---\nname: \xff\n")
    assert "not UTF-8: byte 10" in problems_of(check_skill(skill, TRUSTED))
    with pytest.raises(NotFound, match="no folder"):
        check_skill(tmp_path / "nowhere", TRUSTED)


def test_a_linked_skill_folder_is_told_of_and_not_entered(tmp_path: Path) -> None:
    make_skill(tmp_path / "elsewhere", "a-skill")
    (tmp_path / "skills").mkdir()
    (tmp_path / "skills" / "a-skill").symlink_to(tmp_path / "elsewhere" / "a-skill")
    found = find_skills([folder_of(tmp_path / "skills")])
    assert found.skills == {}
    assert "is a link" in found.broken[0].problems[0]
    with pytest.raises(NotFound, match=r"no skill 'a-skill': .*is a link"):
        found.get("a-skill")


def test_files_are_read_on_demand_and_none_outside(tmp_path: Path) -> None:
    skill = make_skill(tmp_path / "skills", "a-skill")
    (skill / "references").mkdir()
    (skill / "references" / "more.md").write_text("more")
    (skill / "logo.png").write_bytes(b"\x89PNG\xff")
    (tmp_path / "skills" / "README.md").write_text("no skill")
    found = find_skills([folder_of(tmp_path / "skills")]).get("a-skill")
    assert found.paths == ("logo.png", "references/more.md")
    assert found.read("references/more.md") == "more"
    for path in ("../README.md", "/etc/passwd", "references/../SKILL.md", "nothing.md"):
        with pytest.raises(NotFound, match="has no file"):
            found.read(path)
    with pytest.raises(UnsafeSource, match="no UTF-8 text"):
        found.read("logo.png")


def test_the_users_come_before_the_projects_and_those_before_built_in_ones(tmp_path: Path) -> None:
    for place in ("user", "project"):
        make_skill(tmp_path / place, "a-skill", GOOD.replace("Does", f"The {place}'s does"))
    make_skill(tmp_path / "project", "bump-a-dependency", GOOD.replace("a-skill", "bump-a-dependency"))
    found = find_skills(
        [
            built_in_folder(TRUSTED),
            folder_of(tmp_path / "project", SkillSource.PROJECT),
            folder_of(tmp_path / "user"),
        ]
    )
    assert found.get("a-skill").description.startswith("The user's")
    assert found.get("bump-a-dependency").source is SkillSource.PROJECT
    assert [(each.name, each.source) for each in found.hidden] == [
        ("a-skill", SkillSource.PROJECT),
        ("bump-a-dependency", SkillSource.BUILT_IN),
    ]


def test_a_projects_skills_are_those_of_the_commit_and_labelled_as_the_project_is(tmp_path: Path) -> None:
    make_repository(
        tmp_path / "repo",
        [
            {
                "files": {
                    ".agents/skills/a-skill/SKILL.md": GOOD,
                    ".claude/skills/b-skill/SKILL.md": GOOD.replace("a-skill", "b-skill"),
                },
                "symlinks": {".agents/skills/a-skill/notes.md": "../../../secret"},
            }
        ],
    )
    repository = open_repository(str(tmp_path / "repo"), home=tmp_path / "home")
    with repository.reader() as reader:
        files = CommittedFiles(repository.snapshot(), reader)
        folders = [SkillFolder(files, each, SkillSource.PROJECT, UNTRUSTED) for each in PROJECT_FOLDERS]
        found = find_skills(folders)
    assert list(found.skills) == ["b-skill"]
    assert found.get("b-skill").label == UNTRUSTED
    assert "'notes.md' is a link" in found.broken[0].problems[0]


def test_the_built_in_skills_are_valid_short_and_described() -> None:
    found = find_skills([built_in_folder(TRUSTED)])
    assert list(found.skills) == [
        "bump-a-dependency",
        "triage-an-issue",
        "update-docs-after-a-change",
        "write-a-regression-test",
    ]
    assert not found.broken
    for skill in found.skills.values():
        assert "Use it " in skill.description
        assert 500 < len(skill.body) < 4_000


def opened(book: SkillBook, **arguments: str) -> str:
    return asyncio.run(book.tool().run(arguments, "intent")).text


def book_with(tmp_path: Path, front: str = "") -> SkillBook:
    skill = make_skill(tmp_path / "skills", "a-skill", GOOD.replace("---\n#", f"{front}---\n#"))
    (skill / "more.md").write_text("more\u202e")
    return SkillBook(find_skills([folder_of(tmp_path / "skills")]))


def test_a_model_is_told_names_first_then_the_body_then_files(tmp_path: Path) -> None:
    book = book_with(tmp_path)
    assert "- a-skill: Does a thing. Use it for things." in book.told()
    assert "# Do it" not in book.told()
    assert opened(book, name="a-skill") == "Skill a-skill\n\n# Do it\n\nIts files: more.md"
    assert opened(book, name="a-skill", file="more.md") == "more\\u202e"
    result = asyncio.run(book.tool().run({"name": "a-skill", "file": "../x"}, "intent"))
    assert result.is_error
    assert SkillBook(Skills()).told() == ""


def test_allowed_tools_take_tools_away_and_never_give_any(tmp_path: Path) -> None:
    book = book_with(tmp_path, "allowed-tools: Read Bash(git:*) launch\n")
    policy = with_rules(Policy(format="loccit-policy/1", name="p", tools={}), [book.tool()])
    rule = policy.tools["skill"]
    policy = policy.model_copy(update={"tools": {**policy.tools, "read": rule, "write": rule}})
    tools = [book.tool()]
    tools += [replace_name(book, name) for name in ("read", "write")]
    gateway = Gateway(policy, Request("do"), tools, hooks=Hooks(before=(book.before,)))

    def verdict(name: str) -> Verdict:
        return gateway.decide(ToolCall("1", name, '{"name": "a-skill"}')).verdict

    assert [verdict(name) for name in ("read", "write", "skill", "launch")] == [
        Verdict.ALLOW,
        Verdict.ALLOW,
        Verdict.ALLOW,
        Verdict.BLOCK,
    ]
    call = ToolCall("1", "skill", '{"name": "a-skill"}')
    book.saw(call, opened(book, name="a-skill"))
    assert [verdict(name) for name in ("read", "write", "skill", "launch")] == [
        Verdict.ALLOW,
        Verdict.BLOCK,
        Verdict.ALLOW,
        Verdict.BLOCK,
    ]


def replace_name(book: SkillBook, name: str):
    from dataclasses import replace

    tool = book.tool()
    return replace(tool, spec=replace(tool.spec, name=name))


def test_a_skill_that_says_nothing_of_tools_takes_none_away(tmp_path: Path) -> None:
    assert book_with(tmp_path).skills.get("a-skill").allowed_tools is None
    assert may_call(("Read",), "read")
    assert not may_call(("Read",), "read_output")
