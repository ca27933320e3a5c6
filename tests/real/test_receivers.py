"""What was made for other chats comes here instead: the senders are as they are, only the address that they are given is ours."""
import json
import unittest
import urllib.parse

from lib import senders
from lib.receiving import SECRET, Receiving, spoiled


class Chats(Receiving):
    services = ("backup", "vcenter", "gitea", "nas")
    first = ("/" + SECRET, {"text": "ready"}, "ready")
    sections = """
slack "backup" { hook_file = "secret" }
teams "vcenter" { hook_file = "secret" }
mattermost "gitea" { hook_file = "secret" }
incoming "nas" { hook_file = "secret" title = "job.name" facts = { "Host=job.host" } id = "job.id" state = "job.result" url = "job.page" }
"""


class AsTheyAnswer(Chats):
    """What each sender hears is what its service would say."""

    def test_slack_says_ok_and_its_own_words_for_what_is_wrong(self):
        answer, line = self.told(self.url("backup"), {"text": "nightly backup took *3 h*", "attachments": [
            {"title_link": "https://nas1.corp.example/jobs/88", "fields": [{"title": "Host", "value": "nas1"}]}]}, "nightly")
        self.assertEqual(line, "[backup] nightly backup took 3 h. Host: nas1 https://nas1.corp.example/jobs/88")
        self.assertEqual((answer[0], answer[2]), (200, "ok"))
        self.assertTrue(answer[1].startswith("text/plain"), answer)
        self.assertEqual(self.post(self.url("backup"), b"{")[::2], (400, "invalid_payload"))
        self.assertEqual(self.post(self.url("backup"), {"text": ""})[::2], (400, "no_text"))

    def test_a_form_with_a_payload_is_taken_and_so_is_curl_that_says_the_wrong_type(self):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urllib.parse.urlencode({"payload": json.dumps({"text": "from a form & more"})}).encode()
        answer, line = self.told(self.url("backup"), body, "from a form", form)
        self.assertEqual((answer[2], line), ("ok", "[backup] from a form & more"))
        answer, line = self.told(self.url("backup"), b'{"text":"from curl -d"}', "curl", form)
        self.assertEqual((answer[2], line), ("ok", "[backup] from curl -d"))

    def test_another_secret_is_nobody_and_nothing_is_said(self):
        for url in (self.url("backup", False), self.url("backup")[:-1], self.url("backup") + "0", self.url("backup", False) + "/" + "0" * 32, self.url("nobody")):
            self.assertEqual(self.post(url, {"text": "who says this"})[0], 401, url)
        self.told(self.url("backup"), {"text": "only this"}, "only this")
        self.assertFalse(any("who says" in line for line in self.console.lines))

    def test_teams_says_1_to_a_connector_and_202_to_a_workflow(self):
        answer, line = self.told(self.url("vcenter"), {"@type": "MessageCard", "title": "Host esx4", "text": "is **down**"}, "esx4")
        self.assertEqual((answer[0], answer[2], line), (200, "1", "[vcenter] Host esx4. is down"))
        card = {"type": "AdaptiveCard", "body": [{"type": "TextBlock", "text": "Host esx5 is up"}],
                "actions": [{"type": "Action.Submit", "title": "x"}, {"type": "Action.OpenUrl", "url": "https://vc.corp.example/"}]}
        answer, line = self.told(self.url("vcenter"), {"type": "message", "attachments": [
            {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}]}, "esx5")
        self.assertEqual((answer[0], line), (202, "[vcenter] Host esx5 is up, 1 button left out https://vc.corp.example/"))
        self.assertEqual(self.post(self.url("vcenter"), {})[::2], (400, "Summary or Text is required."))

    def test_mattermost_reads_markdown(self):
        answer, line = self.told(self.url("gitea"), {"text": "#### web\n**2** [commits](https://git.corp.example/c)", "username": "eve", "props": {"card": "more of it"}}, "web")
        self.assertEqual((answer[0], answer[2], line), (200, "ok", "[gitea] web. 2 commits. more of it https://git.corp.example/c"))
        self.assertEqual(self.post(self.url("gitea"), {})[0], 400)

    def test_a_thing_with_an_id_is_one_thing(self):
        job = {"job": {"name": "nightly", "host": "nas1", "id": 88, "result": "running", "page": "https://nas1.corp.example/88"}}
        self.assertEqual(self.told(self.url("nas"), job, "nightly")[1], "N1 running: [nas] nightly. Host: nas1 https://nas1.corp.example/88")
        job["job"]["result"] = "SUCCESS"
        self.assertEqual(self.told(self.url("nas"), job, "nightly")[1], "N1 passed: [nas] nightly. Host: nas1 https://nas1.corp.example/88")
        self.assertEqual(self.post(self.url("nas"), {"other": 1})[0], 400)


