"""Making the bare git directory of ours through which a repository is read in place."""

from __future__ import annotations

import os
import re
from pathlib import Path

from loccit.sources.git import GitView
from loccit.sources.git_config import RepositoryConfig, read_small_file
from loccit.sources.home_files import make_folder, write_if_different, writing_home
from loccit.sources.layout import GitLayout
from loccit.sources.refs import PSEUDO_REFS, Refs, read_refs

_MAX_SHALLOW_BYTES = 64_000_000
_MAX_REFLOG_BYTES = 64_000_000

# What git takes as the head of a function in JavaScript and TypeScript, for which it has no driver. It
# shows what the first group matches, and knows only POSIX expressions.
_JAVASCRIPT_NAME = r"[A-Za-z_$#][A-Za-z0-9_$]*"
_JAVASCRIPT_HEADS = "|".join(
    (
        r"^[ \t]*(((export|default|async|abstract|declare)[ \t]+)*"
        r"(function|class|interface|enum|namespace)[ \t*].*",
        rf"(export[ \t]+)?(const|let|var)[ \t]+{_JAVASCRIPT_NAME}[ \t]*=.*(=>|function[ \t(*]).*",
        r"((static|async|get|set|public|private|protected|readonly|override)[ \t]+)*"
        rf"{_JAVASCRIPT_NAME}[ \t]*\([^;]*\)[^;]*\{{[ \t]*)$",
    )
)
# The commit graph of a repository may lie about parents and trees; objects are asked instead.
_CONFIG = r"""[core]
	repositoryformatversion = %(version)d
	bare = true
	hooksPath = /dev/null
	fsmonitor = false
	commitGraph = false
	attributesFile = /dev/null
	logAllRefUpdates = false
	deltaBaseCacheLimit = 192m
	bigFileThreshold = 16m
[gc]
	auto = 0
[maintenance]
	auto = false
[protocol]
	allow = never
[diff]
	renames = false
[color]
	ui = false
[log]
	showSignature = false
[diff "javascript"]
	xfuncname = "%(javascript)s"
%(extensions)s"""

# git's own drivers know where functions start in these; the one for JavaScript is ours.
DRIVERS = {
    "bash": ("*.sh", "*.bash"),
    "cpp": ("*.c", "*.cc", "*.cpp", "*.cxx", "*.h", "*.hh", "*.hpp", "*.hxx"),
    "csharp": ("*.cs",),
    "elixir": ("*.ex", "*.exs"),
    "golang": ("*.go",),
    "java": ("*.java",),
    "javascript": ("*.js", "*.jsx", "*.mjs", "*.cjs", "*.ts", "*.tsx", "*.mts", "*.cts"),
    "kotlin": ("*.kt", "*.kts"),
    "perl": ("*.pl", "*.pm"),
    "php": ("*.php",),
    "python": ("*.py", "*.pyi"),
    "ruby": ("*.rb",),
    "rust": ("*.rs",),
}


def prepare_git_dir(git_dir: Path, *, id_length: int, upstreams: tuple[tuple[str, str], ...] = ()) -> None:
    """Makes `git_dir` a bare git directory that has nothing but our own settings.

    Safe to do twice, or in two processes.
    """
    for folder in ("objects", "refs/heads", "refs/tags", "info"):
        make_folder(git_dir / folder)
    attributes = [
        f"{pattern} diff={driver}\n" for driver, patterns in DRIVERS.items() for pattern in patterns
    ]
    write_if_different(git_dir / "info" / "attributes", "".join(attributes).encode())
    write_if_different(git_dir / "config", _config(id_length, upstreams))
    if not (git_dir / "HEAD").exists():
        write_if_different(git_dir / "HEAD", b"ref: refs/heads/main\n")


def prepare_local(git_dir: Path, layout: GitLayout, config: RepositoryConfig) -> GitView:
    """A view of the repository at `layout` in `git_dir`, with that repository's refs as they are now."""
    prepare_git_dir(git_dir, id_length=config.id_length, upstreams=_readable(config.upstreams))
    refs = read_refs(layout, id_length=config.id_length)
    write_if_different(git_dir / "packed-refs", refs.packed())
    write_if_different(git_dir / "HEAD", refs.head_file())
    _copy_pseudo_refs(git_dir, refs)
    _copy_shallow(git_dir, layout, config.id_length)
    return GitView(git_dir=str(git_dir), object_folders=(str(layout.objects),), id_length=config.id_length)


def copy_reflogs(git_dir: Path, layout: GitLayout) -> None:
    """Copies what `name@{1}` needs: done only when a revision asks for it."""
    for root in {layout.common_dir, layout.git_dir}:
        for folder, _, files in os.walk(root / "logs"):
            for name in files:
                source = Path(folder) / name
                target = git_dir / source.relative_to(root)
                content = read_small_file(source, limit=_MAX_REFLOG_BYTES)
                make_folder(target.parent)
                write_if_different(target, content or b"")


def _config(id_length: int, upstreams: tuple[tuple[str, str], ...]) -> bytes:
    extensions = "[extensions]\n\tobjectFormat = sha256\n" if id_length == 64 else ""
    for branch, target in upstreams:
        extensions += f'[branch "{branch}"]\n\tremote = .\n\tmerge = {target}\n'
    values = {
        "version": 1 if id_length == 64 else 0,
        "javascript": _JAVASCRIPT_HEADS.replace("\\", "\\\\"),
        "extensions": extensions,
    }
    return (_CONFIG % values).encode()


def _readable(upstreams: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    # These names are written into a configuration of ours: only those that need no quoting.
    plain = re.compile(r"[A-Za-z0-9._/+-]+\Z")
    return tuple(pair for pair in upstreams if plain.match(pair[0]) and plain.match(pair[1]))


def _copy_pseudo_refs(git_dir: Path, refs: Refs) -> None:
    for name in PSEUDO_REFS:
        if name in refs.pseudo:
            write_if_different(git_dir / name, refs.pseudo[name] + b"\n")
        else:
            with writing_home(git_dir / name):
                (git_dir / name).unlink(missing_ok=True)


def _copy_shallow(git_dir: Path, layout: GitLayout, id_length: int) -> None:
    content = read_small_file(layout.common_dir / "shallow", limit=_MAX_SHALLOW_BYTES) or b""
    valid = re.findall(rb"^[0-9a-f]{%d}$" % id_length, content, re.MULTILINE)
    if valid:
        write_if_different(git_dir / "shallow", b"".join(line + b"\n" for line in valid))
    else:
        with writing_home(git_dir / "shallow"):
            (git_dir / "shallow").unlink(missing_ok=True)


def shallow_commits(view: GitView) -> frozenset[str]:
    """The commits whose parents were left behind by a shallow clone."""
    content = read_small_file(Path(view.git_dir) / "shallow", limit=_MAX_SHALLOW_BYTES) or b""
    return frozenset(content.decode("ascii", "replace").split())
