"""compose.yaml keeps to the published schema, and gives its containers no more than they need."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from loccit.settings import Settings
from tests.dockerfile import DEPLOY, service, the

# Of https://github.com/compose-spec/compose-spec at 170098ba07d9, Apache-2.0.
SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "data" / "compose-spec.json").read_text())
FILE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def settings_of(text: str, folder: Path) -> Settings:
    (folder / "settings.toml").write_text(text)
    return Settings.load(folder)


def test_the_file_is_as_compose_specifies() -> None:
    jsonschema.Draft7Validator(SCHEMA).validate(FILE)
    broken = json.loads(json.dumps(FILE))
    broken["services"]["loccit"]["read-only"] = True
    assert list(jsonschema.Draft7Validator(SCHEMA).iter_errors(broken))


@pytest.mark.parametrize("name", sorted(FILE["services"]))
def test_a_service_has_no_more_than_it_needs(name: str) -> None:
    """No capability, no new privileges, nothing to write to but volumes and memory; bounds, and health."""
    found = service(name)
    assert found["cap_drop"] == ["ALL"]
    assert "cap_add" not in found
    assert not found.get("privileged")
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert found["read_only"] is True
    assert {"mem_limit", "pids_limit", "tmpfs", "stop_grace_period"} <= set(found)
    assert name == "loccit" or "healthcheck" in found


def test_secrets_are_in_files_that_git_leaves_alone() -> None:
    """No password in compose.yaml, in settings.toml or in an example."""
    ignored = (DEPLOY.parent / ".gitignore").read_text().split()
    for name in FILE["services"]:
        (file,) = service(name)["env_file"]
        assert f"deploy/{file}" in ignored
        example = (DEPLOY / f"{file}.example").read_text().splitlines()
        values = [line for line in example if line and not line.startswith("#")]
        assert values
        assert all(line.endswith("PASSWORD=") for line in values)
        assert not [key for key in service(name).get("environment", {}) if "PASSWORD" in key]


def test_what_is_mounted_and_named_is_there() -> None:
    """Files beside it exist, volumes and networks are declared; the home is where the image has it."""
    for name in FILE["services"]:
        for mount in service(name)["volumes"]:
            source = mount.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in FILE["volumes"]
        assert set(service(name)["networks"]) <= set(FILE["networks"])
    build = service("loccit")["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == DEPLOY / "Dockerfile"
    assert f"home:{the('VOLUME').items[0]}" in service("loccit")["volumes"]


def test_only_this_machine_and_the_server_reach_anything() -> None:
    """The database is on a network without a way out; the server's port is bound to the loopback address."""
    assert service("database")["networks"] == ["back"]
    assert "ports" not in service("database")
    assert FILE["networks"]["back"] == {"internal": True}
    assert service("loccit")["ports"] == [f"127.0.0.1:{the('EXPOSE').rest}:{the('EXPOSE').rest}"]


def test_the_settings_beside_it_are_settings(tmp_path: Path) -> None:
    """They load; the database is the service next door, the drain ends before the container is killed."""
    settings = settings_of((DEPLOY / "settings.toml").read_text(), tmp_path)
    assert settings.storage.database == "postgresql+psycopg://loccit@database/loccit"
    assert {"POSTGRES_USER": "loccit", "POSTGRES_DB": "loccit"}.items() <= service("database")[
        "environment"
    ].items()
    assert settings.serving.drain_s + 5 <= int(service("loccit")["stop_grace_period"].removesuffix("s"))
    assert settings.serving.port == int(the("EXPOSE").rest)
    # Without names every `Host` is taken, and DNS rebinding would lead browsers here.
    assert settings.serving.hosts
