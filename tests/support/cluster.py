"""A stand-in for a cluster's API, as far as kubectl needs one to apply, wait, roll out and undo.

It starts nothing. A pod's maker is done at once when all is there that its pods mount and name; the operators' objects
are ready at once, and what they make is there. As the real one it refuses a change of a Job, and what has no namespace.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Object = dict[str, Any]
MAKERS = {"Deployment", "Job", "CronJob"}
SHORT = {"HorizontalPodAutoscaler": ["hpa"]}
ENDINGS = {"y": ("y", "ies"), "s": ("", "es")}


class RefusedError(Exception):
    """What the API answers instead."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "code": code,
            "reason": reason,
            "message": message,
        }
        self.code = code


def plural(kind: str) -> str:
    """As the API spells a kind."""
    cut, ending = ENDINGS.get(kind[-1], ("", "s"))
    return kind.lower().removesuffix(cut) + ending


def merged(there: Any, patch: Any) -> Any:
    """A merge patch, which for what is changed here is what a strategic one does."""
    if not isinstance(patch, dict) or not isinstance(there, dict):
        return patch
    found = there | {key: merged(there.get(key), value) for key, value in patch.items() if not key.startswith("$")}
    return {key: value for key, value in found.items() if value is not None}


def needed_by(pod: Object) -> set[tuple[str, str]]:
    """What has to be there before a pod starts, as (kind, name)."""
    [container] = pod["containers"]
    volumes = pod["volumes"]
    account = {("ServiceAccount", pod["serviceAccountName"])} if "serviceAccountName" in pod else set()
    return account | {
        *(("ConfigMap", source["configMapRef"]["name"]) for source in container.get("envFrom", ())),
        *(("ConfigMap", volume["configMap"]["name"]) for volume in volumes if "configMap" in volume),
        *(("Secret", volume["secret"]["secretName"]) for volume in volumes if "secret" in volume),
    }


def given(objects: list[Object]) -> set[tuple[str, str]]:
    """What is there once these are applied, as (kind, name), with the Secrets that operators make of them."""
    names = {(o["kind"], o["metadata"]["name"]) for o in objects}
    secrets = {name for kind, name in names if kind == "ExternalSecret"}
    certificates = {o["spec"]["secretName"] for o in objects if o["kind"] == "Certificate"}
    return names | {("Secret", name) for name in secrets | certificates}


