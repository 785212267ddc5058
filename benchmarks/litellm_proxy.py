"""LiteLLM's proxy, one worker, with nothing but a route configured: what benchmarks hold ours against."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.served import free_port

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_START_S = 120.0


@dataclass(frozen=True)
class Proxy:
    """A proxy that answers at `url`."""

    url: str
    pid: int


def quiet() -> dict[str, str]:
    """The environment in which LiteLLM fetches nothing and says little."""
    return {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}


@contextmanager
def litellm_proxy(python: Path, base_url: str, home: Path) -> Iterator[Proxy]:
    """The proxy of this interpreter's LiteLLM before the server at `base_url`, with the model `m`.

    Raises RuntimeError where it does not start.
    """
    config = home / "litellm.json"
    parameters = {"model": "openai/m", "api_base": base_url, "api_key": "none"}
    routes = [{"model_name": "m", "litellm_params": parameters}]
    # Without a key of its own: nobody but us reaches it.
    general = {"dangerously_permit_weak_or_unset_master_key": True}
    config.write_text(json.dumps({"model_list": routes, "general_settings": general}))
    port = free_port()
    command = [python.parent / "litellm", "--config", config, "--port", str(port), "--host", "127.0.0.1"]
    with (home / "proxy.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=quiet())
    try:
        url = f"http://127.0.0.1:{port}"
        if not _answers(f"{url}/health/liveliness", process):
            tail = (home / "proxy.log").read_text().strip().splitlines()[-1:]
            raise RuntimeError(f"it did not start: {tail}")
        yield Proxy(url, process.pid)
    finally:
        process.terminate()
        process.wait(20)


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def _answers(address: str, process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(address, timeout=2).status_code == 200:
                return True
        except httpx.TransportError:
            time.sleep(0.5)
    return False
