"""What is said on a network that can prove it: labels, messages of many lines, and a connection that is cut at the worst moment."""
import re
import shutil
import socket
import tempfile
import threading
import unittest

from lib import irc, servers, things
from lib.gateway import Gateway

CONF = """
strangers = {{ "help", "ping", "whoami" }}
admins = {{ "bob" }}
irc "corp" {{ server = "127.0.0.1" port = {port} tls = no flood = no retry = "1s" }}
runner "local" {{
	job "hello" {{ run = {{ "/bin/echo", "hello" }} }}
	job "bad" {{ run = {{ "/bin/sh", "-c", 'printf "one\\n!two\\n\\033[31mthree\\007\\n"; exit 1' }} }}
}}
room "ops" {{ places = {{ "corp/#ops" }} services = {{ "local" }} }}
person "bob" {{ accounts = {{ "corp/bob" }} roles = {{ "all" }} }}
role "all" {{ look = {{ "*" }} may = {{ "local.*" }} }}
"""


class Relay:
    """Stands between the gateway and the server: notes each line of both, and cuts the connection once, where it is told to."""

    def __init__(self, port):
        self.to = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sent, self.heard = [], []          # of the gateway; of the server
        self.cut = None                         # (whether it says so, whether the server still hears it)
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        self.listener.close()

    def serve(self):
        while True:
            try:
                ours, _ = self.listener.accept()
            except OSError:
                return
            theirs = socket.create_connection(("127.0.0.1", self.to))
            state = {"deaf": False}
            for one, other, lines, up in ((ours, theirs, self.sent, True), (theirs, ours, self.heard, False)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self.carry, args=(one, other, lines, up, state), daemon=True).start()

    def carry(self, one, other, lines, up, state):
        try:
            with one.makefile("rb") as words:
                for line in words:
                    if state["deaf"]:
                        break
                    text = line.decode("utf-8", "replace").rstrip("\r\n")
                    cut = self.cut if up and self.cut and self.cut[0](text) else None
                    if cut:
                        # From now on the gateway hears nothing of what the server says to it.
                        self.cut = None
                        state["deaf"] = True
                    if not cut or cut[1]:
                        lines.append(text)
                        other.sendall(line)
                    if cut:
                        break
        except OSError:
            pass
        for s in (one, other):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


@unittest.skipUnless(servers.TREES, "needs the real servers")
class Delivery(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ergo = servers.Ergo().start()
        cls.addClassCleanup(cls.ergo.remove)
        irc.Person(cls.ergo.tls_port, "bob", tls=cls.ergo.ca, account="bob", password="pw-bob", register=True).close()

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.relay = Relay(self.ergo.port)
        self.addCleanup(self.relay.close)
        self.bob = irc.Person(self.ergo.tls_port, "bob", tls=self.ergo.ca, account="bob", password="pw-bob")
        self.addCleanup(self.bob.close)
        self.bob.send("CAP REQ :message-tags batch draft/multiline")
        self.bob.expect("ACK")
        self.bob.join("#ops")
        self.gateway = Gateway(self.folder, CONF.format(port=self.relay.port)).start()
        self.addCleanup(self.gateway.stop)
        self.bob.expect(lambda line: "sally" in line and "JOIN" in line)
        self.bob.say("#ops", "!ping ready")
        self.bob.expect("pong ready")

    def said(self, part):
        return [line for line in self.relay.sent if part in line]

    def test_a_long_answer_is_one_message(self):
        self.bob.say("#ops", "!help")
        opened = self.bob.expect(lambda line: " BATCH +" in line and " draft/multiline " in line)
        ref = re.search(r"BATCH \+(\S+) ", opened).group(1)
        inside = []
        while True:
            line = self.bob.expect(lambda line: f"batch={ref}" in line or f"-{ref}" in line)
            if " BATCH " in line:
                break
            inside.append(line)
        self.assertGreater(len(inside), 1)
        for line in inside:
            self.assertIn(":sally!", line)
            self.assertIn(" NOTICE #ops :", line)
        self.assertFalse([line for line in self.relay.heard if " FAIL " in line])

    def test_what_is_kept_is_proven_by_its_label(self):
        self.bob.say("#ops", "!build hello")
        self.bob.expect("passed")
        labels = [re.match(r"@label=(\S+) ", line).group(1) for line in self.said("@label=")]
        self.assertTrue(labels)
        self.assertEqual(len(labels), len(set(labels)))
        for label in labels:
            self.assertLessEqual(len(label), 64)
            things.wait_until(lambda: [line for line in self.relay.heard if f"label={label}" in line.split(" ")[0]], 10, label)
        # No other proof was asked for.
        self.assertFalse(self.said("PING 0"))
        self.assertFalse([line for line in self.relay.sent if line.startswith("PING") and line != "PING sallyport"])

    def test_what_others_print_is_clean_and_no_command_in_many_lines(self):
        self.bob.say("#ops", "!build bad")
        self.bob.expect("failed")
        lines = things.wait_until(lambda: self.said("three"), 10, "the log of the build")
        self.assertTrue(any(" PRIVMSG " in line or " NOTICE " in line for line in lines))
        for line in self.relay.sent:
            text = line.split(" :", 1)[-1]
            self.assertNotRegex(text, r"[\x00-\x1f\x7f]")
            if " PRIVMSG " in line:
                self.assertNotRegex(text, r"^[!.@]")

    def cut(self, hears):
        self.relay.cut = (lambda line: "@label=" in line and "passed" in line, hears)
        self.bob.say("#ops", "!build hello")

    def test_cut_before_the_server_has_it_it_is_said_once_more_and_marked(self):
        self.cut(False)
        first = self.bob.expect("passed", 40)
        self.assertIn("(resent)", first)
        self.bob.say("#ops", "!ping after")
        self.assertNotIn("passed", self.until("pong after"))

    def test_cut_before_the_proof_it_is_said_once_more_and_marked(self):
        self.cut(True)
        self.assertNotIn("(resent)", self.bob.expect("passed", 40))
        self.assertIn("(resent)", self.bob.expect("passed", 40))
        self.bob.say("#ops", "!ping after")
        self.assertNotIn("passed", self.until("pong after"))

    def until(self, part):
        """All that is said up to the line with `part`."""
        heard = []

        def note(line):
            heard.append(line)
            return part in line
        self.bob.expect(note, 40)
        return "\n".join(heard)

    def test_a_person_says_a_command_in_many_lines(self):
        for line in ("BATCH +m draft/multiline #ops", "@batch=m PRIVMSG #ops :!ping one", "@batch=m PRIVMSG #ops :!ping two", "BATCH -m"):
            self.bob.send(line)
        self.bob.expect("pong one")
        self.bob.say("#ops", "!ping three")
        self.assertNotIn("pong two", self.until("pong three"))


if __name__ == "__main__":
    unittest.main()
