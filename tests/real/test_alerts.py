"""Alerts at the console, with an Alertmanager of our own that keeps state and has the traps of the real one. Needs no server."""
import copy
import glob
import http.client
import json
import os
import shutil
import tempfile
import time
import unittest

from lib import alertmanager, things
from lib.gateway import Gateway

CONF = """
admins = {{ "owner" }}
person "owner" {{ accounts = {{ "console/@owner" }} roles = {{ "all" }} }}
role "all" {{ look = {{ "*" }} may = {{ "am.*" }} }}
room "home" {{ places = {{ "console/here" }} services = {{ "am" }} }}
hooks {{ listen = "127.0.0.1:{port}" url = "http://127.0.0.1:{port}" insecure = yes }}
alertmanager "am" {{ url = "{url}" hook_file = "am-hook" token_file = "am-token" every = "1s" {options} }}
{more}
"""
HOOK, TOKEN = "the-token-of-its-webhooks", "the-token-of-the-proxy-before-it"
SHARED = os.environ.get("SALLYPORT_SHARED", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "shared"))
BODIES = sorted(glob.glob(os.path.join(SHARED, "payloads", "alertmanager", "*.json")))


def webhook(status="firing", count=1, key='{}:{alertname="NodeDown"}', **labels):
    labels = {"alertname": "NodeDown", "rack": "b2", "severity": "warning", **labels}
    alerts = [{"status": status, "labels": {**labels, "instance": f"n{i}"}, "annotations": {"summary": "no answer"}, "startsAt": alertmanager.when(time.time() - 60),
               "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://prom.test/graph", "fingerprint": f"f{i}"} for i in range(count)]
    return {"version": "4", "groupKey": key, "truncatedAlerts": 0, "status": status, "receiver": "sallyport", "groupLabels": {"alertname": labels["alertname"]},
            "commonLabels": labels, "commonAnnotations": {"summary": "no answer"}, "externalURL": "http://am.test", "alerts": alerts}


def mutations(body):
    """The body with each of its nodes taken away, null, or of another type."""
    def walk(node, path):
        yield path
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in items:
            yield from walk(value, path + [key])
    for path in list(walk(body, []))[1:]:
        for to in ("gone", None, 7, "text", [], {}, [None], {"a": [1]}, True):
            changed = copy.deepcopy(body)
            at = changed
            for key in path[:-1]:
                at = at[key]
            if to == "gone":
                del at[path[-1]]
            else:
                at[path[-1]] = to
            yield changed


