"""What was made for PagerDuty and Opsgenie comes here instead: alerts with an id of ours, from senders that know nothing of it."""
import json
import os
import unittest

from lib import senders
from lib.receiving import SECRET, Receiving, spoiled


class Pagers(Receiving):
    services = ("pd", "og")
    may = '"pd.*", "og.*"'
    first = ("/v2/change/enqueue", {"routing_key": SECRET, "payload": {"summary": "ready"}}, "ready")
    sections = """
pagerduty "pd" { hook_file = "secret" }
opsgenie "og" { hook_file = "secret" }
"""


class AsTheyAnswer(Pagers):
    def event(self, action, **more):
        return {"routing_key": SECRET, "event_action": action, "dedup_key": "disk/db1", **more}

    def test_pagerduty_alerts_are_triggered_acknowledged_and_resolved(self):
        url = self.url("pd", False) + "/v2/enqueue"
        answer, line = self.told(url, self.event("trigger", payload={"summary": "DISK at 99%", "source": "db1", "severity": "critical"}), "DISK")
        self.assertEqual(answer[0], 202)
        self.assertEqual(json.loads(answer[2]), {"status": "success", "message": "Event processed", "dedup_key": "disk/db1"})
        self.assertRegex(line, r"A1 firing: critical DISK at 99%,? db1")
        self.assertRegex(self.told(url, self.event("acknowledge"), "A1 acked")[1], r"^A1 acked: critical DISK at 99%,? db1.*\(pd\)")
        self.assertRegex(self.told(url, self.event("resolve"), "A1 resolved")[1], r"^A1 resolved: critical DISK at 99%")

    def test_an_alert_whose_end_got_lost_is_closed_by_hand(self):
        url = self.url("pd", False)
        trigger = self.event("trigger", payload={"summary": "DISK at 99%", "severity": "critical"})
        self.told(url, trigger, "A1 firing")
        self.console.ask("!close A1 it was replaced", "A1 resolved")
        self.assertIn("A1 firing", self.told(url, trigger, "firing")[1])

    def test_a_key_that_nobody_knows_makes_nothing(self):
        url = self.url("pd", False)
        for action in ("acknowledge", "resolve"):
            self.assertEqual(self.post(url, self.event(action) | {"dedup_key": "of nothing"})[0], 202)
        self.assertIn("A1 firing", self.told(url, self.event("trigger", payload={"summary": "the first"}), "the first")[1])

    def test_the_routing_key_is_the_proof_and_is_kept_nowhere(self):
        url = self.url("pd", False)
        for key in (None, "", SECRET[:-1], SECRET + "0", 1, [SECRET]):
            self.assertEqual(self.post(url, self.event("trigger", payload={"summary": "no"}) | {"routing_key": key})[0], 401, key)
        self.told(url, self.event("trigger", payload={"summary": "yes"}), "yes")
        self.gateway.stop()
        for folder, _, names in os.walk(self.gateway.state):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    self.assertNotIn(SECRET.encode(), f.read(), name)

    def test_what_pagerduty_would_refuse_is_refused(self):
        answer = self.post(self.url("pd", False), self.event("explode"))
        self.assertEqual((answer[0], json.loads(answer[2])["status"]), (400, "invalid event"))

    def test_a_change_is_said_once_and_is_no_alert(self):
        body = {"routing_key": SECRET, "payload": {"summary": "web 2.8.1 is on prod", "source": "ci"}, "links": [{"href": "https://ci.corp.example/1", "text": "x"}]}
        answer, line = self.told(self.url("pd", False) + "/v2/change/enqueue", body, "2.8.1")
        self.assertEqual((answer[0], line), (202, "[pd] web 2.8.1 is on prod. source: ci https://ci.corp.example/1"))

    def test_opsgenie_alerts_are_created_noted_acknowledged_and_closed(self):
        key = {"Authorization": "GenieKey " + SECRET}
        url = self.url("og", False) + "/v2/alerts"
        answer, line = self.told(url, {"message": "replication lag", "alias": "lag/db 3", "entity": "db3", "priority": "P1"}, "replication", key)
        self.assertEqual(answer[0], 202)
        self.assertEqual(json.loads(answer[2])["result"], "Request will be processed")
        self.assertRegex(line, r"A1 firing: critical replication lag,? db3")
        one = url + "/lag%2Fdb%203/"
        self.assertIn("looking", self.told(one + "notes?identifierType=alias", {"note": "looking", "user": "dana"}, "looking", key)[1])
        self.assertRegex(self.told(one + "acknowledge?identifierType=alias", {"user": "dana"}, "A1 acked", key)[1], "dana")
        self.assertRegex(self.told(one + "close?identifierType=alias", {}, "A1 resolved", key)[1], "^A1 resolved")
        self.assertEqual(self.post(url, {"message": "m"}, {"Authorization": "GenieKey wrong"})[0], 401)
        self.assertEqual(self.post(url, {}, key)[0], 422)


class Senders(Pagers):
    """Real ones."""

    def alertmanager(self, how):
        am = senders.Alertmanager(how)
        self.addCleanup(am.remove)
        return am.start()

    @unittest.skipUnless(senders.Alertmanager.PROGRAM, "needs Alertmanager")
    def test_alertmanagers_pagerduty_receiver(self):
        am = self.alertmanager(f"pagerduty_configs: [{{ url: '{self.url('pd', False)}', routing_key: '{SECRET}', severity: critical }}]")
        am.tell("DiskWillFill", host="db1")
        self.assertRegex(self.console.expect("DiskWillFill"), r"^A1 firing: critical .*DiskWillFill")
        am.tell("DiskWillFill", over=True, host="db1")
        self.console.expect("A1 resolved")
        self.assertEqual(am.complaints(), [])

    @unittest.skipUnless(senders.Alertmanager.PROGRAM, "needs Alertmanager")
    def test_alertmanagers_opsgenie_receiver(self):
        am = self.alertmanager(f"opsgenie_configs: [{{ api_url: '{self.url('og', False)}/', api_key: '{SECRET}', priority: P1, update_alerts: true }}]")
        am.tell("DiskWillFill", host="db1")
        self.assertRegex(self.console.expect("DiskWillFill"), r"^A1 firing: critical .*DiskWillFill")
        am.tell("DiskWillFill", over=True, host="db1")
        self.console.expect("A1 resolved")
        self.assertEqual(am.complaints(), [])


class Spoiled(Pagers):
    """Threats W5: whatever a proven sender sends, the next event is taken."""
    BODIES = {
        "pd": {"routing_key": SECRET, "event_action": "trigger", "dedup_key": "k", "payload": {"summary": "s", "source": "o", "severity": "error", "custom_details": {"a": 1}},
               "links": [{"href": "https://x.example", "text": "t"}], "client": "c", "client_url": "https://c.example"},
        "og": {"message": "m", "alias": "a", "description": "d", "entity": "e", "priority": "P2", "details": {"a": "b"}, "user": "u", "note": "n"},
    }

    def test_every_node_gone_null_or_of_another_type(self):
        for name, body in self.BODIES.items():
            url = self.url(name, False) + ("/v2/alerts" if name == "og" else "")
            headers = {"Authorization": "GenieKey " + SECRET} if name == "og" else {}
            for one in spoiled(body):
                self.assertIn(self.post(url, one, headers)[0], (202, 400, 401, 422), (name, one))
        event = {"routing_key": SECRET, "event_action": "trigger", "dedup_key": "last", "payload": {"summary": "the last", "severity": "critical"}}
        self.assertEqual(self.told(self.url("pd", False), event, "the last")[0][0], 202)
        self.assertEqual(self.gateway.stop(), 0)
