"""The first working day: somebody proven by SASL types a command in a channel, a real Buildbot builds, and the channel hears of it."""
import base64
import os
import shutil
import tempfile
import unittest

from lib import irc, servers, things
from lib.gateway import Gateway

CONF = """
strangers = {{ "help", "ping", "whoami" }}
admins = {{ "bob" }}
irc "corp" {{
	server = "localhost" port = {port} ca_file = "{ca}"
	account = "sally" password_file = "irc-password" sasl = "plain" flood = no
}}
buildbot "ci" {{ url = "{url}" user = "bot" password_file = "buildbot-password" }}
room "ops" {{ places = {{ "corp/#ops" }} services = {{ "ci" }} }}
person "alice" {{ accounts = {{ "corp/alice" }} roles = {{ "builder" }} }}
person "bob" {{ accounts = {{ "corp/bob" }} roles = {{ "builder" }} }}
person "carol" {{ accounts = {{ "corp/carol" }} roles = {{ "reader" }} }}
role "builder" {{ look = {{ "*" }} may = {{ "ci.*" }} in = {{ "ops" }} }}
role "reader" {{ look = {{ "*" }} in = {{ "ops" }} }}
"""


@unittest.skipUnless(servers.TREES, "needs the real servers")
class FirstDay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ergo = servers.Ergo().start()
        cls.addClassCleanup(cls.ergo.remove)
        cls.buildbot = servers.Buildbot().start()
        cls.addClassCleanup(cls.buildbot.remove)
        for name in ("sally", "alice", "bob", "carol"):
            irc.Person(cls.ergo.tls_port, name, tls=cls.ergo.ca, account=name, password="pw-" + name, register=True).close()

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.gateway = Gateway(self.folder, CONF.format(port=self.ergo.tls_port, ca=self.ergo.ca, url=self.buildbot.url))
        self.gateway.secret("irc-password", "pw-sally")
        self.gateway.secret("buildbot-password", self.buildbot.password)
        self.addCleanup(self.gateway.stop)

    def tearDown(self):
        """No secret stands in the log or in anything that is kept."""
        for base, _, names in os.walk(self.folder):
            for name in names:
                if name in ("irc-password", "buildbot-password") or not os.path.isfile(os.path.join(base, name)):
                    continue
                with open(os.path.join(base, name), "rb") as f:
                    content = f.read()
                for secret in (b"pw-sally", self.buildbot.password.encode(), base64.b64encode(b"bot:" + self.buildbot.password.encode())):
                    self.assertNotIn(secret, content, name)

    def person(self, name, account=True):
        person = irc.Person(self.ergo.tls_port, name, tls=self.ergo.ca, account=name if account else None, password="pw-" + name)
        self.addCleanup(person.close)
        person.join("#ops")
        return person

    def ready(self, watcher):
        """The gateway, started, and in the channel."""
        self.gateway.start()
        things.wait_until(lambda: " ok " in self.gateway.cli("status")[1].split("corp", 1)[-1].split("\n")[0], 20, "the link")
        watcher.say("#ops", "!ping ready")
        watcher.expect("pong ready")

    def test_a_build_is_asked_for_in_a_channel_and_reported(self):
        alice = self.person("alice")
        self.ready(alice)
        alice.say("#ops", "!build deploy branch=main secs=2")
        running = alice.expect("B1 running: deploy #")
        self.assertIn("NOTICE #ops", running)
        self.assertIn("(alice)", running)
        passed = alice.expect("B1 passed: deploy #", 60)
        self.assertRegex(passed, r":alice: B1 passed: deploy #\d+ in \d+(\.\d)? m?s http://127\.0\.0\.1:\d+/#/builders/\d+/builds/\d+$")
        code, table = self.gateway.cli("audit", "list")
        self.assertEqual(code, 0)
        self.assertIn("corp/alice", table)
        self.assertIn("ci build deploy", table)

    def test_a_build_that_fails_says_where_and_rings_for_who_asked(self):
        alice = self.person("alice")
        self.ready(alice)
        before = len(self.buildbot.builds())
        alice.say("#ops", "!ci build deploy rc=3")
        failed = alice.expect("failed: deploy", 60)
        self.assertIn("PRIVMSG #ops :alice: B1 failed", failed)
        self.assertIn("step test", failed)
        alice.expect("cart_total: expected 3, got 2")
        alice.say("#ops", "!log B1")
        alice.expect("cart_total: expected 3, got 2")
        self.assertEqual(len(self.buildbot.builds()), before + 1)

    def test_a_build_is_stopped(self):
        alice = self.person("alice")
        self.ready(alice)
        alice.say("#ops", "!build deploy secs=100")
        alice.expect("B1 running")
        alice.say("#ops", "!stop B1")
        alice.expect("B1 stopping")
        alice.expect("B1 stopped", 60)

    def test_words_that_do_not_fit_start_nothing(self):
        alice = self.person("alice")
        self.ready(alice)
        before = len(self.buildbot.requests())
        for typed, answer in (("!biuld deploy", "Did you mean !build"), ("!build web", "web"), ("!build deploy env=prd", "staging or prod"),
                              ("!build", "JOB"), ("!build deploy env='x", "never closed")):
            alice.say("#ops", typed)
            self.assertIn("NOTICE #ops :alice: ", alice.expect(answer))
        # What only Buildbot can judge it refuses itself.
        alice.say("#ops", "!build deploy secs=abc")
        self.assertIn("secs", alice.expect("B1 failed: Buildbot refused"))
        self.assertEqual(len(self.buildbot.requests()), before)

    def test_who_may_not_is_refused_with_the_reason_and_nothing_reaches_the_service(self):
        carol, alice = self.person("carol"), self.person("alice")
        self.ready(alice)
        before = len(self.buildbot.requests())
        carol.say("#ops", "!build deploy")
        refusal = carol.expect("refused:")
        self.assertIn("builder", refusal)
        guest = self.person("guest7", account=False)
        guest.say("#ops", "!build deploy")
        self.assertIn("I cannot prove who you are", guest.expect("refused:"))
        guest.say("#ops", "!frobnicate")
        guest.say("#ops", "!ping still here")
        self.assertNotIn("frobnicate", guest.expect("NOTICE #ops :"))
        self.assertEqual(len(self.buildbot.requests()), before)
        table = self.gateway.cli("audit", "list")[1]
        self.assertIn("refused", table)

    def test_a_nick_gives_no_rights(self):
        alice = self.person("alice")
        self.ready(alice)
        before = len(self.buildbot.requests())
        alice.close()
        guest = self.person("guest8", account=False)
        guest.say("#ops", "!build deploy")
        guest.expect("refused:")
        self.assertEqual(len(self.buildbot.requests()), before)

    def test_killed_while_it_builds_it_reports_once_and_starts_nothing_again(self):
        alice = self.person("alice")
        self.ready(alice)
        before = len(self.buildbot.requests())
        alice.say("#ops", "!build deploy secs=4")
        alice.expect("B1 running")
        self.gateway.kill()
        self.gateway.start()
        self.assertIn(":alice: B1 passed", alice.expect("B1 passed", 60))
        self.assertIsNone(alice.heard("B1 passed", 3))
        self.assertEqual(len(self.buildbot.requests()), before + 1)
        self.assertEqual(self.gateway.cli("audit", "verify")[0], 0)

    def test_the_irc_server_goes_away_and_nothing_is_lost(self):
        alice = self.person("alice")
        self.ready(alice)
        alice.say("#ops", "!build deploy secs=3")
        alice.expect("B1 running")
        self.ergo.stop()
        self.ergo.start()
        again = self.person("alice")
        again.expect("B1 passed", 90)


if __name__ == "__main__":
    unittest.main()
