"""Those who want our password, our voice or our patience (threats I5, I6, O1, O2, L1, L2), against the whole program.

Who pretends to be somebody else is in test_identity.py; HACKING has the list of all."""
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

from lib import irc, servers, things
from lib.gateway import Gateway
from lib.ircd import Network

CONF = """
strangers = {{ {strangers} }}
admins = {{ "alice" }}
irc "corp" {{ server = "localhost" port = {port} retry = "1s" {more} }}
runner "local" {{
	job "hello" {{ run = {{ "/usr/bin/touch", "{folder}/ran" }} }}
	job "deploy" {{ run = {{ "/bin/echo", "{{branch}}" }} param "branch" {{ pattern = '(.|\\n|\\r)*' default = "main" }} }}
	job "odd" {{ run = {{ "/bin/sh", "-c", 'cat "$0"; exit 1', "{folder}/odd" }} }}
}}
room "ops" {{ places = {{ "corp/#ops", "console/here" }} services = {{ "local" }} }}
person "alice" {{ accounts = {{ "corp/alice", "console/@owner" }} roles = {{ "all" }} }}
role "all" {{ look = {{ "*" }} may = {{ "local.*" }} }}
"""
PASSWORD = "open-sesame-4711"
LOGIN = 'account = "sally" password_file = "irc-password"'
PLAIN = "tls = no flood = no"


class Heard(Network):
    """A network that keeps each line of the gateway as it came."""

    def __init__(self, **options):
        self.lines = []
        self.times = []
        super().__init__(password=PASSWORD, **options)

    def take(self, line):
        self.lines.append(line)
        self.times.append(time.monotonic())
        super().take(line)

    def talk(self):
        """(when, command, target, text) of all that was said."""
        for when, line in zip(list(self.times), list(self.lines)):
            words = line.split(" ", 2)
            if words[0] in ("PRIVMSG", "NOTICE"):
                yield when, words[0], words[1], words[2][1:]


class Attack(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)

    def configure(self, port, more=PLAIN, strangers='"ping"'):
        self.gateway = Gateway(self.folder, CONF.format(port=port, more=more, strangers=strangers, folder=self.folder))
        self.gateway.secret("irc-password", PASSWORD)
        self.addCleanup(self.gateway.stop)
        return self.gateway

    def world(self, more=PLAIN, strangers='"ping"', **options):
        self.network = Heard(**options)
        self.addCleanup(self.network.close)
        self.configure(self.network.port, more, strangers).start()
        return self.network

    def joined(self):
        self.assertTrue(self.network.joined.wait(20), "the gateway joined")

    def said(self, part, seconds=20):
        def look():
            return [talk for talk in self.network.talk() if part in talk[3].replace("\u2060", "")]
        return things.wait_until(look, seconds, f"{part!r} to be said")[0]

    def all_is_said(self, mark="the-end"):
        """What was heard before this has had its answer."""
        self.network.say("alice", f"!ping {mark}", account="alice")
        self.said(f"pong {mark}")

    def audited(self, part):
        return [line for line in self.gateway.cli("audit", "list")[1].split("\n") if part in line]

    def nothing_ran(self):
        self.assertFalse(os.path.exists(os.path.join(self.folder, "ran")))
        jobs = os.path.join(self.gateway.state, "jobs")
        self.assertEqual(os.listdir(jobs) if os.path.isdir(jobs) else [], [])


class OurPassword(Attack):
    """I5: it is said to services by SASL, and to nobody who only looks like them."""

    def tls(self):
        ca = servers.certificate(self.folder, "localhost")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(self.folder, "server.pem"), os.path.join(self.folder, "server.key"))
        return {"more": f'flood = no ca_file = "{ca}" {LOGIN}', "tls": context}

    def test_a_network_without_sasl_is_not_joined_and_hears_no_password(self):
        network = self.world(**self.tls(), caps="message-tags account-tag server-time")
        things.wait_until(lambda: "SASL" in self.gateway.cli("status")[1], 20, "why it is away")
        network.stop()
        self.assertFalse(network.channels)
        self.assertFalse([line for line in network.lines if PASSWORD in line or line.startswith(("AUTHENTICATE", "JOIN", "PRIVMSG"))])
        self.nothing_ran()

    def test_who_looks_like_services_gets_nothing_and_may_nothing(self):
        network = self.world(**self.tls())
        self.joined()
        before = len(network.lines)
        for who in ("NickServ!services@services.evil", "N1ckServ!services@services.test", "nickserv!n@host.test", "NickServ"):
            for kind in ("NOTICE", "PRIVMSG"):
                network.send(f":{who} {kind} sally :This nickname is registered. Please identify: /msg NickServ IDENTIFY password")
                network.send(f":{who} {kind} sally :\x01IDENTIFY\x01")
                network.send(f":{who} {kind} #ops :sally, IDENTIFY now")
        network.send(":NickServ!services@services.evil PRIVMSG #ops :!build hello")
        self.said("refused: I cannot prove who you are")
        self.all_is_said()
        self.assertEqual(len(list(network.talk())), 2, network.lines[before:])
        self.assertFalse([line for line in network.lines[before:] if not line.startswith(("NOTICE #ops ", "PING", "PONG"))])
        self.assertFalse([line for line in network.lines if PASSWORD in line])
        self.assertEqual(len(self.audited("build hello")), 1)
        self.assertIn("refused", self.audited("build hello")[0])
        self.nothing_ran()


