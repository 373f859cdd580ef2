"""The Kubernetes manifests: every overlay renders, every pod is hardened, and calls go as the access tables say."""

import importlib
import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.backing import S3
from support.cluster import given, needed_by
from support.event_keys import EVENT_KEYS
from support.keys import Keyring
from whatsinvoice_backup.settings import Settings as BackupSettings
from whatsinvoice_kit.storage import ObjectStore
from whatsinvoice_local.certificates import write_certificates

SERVICES = ("auth", "invoices", "payments", "notifications")
PROCESSES = tuple(f"{name}-" for name in ("gateway", *SERVICES))
NAME, COMPONENT = "app.kubernetes.io/name", "app.kubernetes.io/component"
CUSTOM = {"ExternalSecret", "Certificate", "Issuer", "PodMonitor", "PrometheusRule", "AlertmanagerConfig"}
"""Kinds of operators, whose schemas are not Kubernetes' own."""
SINGLE = {"backup-watch"}
"""Deployments that nobody waits for."""
STATE = json.dumps({"matchLabels": {"whatsinvoice/state": "true"}})
OVERLAYS = ("overlays/staging", "overlays/production")
ALONE = ("gateway", "backup", *(f"services/{name}" for name in SERVICES))


def templates(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What pods are made from, by the name of who makes them."""
    for found in objects:
        if found["kind"] in {"Deployment", "Job"}:
            yield found["metadata"]["name"], found["spec"]["template"]
        if found["kind"] == "CronJob":
            yield found["metadata"]["name"], found["spec"]["jobTemplate"]["spec"]["template"]


def pods(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, template in templates(objects):
        yield name, template["spec"]


@pytest.mark.parametrize("folder", [*OVERLAYS, *ALONE])
def test_what_is_rendered_is_valid(render: Any, folder: str) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    for found in render(folder):
        if found["kind"] not in CUSTOM:
            kubernetes_validate.validate(found, "1.33", strict=True)


@pytest.mark.parametrize("folder", OVERLAYS)
def test_every_pod_is_hardened(render: Any, folder: str) -> None:
    found = dict(pods(render(folder)))
    assert len(found) >= 3 * len(SERVICES) + 1
    assert {"backup-save", "backup-drill"} <= found.keys()
    for name, pod in found.items():
        for beside in pod.get("initContainers", ()):
            assert beside["securityContext"] == pod["containers"][0]["securityContext"], name
        account, rights = pod["securityContext"], pod["containers"][0]["securityContext"]
        assert len(pod["containers"]) == 1, name
        assert account["runAsNonRoot"] is True and account["runAsUser"] >= 10_000, name  # noqa: PT018  (one rule)
        assert account["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert rights["readOnlyRootFilesystem"] is True, name
        assert rights["allowPrivilegeEscalation"] is False, name
        assert rights["capabilities"] == {"drop": ["ALL"]}, name
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["containers"][0]["resources"].keys() == {"requests", "limits"}, name
        assert not any("hostPath" in volume for volume in pod["volumes"]), name
        assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC"}, name
        assert not pod["containers"][0]["image"].endswith(":latest"), name


@pytest.mark.parametrize("folder", OVERLAYS)
def test_every_deployment_can_be_scaled_and_drained(render: Any, folder: str) -> None:
    objects = render(folder)
    deployments = {o["metadata"]["name"]: o["spec"]["template"]["spec"] for o in objects if o["kind"] == "Deployment"}
    deployments = {name: pod for name, pod in deployments.items() if name not in SINGLE}
    scaled = {
        o["spec"]["scaleTargetRef"]["name"]: o["spec"]["minReplicas"]
        for o in objects
        if o["kind"] == "HorizontalPodAutoscaler"
    }
    assert deployments.keys() == scaled.keys()
    assert min(scaled.values()) >= 2
    disruptions = [o["spec"]["selector"]["matchLabels"] for o in objects if o["kind"] == "PodDisruptionBudget"]
    assert len(disruptions) == len(deployments)
    for name, pod in deployments.items():
        assert pod["terminationGracePeriodSeconds"] > 35, name
        assert len(pod["topologySpreadConstraints"]) == 2, name
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= pod["containers"][0].keys(), name


@pytest.mark.parametrize("folder", OVERLAYS)
def test_who_is_scaled_by_an_autoscaler_is_scaled_by_nobody_else(render: Any, folder: str) -> None:
    """A number in the manifest would be written at each release: twenty busy pods would become two."""
    objects = render(folder)
    scaled = {o["spec"]["scaleTargetRef"]["name"] for o in objects if o["kind"] == "HorizontalPodAutoscaler"}
    said = {o["metadata"]["name"] for o in objects if o["kind"] == "Deployment" and "replicas" in o["spec"]}
    assert scaled
    assert not said & scaled


def test_autoscalers_do_the_arithmetic_of_the_capacity_page(render: Any) -> None:
    """Ten million invoices a month, busiest hour: 2 cores in gateway and invoices' api, half again for what is away."""
    objects = render("overlays/production")
    asked = {
        o["metadata"]["name"]: int(o["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"][:-1])
        for o in objects
        if o["kind"] == "Deployment"
    }
    least, most = {}, {}
    for spec in (o["spec"] for o in objects if o["kind"] == "HorizontalPodAutoscaler"):
        name, [metric] = spec["scaleTargetRef"]["name"], spec["metrics"]
        busy = asked[name] * metric["resource"]["target"]["averageUtilization"] / 100
        least[name], most[name] = spec["minReplicas"] * asked[name], spec["maxReplicas"] * busy
        assert busy >= 100, f"{name}: what it does at rest would scale it"
        assert asked[name] <= 1000, f"{name}: a process has one loop, and no use for more than a core"
    pair = ("gateway-http", "invoices-api")
    assert sum(least[name] for name in pair) >= 3_000
    assert sum(most[name] for name in pair) >= 4 * 2_000


@pytest.mark.parametrize("folder", OVERLAYS)
def test_who_stands_still_is_restarted(render: Any, folder: str) -> None:
    """A port that is open says nothing of a loop that turns no more: tests/integration/kit/observe/test_observe.py."""
    deployments = [found for found in render(folder) if found["kind"] == "Deployment"]
    probes = {
        o["metadata"]["name"]: o["spec"]["template"]["spec"]["containers"][0]["livenessProbe"] for o in deployments
    }
    assert [name for name, probe in probes.items() if "tcpSocket" in probe] == []
    ours = {name: probe for name, probe in probes.items() if name.startswith(PROCESSES)}
    assert len(ours) == 2 * len(SERVICES) + 1
    for name, probe in ours.items():
        assert probe["httpGet"] == {"path": "/livez", "port": "ops"}, name
        assert "grpc" not in probe, f"{name}: kubelet has no certificate"


@pytest.mark.parametrize("folder", OVERLAYS)
def test_what_migrations_need_is_applied_before_them_and_no_pod_is(render: Any, root: Path, folder: str) -> None:
    objects = render(folder)
    first = [o for o in objects if COMPONENT not in o["metadata"].get("labels", {})]
    then = [o for o in objects if o["metadata"].get("labels", {}).get(COMPONENT) == "migrate"]
    assert not {o["kind"] for o in first} & {"Deployment", "Job", "CronJob"}
    assert {o["kind"] for o in objects if o not in first} == {"Deployment", "Job", "CronJob"}
    assert first[0]["kind"] == "Namespace", "kubectl applies in this order"
    assert {name for name, _ in templates(then)} == {f"{name}-migrate" for name in SERVICES}
    for name, template in templates(then):
        assert needed_by(template["spec"]) <= given(first), name
        labels = template["metadata"]["labels"]
        for peer in ("namespaceSelector", "ipBlock"):
            assert reaches(first, labels, peer) == reaches(objects, labels, peer), name
        assert (STATE, 5432) in reaches(first, labels, "namespaceSelector"), name
    text = (root / "docs" / "runbooks" / "deploy.md").read_text()
    assert re.findall(r"`kubectl apply -f release.yaml(?: -l ('[^']+'|[^` ]+))?`", text) == [
        f"'!{COMPONENT}'",
        f"{COMPONENT}=migrate",
        "",
        f"{COMPONENT}=rotate",
    ], "the last one makes the keys of a first install"


def called_by(objects: list[dict[str, Any]], service: str) -> set[str]:
    """Whom its policies let in on the gRPC port."""
    callers: set[str] = set()
    for found in objects:
        if found["kind"] == "NetworkPolicy" and found["metadata"].get("labels", {}).get(NAME) == service:
            for rule in found["spec"].get("ingress", ()):
                if any(port["port"] == 50051 for port in rule["ports"]):
                    callers |= {name for source in rule["from"] for name in _names(source)}
    return callers


def calls(objects: list[dict[str, Any]], caller: str) -> set[str]:
    """Whom its policies let it reach on the gRPC port."""
    called: set[str] = set()
    for found in objects:
        if found["kind"] == "NetworkPolicy" and found["metadata"].get("labels", {}).get(NAME) == caller:
            for rule in found["spec"].get("egress", ()):
                if any(port["port"] == 50051 for port in rule["ports"]):
                    called |= {name for target in rule["to"] for name in _names(target)}
    return called


def _names(peer: dict[str, Any]) -> list[str]:
    [expression] = peer["podSelector"]["matchExpressions"]
    assert (expression["key"], expression["operator"]) == (NAME, "In")
    return list(expression["values"])


def access_tables() -> dict[str, set[str]]:
    """Service -> whom its access table lets in."""
    wanted: dict[str, set[str]] = {}
    for service in SERVICES:
        table = importlib.import_module(f"whatsinvoice_{service}.servicer").ACCESS
        wanted[service] = {caller for access in table.values() for caller in access.services} | {
            "gateway" for access in table.values() if access.scope
        }
    return wanted


def check_calls(objects: list[dict[str, Any]]) -> None:
    """Both directions, in and out."""
    wanted = access_tables()
    callers = {"gateway", *SERVICES}
    reached = {caller: {service for service in SERVICES if caller in wanted[service]} for caller in callers}
    assert {service: called_by(objects, service) for service in SERVICES} == wanted
    assert {caller: calls(objects, caller) for caller in callers} == reached


@pytest.mark.parametrize("folder", OVERLAYS)
def test_the_network_lets_through_whom_the_access_tables_let_in(render: Any, folder: str) -> None:
    check_calls(render(folder))


def chosen(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a selector of labels means an object that has these."""
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(expression["key"]) in expression["values"] for expression in selector.get("matchExpressions", ())
    )


def reaches(objects: list[dict[str, Any]], labels: dict[str, str], peer: str) -> set[tuple[str, int]]:
    """Where a pod's policies let it go, as (peer of that kind, port)."""
    specs = [o["spec"] for o in objects if o["kind"] == "NetworkPolicy" and chosen(o["spec"]["podSelector"], labels)]
    return {
        (json.dumps(target[peer], sort_keys=True), port["port"])
        for spec in specs
        for rule in spec.get("egress", ())
        for target in rule["to"]
        if peer in target
        for port in rule["ports"]
    }


@pytest.mark.parametrize("folder", OVERLAYS)
def test_names_are_asked_of_the_cluster_or_of_the_cache_on_the_node(render: Any, folder: str) -> None:
    objects = render(folder)
    # who rotates keys knows an address, and asks nobody
    asking = [(name, t["metadata"]["labels"]) for name, t in templates(objects) if name != "keys-rotate"]
    cluster = json.dumps({"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}})
    for name, labels in asking:
        assert (cluster, 53) in reaches(objects, labels, "namespaceSelector"), name
        assert (json.dumps({"cidr": "169.254.20.10/32"}), 53) in reaches(objects, labels, "ipBlock"), name


def proxies(objects: list[dict[str, Any]]) -> list[str]:
    """Whom the firewall and the gateway believe; one that is believed by one of them alone hides who calls."""
    maps = {o["metadata"]["name"].rpartition("-")[0]: o["data"] for o in objects if o["kind"] == "ConfigMap"}
    gateway = re.split(r"[\s,]+", maps["gateway-settings"]["TRUSTED_PROXIES"])
    firewall = re.findall(r"^set_real_ip_from (\S+);", maps["waf-place"]["place.conf"], flags=re.MULTILINE)
    assert sorted(firewall) == sorted(gateway)
    return firewall


@pytest.mark.parametrize("folder", OVERLAYS)
def test_the_firewall_and_the_gateway_believe_the_same_proxies(render: Any, folder: str) -> None:
    assert proxies(render(folder)) == ["10.0.0.0/8"]


def test_an_overlay_says_whom_to_believe(overlay: Any, root: Path) -> None:
    place = (root / "deploy" / "kubernetes" / "components" / "waf" / "place.conf").read_text()
    literal = "place.conf=" + place.replace("10.0.0.0/8", "100.64.0.0/10")
    maps = [
        {"name": "gateway-settings", "behavior": "merge", "literals": ["TRUSTED_PROXIES=100.64.0.0/10"]},
        {"name": "waf-place", "behavior": "replace", "literals": [literal]},
    ]
    resources = ["deploy/kubernetes/overlays/production"]
    objects = overlay({"namespace": "whatsinvoice-production", "resources": resources, "configMapGenerator": maps})
    assert proxies(objects) == ["100.64.0.0/10"]


MANAGED = {
    "postgres": ("10.3.0.0/24", {5432}),
    "redis": ("10.3.1.0/24", {6379, 6380, 26379}),
    "objects": ("10.3.2.9/32", {443}),
}


def test_managed_state_is_open_to_whom_state_in_the_cluster_is_open(overlay: Any) -> None:
    """At the addresses that an overlay says, as README.md has it."""
    patches = [
        {
            "target": {"kind": "NetworkPolicy", "name": f"managed-{what}"},
            "patch": f"- {{op: replace, path: /spec/egress/0/to, value: [{{ipBlock: {{cidr: {cidr}}}}}]}}",
        }
        for what, (cidr, _) in MANAGED.items()
    ]
    folders = {
        "resources": ["deploy/kubernetes/overlays/production"],
        "components": ["deploy/kubernetes/components/managed-state"],
    }
    objects = overlay({"namespace": "whatsinvoice-production", **folders, "patches": patches})
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    added = [o for o in objects if o["metadata"]["name"].startswith("managed-")]
    assert len(added) == len(MANAGED)
    for found in added:
        kubernetes_validate.validate(found, "1.33", strict=True)
    stores = {
        o["metadata"]["name"]
        for o in objects
        if o["kind"] == "ConfigMap" and o["data"].keys() & {"S3_BUCKET", "BACKUP_S3_BUCKET"}
    }
    for name, template in templates(objects):
        [container] = template["spec"]["containers"]
        labels = template["metadata"]["labels"]
        within = {port for peer, port in reaches(objects, labels, "namespaceSelector") if peer == STATE}
        wanted = {
            (cidr, port)
            for what, (cidr, ports) in MANAGED.items()
            for port in ports
            if what != "objects" and ports & within
        }
        if {source["configMapRef"]["name"] for source in container.get("envFrom", ())} & stores:
            wanted.add((MANAGED["objects"][0], 443))
        outside = {(json.loads(peer)["cidr"], port) for peer, port in reaches(objects, labels, "ipBlock")}
        assert {(cidr, port) for cidr, port in outside if cidr.startswith("10.3.")} == wanted, name
    check_calls(objects)


@pytest.mark.parametrize("folder", OVERLAYS)
def test_the_public_reaches_the_gateway_through_the_firewall_alone(render: Any, folder: str) -> None:
    objects = {(found["kind"], found["metadata"]["name"]): found for found in render(folder)}
    [rule] = objects["Ingress", "gateway-public"]["spec"]["rules"]
    assert [path["backend"]["service"]["name"] for path in rule["http"]["paths"]] == ["waf"]
    [let_in] = objects["NetworkPolicy", "gateway-calls"]["spec"]["ingress"]
    assert [_names(source) for source in let_in["from"]] == [["waf"]]
    [let_in] = objects["NetworkPolicy", "waf"]["spec"]["ingress"]
    assert let_in["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}]
    assert objects["Service", "waf"]["spec"]["selector"] == {NAME: "waf"}


@pytest.mark.parametrize("folder", [*OVERLAYS, *ALONE])
def test_everything_is_closed_but_for_what_is_opened(render: Any, folder: str) -> None:
    closed = set()
    for found in render(folder):
        spec = found["spec"] if found["kind"] == "NetworkPolicy" else {}
        if spec and not spec.get("ingress") and not spec.get("egress"):
            assert set(spec["policyTypes"]) == {"Ingress", "Egress"}
            closed.add(spec["podSelector"]["matchLabels"][NAME])
    assert closed == ({"gateway", "backup", *SERVICES} if folder in OVERLAYS else {folder.rpartition("/")[2]})


def test_traces_go_to_the_collector_alone_and_it_alone_leaves_the_namespace(render: Any) -> None:
    objects = render("overlays/staging")
    policies = {o["metadata"]["name"]: o["spec"] for o in objects if o["kind"] == "NetworkPolicy"}
    collector = {"podSelector": {"matchLabels": {NAME: "otel-collector"}}}
    monitoring = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    otlp = [{"protocol": "TCP", "port": 4317}]
    assert policies["traces"]["egress"] == [{"ports": otlp, "to": [collector]}]
    assert {"ports": otlp, "to": [monitoring]} in policies["otel-collector"]["egress"]
    traced = set()
    for name, pod in pods(objects):
        given = {variable["name"]: variable.get("value") for variable in pod["containers"][0].get("env", ())}
        if given.get("OTEL_EXPORTER_OTLP_ENDPOINT") == "http://otel-collector:4317":
            traced.add(name)
    assert traced == {"gateway-http", *(f"{name}-{half}" for name in SERVICES for half in ("api", "worker"))}
    settings = next(o["data"] for o in objects if o["metadata"]["name"].startswith("otel-collector-"))
    pipeline = yaml.safe_load(settings["config.yaml"])["service"]["pipelines"]["traces"]
    assert pipeline == {"receivers": ["otlp"], "processors": ["memory_limiter", "batch"], "exporters": ["otlp"]}


def secret(name: str, keyring: Keyring, service: str, folder: str) -> str:
    """A value as strong as production wants it, of the kind that its owner hands out for that place."""
    random = secrets.token_hex(24)
    given = {
        "database_url": f"postgresql://whatsinvoice_{service}:{random}@postgres.state:5432/whatsinvoice?sslmode=require",
        "event_keys": EVENT_KEYS,
        "redis_url": f"rediss://{service}:{random}@redis.state:6379/0",
        "service_key": json.dumps(keyring.services[service]),
        "trusted_keys": keyring.trusted,
        "signing_keys": json.dumps([keyring.users]),
        "paystack_secret_key": f"sk_{'test' if folder == 'overlays/staging' else 'live'}_{random}",
    }
    return given.get(name, f"9{random}")


@pytest.fixture
def bucket(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A store for invoices to look at, in the place of the cluster's."""
    access = {"access_key": s3.access_key, "secret_key": s3.secret_key}
    store = ObjectStore(endpoint=s3.endpoint, region="us-east-1", bucket=f"k8s-{secrets.token_hex(4)}", **access)
    store.ensure_bucket()
    monkeypatch.setenv("S3_ENDPOINT", s3.endpoint)
    yield {"S3_BUCKET": store.bucket, "s3_access_key": s3.access_key, "s3_secret_key": s3.secret_key}
    store.close()


@pytest.mark.parametrize("service", ["gateway", *SERVICES])
@pytest.mark.parametrize("folder", OVERLAYS)
def test_production_would_start_with_these_settings(
    render: Any,
    folder: str,
    service: str,
    keyring: Keyring,
    bucket: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each file that the ConfigMap names is there; `load` names every missing and unsafe value, and exits with 78."""
    objects = [o for o in render(folder) if o["metadata"].get("labels", {}).get(NAME) == service]
    [settings] = [o["data"] for o in objects if o["kind"] == "ConfigMap"]
    [pod, *_] = [o["spec"]["template"]["spec"]["containers"][0] for o in objects if o["kind"] == "Deployment"]
    settings |= {variable["name"]: variable["value"] for variable in pod["env"] if "RPC_TLS" in variable["name"]}
    write_certificates(tmp_path)
    kind = importlib.import_module(f"whatsinvoice_{service}.settings").Settings
    known = {field.upper() for field in kind.model_fields}
    for name, value in settings.items():
        assert name.removesuffix("_FILE") in known or name in known, name
        if value.startswith("/run/secrets/"):
            file = tmp_path / Path(value).name
            file.write_text(bucket.get(file.name) or secret(file.name, keyring, service, folder))
            monkeypatch.setenv(name, str(file))
        elif value.startswith("/run/certs/rpc/"):
            monkeypatch.setenv(name, str(tmp_path / Path(value).name.replace("tls", service)))
        else:
            monkeypatch.setenv(name, bucket.get(name, value))
    loaded = kind.load()
    assert loaded.app_env == "prod"
    assert loaded.certificate_files() is not None


def test_a_service_can_be_taken_alone(render: Any) -> None:
    for name in SERVICES:
        kinds = [found["kind"] for found in render(f"services/{name}")]
        assert {"Deployment", "Service", "Job", "ServiceAccount", "ExternalSecret", "NetworkPolicy"} <= set(kinds)
        assert all(found["metadata"]["name"].startswith(f"{name}-") for found in render(f"services/{name}"))


@pytest.mark.parametrize("folder", OVERLAYS)
def test_backups_hold_no_key_that_opens(render: Any, folder: str) -> None:
    """Who saves, and who watches, cannot read what was saved; the drill can, and mounts a secret of its own."""
    objects = render(folder)
    found = {name: pod for name, pod in pods(objects) if name.startswith("backup-")}
    secrets_of = {name: pod["volumes"][-1]["secret"]["secretName"] for name, pod in found.items()}
    assert secrets_of == {
        "backup-save": "backup-saving",
        "backup-watch": "backup-saving",
        "backup-drill": "backup-restoring",
    }
    names = {name: {v["name"] for v in pod["containers"][0].get("env", ())} for name, pod in found.items()}
    assert [name for name, env in names.items() if "BACKUP_IDENTITIES_FILE" in env] == ["backup-drill"]
    settings = next(
        o["data"] for o in objects if o["kind"] == "ConfigMap" and o["metadata"]["name"].startswith("backup")
    )
    fields = {f"BACKUP_{name.upper()}" for name in BackupSettings.model_fields} | {"APP_ENV", "LOG_FORMAT"}
    assert {name.removesuffix("_FILE") for name in settings} | set().union(*names.values()) <= fields | {
        "BACKUP_IDENTITIES_FILE"
    }
    assert settings["BACKUP_S3_BUCKET"] != settings["BACKUP_TARGET_BUCKET"]


def test_the_migration_alone_knows_the_owner_of_the_schema(render: Any) -> None:
    for name, pod in pods(render("overlays/production")):
        mounted = {volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
        assert any(secret.endswith("-owner") for secret in mounted) == name.endswith("-migrate"), name