class Senders(Chats):
    """Real ones."""

    def alertmanager(self, how):
        am = senders.Alertmanager(how)
        self.addCleanup(am.remove)
        return am.start()

    @unittest.skipUnless(senders.Alertmanager.PROGRAM, "needs Alertmanager")
    def test_alertmanagers_slack_receiver(self):
        am = self.alertmanager(f"slack_configs: [{{ api_url: '{self.url('backup')}', channel: '#ops', send_resolved: true }}]")
        am.tell("DiskWillFill", host="db1")
        self.assertIn("[backup] [FIRING:1] DiskWillFill", self.console.expect("DiskWillFill"))
        am.tell("DiskWillFill", over=True, host="db1")
        self.assertIn("[backup] [RESOLVED] DiskWillFill", self.console.expect("RESOLVED"))
        self.assertEqual(am.complaints(), [])

    @unittest.skipUnless(senders.has_js("@slack/webhook"), "needs @slack/webhook")
    def test_slacks_own_library(self):
        script = """import { IncomingWebhook } from '@slack/webhook';
            const sent = await new IncomingWebhook(process.argv[1]).send({ text: 'Deploy <https://ci.corp.example/1|#412> is *done*', channel: '#x',
                blocks: [{ type: 'section', text: { type: 'mrkdwn', text: 'Deploy <https://ci.corp.example/1|#412> is *done*' } }] });
            console.log(sent.text);"""
        self.assertEqual(senders.js(script, self.url("backup")), "ok")
        self.assertEqual(self.console.expect("#412"), "[backup] Deploy #412 is done https://ci.corp.example/1")

    @unittest.skipUnless(senders.has_js("ms-teams-webhook"), "needs ms-teams-webhook")
    def test_the_usual_library_for_teams(self):
        script = """import { IncomingWebhook } from 'ms-teams-webhook';
            const webhook = new IncomingWebhook(process.argv[1]);
            const sent = await webhook.send({ '@type': 'MessageCard', '@context': 'https://schema.org/extensions', themeColor: 'ff0000',
                summary: 's', title: 'Prod is down', sections: [{ facts: [{ name: 'Since', value: '14:02' }] }] });
            await webhook.sendText('And a **text**');
            await webhook.sendAdaptiveCard({ type: 'AdaptiveCard', version: '1.4', body: [{ type: 'TextBlock', text: 'Is ${what}' }] }, { what: 'up again' });
            console.log(JSON.stringify(sent));"""
        self.assertEqual(senders.js(script, self.url("vcenter")), "1")
        self.assertEqual(self.console.expect("Prod"), "[vcenter] Prod is down. Since: 14:02")
        self.assertEqual(self.console.expect("And"), "[vcenter] And a text")
        self.assertEqual(self.console.expect("up again"), "[vcenter] Is up again")


class Spoiled(Chats):
    """Threats W5: whatever a proven sender sends, the next message is said."""
    BODIES = {
        "backup": {"text": "t", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "m"}, "fields": [{"type": "mrkdwn", "text": "*a*\nb"}],
                                            "accessory": {"type": "button", "url": "https://x.example"}}],
                   "attachments": [{"title": "a", "title_link": "https://y.example", "fields": [{"title": "f", "value": "v"}], "color": "good"}]},
        "vcenter": {"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": {
            "type": "AdaptiveCard", "body": [{"type": "ColumnSet", "columns": [{"type": "Column", "items": [{"type": "TextBlock", "text": "t"}]}]},
                                             {"type": "FactSet", "facts": [{"title": "a", "value": "b"}]}], "actions": [{"type": "Action.OpenUrl", "url": "https://x"}]}}]},
        "gitea": {"text": "t", "props": {"card": "c", "attachments": [{"text": "a"}]}},
        "nas": {"job": {"name": "n", "host": "h", "id": "i", "result": "ok", "page": "https://x.example"}},
    }

    def test_every_node_gone_null_or_of_another_type(self):
        for name, body in self.BODIES.items():
            count = 0
            for one in spoiled(body):
                self.assertIn(self.post(self.url(name), one)[0], (200, 202, 400), (name, one))
                count += 1
            self.assertGreater(count, 25)
        self.told(self.url("backup"), {"text": "still here"}, "still here")
        self.assertIn("N1", self.told(self.url("nas"), {"job": {"name": "the last", "id": "i"}}, "the last")[1])
        self.assertEqual(self.gateway.stop(), 0)
