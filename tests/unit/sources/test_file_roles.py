"""What a file is for is told from its path, and from what the repository's attributes say."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loccit.core.source import FileRole
from loccit.sources import Repository
from loccit.sources.attributes import Attributes, AttributesFile
from loccit.sources.ignore import IgnoreFile, IgnoreRules
from loccit.sources.roles import role_of
from tests.repositories import git, make_repository, write_files

Open = Callable[..., Repository]

EXAMPLES = {
    FileRole.SOURCE: """
        django/test/client.py django/db/models/query.py src/flask/testing.py src/_pytest/python.py main.go
        lib/thing.rb xarray/testing/assertions.py app/docs/render.py src/main/java/com/example/App.java
        templates/index.html crates/core/src/lib.rs static/app.js styles/site.css bin/run.sh include/thing.h
        src/security.py latest.py contest.py protest.go attest.js src/support.ts internal/changes.go
        Sources/App/main.swift schema.sql pkg/pods/pod.go django/core/management/commands/test.py src/spec.py
        tasks.py history.py build
        """,
    FileRole.TEST: """
        tests/test_a.py pkg/tests/helpers.py test_b.py b_test.py conftest.py app/tests.py
        testing/test_config.py thing_test.go src/a.test.ts src/a.spec.tsx src/__tests__/a.js
        spec/models/user_spec.rb test/unit/a_test.rb src/test/java/com/example/AppTest.java AppTests.cs
        tests/Feature/LoginTest.php core/testdata/a.go e2e/login.ts cypress/support.js parser_unittest.cc
        test_parse.c tests/integration.rs src/tests.rs t/basic.t test/run.bats tests/fixtures/module.py
        a_spec.rb widget_test.dart MainIT.java
        """,
    FileRole.DOCS: """
        README README.md readme.rst CHANGELOG.md CHANGES LICENSE LICENSE.txt COPYING docs/index.rst
        docs/conf.py doc/whats-new.rst documentation/a.html man/git.1 CONTRIBUTING.md notes.txt
        examples/app/main.py guide.adoc AUTHORS HISTORY.rst packages/thing/docs/usage.md NEWS licence
        tests/README.md docs/img.txt LICENSE-MIT
        """,
    FileRole.CONFIG: """
        pyproject.toml setup.cfg setup.py package.json tsconfig.json tsconfig.build.json
        .github/workflows/ci.yml .gitignore .eslintrc.json Makefile Dockerfile docker/Dockerfile.dev
        webpack.config.js requirements.txt requirements-dev.txt go.mod Cargo.toml pom.xml build.gradle
        CMakeLists.txt .pre-commit-config.yaml tox.ini settings.ini deploy.tf jest.config.ts app.csproj
        .editorconfig vite.config.mts gulpfile.js
        """,
    FileRole.DATA: """
        data/table.csv fixtures/users.json tests/fixtures/users.json locale/de/LC_MESSAGES/django.po a.tsv
        b.jsonl logo.svg translations/messages.de.yml schema.xsd cassettes/login.yaml feed.xml x.geojson
        tests/golden/out tests/data.json change.patch server.crt
        """,
    FileRole.GENERATED: """
        package-lock.json yarn.lock poetry.lock uv.lock Cargo.lock go.sum static/app.min.js app.js.map
        thing_pb2.py thing_pb2_grpc.py thing.pb.go api_pb.js Form.Designer.cs model.g.dart
        zz_generated.deepcopy.go site.min.css src/__snapshots__/a.test.js.snap composer.lock main.bundle.js
        schema_generated.go flake.lock a.pyc
        """,
    FileRole.VENDORED: """
        node_modules/a/index.js vendor/github.com/a/b.go third_party/zlib/zlib.c src/third-party/x.h
        django/contrib/admin/static/admin/js/vendor/jquery/jquery.js static/jquery-3.6.0.js
        bower_components/a.js Godeps/x.go gradlew mvnw.cmd configure bootstrap.js bootstrap.min.css
        pip/_vendor/six.py versioneer.py lib/python3/site-packages/x.py
        """,
}
CASES = [(path, role) for role, paths in EXAMPLES.items() for path in paths.split()]


@pytest.mark.parametrize(("path", "role"), CASES, ids=[path for path, _ in CASES])
def test_a_path_suggests_a_role(path: str, role: FileRole) -> None:
    """One of the table's examples."""
    assert role_of(path) is role


def test_roles_are_told_quickly() -> None:
    """Fifty thousand paths in well under a second or two."""
    paths = [f"package{n % 500}/module/file{n}.py" for n in range(50_000)]
    started = time.process_time()
    for path in paths:
        role_of(path)
    assert time.process_time() - started < 2


@given(st.text(max_size=60))
def test_any_path_has_a_role(path: str) -> None:
    """Whatever it is made of."""
    assert isinstance(role_of(path), FileRole)


def test_attributes_have_the_last_word_on_roles(tmp_path: Path, open_at: Open) -> None:
    """linguist's three attributes set and unset roles; deeper files win over those above, later lines over
    earlier.
    """
    attributes = (
        "# a comment\n"
        "*.gen.py linguist-generated\n"
        "lib/** linguist-vendored=true\n"
        "lib/ours.py -linguist-vendored\n"
        "handbook/* linguist-documentation\n"
        "vendor/mine/* -linguist-vendored\n"
        "static/*.min.js linguist-generated=false\n"
        '"with space.py" linguist-generated\n'
        "*.py text diff=python\n"
    )
    names = {
        "a.gen.py": FileRole.GENERATED,
        "lib/x/y.py": FileRole.VENDORED,
        "lib/ours.py": FileRole.SOURCE,
        "handbook/page.py": FileRole.DOCS,
        "vendor/mine/x.go": FileRole.SOURCE,
        "vendor/other/x.go": FileRole.VENDORED,
        "static/app.min.js": FileRole.SOURCE,
        "with space.py": FileRole.GENERATED,
        "deep/a.gen.py": FileRole.SOURCE,
        "plain.py": FileRole.SOURCE,
    }
    files = {".gitattributes": attributes, "deep/.gitattributes": "*.gen.py -linguist-generated\n"}
    make_repository(tmp_path / "r", [{"files": files | dict.fromkeys(names, "x\n")}])
    found = {entry.path: entry.role for entry in open_at(tmp_path / "r").snapshot().entries}
    assert {name: found[name] for name in names} == names


