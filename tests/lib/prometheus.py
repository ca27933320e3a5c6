"""Prometheus and Alertmanager, real ones, on free ports, and something that they look at."""
import http.server
import json
import os
import threading
import urllib.request

from . import servers, things

TREE = "debian12"


def program(name):
    """Its path in the tree, where that has it."""
    return f"/usr/bin/{name}" if servers.TREES and os.path.exists(os.path.join(servers.TREES, TREE, "usr", "bin", name)) else None


class Metrics:
    """What is measured: NAME{labels} value."""

    def __init__(self):
        self.values = {}
        measured = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = "".join(f"{name} {value}\n" for name, value in list(measured.values.items())).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Service(servers.InTree):
    def __init__(self, name):
        super().__init__(TREE, name)
        self.port = things.free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def begin(self, *argv):
        program = self.run(*argv)

        def ready():
            if not program.running():
                raise AssertionError(program.output()[-2000:])
            try:
                return urllib.request.urlopen(self.url + "/-/ready", timeout=2).status == 200
            except OSError:
                return False
        things.wait_until(ready, 60, argv[0])
        return self

    def get(self, path):
        return json.load(urllib.request.urlopen(self.url + path, timeout=10))

    def post(self, path, what):
        request = urllib.request.Request(self.url + path, json.dumps(what).encode(), {"Content-Type": "application/json"})
        return urllib.request.urlopen(request, timeout=10).read()


class Alertmanager(Service):
    """Sends to `hook` with that bearer token."""
    PROGRAM = program("prometheus-alertmanager")

    def __init__(self, hook, token, group_by="[alertname]"):
        super().__init__("alertmanager")
        self.write("am.yml", f"""
route: {{ receiver: sallyport, group_by: {group_by}, group_wait: 500ms, group_interval: 1s, repeat_interval: 1s }}
receivers:
  - name: sallyport
    webhook_configs:
      - url: {hook}
        send_resolved: true
        http_config: {{ authorization: {{ credentials: {token} }} }}
""")

    def start(self):
        return self.begin(self.PROGRAM, f"--config.file={self.inside}/am.yml", f"--storage.path={self.inside}/data", f"--web.listen-address=127.0.0.1:{self.port}",
                        "--cluster.listen-address=")


class Prometheus(Service):
    """Looks at `metrics` each second; rules as in its files."""
    PROGRAM = program("prometheus")

    def __init__(self, alertmanager, metrics, rules):
        super().__init__("prometheus")
        self.write("rules.yml", "groups:\n  - name: t\n    rules:\n" + "".join(f"      - {json.dumps(rule)}\n" for rule in rules))
        self.write("prometheus.yml", f"""
global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
alerting: {{ alertmanagers: [ {{ static_configs: [ {{ targets: ["127.0.0.1:{alertmanager.port}"] }} ] }} ] }}
rule_files: [rules.yml]
scrape_configs: [ {{ job_name: disks, honor_labels: true, static_configs: [ {{ targets: ["127.0.0.1:{metrics.port}"] }} ] }} ]
""")

    def start(self):
        return self.begin(self.PROGRAM, f"--config.file={self.inside}/prometheus.yml", f"--storage.tsdb.path={self.inside}/data", f"--web.listen-address=127.0.0.1:{self.port}")


THERE = Alertmanager.PROGRAM and Prometheus.PROGRAM
