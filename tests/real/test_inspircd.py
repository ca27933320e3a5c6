"""InspIRCd with atheme: services as most networks have them, splits, K-lines, and a network whose messages do not say who sent them."""
import hashlib
import os
import shutil
import ssl
import subprocess
import tempfile
import unittest

from lib import irc, servers, things
from lib.gateway import Gateway

CONF = """
strangers = {{ "ping" }}
admins = {{ "bob" }}
irc "corp" {{ server = "localhost" port = {port} ca_file = "{ca}" flood = no retry = "1s" rejoin = "1s" {login} }}
room "ops" {{ places = {{ "corp/#ops", "console/here" }} services = {{ "local" }} }}
person "alice" {{ accounts = {{ "corp/alice" }} roles = {{ "all" }} }}
person "bob" {{ accounts = {{ "corp/bob", "console/@owner" }} roles = {{ "all" }} }}
role "all" {{ look = {{ "*" }} may = {{ "local.*" }} }}
runner "local" {{
	job "hello" {{ run = "/bin/true" }}
	job "wait" {{ run = {{ "/bin/sh", "-c", 'while [ ! -e "$0" ]; do sleep 0.1; done', "{flag}" }} }}
}}
"""
SASL = 'account = "sally" password_file = "irc-password"'


@unittest.skipUnless(servers.TREES, "needs the real servers")
class Network(unittest.TestCase):
    """What the tests below share: a network with services, a gateway, people."""
    account_tag = True

    @classmethod
    def setUpClass(cls):
        cls.ircd = servers.Inspircd(account_tag=cls.account_tag)
        cls.addClassCleanup(cls.ircd.remove)
        cls.other = servers.Inspircd("irc2.insp.test", "00B", cls.account_tag)
        cls.addClassCleanup(cls.other.remove)
        cls.ircd.peers, cls.other.peers = [cls.other], [cls.ircd]
        cls.ircd.start()
        cls.services = servers.Atheme(cls.ircd)
        cls.addClassCleanup(cls.services.remove)
        cls.services.start()
        cls.services.register("sally", "alice", "bob")

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.flag = os.path.join(self.folder, "flag")

    def gateway(self, login=SASL):
        self.gate = Gateway(self.folder, CONF.format(port=self.ircd.tls_port, ca=self.ircd.ca, login=login, flag=self.flag))
        self.gate.secret("irc-password", "pw-sally")
        self.addCleanup(self.gate.stop)
        self.addCleanup(self.go)
        self.gate.start()
        return self.gate

    def go(self):
        with open(self.flag, "w"):
            pass

    def person(self, nick, account=None, server=None, channel="#ops"):
        server = server or self.ircd
        person = irc.Person(server.tls_port, nick, tls=server.ca, account=account, password=f"pw-{account}")
        self.addCleanup(person.close)
        if channel:
            person.join(channel)
        return person

    def oper(self):
        oper = self.person("root", channel=None)
        oper.send("OPER root oper-secret")
        oper.expect(" 381 ")
        return oper

    def there(self, watcher):
        """The gateway is in the channel and answers."""
        watcher.expect(lambda line: line.startswith(":sally") and " JOIN " in line, 30)
        watcher.say("#ops", "!ping there")
        watcher.expect("pong there")

    def audited(self, part):
        code, table = self.gate.cli("audit", "list")
        self.assertEqual(code, 0)
        return [line for line in table.splitlines() if part in line]


