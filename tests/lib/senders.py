"""Programs that send to other chats and paging services, as they are: only the address they are given is ours."""
import os
import subprocess

from . import js_client, prometheus


def has_js(name):
    return js_client.THERE and os.path.isdir(os.path.join(js_client.JS, "node_modules", name))


def js(script, *words):
    """Runs a module of ECMAScript with what npm installed; what it printed."""
    done = subprocess.run([os.path.join(js_client.JS, "node_modules/.bin/node"), "--input-type=module", "-e", script, *words], cwd=js_client.JS,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise AssertionError(done.stderr[-2000:])
    return done.stdout.strip()


class Alertmanager(prometheus.Alertmanager):
    """One whose only receiver is what `how` says."""

    def __init__(self, how):
        super().__init__("http://127.0.0.1:1", "none")
        self.write("am.yml", f"""
route: {{ receiver: ours, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }}
receivers:
  - name: ours
    {how}
""")

    def tell(self, name, over=False, **labels):
        alert = {"labels": {"alertname": name, **labels}, "annotations": {"summary": "it is so"}, "generatorURL": "http://prom.corp.example/graph"}
        if over:
            alert |= {"startsAt": "2019-01-01T00:00:00Z", "endsAt": "2020-01-01T00:00:00Z"}
        self.post("/api/v2/alerts", [alert])

    def complaints(self):
        return [line for line in self.programs[0].output().split("\n") if "level=error" in line]
