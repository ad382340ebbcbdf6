"""The deployment files say what Ray accepts, and what this project promises."""

import copy
import importlib
import ipaddress
import json
import subprocess
import sys
import warnings

import pytest
import yaml

from serve.deploy import ENVIRONMENT
from tests.research.files import REPO


def read(name):
    return yaml.safe_load((REPO / name).read_text(encoding="utf-8"))


@pytest.fixture
def cluster():
    return read("cluster.yaml")


@pytest.fixture
def checked(monkeypatch, tmp_path):
    """Ray's own check of a cluster file; whatever it would write goes to a folder of the test."""
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    from ray.autoscaler._private.util import prepare_config, validate_config

    def check(config):
        prepared = prepare_config(copy.deepcopy(config))
        validate_config(prepared)
        return prepared

    return check


def changed(config, path, value):
    """Return a copy with one key of a dotted path set."""
    *parents, last = path.split(".")
    found = altered = copy.deepcopy(config)
    for name in parents:
        found = found[name]
    found[last] = value
    return altered


def test_cluster_yaml_passes_ray_s_own_check(checked, cluster):
    prepared = checked(cluster)
    assert prepared["provider"]["type"] == "local"
    (kind,) = prepared["available_node_types"].values()
    assert (kind["min_workers"], prepared["max_workers"]) == (2, 2)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("cluster_nam", "trifecta", "Additional properties are not allowed .'cluster_nam' was unexpected"),
        ("auth.ssh_usr", "trifecta", "Additional properties are not allowed .'ssh_usr' was unexpected"),
        ("worker_start_ray_command", [], "'worker_start_ray_command' was unexpected"),
        ("head_start_ray_commands", "ray stop", "'ray stop' is not of type 'array'"),
        ("max_workers", -1, "-1 is less than the minimum of 0"),
    ],
)
def test_a_mistake_in_cluster_yaml_is_rejected(checked, cluster, path, value, says):
    with pytest.raises(Exception, match=says):
        checked(changed(cluster, path, value))


def test_cluster_yaml_starts_ray_closed_to_strangers_and_with_haproxy(cluster):
    head, worker = cluster["head_start_ray_commands"][-1], cluster["worker_start_ray_commands"][-1]
    for command in (head, worker):
        assert "RAY_AUTH_MODE=token" in command
        assert "--disable-usage-stats" in command
        for name in ("RAY_SERVE_ENABLE_HA_PROXY", "RAY_SERVE_THROUGHPUT_OPTIMIZED"):
            assert f"{name}={ENVIRONMENT[name]}" in command
    assert "--dashboard-host=127.0.0.1" in head
    assert "RAY_enable_autoscaler_v2=0" in head
    assert "--resources='{\"governor\": 1}'" in head
    assert "--resources='{\"feed\": 10}'" in worker
    assert cluster["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"


def test_cluster_yaml_names_no_real_machine(cluster):
    documentation = ipaddress.ip_network("192.0.2.0/24")
    provider = cluster["provider"]
    assert all(ipaddress.ip_address(ip) in documentation for ip in (provider["head_ip"], *provider["worker_ips"]))


@pytest.fixture(scope="module")
def schema():
    """Ray's own schema of a Serve file; importing it warns of Ray's way with pydantic, which is not ours to mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ray.serve.schema import ServeDeploySchema
    return ServeDeploySchema


def test_serve_yaml_fits_ray_s_deploy_schema_and_listens_on_loopback_only(schema):
    found = schema.model_validate(read("config/serve.yaml"))
    (application,) = found.applications
    (counter,) = application.deployments
    assert (found.http_options.host, found.http_options.port) == ("127.0.0.1", 8000)
    assert (application.import_path, application.route_prefix, application.runtime_env) == ("serve.app:app", "/", {})
    assert counter.ray_actor_options.num_cpus == 0
    assert (counter.max_ongoing_requests, counter.max_queued_requests) == (16, 64)


def test_ray_understands_every_key_of_serve_yaml(schema):
    """Ray ignores a key that it does not know, so a typing error would be silent: it must have kept all there is."""
    config = read("config/serve.yaml")
    assert kept(schema, config) == config


@pytest.mark.parametrize(
    "path", ["http_options.prt", "applications.0.rout_prefix", "applications.0.deployments.0.max_ongoing"]
)
def test_a_typing_error_in_serve_yaml_would_be_seen(schema, path):
    config = read("config/serve.yaml")
    *parents, last = path.split(".")
    found = config
    for name in parents:
        found = found[int(name) if name.isdigit() else name]
    found[last] = 1
    assert kept(schema, config) != config


def kept(schema, config):
    """Return what Ray has read of a file."""
    return json.loads(schema.model_validate(copy.deepcopy(config)).model_dump_json(exclude_unset=True))


def test_serve_yaml_names_what_the_package_has():
    """In a process of its own: importing Ray Serve takes seconds and settles its constants."""
    application = read("config/serve.yaml")["applications"][0]
    module, _, attribute = application["import_path"].partition(":")
    code = (
        f"import importlib; app = getattr(importlib.import_module({module!r}), {attribute!r}); "
        "print(app._bound_deployment.name)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPO)
    assert printed.stdout.strip() == application["deployments"][0]["name"]


def test_the_ingress_module_keeps_its_annotations_real():
    """`from __future__ import annotations` would turn the body of a request into a query field."""
    for name in ("serve.api", "serve.models"):
        module = importlib.import_module(name)
        assert "annotations" not in vars(module)


def test_nothing_that_holds_secrets_or_state_travels_to_a_cluster(cluster):
    ignored = (REPO / ".rayignore").read_text(encoding="ascii").split()
    assert {".git/", ".venv/", ".trifecta/", ".kernels/"} <= set(ignored)
    assert {"**/.git", "**/.venv", "**/.trifecta"} <= set(cluster["rsync_exclude"])
