"""URLs are fetched into a mirror of ours, which goes on answering whatever happens to the next fetch."""

from __future__ import annotations

import fcntl
import functools
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from loccit.core.errors import FetchFailed, NotARepository, RevisionNotFound, SourceUnreadable, UnsafeSource
from loccit.sources import Repository, open_repository
from tests.repositories import add_commits, git, make_repository

Open = Callable[..., Repository]

REFRESH = (
    "import sys\n"
    "from pathlib import Path\n"
    "from loccit.sources import open_repository\n"
    "open_repository(sys.argv[1], home=Path(sys.argv[2])).refresh(lambda *_: None)\n"
)


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository to fetch from, with two commits, a branch and a tag."""
    folder = tmp_path / "origin"
    ids = make_repository(folder, [{"files": {"a.py": "one\n"}}, {"files": {"a.py": "two\n"}}])
    git(folder, "branch", "side", ids[0])
    git(folder, "tag", "-a", "v1", "-m", "first", ids[0])
    return folder


@pytest.fixture
def user_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the user's own, with a place for a `.gitconfig`."""
    folder = tmp_path / "user"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def ssh_to_here(tmp_path: Path, user_home: Path) -> Path:
    """Makes the ssh command of the user's configuration run things here; a file named `slow` makes it hang.

    The script notes its arguments in the file that is returned, and its process id beside it.
    """
    script, log = tmp_path / "ssh.sh", tmp_path / "ssh.log"
    script.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {shlex.quote(str(log))}\n'
        f"echo $$ > {shlex.quote(str(tmp_path / 'ssh.pid'))}\n"
        f"[ -e {shlex.quote(str(tmp_path / 'slow'))} ] && exec sleep 100\n"
        'for last in "$@"; do :; done\n'
        'exec sh -c "$last"\n'
    )
    script.chmod(0o755)
    (user_home / ".gitconfig").write_text(f"[core]\n\tsshCommand = {script}\n[ssh]\n\tvariant = simple\n")
    return log


def refreshed(repository: Repository) -> Repository:
    repository.refresh(lambda *_: None)
    return repository


def names(repository: Repository) -> list[str]:
    return [entry.path for entry in repository.snapshot().entries]


def test_a_file_url_is_fetched(origin: Path, open_at: Open) -> None:
    """All branches and tags, the default branch as HEAD, and nothing of it is needed afterwards."""
    repository = refreshed(open_at(origin.as_uri()))
    expected = {rev: git(origin, "rev-parse", f"{rev}^{{commit}}") for rev in ("HEAD", "main", "side", "v1")}
    origin.rename(origin.parent / "gone")
    assert {rev: repository.resolve(rev) for rev in expected} == expected
    assert names(repository) == ["a.py"]
    assert len(list(repository.commits(repository.resolve(), ()))) == 2
    assert not repository.changed_files(repository.snapshot())
    assert repository.location == origin.as_uri()
    assert repository.name == "origin"


def test_a_mirror_before_its_first_fetch_says_what_to_do(origin: Path, open_at: Open) -> None:
    """Nothing is fetched behind one's back."""
    with pytest.raises(SourceUnreadable, match="has not been fetched; run 'loccit index file:///"):
        open_at(origin.as_uri()).snapshot()


def test_what_changed_at_the_origin_arrives_with_the_next_fetch(origin: Path, open_at: Open) -> None:
    """New commits, rewritten and deleted branches, another default branch, a branch that becomes a folder of
    branches.
    """
    repository = refreshed(open_at(origin.as_uri()))
    old = repository.resolve()
    add_commits(origin, [{"files": {"b.py": "b\n"}}], first=2)
    git(origin, "branch", "-D", "side")
    git(origin, "branch", "side/deep", "main~2")
    git(origin, "branch", "-f", "other", "main~1")
    git(origin, "checkout", "-q", "other")
    refreshed(repository)
    assert repository.resolve("side/deep") == git(origin, "rev-parse", "side/deep")
    assert repository.resolve("HEAD") == old
    assert repository.resolve("main") == git(origin, "rev-parse", "main")
    with pytest.raises(RevisionNotFound):
        repository.resolve("side")