class Alerts(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.am = alertmanager.Alertmanager()
        self.addCleanup(self.am.close)
        self.port = things.free_port()

    def start(self, options="", more=""):
        self.gateway = Gateway(self.folder, CONF.format(port=self.port, url=self.am.url, options=options, more=more))
        self.gateway.secret("am-hook", HOOK)
        self.gateway.secret("am-token", TOKEN)
        self.addCleanup(self.gateway.stop)
        self.console = self.gateway.start().console()
        return self.console

    def post(self, body, token=HOOK):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("POST", "/in/am", body if isinstance(body, bytes) else json.dumps(body),
                               {"Content-Type": "application/json", "Authorization": f"Bearer {token}"})
            return connection.getresponse().status
        finally:
            connection.close()

    def test_a_webhook_is_one_line_however_often_it_comes(self):
        console = self.start()
        self.am.fire(alertname="NodeDown", instance="n0", rack="b2", severity="warning")
        self.assertEqual(self.post(webhook()), 200)
        self.assertIn("A1 firing: warning NodeDown", console.expect("A1 firing"))
        for _ in range(3):
            self.assertEqual(self.post(webhook()), 200)
        self.am.alerts.clear()
        self.assertEqual(self.post(webhook("resolved")), 200)
        self.assertNotIn("A1 firing", console.expect("A1 "))

    def test_who_does_not_prove_to_be_it_is_refused(self):
        console = self.start()
        self.assertEqual(self.post(webhook(), token="another"), 401)
        console.say("!alerts")
        console.expect("nothing fires at am")

    def test_a_silence_that_is_changed_stays_what_it_was_in_chat(self):
        console = self.start()
        self.am.fire(alertname="NodeDown", instance="n0", rack="b2", severity="warning", summary="no answer")
        console.expect("A1 firing")
        console.say("!silence rack=b2 for=2h replacing the switch")
        console.expect("S1 silenced: rack=b2 until")
        first = next(iter(self.am.silences))
        self.assertIn("[chat: S1]", self.am.silences[first]["comment"])
        console.say("!silence S1 for=1h")
        console.expect("S1 silenced: rack=b2 until")
        active = [one for one in self.am.silences.values() if one["state"] == "active"]
        self.assertEqual(len(active), 1)
        console.say("!unsilence S1")
        console.expect("A1 firing")
        console.expect("S1 ended")
        self.assertEqual([one for one in self.am.silences.values() if one["state"] == "active"], [])

    def test_what_it_refuses_is_said_as_it_says_it(self):
        console = self.start()
        self.am.fire(alertname="NodeDown", instance="n0")
        console.expect("A1 firing")
        self.am.silence = lambda body: (_ for _ in ()).throw(alertmanager.Refused(400, "silence invalid: that is too long"))
        console.say("!silence instance=n0")
        console.expect("Alertmanager refused that: silence invalid: that is too long")
        self.am.broken = (500, "oops")
        console.say("!silence instance=n0")
        console.expect("HTTP 500")
        self.am.broken = (200, "<html>a proxy</html>")
        console.say("!silence instance=n0")
        console.expect("answered with what cannot be read")
        self.am.broken = (200, '[{"alerts": [')
        console.say("!silence instance=n0")
        console.expect("answered with what cannot be read")
        self.am.broken = None
        console.say("!alerts")
        console.expect("1 group of alerts at am")

    def test_it_says_what_it_would_silence_and_waits_for_a_yes(self):
        console = self.start(more='confirm { for = { "am.silence" } within = "60s" }')
        for i in range(4):
            self.am.fire(alertname="NodeDown", instance=f"n{i}", rack="b2", severity="critical" if i == 0 else "warning")
        self.am.fire(alertname="LinkDown", instance="sw1", rack="b2", severity="warning")
        console.expect("A2 firing")
        console.say("!silence rack=b2 for=2h replacing the switch")
        line = console.expect("this silences 5 alerts in 2 groups now (NodeDown 4, LinkDown 1), 1 of them critical, until")
        self.assertIn("S1 asked", line)
        self.assertEqual(self.am.silences, {})
        console.say("!yes")
        console.expect("S1 silenced: rack=b2 until")
        self.assertEqual(len(self.am.silences), 1)

    def test_its_token_goes_with_each_request_and_into_no_line(self):
        console = self.start()
        self.am.fire(alertname="NodeDown", instance="n0", token=TOKEN)
        console.expect("A1 firing")
        console.say("!show A1")
        self.assertIn("[redacted]", console.expect("token="))
        self.assertTrue(all(headers.get("Authorization") == "Bearer " + TOKEN for _, _, headers, _ in self.am.asked))

    @unittest.skipUnless(BODIES, "needs the recorded bodies")
    def test_every_body_is_a_line_a_person_can_read(self):
        console = self.start('rooms = { "home" }')
        wanted = {"alerta-prometheus_v3": ("critical failedConnect", "Connect fail"), "alerta-prometheus_v4": ("critical thing_dead", "No things for over 10 minutes"),
                  "firing-0": ("critical InstanceDown 127.0.0.1:19999", "127.0.0.1:19999 down"), "firing-1": ("warning Manual x", "s <b>")}
        for path in BODIES:
            with open(path, "rb") as f:
                self.assertEqual(self.post(f.read()), 200, path)
            title, text = next(value for name, value in wanted.items() if name in path)
            line = console.expect("firing: " + title)
            self.assertIn(text, line)
            self.assertNotIn("{", line)
            self.assertIn("On it: nobody. !ack A", line)

    def test_nothing_that_comes_breaks_it(self):
        console = self.start('storm = 0')
        bodies = [webhook()] + [json.load(open(path)) for path in BODIES]
        count = 0
        for body in bodies:
            for changed in mutations(body):
                self.assertIn(self.post(changed), (200, 202, 204, 400, 503), changed)
                count += 1
        for body in (b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"alerts":' + b"[" * 2000):
            self.post(body)
        self.assertGreater(count, 300)
        self.am.fire(alertname="StillHere", instance="n0")
        console.expect("StillHere n0", 60)
        self.assertTrue(self.gateway.program.running())

    def test_nothing_that_it_answers_breaks_it(self):
        console = self.start()
        self.am.fire(alertname="NodeDown", instance="n0", rack="b2", severity="warning", summary="no answer")
        self.am.silences["x"] = {"id": "x", "state": "active", "matchers": [{"name": "a", "value": "b", "isRegex": False}], "startsAt": alertmanager.when(0),
                                 "endsAt": alertmanager.when(time.time() + 900), "createdBy": "dana", "comment": "c [chat: S9"}
        console.expect("A1 firing")
        answers = [changed for whole in (self.am.groups(), self.am.ask("GET", "/api/v2/silences", b"")) for changed in mutations(whole)]
        for changed in answers:
            self.am.broken = (200, changed)
            console.say("!silence instance=n0 --dry-run")
            console.until(lambda: any("Dry run" in line or "Alertmanager" in line or "refused" in line for line in console.lines), 20, f"an answer to {changed}")
            console.lines.clear()
        self.am.broken = None
        self.am.alerts.clear()
        self.am.fire(alertname="StillHere", instance="n1")
        console.expect("StillHere n1", 60)

    def test_an_answer_with_many_thousand_alerts_is_read(self):
        for i in range(8000):
            self.am.fire(alertname="NodeDown", instance=f"n{i}", rack="b2", severity="warning")
        for i in range(50):
            self.am.fire(alertname=f"Other{i}", instance="n0", severity="critical")
        console = self.start("storm = 0")
        console.expect("A51 firing", 60)
        console.say("!show A1")
        console.expect("8000 alerts")
        console.say("!silence rack=b2 --dry-run")
        console.expect("Dry run")

    def test_check_tells_what_is_wrong_with_rooms_and_routes(self):
        self.gateway = Gateway(self.folder, CONF.format(port=self.port, url=self.am.url, more="", options='''rooms = { "hoem" }
    route "db" { match = { "severity", "host=~(" } rooms = { "dba" } }''').replace('services = { "am" }', 'services = { "am" } quiet = "late"'))
        self.gateway.secret("am-hook", HOOK)
        self.gateway.secret("am-token", TOKEN)
        code, told = self.gateway.cli("check")
        self.assertEqual(code, 78)
        for part in ("no room is called hoem", "no room is called dba", "severity names no label", "missing closing parenthesis", "quiet is a time of each day"):
            self.assertIn(part, told)

    def test_a_storm_of_webhooks_leaves_people_their_answers(self):
        console = self.start()
        began = time.monotonic()
        for i in range(300):
            self.am.fire(alertname=f"Node{i}", instance=f"n{i}", severity="warning")
            self.post(webhook(key=f"k{i}", alertname=f"Node{i}", severity="warning"))
            if i % 100 == 50:
                asked = time.monotonic()
                console.say(f"!ping {i}")
                console.until(lambda: any(f"pong {i}" in line for line in console.lines), 5, "an answer")
                self.assertLess(time.monotonic() - asked, 1)
        console.until(lambda: any("Storm: " in line for line in console.lines), 20, "the storm's line")
        self.assertLess(time.monotonic() - began, 60)
        self.assertLess(len(console.lines), 130)
