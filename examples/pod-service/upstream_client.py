#!/usr/bin/env python3
"""A client as upstream's users have them: make a pod, read it, delete it.

    upstream_client.py URL TENANT COMMAND [PVC:MOUNT ...]

URL is the service's, with or without /service/v1. The shared key, where the service wants one, is in MOOPKEY.
"""
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request


def call(method, url, body=None):
    headers = {"Content-Type": "application/json"}
    if os.environ.get("MOOPKEY"):
        headers["moopkey"] = os.environ["MOOPKEY"]
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request) as response:
            return json.load(response)
    except urllib.error.HTTPError as failure:
        # Upstream answered failures with {"error": …}.
        return json.load(failure)


def main(url, tenant, command, *volumes):
    pods = url.rstrip("/") + "/pods"
    vols = [dict(zip(("pvc", "mount"), volume.split(":", 1))) for volume in volumes]
    pod = call("POST", pods, {"tenant": tenant, "cmd": command, "vols": vols})
    if "error" in pod:
        sys.exit("error: " + pod["error"])
    name = pod["metadata"]["name"]
    print("made", name)
    one = pods + "?" + urllib.parse.urlencode({"tenant": tenant, "name": name})
    while True:
        pod = call("GET", one)
        if "error" in pod:
            sys.exit("error: " + pod["error"])
        phase = pod.get("status", {}).get("phase") or pod["run"]["phase"]
        if phase in ("Succeeded", "Failed"):
            break
        time.sleep(0.2)
    print("ended", phase)
    for container in pod.get("status", {}).get("container_statuses", []):
        print(container["name"], "exit code", container["state"]["terminated"]["exit_code"])
    deleted = call("DELETE", one)
    if "error" in deleted:
        sys.exit("error: " + deleted["error"])
    print("deleted", deleted["metadata"]["name"])


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