class Impostor:
    """A server that is not ours. What it hears over TLS is `heard`; without a context, all of it."""

    def __init__(self, context):
        self.context = context
        self.heard = b""
        self.came = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        self.listener.close()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            try:
                self.listen(connection)
            except OSError:
                pass
            connection.close()
            self.came += 1

    def listen(self, connection):
        connection.settimeout(5)
        if self.context:
            connection = self.context.wrap_socket(connection, server_side=True)
        else:
            connection.sendall(b":irc.test NOTICE * :*** Welcome\r\n:irc.test CAP * LS :tls sasl=PLAIN account-tag\r\nAUTHENTICATE +\r\n")
        while True:
            more = connection.recv(4096)
            if not more:
                return
            self.heard += more


class OurServer(Attack):
    """I6: whoever is not our server for certain hears not one byte of ours."""

    def openssl(self, *words):
        subprocess.run(["openssl", *words], check=True, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def authority(self, name):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN={name}",
                     "-keyout", name + ".key", "-out", name + ".pem")

    def server(self, host="localhost", by="good", days="30", old=False):
        name = f"server-{host}-{by}-{days}"
        with open(os.path.join(self.folder, "names"), "w") as f:
            f.write(f"subjectAltName=DNS:{host}\n")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={host}", "-keyout", name + ".key", "-out", name + ".csr")
        signed = ["-signkey", name + ".key"] if by == "itself" else ["-CA", by + ".pem", "-CAkey", by + ".key", "-CAcreateserial"]
        self.openssl("x509", "-req", "-in", name + ".csr", *signed, "-days", days, "-extfile", "names", "-out", name + ".pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(self.folder, name + ".pem"), os.path.join(self.folder, name + ".key"))
        if old:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        return Impostor(context)

    def test_whoever_is_not_our_server_hears_not_one_byte(self):
        self.authority("good")
        self.authority("other")
        bad = {"for another host": self.server("other.test"), "not to be trusted": self.server(by="itself"), "not to be trusted ": self.server(by="other"),
               "expired": self.server(days="-1"), "failed": self.server(old=True), "": Impostor(None)}
        for impostor in bad.values():
            self.addCleanup(impostor.close)
        links = "".join(f'irc "bad{i}" {{ server = "localhost" port = {impostor.port} ca_file = "good.pem" patience = "1s" retry = "1s" {LOGIN} }}\n'
                        for i, impostor in enumerate(bad.values()))
        places = ", ".join(f'"bad{i}/#ops"' for i in range(len(bad)))
        self.gateway = Gateway(self.folder, f'{links}\nroom "ops" {{ places = {{ {places} }} }}\n')
        self.gateway.secret("irc-password", PASSWORD)
        self.addCleanup(self.gateway.stop)
        self.gateway.start()
        things.wait_until(lambda: all(impostor.came for impostor in bad.values()), 30, "the gateway to come to each of them")
        status = self.gateway.cli("status")[1].split("\n")
        for i, (why, impostor) in enumerate(bad.items()):
            line = next(line for line in status if line.startswith(f"bad{i} "))
            self.assertIn("away", line)
            self.assertIn(why.strip(), line)
            if impostor.context:
                self.assertEqual(impostor.heard, b"", why)
            for word in (b"CAP", b"NICK", b"USER", b"AUTHENTICATE", b"STARTTLS", PASSWORD.encode()):
                self.assertNotIn(word, impostor.heard, why)


# What a build may print, a name may hold, or somebody may say, so that we say more than one line.
LINE_ENDS = ["\r\n", "\n", "\r", "\0", "\u2028", "\u0085", "\r\r\n"]
ORDERS = ["QUIT :gone", "JOIN #evil", "PRIVMSG #evil :hello", "NICK evil", "PRIVMSG ChanServ :OP #ops mallory"]
COMMANDS = {"CAP", "NICK", "USER", "JOIN", "PING", "PONG", "NOTICE", "PRIVMSG", "WHO", "WHOIS", "MODE"}


class OurVoice(Attack):
    """O1: one line is one command, whoever made up what is in it."""

    def setUp(self):
        super().setUp()
        self.network = self.world()
        self.joined()

    def print(self, text):
        with open(os.path.join(self.folder, "odd"), "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        self.network.say("alice", "!build odd", account="alice")
        self.said("B1 failed")
        self.network.say("alice", "!log B1 50", account="alice")
        self.all_is_said()

    def only_what_we_mean(self):
        for line in self.network.lines:
            words = line.split(" ")
            self.assertIn(words[0], COMMANDS, line)
            self.assertNotRegex(line, r"[\r\n\x00]")
            self.assertLessEqual(len(line.encode()) + 2, 512)
            if words[0] in ("NOTICE", "PRIVMSG", "JOIN"):
                self.assertIn(words[1], ("#ops", "alice"), line)
            if words[0] == "NICK":
                self.assertEqual(words[1], "sally")
        self.assertEqual(self.network.nick, "sally")

    def test_what_a_build_prints_gives_no_orders_to_the_server(self):
        self.print("x" + "".join(end + order for end in LINE_ENDS for order in ORDERS) + "\n")
        self.only_what_we_mean()

    def test_what_people_say_gives_no_orders_to_the_server(self):
        for end in ("\r", "\0", "\u2028", "\u0085"):
            for order in ORDERS:
                self.network.say("alice", f"!ping x{end}{order}", account="alice")
                self.network.say("alice", f'!build "hello{end}{order}"', account="alice")
        self.all_is_said()
        self.only_what_we_mean()
        self.nothing_ran()

    def test_what_another_chat_says_gives_no_orders_to_irc(self):
        """The console's lines may hold anything; what was asked there is told in the channel."""
        console = self.gateway.console()
        ends = [end for end in LINE_ENDS if end != "\0"]         # the console hangs up on whoever says that
        for end in ends:
            console.say(f'!build deploy branch="main{end}QUIT :gone"')
            console.say(f"!build deploy{end}JOIN #evil")
        for i in range(len(ends)):
            self.said(f"B{i + 1} passed")
        self.only_what_we_mean()
        # Whatever stood in between, it is one word of one command: asked once, ended once.
        for what in ("asked", "ended"):
            self.assertEqual(len([row for row in self.audited("QUIT") if f" {what} " in row]), len(ends))


# O2: what must not reach anybody's screen.
ODD = ["\x02bold\x0f", "\x0304,01red\x03", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x9b31mred", "\u202edeppilf\u202c", "\u2066isolated\u2069",
       "zero\u200bwidth", "bom\ufeff", "\x08\x08\x08over", "\x7f", "\xad", "\x01ACTION waves\x01", "\x01VERSION\x01"]
PREFIXES = ["!build hello", ".kick bob", "@room now", "~quit", "$eval", "sally: build hello", "%x", "/quit"]
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


class OthersWords(Attack):
    """O2: what services print is shown clean, rings for nobody and is no bot's command."""

    def test_what_a_build_prints_is_clean_rings_nobody_and_is_no_command(self):
        network = self.world(PLAIN + ' answers = "message"')
        self.joined()
        with open(os.path.join(self.folder, "odd"), "w") as f:
            f.write("\n".join(ODD + PREFIXES + ["alice, bob and carol broke it", "@alice @room #ops"]) + "\n")
        network.say("alice", "!build odd", account="alice")
        self.said("B1 failed")
        network.say("alice", "!log B1 50", account="alice")
        network.say("alice", "!ping !build hello", account="alice")
        self.said("broke it")
        self.all_is_said()
        said = [text for _, command, _, text in network.talk() if command == "PRIVMSG"]
        self.assertGreater(len(said), 5)
        for text in said:
            self.assertNotRegex(text, UNSEEN)
            self.assertNotRegex(text, r"^[!.@$%&~/+?;,:\\^*=<>'`-]")
            # Whoever asked may be addressed at the beginning; nobody else is named so that it rings.
            self.assertNotRegex(re.sub(r"^alice: ", "", text), r"\b(alice|bob|carol)\b")
        self.nothing_but_one_ran()

    def nothing_but_one_ran(self):
        self.assertFalse(os.path.exists(os.path.join(self.folder, "ran")))
        self.assertEqual(len(self.audited("build hello")), 1)           # the !ping of it
        self.assertIn("answered", self.audited("build hello")[0])


class Strangers(Attack):
    """L2: however many they are, who is known is answered at once, and the server does not find us too fast."""

    BURST, RATE = 4, 2
    MANY, SECONDS = 10000, 10

    def flood(self, text):
        """When each of alice's questions was asked, by its word; each is asked while strangers go on."""
        began, asked = time.monotonic(), {}
        for i in range(self.MANY):
            self.network.send(f":s{i % 500}!u@h{i % 500}.test PRIVMSG #ops :{text.format(i)}")
            if i % 3000 == 2000:
                word = f"alice-{i}"
                asked[word] = time.monotonic()
                self.network.say("alice", f"!ping {word}", account="alice")
            ahead = began + i * self.SECONDS / self.MANY - time.monotonic()
            if ahead > 0.01:
                time.sleep(ahead)
        return asked

    def memory(self):
        with open(f"/proc/{self.gateway.program.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))

    def sanitized(self):
        with open(f"/proc/{self.gateway.program.pid}/maps") as f:
            return "libasan" in f.read()

    def withstands(self, text, strangers):
        self.world("tls = no", strangers)
        self.joined()
        before = self.memory()
        asked = self.flood(text)
        for word, when in asked.items():
            self.assertLess(self.said(f"pong {word}")[0] - when, 2, word)
        # Within the server's limit: that many at once, then one every so often; half a line's worth for the noise of this machine.
        times = [when for when, *_ in self.network.talk()]
        for i, first in enumerate(times):
            for j in range(i, len(times)):
                self.assertLessEqual(j - i + 1, self.BURST + 0.5 + (times[j] - first) / self.RATE)
        # What waits for strangers is bounded; a change is not behind it.
        self.network.say("alice", "!build hello", account="alice")
        self.said("B1 passed")
        self.assertTrue(os.path.exists(os.path.join(self.folder, "ran")))
        if not self.sanitized():
            self.assertLess(self.memory() - before, 4 * 1024)
        output = self.gateway.program.output()
        self.assertLess(sum(" warning" in line for line in output.split("\n")), 20)

    def test_strangers_who_are_answered_keep_nobody_waiting(self):
        self.withstands("!ping {}", '"ping"')

    def test_strangers_who_are_refused_keep_nobody_waiting_and_fill_no_audit(self):
        self.withstands("!build hello", "")
        refused = [line for line in self.audited("build hello") if "not proven" in line]
        self.assertGreater(len(refused), 0)
        self.assertLessEqual(len(refused), 120)
        self.assertEqual(len([talk for talk in self.network.talk() if "refused" in talk[3]]), 1)


class EchoBot:
    """Says again whatever it hears from others, in several ways."""

    def __init__(self, port, channel):
        self.person = irc.Person(port, "echo")
        self.person.join(channel)
        self.channel = channel
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping:
            line = self.person.heard(lambda line: (" PRIVMSG " in line or " NOTICE " in line) and not line.startswith(":echo!"), 0.5)
            if line:
                text = line.split(" :", 1)[1]
                for again in (text, "!" + text, "sally: " + text, "sallie: " + text):
                    self.person.say(self.channel, again[:300])

    def hush(self):
        self.stopping = True
        self.thread.join(5)

    def close(self):
        self.hush()
        self.person.close()


@unittest.skipUnless(servers.TREES, "needs the real servers")
class Bots(Attack):
    """L1: two gateways and a bot that repeats everything are quiet again soon."""

    def test_two_gateways_and_an_echo_talk_no_more_than_three_lines(self):
        ircd = servers.Ngircd().start()
        self.addCleanup(ircd.remove)
        mallory = irc.Person(ircd.port, "mallory")
        self.addCleanup(mallory.close)
        mallory.join("#ops")
        for name in ("sally", "sallie"):
            self.folder = tempfile.mkdtemp(prefix="sallyport-")
            self.addCleanup(shutil.rmtree, self.folder, True)
            self.configure(ircd.port, f'{PLAIN} nick = "{name}"').start()
            mallory.expect(lambda line: line.startswith(f":{name}!") and "JOIN" in line)
        bot = EchoBot(ircd.port, "#ops")
        self.addCleanup(bot.close)
        mallory.expect(lambda line: line.startswith(":echo!") and "JOIN" in line)
        mallory.say("#ops", "!build hello")
        mallory.expect(lambda line: line.startswith(":sally!") and "refused" in line)
        heard, end = [], time.monotonic() + 5
        while time.monotonic() < end:
            mallory.read(0.2)
        heard = [line for line in mallory.lines if line.startswith((":sally!", ":sallie!"))]
        self.assertLessEqual(len(heard) + 1, 3, heard)
        # The echo was at it: it is the gateways that were quiet.
        self.assertGreater(len([line for line in mallory.lines if line.startswith(":echo!")]), 2)
        # They listen to no notice. The echo is silent now: it would say it again as a message.
        bot.hush()
        mallory.send("NOTICE #ops :!ping notice")
        mallory.say("#ops", "!ping the-end")
        self.assertNotIn("notice", mallory.expect("pong"))


if __name__ == "__main__":
    unittest.main()
