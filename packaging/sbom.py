"""All components that the packages hold, as CycloneDX 1.5 (https://cyclonedx.org/docs/1.5/json/): the crates that the programs
are linked from, and the packages that the interface is built from."""

import hashlib
import json
import os
import subprocess
import sys
import tomllib
import uuid
from datetime import UTC, datetime
from pathlib import Path

PROGRAMS = {"pumasi-node", *subprocess.check_output(["packaging/workers"], text=True).split()}


def crates() -> list[dict]:
    """The crates reachable from the programs by normal dependencies."""
    metadata = json.loads(subprocess.check_output(["cargo", "metadata", "--format-version", "1", "--locked"]))
    checksums = {
        (one["name"], one["version"]): one.get("checksum") for one in tomllib.loads(Path("Cargo.lock").read_text())["package"]
    }
    packages = {one["id"]: one for one in metadata["packages"]}
    nodes = {one["id"]: one for one in metadata["resolve"]["nodes"]}
    found: dict[str, dict] = {}
    open_ids = [id for id, one in packages.items() if one["name"] in PROGRAMS]
    while open_ids:
        id = open_ids.pop()
        if id in found:
            continue
        found[id] = packages[id]
        for dependency in nodes[id]["deps"]:
            if any(kind["kind"] in (None, "build") for kind in dependency["dep_kinds"]):
                open_ids.append(dependency["pkg"])
    return [component("cargo", one["name"], one["version"], one["license"], checksums[one["name"], one["version"]]) for one in found.values()]


def packages() -> list[dict]:
    """The interface's packages that end up in it."""
    lock = json.loads(Path("web/ui/package-lock.json").read_text())["packages"]
    names = {path.rpartition("node_modules/")[2]: one for path, one in lock.items() if path}
    return [component("npm", name, one["version"], one.get("license"), None) for name, one in names.items() if "version" in one]


def component(kind: str, name: str, version: str, licence: str | None, sha256: str | None) -> dict:
    purl = f"pkg:{kind}/{name.replace('@', '%40')}@{version}"
    made = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    if licence:
        made["licenses"] = [{"expression": licence.replace("/", " OR ")}]
    if sha256:
        made["hashes"] = [{"alg": "SHA-256", "content": sha256}]
    return made


def main() -> None:
    version = sys.argv[1]
    components = sorted(crates() + packages(), key=lambda one: one["bom-ref"])
    # The same contents have the same number.
    digest = hashlib.sha256(json.dumps(components).encode()).digest()
    made_at = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), UTC)
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.UUID(bytes=digest[:16], version=4)}",
        "version": 1,
        "metadata": {
            "timestamp": made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {"type": "application", "bom-ref": "pumasi", "name": "pumasi", "version": version},
        },
        "components": components,
    }
    json.dump(bom, sys.stdout, indent=1)


main()