def test_loccitignore_speaks_gitignores_language(tmp_path: Path, open_at: Open) -> None:
    """Negation, anchors, folders, stars, nested files and comments; a folder once left out stays out."""
    files = {
        ".loccitignore": "# comment\n*.log\n!keep.log\n/top.py\nbuild/\ndocs/**/draft.md\n"
        "\\#odd\nspace\\ \nx[0-9].py\n",
        "sub/.loccitignore": "local.py\n!*.log\n",
        "build/.loccitignore": "!*\n",
    }
    kept = "keep.log sub/a.log sub/top.py top local.py docs/final.md builds/a x10.py".split()
    ignored = ["a.log", "top.py", "build/a.py", "sub/build/keep.log", "docs/draft.md", "docs/a/b/draft.md"]
    ignored += ["#odd", "space ", "x1.py", "sub/local.py", "build/.loccitignore"]
    make_repository(
        tmp_path / "r", [{"files": files | dict.fromkeys([*kept, *ignored], "x\n")} | {}], bare=True
    )
    snapshot = open_at(tmp_path / "r").snapshot()
    assert sorted(file.path for file in snapshot.skipped) == sorted([*ignored, "build/.loccitignore"][:-1])
    assert set(kept) <= {entry.path for entry in snapshot.entries}


NAMES = st.text("ab.-é", min_size=1, max_size=4).filter(lambda name: name not in {".", ".."})
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
GLOBS = st.one_of(
    st.text("ab.*?/[]!\\-^é", min_size=1, max_size=8),
    st.lists(
        st.sampled_from(["*", "**", "a", "b", "?", "[ab]", "[!a]", "*.a", "a*b"]), min_size=1, max_size=4
    ).map("/".join),
)


@settings(max_examples=60)
@given(
    paths=st.lists(PATHS, min_size=1, max_size=12, unique=True),
    lines=st.lists(st.tuples(GLOBS, st.sampled_from(["", "-", "!"])), min_size=1, max_size=5),
    inner=st.lists(st.tuples(GLOBS, st.sampled_from(["", "-"])), max_size=2),
)
def test_attributes_match_as_in_git(
    tmp_path_factory: pytest.TempPathFactory,
    paths: list[str],
    lines: list[tuple[str, str]],
    inner: list[tuple[str, str]],
) -> None:
    """For any patterns and paths, what is said is what `git check-attr` says."""
    folder = tmp_path_factory.mktemp("attributes")
    git(folder, "init", "-q", "--template=")
    texts = {
        place: "".join(f"{pattern} {sign}linguist-vendored\n" for pattern, sign in rules)
        for place, rules in (("", lines), ("a/", inner))
    }
    write_files(folder, {f"{place}.gitattributes": text for place, text in texts.items()})
    said = git(
        folder,
        "check-attr",
        "-z",
        "--stdin",
        "linguist-vendored",
        stdin=b"".join(p.encode() + b"\0" for p in paths),
    ).split("\0")
    expected = dict(zip(said[::3], said[2::3], strict=False))
    attributes = Attributes(
        {place.rstrip("/").encode(): AttributesFile.parse(text.encode()) for place, text in texts.items()}
    )
    for path in paths:
        is_vendored = attributes.role(path.encode(), FileRole.CONFIG) is FileRole.VENDORED
        assert is_vendored == (expected[path] == "set"), (path, expected[path])


@settings(max_examples=60)
@given(
    paths=st.lists(PATHS, min_size=1, max_size=12, unique=True), lines=st.lists(GLOBS, min_size=1, max_size=6)
)
def test_ignore_rules_match_as_in_git(
    tmp_path_factory: pytest.TempPathFactory, paths: list[str], lines: list[str]
) -> None:
    """For any patterns and paths, what is ignored is what `git check-ignore` says."""
    folder = tmp_path_factory.mktemp("ignore")
    git(folder, "init", "-q", "--template=")
    text = "\n".join(lines)
    # One path that is surely ignored, for git calls it a failure when none is.
    write_files(folder, {".gitignore": text + "\nsurely\n"})
    said = git(
        folder,
        "check-ignore",
        "-z",
        "--stdin",
        "--verbose",
        "--non-matching",
        "--no-index",
        stdin=b"".join(path.encode() + b"\0" for path in [*paths, "surely"]),
    ).split("\0")
    expected = {
        path: bool(source) and not pattern.startswith("!")
        for source, pattern, path in zip(said[::4], said[2::4], said[3::4], strict=False)
    }
    rules = IgnoreRules({b"": IgnoreFile.parse(text.encode())})
    assert {path: rules.is_ignored(path.encode()) for path in paths} | {"surely": True} == expected


@given(st.binary(max_size=200), st.binary(max_size=60))
def test_any_bytes_are_rules(text: bytes, path: bytes) -> None:
    """Nothing in an ignore or attributes file is an error."""
    IgnoreRules({b"": IgnoreFile.parse(text)}).is_ignored(path)
    Attributes({b"": AttributesFile.parse(text)}).role(path, FileRole.SOURCE)
