"""The Helm chart: values against their schema, templates against values, and what Helm made of them.

tests/golden/chart holds the manifests that Helm rendered (scripts/render_chart.py); they are of the present
chart, or a test fails.
"""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest
import yaml

from loccit import __version__
from loccit.settings import Settings
from tests.dockerfile import DEPLOY, the

CHART = DEPLOY / "helm" / "loccit"
GOLDEN = DEPLOY.parent / "tests" / "golden" / "chart"
NAMES = sorted(path.name.removesuffix(".values.yaml") for path in GOLDEN.glob("*.values.yaml"))
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = jsonschema.Draft7Validator(json.loads((CHART / "values.schema.json").read_text()))
HOME = "/var/lib/loccit"


def chosen(name: str) -> dict[str, Any]:
    """The values of the chart, with those of a case over them as Helm lays them."""

    def over(below: Any, above: Any) -> Any:
        if not (isinstance(below, dict) and isinstance(above, dict)):
            return above
        return below | {key: over(below.get(key), value) for key, value in above.items()}

    return over(VALUES, yaml.safe_load((GOLDEN / f"{name}.values.yaml").read_text()))


def manifests(name: str) -> dict[str, dict[str, Any]]:
    """What Helm rendered, by kind."""
    documents = yaml.safe_load_all((GOLDEN / f"{name}.yaml").read_text())
    return {document["kind"]: document for document in documents if document}


def pod(name: str) -> dict[str, Any]:
    return manifests(name)["StatefulSet"]["spec"]["template"]["spec"]


def containers(name: str) -> list[dict[str, Any]]:
    return [*pod(name).get("initContainers", []), *pod(name)["containers"]]


def renderer() -> ModuleType:
    path = DEPLOY.parent / "scripts" / "render_chart.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", NAMES)
def test_what_helm_rendered_is_of_this_chart(name: str) -> None:
    """After a change of the chart: scripts/render_chart.py, which says what it needs."""
    first = (GOLDEN / f"{name}.yaml").read_text().splitlines()[0]
    assert first == f"# sha256 {renderer().digest_of(GOLDEN / f'{name}.values.yaml')}"


@pytest.mark.parametrize("name", NAMES)
def test_values_keep_to_their_schema(name: str) -> None:
    SCHEMA.validate(chosen(name))


@pytest.mark.parametrize(
    "wrong",
    [
        {"replicas": 3},
        {"image": {"repository": ""}},
        {"image": {"repository": "loccit", "digest": "sha256:12"}},
        {"files": {"alerts.toml": ""}},
        {"files": {"settings.toml": "", "../secret": ""}},
        {"service": {"type": "ClusterIP", "port": "80"}},
        {"secrets": ["Not_A_Name"]},
        {"persistence": {"size": "plenty"}},
        {"terminationGracePeriodSeconds": 5},
        {"podAnnotations": {"a": 1}},
    ],
    ids=json.dumps,
)
def test_values_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    """Before anything is sent to a cluster."""
    assert list(SCHEMA.iter_errors(VALUES | wrong))


def test_every_value_is_used_and_every_use_is_a_value() -> None:
    """A template that names none renders as an empty text, and says nothing."""

    def paths(values: dict[str, Any], before: str = "") -> set[str]:
        found: set[str] = set()
        for key, value in values.items():
            is_ours = isinstance(value, dict) and before + key not in {"files", "resources"} and value
            found |= paths(value, f"{before}{key}.") if is_ours else {before + key}
        return found

    text = "".join(path.read_text() for path in sorted((CHART / "templates").iterdir()))
    used = set(re.findall(r"\.Values\.([A-Za-z.]+)", text))
    assert used == paths(VALUES)


def test_the_versions_are_those_of_the_package() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == __version__