def test_ssh_urls_are_fetched_with_the_users_own_ssh_command(
    origin: Path, ssh_to_here: Path, open_at: Open
) -> None:
    """`ssh://` and git's short form give one repository, by one name, with one mirror."""
    long, short = open_at(f"ssh://git@host.example{origin}"), open_at(f"git@host.example:{origin}")
    assert names(refreshed(long)) == ["a.py"]
    assert names(refreshed(short)) == ["a.py"]
    assert long.name == short.name
    assert long.name.startswith("host.example/")
    assert "git-upload-pack" in ssh_to_here.read_text()


def test_nothing_else_of_the_users_configuration_counts(
    origin: Path, ssh_to_here: Path, user_home: Path, tmp_path: Path, open_at: Open
) -> None:
    """Hooks, filters and fetch settings of the user are for work trees; a rewrite to a local path is refused.
    Hooks, filters and fetch settings of the user are for work trees; a rewrite to a local path is refused.
    """
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "reference-transaction").write_text(
        f"#!/bin/sh\ntouch {shlex.quote(str(tmp_path / 'marker'))}\n"
    )
    (hooks / "reference-transaction").chmod(0o755)
    with (user_home / ".gitconfig").open("a") as config:
        config.write(
            f"[core]\n\thooksPath = {hooks}\n\tfsmonitor = true\n[fetch]\n\trecurseSubmodules = true\n"
        )
    refreshed(open_at(f"ssh://git@host.example{origin}"))
    assert not (tmp_path / "marker").exists()
    with (user_home / ".gitconfig").open("a") as config:
        config.write(f'[url "{origin.parent}/"]\n\tinsteadOf = https://mirror.example/\n')
    with pytest.raises(FetchFailed, match="transport 'file' not allowed"):
        open_at("https://mirror.example/origin").refresh(lambda *_: None)


def test_rewrites_of_the_user_are_honoured(
    origin: Path, ssh_to_here: Path, user_home: Path, open_at: Open
) -> None:
    """`insteadOf` may turn https into ssh, also from an included file of the user's own."""
    (user_home / "more").write_text(
        f'[url "ssh://git@host.example{origin.parent}/"]\n\tinsteadOf = https://code.example/\n'
    )
    with (user_home / ".gitconfig").open("a") as config:
        config.write("[include]\n\tpath = more\n")
    repository = refreshed(open_at("https://code.example/origin"))
    assert names(repository) == ["a.py"]
    assert repository.name == "code.example/origin"


def test_a_broken_user_configuration_is_a_settings_error(user_home: Path, open_at: Open) -> None:
    """It is the user's to mend."""
    (user_home / ".gitconfig").write_text("[core\n")
    with pytest.raises(Exception, match=r"your git configuration cannot be read.*bad config line") as caught:
        open_at("https://host.example/x/y").refresh(lambda *_: None)
    assert type(caught.value).__name__ == "SettingsError"


@pytest.fixture
def web_server(origin: Path) -> Iterator[str]:
    """Serves the origin's folder on this machine, over plain http."""
    git(origin, "update-server-info")
    handler = functools.partial(_Quiet, directory=str(origin.parent))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_http_is_fetched_where_it_is_allowed(web_server: str, user_home: Path, open_at: Open) -> None:
    """Credentials in the URL are used and never shown."""
    repository = open_at(f"http://someone:secret@{web_server}/origin/.git", allow_http=True)
    assert names(refreshed(repository)) == ["a.py"]
    assert repository.location == f"http://{web_server}/origin/.git"
    assert "secret" not in repository.name + repository.key


def test_a_failed_fetch_says_why_without_credentials(web_server: str, user_home: Path, open_at: Open) -> None:
    """FetchFailed with git's words, the next step, and no password."""
    with pytest.raises(FetchFailed) as caught:
        open_at(f"http://someone:secret@{web_server}/nowhere", allow_http=True).refresh(lambda *_: None)
    assert "not found" in str(caught.value)
    assert "check the address" in caught.value.next_step
    assert "secret" not in str(caught.value)


