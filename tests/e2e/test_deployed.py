"""What the image runs, without an engine: its commands, its user, its health check, PostgreSQL beside it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.postgresql import PostgreSQL
from tests.dockerfile import DEPLOY, the
from tests.e2e.conftest import Installed
from tests.repositories import make_repository
from tests.servers import WEATHER

NOBODY = 65_534
# Python may be where root alone looks: with this it can be read there, and nothing written.
READS = "+dac_read_search"


class Container:
    """Runs commands as the image does: in its environment, as somebody who owns the home folder alone."""

    def __init__(self, folder: Path, installed: Installed) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.env = {
            "PATH": f"{installed.prefix / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "LOCCIT_HOME": str(self.home),
            "HOME": str(self.home),
            "TMPDIR": str(folder / "tmp"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.identity: list[str] = []
        if os.geteuid() == 0:
            if shutil.which("setpriv") is None:
                pytest.fail("run as root, this test needs setpriv (Debian: util-linux)")
            ids = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
            # access(2) would leave it out of account for whoever is not root.
            ids.append("--securebits=+no_setuid_fixup")
            rights = [f"--{kind}=-all,{READS}" for kind in ("inh-caps", "ambient-caps", "bounding-set")]
            self.identity = ["setpriv", *ids, *rights, "--"]

    def options(self) -> dict[str, Any]:
        return {"env": {**os.environ, **self.env}, "cwd": self.home, "text": True}

    def __call__(self, *command: str | Path, env: Mapping[str, str] | None = None) -> Any:
        options = self.options()
        options["env"] |= env or {}
        return subprocess.run(
            [*self.identity, *command], capture_output=True, check=False, timeout=120, **options
        )


@pytest.fixture
def container(equipped: Installed, postgresql: PostgreSQL) -> Iterator[Container]:
    """With the settings of compose.yaml, but for the address of the database."""
    # Not below pytest's own folder, which is its owner's alone.
    folder = Path(tempfile.mkdtemp(prefix="loccit-deployed-", dir="/tmp"))
    try:
        folder.chmod(0o755)
        made = Container(folder, equipped)
        for path in (made.home, folder / "tmp"):
            path.mkdir(mode=0o700)
        text = (DEPLOY / "settings.toml").read_text()
        text, replaced = re.subn(
            r'^database = ".+"$', f'database = "{postgresql.new_database()}"', text, flags=re.MULTILINE
        )
        assert replaced == 1
        # As it is mounted: to be read.
        (made.home / "settings.toml").write_text(text)
        (made.home / "settings.toml").chmod(0o444)
        make_repository(folder / "weather", [{"files": {"weather.py": WEATHER}, "message": "It begins"}])
        if os.geteuid() == 0:
            for path in (made.home, folder / "tmp", *folder.rglob("weather"), *folder.rglob("weather/**/*")):
                os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        yield made
    finally:
        shutil.rmtree(folder)


def health_check(port: int) -> list[str]:
    """The command of the Dockerfile, at another port."""
    check = the("HEALTHCHECK").items
    assert the("EXPOSE").rest in check[-1]
    return [word.replace(the("EXPOSE").rest, str(port)) for word in check]


def test_what_the_image_runs_serves_with_postgresql_as_nobody_in_particular(container: Container) -> None:
    """The first start is refused for want of a key; then it answers, is healthy, and ends at SIGTERM."""
    start = [*the("ENTRYPOINT").items, *the("CMD").items, "--port", "0"]
    refused = container(*start)
    assert refused.returncode == 2
    assert "loccit keys create" in refused.stderr
    made = container("loccit", "keys", "create", "ana", "--role", "admin", "--quiet")
    assert made.returncode == 0, made.stderr
    indexed = container("loccit", "index", container.folder / "weather", "--quiet")
    assert indexed.returncode == 0, indexed.stderr

    process = subprocess.Popen(
        [*container.identity, *start], stderr=subprocess.PIPE, start_new_session=True, **container.options()
    )
    assert process.stderr is not None
    said = process.stderr.readline()
    reader = threading.Thread(target=process.stderr.read)
    try:
        found = re.search(r"http://0\.0\.0\.0:(\d+)$", said.strip())
        assert found, said + process.stderr.read()
        reader.start()
        port = int(found[1])
        if os.geteuid() == 0:
            assert f"Uid:\t{NOBODY}\t{NOBODY}" in Path(f"/proc/{process.pid}/status").read_text()
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30)
        with client:
            until_ready(client)
            assert container(*health_check(port)).returncode == 0
            # The proxies of the environment are for what goes out.
            assert container(*health_check(port), env={"http_proxy": "http://127.0.0.1:9"}).returncode == 0
            question = {"question": "Where is the weather report of a city made?"}
            assert client.post("/v1/ask", json=question).status_code == 401
            headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
            answer = client.post("/v1/ask", json=question, headers=headers)
            assert answer.json()["outcome"] == "answered"
            stranger = client.get("/health", headers={"Host": "rebound.example.net"})
            assert stranger.status_code == 403
        process.terminate()
        assert process.wait(30) == 0
        assert container(*health_check(port)).returncode != 0
    finally:
        if process.poll() is None:
            # Its workers too: they hold the pipe that is read to its end.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)
        if reader.ident is not None:
            reader.join()
        process.stderr.close()
    if os.geteuid() == 0:
        owners = {path.name: path.stat().st_uid for path in container.home.iterdir()}
        assert owners.pop("settings.toml") == 0
        assert set(owners.values()) == {NOBODY}


def until_ready(client: httpx.Client) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if client.get("/ready").status_code == 200:
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_pod_waits_until_there_is_a_key(container: Container) -> None:
    """The command of the chart's first container ends when a key was made, and not before."""
    import yaml

    chart = DEPLOY.parent / "tests" / "golden" / "chart" / "default.yaml"
    documents = [document for document in yaml.safe_load_all(chart.read_text()) if document]
    (pod,) = (each["spec"]["template"]["spec"] for each in documents if each["kind"] == "StatefulSet")
    command = pod["initContainers"][0]["command"]
    assert "sleep 5" in command[-1]
    command = [*command[:-1], command[-1].replace("sleep 5", "sleep 0.2")]
    waiting = subprocess.Popen([*container.identity, *command], start_new_session=True, **container.options())
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(4)
        made = container("loccit", "keys", "create", "ana", "--role", "admin", "--quiet")
        assert made.returncode == 0, made.stderr
        assert waiting.wait(30) == 0
    finally:
        if waiting.poll() is None:
            os.killpg(waiting.pid, signal.SIGKILL)
            waiting.wait(30)