class Inspircd(Network):
    def test_services_prove_us_and_the_people(self):
        alice, guest = self.person("alice", "alice"), self.person("guest")
        self.gateway()
        self.there(alice)
        alice.send("WHOIS sally")
        alice.expect(" 330 alice sally sally ")
        alice.say("#ops", "!build hello")
        alice.expect("B1 passed")
        guest.say("#ops", "!build hello")
        guest.expect("refused: I cannot prove who you are")
        self.assertEqual(len(self.audited("local build hello")), 2)
        self.assertEqual(len(self.audited("refused: not proven")), 1)

    def test_a_certificate_that_services_know(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=sally",
                        "-keyout", "irc.key", "-out", "irc.pem"], check=True, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.chmod(os.path.join(self.folder, "irc.key"), 0o600)
        with open(os.path.join(self.folder, "irc.pem")) as f:
            fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(f.read())).hexdigest()
        sally = self.person("sally2", "sally", channel=None)
        sally.send(f"PRIVMSG NickServ :CERT ADD {fingerprint}")
        sally.expect("fingerprint")
        sally.close()
        alice = self.person("alice", "alice")
        self.gateway('account = "sally" sasl = "external" certificate_file = "irc.pem" key_file = "irc.key"')
        self.there(alice)
        alice.send("WHOIS sally")
        alice.expect(" 330 alice sally sally ")

    def test_nickserv_where_it_is_configured(self):
        alice = self.person("alice", "alice")
        self.gateway(SASL + ' sasl = "nickserv" services = "NickServ!services@services.test"')
        self.there(alice)
        alice.send("WHOIS sally")
        alice.expect(" 330 alice sally sally ")

    def test_another_nickserv_gets_nothing(self):
        alice = self.person("alice", "alice")
        self.gateway(SASL + ' sasl = "nickserv" services = "NickServ!services@services.example"')
        things.wait_until(lambda: "not the services that are configured" in self.gate.cli("status")[1], 20, "the refusal")
        self.assertIsNone(alice.heard(":sally", 0.5))

    def test_services_die_and_come_back(self):
        alice, carol = self.person("alice", "alice"), self.person("carol")
        self.gateway()
        self.there(alice)
        self.services.die()
        # Who was proven stays so: the server itself knows it. Who was not cannot be now.
        alice.say("#ops", "!build hello")
        alice.expect("B1 passed")
        carol.say("#ops", "!build hello")
        carol.expect("refused: I cannot prove who you are")
        self.services.start()
        bob = self.person("bob", "bob")
        bob.say("#ops", "!build hello")
        bob.expect("B2 passed")
        self.assertIn("as sally", self.gate.cli("status")[1])

    def test_a_k_line_ends_and_what_waited_is_said_once(self):
        alice, oper = self.person("alice", "alice"), self.oper()
        self.gateway()
        self.there(alice)
        alice.say("#ops", "!build wait")
        alice.expect("B1 running")
        oper.send("KLINE sally@127.0.0.1 4s :a test")
        alice.expect(lambda line: line.startswith(":sally!") and "QUIT" in line)
        self.go()
        console = self.gate.console()
        console.expect("B1 passed")
        alice.expect(lambda line: line.startswith(":sally!") and " JOIN " in line, 60)
        alice.expect("B1 passed")
        self.assertIsNone(alice.heard("B1 passed", 1))
        self.assertEqual(self.gate.program.output().count("has banned me"), 1)

    def test_our_nick_is_won_back(self):
        other = self.person("sally")
        alice = self.person("alice", "alice")
        self.gateway()
        alice.expect("sally_!sally@", 30)
        other.close()
        alice.expect(lambda line: line.startswith(":sally_!") and line.endswith("NICK :sally"), 30)
        alice.say("#ops", "sally: ping again")
        alice.expect("pong again")

    def test_a_split_takes_people_and_carries_no_identity_over(self):
        self.other.start()
        self.addCleanup(self.other.stop)
        oper = self.oper()
        oper.send("CONNECT irc2.insp.test")
        alice = self.person("alice", "alice")
        bob = self.person("bob", "bob", self.other)
        alice.expect("bob!bob@", 30)
        self.gateway()
        self.there(alice)
        bob.expect(lambda line: line.startswith(":sally!") and " JOIN " in line)
        bob.say("#ops", "!build hello")
        alice.expect("B1 passed")
        oper.send("SQUIT irc2.insp.test :a test")
        alice.expect(lambda line: line.startswith(":bob!") and "QUIT" in line)
        # While he is away somebody takes his nick, and is nobody all the same.
        thief = self.person("bob")
        thief.say("#ops", "!build hello")
        thief.expect("refused: I cannot prove who you are")
        thief.close()
        alice.expect(lambda line: line.startswith(":bob!") and "QUIT" in line)
        oper.send("CONNECT irc2.insp.test")
        alice.expect(lambda line: line.startswith(":bob!") and " JOIN " in line, 30)
        bob.say("#ops", "!build hello")
        alice.expect("B2 passed")
        self.assertEqual(self.gate.cli("status")[1].count("as sally"), 1)


class WithoutAccountTag(Network):
    """The same network, whose messages do not say whose they are."""
    account_tag = False

    def test_who_changes_something_is_asked_about(self):
        alice, guest = self.person("alice", "alice"), self.person("guest")
        self.gateway()
        self.there(alice)
        alice.say("#ops", "!build hello")
        alice.expect("B1 passed")
        guest.say("#ops", "!build hello")
        guest.expect("refused: I cannot prove who you are")
        alice.say("#ops", "!whoami")
        alice.expect("you are alice by corp/alice")

    def test_who_takes_a_nick_is_not_who_had_it(self):
        alice, mallory = self.person("alice", "alice"), self.person("mallory")
        self.gateway()
        self.there(mallory)
        alice.say("#ops", "!build hello")
        mallory.expect("B1 passed")
        alice.send("NICK alice2")
        mallory.expect("NICK :alice2")
        mallory.send("NICK alice")
        mallory.nick = "alice"
        mallory.expect("NICK :alice")
        mallory.say("#ops", "!build hello")
        mallory.expect("refused: I cannot prove who you are")
        self.assertEqual(len(self.audited("asked")), 1)

    def test_a_split_carries_no_identity_over(self):
        Inspircd.test_a_split_takes_people_and_carries_no_identity_over(self)


del Network