class Cluster:
    """What is there, by (kind, namespace, name)."""

    def __init__(self, kinds: set[tuple[str, str]]) -> None:
        self.kinds = {(version, plural(kind)): kind for version, kind in kinds}
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.early: list[str] = []
        """Makers of pods that were made before what their pods need."""
        self.url = ""
        self._lock = threading.Lock()
        self._version = 0

    def create(self, kind: str, namespace: str, found: Object, *, dry: bool) -> Object:
        name = found["metadata"]["name"]
        if namespace and ("Namespace", "", namespace) not in self.objects:
            raise RefusedError(404, "NotFound", f'namespaces "{namespace}" not found')
        if (kind, namespace, name) in self.objects:
            raise RefusedError(409, "AlreadyExists", f'{kind} "{name}" already exists')
        found["metadata"] |= {"uid": f"{kind}-{name}", "creationTimestamp": "2026-01-01T00:00:00Z"}
        return self._stored(kind, namespace, found, dry=dry)

    def patch(self, kind: str, namespace: str, name: str, patch: Object, *, dry: bool) -> Object:
        there = self.get(kind, namespace, name)
        if kind == "Job" and "spec" in patch:
            raise RefusedError(422, "Invalid", f'Job "{name}" is invalid: spec.template: field is immutable')
        return self._stored(kind, namespace, merged(there, patch), dry=dry)

    def get(self, kind: str, namespace: str, name: str) -> Object:
        try:
            return self.objects[kind, namespace, name]
        except KeyError:
            raise RefusedError(404, "NotFound", f'{kind} "{name}" not found') from None

    def listed(self, kind: str, namespace: str, query: dict[str, str]) -> list[Object]:
        found = [o for (k, n, _), o in sorted(self.objects.items()) if k == kind and namespace in ("", n)]
        for term in filter(None, query.get("labelSelector", "").split(",")):
            key, _, value = term.partition("=")
            found = [o for o in found if o["metadata"].get("labels", {}).get(key) == value]
        for term in filter(None, query.get("fieldSelector", "").split(",")):
            found = [o for o in found if o["metadata"]["name"] == term.partition("=")[2]]
        return found

    def delete(self, kind: str, namespace: str, name: str) -> Object:
        found = self.get(kind, namespace, name)
        del self.objects[kind, namespace, name]
        return found

    def _stored(self, kind: str, namespace: str, found: Object, *, dry: bool) -> Object:
        with self._lock:
            self._version += 1
            found["metadata"] |= {"resourceVersion": str(self._version), "generation": self._version}
        found["status"] = self._status(kind, namespace, found)
        if not dry:
            self.objects[kind, namespace, found["metadata"]["name"]] = found
            if kind in MAKERS and not self._has_all(kind, namespace, found):
                self.early.append(found["metadata"]["name"])
        return found

    def _status(self, kind: str, namespace: str, found: Object) -> Object:
        def conditions(name: str) -> Object:
            return {"conditions": [{"type": name, "status": "True"}]}

        if kind in {"ExternalSecret", "Certificate"}:
            return conditions("Ready")
        if kind == "Job" and self._has_all(kind, namespace, found):
            return conditions("Complete")
        if kind == "Deployment":
            count = found["spec"].get("replicas", 1)
            every = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
            return {"observedGeneration": found["metadata"]["generation"], **dict.fromkeys(every, count)}
        return {}

    def _has_all(self, kind: str, namespace: str, found: Object) -> bool:
        spec = found["spec"]["jobTemplate"]["spec"] if kind == "CronJob" else found["spec"]
        there = [o for (_, within, _), o in self.objects.items() if within == namespace]
        return needed_by(spec["template"]["spec"]) <= given(there)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    cluster: Cluster

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base's name)
        """Says nothing."""

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815  (the base's names)

    def _answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        if self.path.startswith("/openapi/v2"):
            return self._send(200, b"")  # no schema of anything, in protobuf: kubectl asks for one before it validates
        try:
            found = self._found(body)
        except RefusedError as refused:
            return self._send(refused.code, json.dumps(refused.status).encode())
        if "watch=" in self.path:
            return self._watched(found)
        return self._send(200, json.dumps(found).encode())

    def _send(self, code: int, text: bytes) -> None:
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _watched(self, found: Object) -> None:
        """What is there, and that this is all; then nothing until the caller leaves, for nothing changes by itself."""
        self.close_connection = True
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        events = [{"type": "ADDED", "object": item} for item in found["items"]]
        end = {"resourceVersion": "1", "annotations": {"k8s.io/initial-events-end": "true"}}
        kind = {"apiVersion": found["apiVersion"], "kind": found["kind"].removesuffix("List")}
        for event in (*events, {"type": "BOOKMARK", "object": {**kind, "metadata": end}}):
            self.wfile.write(json.dumps(event).encode() + b"\n")
        self.rfile.read(1)

    def _found(self, body: Object) -> Object:
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        match parts.path.strip("/").split("/"):
            case ["api"]:
                return {"kind": "APIVersions", "versions": ["v1"]}
            case ["apis"]:
                return {"kind": "APIGroupList", "apiVersion": "v1", "groups": self._groups()}
            case ["api", "v1", *rest]:
                return self._object("v1", rest, query, body)
            case ["apis", group, version, *rest]:
                return self._object(f"{group}/{version}", rest, query, body)
        raise RefusedError(404, "NotFound", self.path)

    def _groups(self) -> list[Object]:
        groups: dict[str, list[Object]] = {}
        for version in sorted({version for version, _ in self.cluster.kinds if "/" in version}):
            group, _, short = version.partition("/")
            groups.setdefault(group, []).append({"groupVersion": version, "version": short})
        return [{"name": name, "versions": found, "preferredVersion": found[0]} for name, found in groups.items()]

    def _object(self, version: str, rest: list[str], query: dict[str, str], body: Object) -> Object:
        if not rest:
            return self._resources(version)
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        kind = self.cluster.kinds.get((version, rest[0]))
        if kind is None:
            raise RefusedError(404, "NotFound", self.path)
        dry = "dryRun" in query
        match self.command, rest[1:]:
            case "GET", []:
                items = self.cluster.listed(kind, namespace, query)
                return {
                    "kind": f"{kind}List",
                    "apiVersion": version,
                    "metadata": {"resourceVersion": "1"},
                    "items": items,
                }
            case "GET", [name]:
                return self.cluster.get(kind, namespace, name)
            case "POST", []:
                return self.cluster.create(kind, namespace, body, dry=dry)
            case "PATCH", [name]:
                return self.cluster.patch(kind, namespace, name, body, dry=dry)
            case "DELETE", [name]:
                return self.cluster.delete(kind, namespace, name)
        raise RefusedError(405, "MethodNotAllowed", f"{self.command} {self.path}")

    def _resources(self, version: str) -> Object:
        verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
        found = [
            {
                "name": name,
                "singularName": kind.lower(),
                "shortNames": SHORT.get(kind, []),
                "kind": kind,
                "namespaced": kind != "Namespace",
                "verbs": verbs,
            }
            for (of, name), kind in sorted(self.cluster.kinds.items())
            if of == version
        ]
        return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": found}


@contextmanager
def cluster(kinds: set[tuple[str, str]]) -> Iterator[Cluster]:
    """One that knows these kinds, as (apiVersion, kind), and is empty."""
    made = Cluster(kinds)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"cluster": made}))
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()