def test_digits_in_an_address_are_not_taken_for_a_refusal(user_home: Path, open_at: Open) -> None:
    """The advice is for what git says is wrong, not for digits in the address."""
    with pytest.raises(FetchFailed, match="check the address and the network"):
        open_at("https://127.0.0.1:9/403/x").refresh(lambda *_: None)


def test_an_address_where_nobody_answers_is_a_failed_fetch(user_home: Path, open_at: Open) -> None:
    """With the network named as the thing to check."""
    with pytest.raises(FetchFailed, match="check the address and the network"):
        open_at("https://127.0.0.1:9/x/y").refresh(lambda *_: None)


def test_no_password_is_written_down(web_server: str, user_home: Path, home: Path, open_at: Open) -> None:
    """Neither the URL's nor the configuration's reaches our home folder."""
    (user_home / ".gitconfig").write_text(
        "[http]\n\tproxy = \n[credential]\n\thelper = !echo password=hidden\n"
    )
    refreshed(open_at(f"http://someone:secret@{web_server}/origin/.git", allow_http=True))
    for path in home.rglob("*"):
        content = b"" if path.is_dir() else path.read_bytes()
        assert b"secret" not in content
        assert b"hidden" not in content


@pytest.mark.parametrize("kind", ["killed", "lock", "half pack"])
def test_an_interrupted_fetch_leaves_the_mirror_answering(
    origin: Path, ssh_to_here: Path, tmp_path: Path, home: Path, kind: str
) -> None:
    """After kill -9 the last whole fetch is what is read, and the next fetch goes through."""
    location = f"ssh://git@host.example{origin}"
    repository = refreshed(open_repository(location, home=home))
    before = repository.snapshot()
    add_commits(origin, [{"files": {"new.py": "n\n"}}], first=2)
    git_dir = home / "repositories" / repository.key / "git"
    if kind == "killed":
        _kill_a_refresh(location, home, tmp_path)
    elif kind == "lock":
        for name in ("packed-refs.lock", "HEAD.lock", "refs/heads/main.lock", "config.lock", "shallow.lock"):
            (git_dir / name).parent.mkdir(exist_ok=True)
            (git_dir / name).touch()
    else:
        (git_dir / "objects" / "pack").mkdir(exist_ok=True)
        (git_dir / "objects" / "pack" / "tmp_pack_half").write_bytes(b"PACK")
    assert open_repository(location, home=home).snapshot() == before
    assert "new.py" in names(refreshed(open_repository(location, home=home)))
    assert not list(git_dir.rglob("*.lock"))
    assert not list(git_dir.rglob("tmp_pack_*"))


def _kill_a_refresh(location: str, home: Path, tmp_path: Path) -> None:
    (tmp_path / "ssh.pid").unlink()
    (tmp_path / "slow").touch()
    process = subprocess.Popen([sys.executable, "-c", REFRESH, location, str(home)])
    for _ in range(500):
        time.sleep(0.02)
        if (tmp_path / "ssh.pid").exists() and (tmp_path / "ssh.pid").read_text().strip():
            break
    process.kill()
    process.wait()
    (tmp_path / "slow").unlink()
    # What git left running still holds the lock, so that nobody disturbs it; it ends when its connection
    # does.
    (lock,) = (home / "repositories").glob("*/fetch.lock")
    with lock.open() as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.kill(int((tmp_path / "ssh.pid").read_text()), signal.SIGKILL)


