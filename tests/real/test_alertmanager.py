"""Alerts of a real Prometheus through a real Alertmanager into a real channel and a real room: acknowledged from one, silenced from the other."""
import re
import unittest

from lib import both, prometheus, things

TOKEN = "a-token-that-only-the-two-know"
DISK = 'disk_used{instance="db1",mountpoint="/var"}'
RULES = [{"alert": "DiskWillFill", "expr": "disk_used > 90", "labels": {"severity": "critical", "team": "db"},
          "annotations": {"summary": "{{ $value }}% full"}}]


@unittest.skipUnless(prometheus.THERE, "needs Prometheus and Alertmanager")
class Alerts(both.BothChats):
    services = '"ci", "am"'
    may = '"ci.*", "am.*"'
    rules = """
hooks {{ listen = "127.0.0.1:{hooks}" url = "http://127.0.0.1:{hooks}" insecure = yes }}
alertmanager "am" {{ url = "{am}" hook_file = "am-hook" rooms = {{ "ops" }} every = "1s" }}
"""

    def values(self):
        return {"hooks": self.hooks, "am": self.am.url}

    def start(self, nick, rooms="1 room"):
        self.hooks = things.free_port()
        self.am = prometheus.Alertmanager(f"http://127.0.0.1:{self.hooks}/in/am", TOKEN).start()
        self.addCleanup(self.am.remove)
        return super().start(nick, rooms)

    def prepare(self, gateway):
        gateway.secret("am-hook", TOKEN)

    def prometheus(self):
        self.metrics = prometheus.Metrics()
        self.addCleanup(self.metrics.close)
        self.metrics.values[DISK] = 50
        server = prometheus.Prometheus(self.am, self.metrics, RULES).start()
        self.addCleanup(server.remove)

    def ours(self, part):
        """Messages of ours in the room that say that now."""
        return [one for one in self.carol.shows(self.room) if one["sender"] == self.sally.user and part in one["text"]]

    def test_one_message_edited_and_five_lines(self):
        self.prometheus()
        watcher = self.on_irc("alice")
        self.metrics.values[DISK] = 93
        first = self.on_channel("A1 firing: critical DiskWillFill db1:/var, 93% full")
        shown = self.on_matrix("A1 firing")
        self.say("!ack A1 1h extending the volume")
        self.on_channel("A1 acked: ")
        self.on_matrix("A1 acked")
        self.carol.react(self.room, shown["id"], "\U0001f515")
        self.on_channel("A1 silenced: ")
        self.on_matrix("A1 silenced")
        silences = [one for one in self.am.get("/api/v2/silences") if one["status"]["state"] == "active"]
        self.assertEqual(len(silences), 1)
        self.assertIn({"name": "alertname", "value": "DiskWillFill", "isRegex": False, "isEqual": True}, silences[0]["matchers"])
        self.assertIn("carol", silences[0]["createdBy"])
        self.assertEqual(self.am.get("/api/v2/alerts")[0]["status"]["state"], "suppressed")
        self.metrics.values[DISK] = 50
        self.on_channel("A1 resolved: ")
        end = self.on_matrix("A1 resolved")
        self.assertEqual(end["id"], shown["id"])
        self.assertEqual(len([one for one in self.ours("A1 ") if one["text"].startswith("A1 ") and not one["thread"]]), 1)
        self.assertIn("On it: nobody", first)
        things.wait_until(lambda: watcher.read(0.2) or any("A1 resolved" in line for line in watcher.lines), 20, "the end in the channel")
        lines = [line for line in watcher.lines if re.search(r"^\S* ?:sally!\S+ (NOTICE|PRIVMSG) #", line)]
        self.assertEqual(len(lines), 4, lines)
        things.wait_until(lambda: len([one for one in self.ours("") if one["thread"] == shown["id"]]) >= 4, 20, "what happened, in the thread")

    def test_a_reaction_acknowledges(self):
        self.am.post("/api/v2/alerts", [{"labels": {"alertname": "NodeDown", "instance": "n1", "severity": "warning"}}])
        self.on_channel("A1 firing: warning NodeDown n1")
        self.carol.react(self.room, self.on_matrix("A1 firing")["id"], "\u2705")
        self.assertIn("Alertmanager has no acknowledgement (Carol)", self.on_channel("A1 acked: "))
        self.assertEqual(self.am.get("/api/v2/alerts")[0]["status"]["state"], "active")

    def test_what_is_silenced_elsewhere_shows(self):
        self.am.post("/api/v2/alerts", [{"labels": {"alertname": "NodeDown", "instance": "n1", "severity": "warning"}}])
        self.on_channel("A1 firing: warning NodeDown n1")
        self.am.post("/api/v2/silences", {"matchers": [{"name": "instance", "value": "n1", "isRegex": False}], "startsAt": "2020-01-01T00:00:00Z",
                                          "endsAt": "2099-01-01T00:00:00Z", "createdBy": "dana", "comment": "replacing it"})
        self.assertRegex(self.on_channel("A1 silenced: "), r"replacing it \(dana\)")
