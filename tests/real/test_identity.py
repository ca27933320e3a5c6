"""Somebody who pretends to be somebody else (threats I1 to I4): refused, no request at the service, one line in the audit."""
import queue
import shutil
import socket
import tempfile
import threading
import unittest

from lib.gateway import Gateway
from lib.ircd import Network

CONF = """
strangers = {{ "help", "ping", "whoami" }}
admins = {{ "alice" }}
irc "corp" {{ server = "127.0.0.1" port = {corp} tls = no flood = no }}
irc "hq" {{ server = "127.0.0.1" port = {hq} tls = no flood = no }}
buildbot "ci" {{ url = "http://127.0.0.1:{service}/" }}
room "ops" {{ places = {{ "corp/#ops", "hq/#ops" }} services = {{ "ci" }} }}
person "alice" {{ accounts = {{ "corp/alice" }} roles = {{ "all" }} }}
role "all" {{ look = {{ "*" }} may = {{ "ci.*" }} }}
"""
TOLD = "account-notify batch chghost extended-join message-tags server-time"


class Service:
    """Where a Buildbot would be. It counts who comes, and sends everybody away."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.came = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.came += 1
            connection.close()


class Attack(unittest.TestCase):
    def world(self, caps=None, support="MODES=4"):
        options = {"caps": caps} if caps is not None else {}
        self.corp, self.hq, self.service = Network(support=support, **options), Network(), Service()
        self.addCleanup(self.service.listener.close)
        folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, folder, True)
        self.gateway = Gateway(folder, CONF.format(corp=self.corp.port, hq=self.hq.port, service=self.service.port))
        for network in (self.corp, self.hq):
            self.addCleanup(network.close)
        self.addCleanup(self.gateway.stop)
        self.gateway.start()
        for network in (self.corp, self.hq):
            self.assertTrue(network.joined.wait(20), "the gateway joined")
        return self.corp

    def heard(self, network=None):
        """What the gateway says next."""
        try:
            return (network or self.corp).said.get(timeout=20)[2].replace("\u2060", "")
        except queue.Empty:
            self.fail("the gateway said nothing; its log:\n" + self.gateway.program.output()[-2000:])

    def question(self):
        """The nick that the gateway asks about next, and its token."""
        return self.corp.asked.get(timeout=20)[1:]

    def refused(self, reason, network=None, audited=1):
        network = network or self.corp
        if reason:
            line = self.heard(network)
            self.assertIn("refused: ", line)
            self.assertIn(reason, line)
        network.send("@account=zoe :zoe!z@host.test PRIVMSG #ops :!ping the-end")
        self.assertIn("pong the-end", self.heard(network))
        self.assertEqual(self.service.came, 0)
        rows = [row for row in self.gateway.cli("audit", "list")[1].split("\n") if "build deploy" in row]
        self.assertEqual(len(rows), audited, rows)
        for row in rows:
            self.assertIn("refused", row)

    def asks(self, text="!ci build deploy"):
        self.corp.say("alice", text)

    # The account tag.

    def test_whoever_it_is_may(self):
        """What all others here are denied, so that their refusals mean something."""
        self.world()
        self.corp.say("alice", "!ci build deploy", account="alice")
        self.heard()
        self.assertGreater(self.service.came, 0)

    def test_the_nick_of_a_person_is_no_person(self):
        corp = self.world()
        corp.send(":alice!u@host.test NICK :away")
        corp.send(":mallory!u@host.test NICK :alice")
        self.asks()
        self.refused("you are not logged in to services on corp")

    def test_tags_that_are_not_the_servers_word(self):
        for tags in ("+account=alice", "account=*", "account=0", "account", "account=", "account=alice;account=*", "account=alice;account=",
                     "account=al\\sice", "account=alice\\:", "account=alice\\\\", "draft/account=alice", "Account=alice", "account=corp/alice"):
            with self.subTest(tags):
                corp = self.world()
                corp.send(f"@{tags} :alice!u@host.test PRIVMSG #ops :!ci build deploy")
                self.refused("refused: ")
                self.doCleanups()

    def test_a_line_with_a_nul_is_no_line(self):
        corp = self.world()
        corp.send("@account=alice\0x :alice!u@host.test PRIVMSG #ops :!ci build deploy")
        corp.send("@account=alice :alice!u@host.test PRIVMSG #ops :!ci build deploy\0")
        self.refused(None, audited=0)

    def test_the_same_account_of_another_network_is_somebody_else(self):
        self.world()
        self.hq.say("alice", "!ci build deploy", account="alice")
        self.refused("hq/alice is nobody I know", self.hq)

    def test_what_is_said_to_a_part_of_a_channel_or_to_several_is_not_heard(self):
        corp = self.world()
        for target in ("@#ops", "+#ops", "#ops,#other", "#other,#ops", "#ops,sally", "$*.test", "#0ps", "#ops\x07", ":#ops"):
            corp.send(f"@account=alice :alice!u@host.test PRIVMSG {target} :!ci build deploy")
        self.refused(None, audited=0)

    # WHOX.

    def test_a_fresh_answer_is_enough(self):
        corp = self.world(TOLD, "WHOX")
        self.asks()
        nick, token = self.question()
        self.assertEqual(self.service.came, 0)
        corp.answer_who(token, nick, "alice")
        self.heard()
        self.assertGreater(self.service.came, 0)
        self.asks("!whoami")
        while "proven by" not in (line := self.heard()):
            pass
        self.assertIn("you are alice by corp/alice, proven by account-notify", line)

    def test_an_answer_after_something_happened_is_none(self):
        """The answer is true, but of somebody else than who spoke."""
        for lines in ([":alice!u@host.test NICK :mallory", ":away!u@host.test NICK :alice"],
                      [":alice!u@host.test QUIT :*.net *.split", ":alice!u@host.test JOIN #ops alice :A"],
                      [":alice!u@host.test PART #ops :bye"],
                      [":bob!u@host.test KICK #ops alice :out"],
                      [":alice!u@host.test ACCOUNT alice"],
                      [":alice!u@host.test CHGHOST u other.test"]):
            with self.subTest(lines[0]):
                corp = self.world(TOLD, "WHOX")
                self.asks()
                nick, token = self.question()
                for line in lines:
                    corp.send(line)
                corp.answer_who(token, nick, "alice")
                self.refused("changed while I asked corp who you are")
                self.doCleanups()

    def test_an_answer_that_is_not_about_who_spoke_is_none(self):
        for change in ({"user": "x"}, {"host": "h"}, {"nick": "bob"}, {"token": "0"}):
            with self.subTest(**change):
                corp = self.world(TOLD, "WHOX")
                self.asks()
                nick, token = self.question()
                corp.answer_who(**{"token": token, "nick": nick, "account": "alice", **change})
                corp.send(f":net.test 315 sally {nick} :End of /WHO list.")
                self.refused("not yours any more")
                self.doCleanups()

    def test_an_answer_behind_the_end_is_none(self):
        corp = self.world(TOLD, "WHOX")
        self.asks()
        nick, token = self.question()
        corp.send(f":net.test 315 sally {nick} :End of /WHO list.")
        corp.answer_who(token, nick, "alice")
        self.refused("not yours any more")

    def test_no_answer_is_none(self):
        self.world(TOLD, "WHOX")
        self.asks()
        self.question()
        self.refused("did not say in time")

    def test_services_are_away(self):
        for account in ("0", "*"):
            with self.subTest(account):
                corp = self.world(TOLD, "WHOX")
                self.asks()
                nick, token = self.question()
                corp.answer_who(token, nick, account)
                self.refused("you are not logged in to services on corp")
                self.doCleanups()

    def test_a_logout_that_was_told_is_enough_to_refuse(self):
        for line in (":alice!u@host.test ACCOUNT *", ":alice!u@host.test JOIN #ops * :alice"):
            with self.subTest(line):
                corp = self.world(TOLD, "WHOX")
                corp.send(line)
                self.asks()
                self.refused("you are not logged in to services on corp")
                self.assertTrue(corp.asked.empty())
                self.doCleanups()

    def test_what_was_told_is_not_enough_for_a_change(self):
        for support, told in (("MODES=4", "neither account-tag nor WHOX"), ("WHOX", "did not say in time")):
            with self.subTest(support):
                corp = self.world(TOLD, support)
                corp.send(":alice!u@host.test ACCOUNT alice")
                self.asks("!whoami")
                self.assertIn("you are alice by corp/alice, proven by account-notify", self.heard())
                self.asks()
                self.refused(told)
                self.doCleanups()

    def test_a_network_that_knows_nothing_of_accounts(self):
        corp = self.world("")
        self.asks("!whoami")
        self.assertEqual(corp.asked.get(timeout=20), ("WHOIS", "alice"))
        corp.send(":net.test 311 sally alice u host.test * :A")
        corp.send(":net.test 330 sally alice alice :is logged in as")
        corp.send(":net.test 318 sally alice :End of /WHOIS list.")
        self.assertIn("proven by whois", self.heard())
        self.asks()
        self.refused("neither account-tag nor WHOX")

    def test_from_where_we_cannot_see_it(self):
        corp = self.world(TOLD, "WHOX")
        corp.say("zed", "ci build deploy", target="sally")
        self.refused("we share no channel on corp")

    def test_account_tag_is_withdrawn(self):
        corp = self.world("account-tag " + TOLD, "WHOX")
        corp.send(":net.test CAP sally DEL :account-tag")
        corp.say("alice", "!ci build deploy", account="alice")
        nick, token = self.question()
        corp.answer_who(token, nick, "0")
        self.refused("you are not logged in to services on corp")
        self.assertEqual(self.gateway.program.output().count("withdrawn account-tag"), 1)


if __name__ == "__main__":
    unittest.main()