def test_a_fetch_that_takes_too_long_is_stopped(
    origin: Path, ssh_to_here: Path, tmp_path: Path, open_at: Open
) -> None:
    """With all that it started."""
    (tmp_path / "slow").touch()
    started = time.monotonic()
    with pytest.raises(FetchFailed, match=r"took longer than 0\.5 seconds"):
        open_at(f"ssh://git@host.example{origin}", fetch_timeout_s=0.5).refresh(lambda *_: None)
    assert time.monotonic() - started < 20
    pid = int((tmp_path / "ssh.pid").read_text())
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        state = Path(f"/proc/{pid}/stat")
        if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.02)
    pytest.fail("what the fetch started is still running")


def test_two_fetches_of_one_url_take_turns(origin: Path, home: Path) -> None:
    """Both end well, and the mirror is whole."""
    processes = [
        subprocess.Popen([sys.executable, "-c", REFRESH, origin.as_uri(), str(home)]) for _ in range(3)
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert names(open_repository(origin.as_uri(), home=home)) == ["a.py"]


def test_progress_is_told(origin: Path, open_at: Open) -> None:
    """In git's own stages."""
    steps: list[tuple[str, int, int, str]] = []
    open_at(origin.as_uri()).refresh(lambda *step: steps.append(step))
    assert ("asking for refs", 0, 0, "refs") in steps
    assert any(stage.endswith("ing objects") and done == total > 0 for stage, done, total, _ in steps)


def test_spellings_of_one_url_share_a_mirror(open_at: Open) -> None:
    """A `.git`, a slash at the end, credentials and the host's case make no difference; another path does."""
    same = [
        "https://github.com/Owner/name",
        "https://github.com/Owner/name.git",
        "https://github.com/Owner/name/",
        "https://someone:secret@github.com/Owner/name",
        "https://GITHUB.com/Owner/name",
    ]
    assert len({open_at(location).key for location in same}) == 1
    assert {open_at(location).name for location in same} == {"github.com/Owner/name"}
    assert all("secret" not in open_at(location).location for location in same)
    assert open_at("https://github.com/Owner/other").key != open_at(same[0]).key


def test_an_empty_repository_can_be_fetched(tmp_path: Path, open_at: Open) -> None:
    """And says that it has no commits; they arrive later."""
    make_repository(tmp_path / "empty")
    repository = refreshed(open_at((tmp_path / "empty").as_uri()))
    with pytest.raises(RevisionNotFound, match="has no commits"):
        repository.snapshot()
    add_commits(tmp_path / "empty", [{"files": {"a": "x\n"}}])
    assert names(refreshed(repository)) == ["a"]


def test_a_sha256_repository_can_be_fetched(tmp_path: Path, open_at: Open) -> None:
    """The mirror has the origin's kind of ids."""
    ids = make_repository(tmp_path / "r", [{"files": {"a": "x\n"}}], object_format="sha256")
    assert refreshed(open_at((tmp_path / "r").as_uri())).snapshot().commit == ids[0]


def test_a_shallow_origin_gives_a_shallow_mirror(origin: Path, tmp_path: Path, open_at: Open) -> None:
    """What it lacks is not made up."""
    git(tmp_path, "clone", "-q", "--depth=1", origin.as_uri(), "shallow")
    repository = refreshed(open_at((tmp_path / "shallow").as_uri()))
    assert repository.snapshot().is_shallow
    assert len(repository.ancestors(repository.resolve())) == 1


def test_a_file_url_must_lead_to_a_repository(tmp_path: Path, open_at: Open) -> None:
    """A plain folder is given as a path, and another machine cannot be meant."""
    (tmp_path / "plain").mkdir()
    with pytest.raises(NotARepository, match="not a git repository"):
        open_at((tmp_path / "plain").as_uri())
    with pytest.raises(NotARepository, match="there is no"):
        open_at((tmp_path / "nowhere").as_uri())
    with pytest.raises(UnsafeSource, match="another machine"):
        open_at("file://host/srv/x")


def test_a_detached_head_is_fetched(origin: Path, open_at: Open) -> None:
    """HEAD is then a commit, as at the origin."""
    git(origin, "checkout", "-q", "--detach", "main~1")
    assert refreshed(open_at(origin.as_uri())).resolve() == git(origin, "rev-parse", "HEAD")
