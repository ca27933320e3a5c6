"""A small Alertmanager of our own: groups that a test sets, and silences as the real one keeps them (API v2): a change of matchers makes another one."""
import http.server
import json
import threading
import time
import uuid


def when(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


class Refused(Exception):
    def __init__(self, status, why):
        self.status, self.why = status, why


class Alertmanager:
    def __init__(self):
        self.alerts, self.silences, self.asked = [], {}, []
        self.broken = None                      # (status, body) of every answer
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, status, body):
                body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def carry_out(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                api.asked.append((self.command, self.path, dict(self.headers), body))
                if api.broken:
                    return self.answer(*api.broken)
                try:
                    self.answer(200, api.ask(self.command, self.path.split("?")[0], body))
                except Refused as refused:
                    self.answer(refused.status, json.dumps(refused.why) if refused.why else "")

            do_GET = do_POST = do_DELETE = carry_out

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    # What it knows.

    def fire(self, since=600, summary=None, **labels):
        self.alerts.append({"labels": labels, "annotations": {"summary": summary} if summary else {}, "since": time.time() - since})

    def matching(self, alert):
        def fits(one):
            return (alert["labels"].get(one["name"], "") == one["value"]) == one.get("isEqual", True)
        return [id for id, one in self.silences.items() if one["state"] == "active" and all(map(fits, one["matchers"]))]

    def gettable(self, alert):
        by = self.matching(alert)
        return {"labels": alert["labels"], "annotations": alert["annotations"], "startsAt": when(alert["since"]), "updatedAt": when(time.time()),
                "endsAt": when(time.time() + 300), "fingerprint": "%016x" % (hash(tuple(sorted(alert["labels"].items()))) & (1 << 64) - 1),
                "receivers": [{"name": "sallyport"}], "generatorURL": "http://prom.test/graph",
                "status": {"state": "suppressed" if by else "active", "silencedBy": by, "inhibitedBy": [], "mutedBy": []}}

    def groups(self):
        names = dict.fromkeys(alert["labels"]["alertname"] for alert in self.alerts)
        return [{"labels": {"alertname": name}, "receiver": {"name": "sallyport"},
                 "alerts": [self.gettable(alert) for alert in self.alerts if alert["labels"]["alertname"] == name]} for name in names]

    # Silences.

    def silence(self, body):
        if not body.get("matchers"):
            raise Refused(400, "silence invalid: at least one matcher required")
        if not any(one["value"] for one in body["matchers"]):
            raise Refused(400, "silence invalid: at least one matcher must not match the empty string")
        if not body.get("createdBy") or body["endsAt"] <= when(time.time()):
            raise Refused(400, "invalid silence: start time must be before end time")
        before = self.silences.get(body.get("id"))
        if body.get("id") and not before:
            raise Refused(404, "silence not found")
        same = before and before["state"] == "active" and before["matchers"] == body["matchers"] and before["startsAt"] == body["startsAt"]
        if before and not same:
            before["state"] = "expired"
        id = body["id"] if same else str(uuid.uuid4())
        self.silences[id] = {**body, "id": id, "state": "active"}
        return {"silenceID": id}

    def ask(self, method, path, body):
        if path == "/api/v2/alerts/groups":
            return self.groups()
        if path == "/api/v2/silences" and method == "POST":
            return self.silence(json.loads(body))
        if path == "/api/v2/silences":
            return [{**one, "status": {"state": one["state"]}, "updatedAt": when(time.time())} for one in self.silences.values()]
        if path.startswith("/api/v2/silence/") and method == "DELETE":
            one = self.silences.get(path.rsplit("/", 1)[1])
            if not one or one["state"] == "expired":
                raise Refused(404 if not one else 500, "" if not one else "silence already expired")
            one["state"] = "expired"
            return ""
        raise Refused(404, "")