@pytest.mark.parametrize("name", NAMES)
def test_the_settings_in_the_chart_are_settings(name: str, tmp_path: Path) -> None:
    """They load, and agree with ports, the time to stop, and the name under which metrics are asked for."""
    made = manifests(name)
    (tmp_path / "settings.toml").write_text(made["ConfigMap"]["data"]["settings.toml"])
    serving = Settings.load(tmp_path).serving
    assert serving.hosts
    (main,) = pod(name)["containers"]
    assert main["ports"] == [{"name": "http", "containerPort": serving.port}]
    assert str(serving.port) == the("EXPOSE").rest
    pause = int(main["lifecycle"]["preStop"]["exec"]["command"][-1])
    assert pod(name)["terminationGracePeriodSeconds"] >= serving.drain_s + pause + 5
    if "ServiceMonitor" in made:
        (rule,) = made["ServiceMonitor"]["spec"]["endpoints"][0]["relabelings"]
        host, port = rule["replacement"].split(":")
        assert host in serving.hosts
        assert int(port) == made["Service"]["spec"]["ports"][0]["port"]


@pytest.mark.parametrize("name", NAMES)
def test_a_pod_may_do_no_more_than_it_needs(name: str) -> None:
    found = pod(name)
    assert found["automountServiceAccountToken"] is False
    security = found["securityContext"]
    user, group = (int(number) for number in the("USER").rest.split(":"))
    assert (security["runAsUser"], security["runAsGroup"], security["fsGroup"]) == (user, group, group)
    assert security["runAsNonRoot"] is True
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers(name):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("name", NAMES)
def test_the_server_is_asked_how_it_is_under_a_name_that_it_has(name: str) -> None:
    """A kubelet would send the pod's address as `Host`, and be refused."""
    (main,) = pod(name)["containers"]
    probes = {kind: main[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    assert {kind: probe["path"] for kind, probe in probes.items()} == {
        "startup": "/health",
        "liveness": "/health",
        "readiness": "/ready",
    }
    assert all(probe["httpHeaders"] == [{"name": "Host", "value": "localhost"}] for probe in probes.values())


@pytest.mark.parametrize("name", NAMES)
def test_what_is_mounted_is_there(name: str) -> None:
    """The home on a volume that stays, its files over it, and /tmp."""
    made = manifests(name)
    there = {volume["name"] for volume in pod(name)["volumes"]}
    there |= {
        each["metadata"]["name"] for each in made["StatefulSet"]["spec"].get("volumeClaimTemplates", [])
    }
    for container in containers(name):
        mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
        assert {mount["name"] for mount in mounts.values()} == there == {"home", "files", "tmp"}
        files = {path.removeprefix(f"{HOME}/") for path, mount in mounts.items() if mount["name"] == "files"}
        assert files == set(made["ConfigMap"]["data"])
        assert mounts[HOME]["name"] == "home"
        assert f"LOCCIT_HOME={HOME}" in the("ENV").rest


def test_what_finds_the_pods_finds_them() -> None:
    for name in NAMES:
        made = manifests(name)
        labels = made["StatefulSet"]["spec"]["template"]["metadata"]["labels"].items()
        assert made["Service"]["spec"]["selector"].items() <= labels
        assert made["StatefulSet"]["spec"]["selector"]["matchLabels"].items() <= labels


def test_a_server_without_a_key_waits_for_one() -> None:
    """It would end at once otherwise, again and again, and there would be no container to make a key in."""
    (wait,) = pod("default")["initContainers"]
    assert wait["image"] == containers("default")[-1]["image"] == f"loccit:{__version__}"
    assert "loccit keys list --json" in wait["command"][-1]
    assert "initContainers" not in pod("everything")


def test_a_switch_that_is_off_makes_nothing() -> None:
    assert set(manifests("default")) == {"ConfigMap", "Service", "StatefulSet"}
    assert set(manifests("everything")) - set(manifests("default")) == {"Ingress", "ServiceMonitor"}
    assert "volumeClaimTemplates" not in manifests("claim")["StatefulSet"]["spec"]
