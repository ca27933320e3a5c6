"""A busy hour in fast motion, on IRC and Matrix at once: servers that go away, a homeserver that lets hardly anything through, and kill -9."""
import collections
import os
import random
import re
import shutil
import tempfile
import time
import unittest

from lib import irc, servers, synapse, things
from lib.gateway import PROGRAM, Gateway

CONF = """
strangers = {{ "help", "ping", "whoami" }}
admins = {{ "bob" }}
irc "corp" {{
	server = "localhost" port = {port} ca_file = "{ca}" account = "sally" password_file = "irc-password" sasl = "plain"
	flood = no retry = "1s"
}}
matrix "hq" {{ server = "{url}" user = "@sally:hs.test" password_file = "matrix-password" inviters = {{ "hs.test" }} retry = "1s" }}
runner "local" {{
	job "mark" {{ run = {{ "/bin/sh", "-c", 'echo "$1" >>"$0"; sleep "$2"; exit "$3"', "{folder}/ledger", "{{id}}", "{{secs}}", "{{rc}}" }}
		param "id" {{ pattern = '\\w{{1,20}}' required = yes }} param "secs" {{ pattern = '[0-9.]{{1,4}}' default = "0" }} param "rc" {{ pattern = '[0-9]{{1,2}}' default = "0" }} }}
}}
room "ops" {{ places = {{ "corp/#ops", "hq/#ops:hs.test" }} services = {{ "local" }} relay = yes }}
person "alice" {{ accounts = {{ "hq/@alice:hs.test" }} roles = {{ "all" }} }}
person "bob" {{ accounts = {{ "corp/bob" }} roles = {{ "all" }} }}
role "all" {{ look = {{ "*" }} may = {{ "local.*" }} }}
"""
KILLS = int(os.environ.get("SALLYPORT_KILLS", "5" if "-sanitizers" in PROGRAM else "10"))


class Hour(unittest.TestCase):
    """alice is on Matrix, bob on IRC; both may build."""
    limits = False

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.ergo = servers.Ergo().start()
        self.addCleanup(self.ergo.remove)
        self.server = synapse.Synapse(limits=self.limits).start()
        self.addCleanup(self.server.remove)
        for name in ("sally", "bob"):
            irc.Person(self.ergo.tls_port, name, tls=self.ergo.ca, account=name, password="pw-" + name, register=True).close()
        self.alice, self.sally = (self.server.register(name) for name in ("alice", "sally"))
        self.room = self.alice.create("ops", [self.sally.user])
        self.bob = self.on_irc()
        self.gateway = Gateway(self.folder, CONF.format(port=self.ergo.tls_port, ca=self.ergo.ca, url=self.server.url, folder=self.folder), log="info")
        self.gateway.secret("irc-password", "pw-sally")
        self.gateway.secret("matrix-password", "pw-sally")
        self.addCleanup(self.gateway.stop)

    def on_irc(self):
        bob = irc.Person(self.ergo.tls_port, "bob", tls=self.ergo.ca, account="bob", password="pw-bob")
        self.addCleanup(bob.close)
        bob.join("#ops")
        return bob

    def start(self):
        self.gateway.start()
        self.up()
        return self.gateway

    def status(self, link):
        return next(line for line in self.gateway.cli("status")[1].split("\n") if line.lstrip().startswith(link))

    def up(self):
        things.wait_until(lambda: all("1 room" in self.status(link) for link in ("corp", "hq")), 60, "both links")

    def texts(self, limit=500):
        """What sally said on Matrix, oldest first, edits apart."""
        return [event["content"]["body"] for event in self.alice.history(self.room, limit) if event["sender"] == self.sally.user
                and event["type"] == "m.room.message" and "m.new_content" not in event["content"] and event["content"]]

    def told(self, word):
        """The numbers of lines like "word 7" that are in what sally said on Matrix."""
        return [int(number) for text in self.texts() for number in re.findall(rf"\b{word} (\d+)\b", text)]

    def heard(self, word, count, seconds=30):
        """The same on IRC, once there are so many of them."""
        found = []
        while len(found) < count:
            found.append(int(self.bob.expect(f"{word} ", seconds).split(f"{word} ")[1].split()[0]))
        return found


@unittest.skipUnless(synapse.THERE, "needs the real servers")
class Away(Hour):
    def test_a_homeserver_that_is_away_hears_all_of_it_once_when_it_is_back(self):
        self.start()
        self.server.stop()
        for i in range(20):
            self.bob.say("#ops", f"line {i}")
        self.bob.say("#ops", "!build mark id=a")
        self.bob.expect("B1 passed")
        things.wait_until(lambda: re.search(r"\b2\d messages wait", self.gateway.cli("status")[1]), 20, "status to say so")
        self.server.start()
        things.wait_until(lambda: any("B1 passed" in text for text in self.texts()) or None, 60, "the card")
        things.wait_until(lambda: len(self.told("line")) >= 20, 30, "the lines")
        self.assertEqual(self.told("line"), list(range(20)))
        self.assertEqual(len([text for text in self.texts() if "B1" in text]), 1, self.texts())

    def test_an_irc_server_that_is_away_hears_all_of_it_once_when_it_is_back(self):
        self.start()
        self.ergo.stop()
        for i in range(20):
            self.alice.say(self.room, f"line {i}")
        self.alice.say(self.room, "!build mark id=a")
        things.wait_until(lambda: [one for one in self.alice.shows(self.room) if "B1 passed" in one["text"]], 30, "the build")
        self.ergo.start()
        self.bob = self.on_irc()
        self.assertEqual(self.heard("line", 20, 60), list(range(20)))
        self.bob.expect("B1 passed")
        self.assertIsNone(self.bob.heard("line ", 1))

    def test_a_homeserver_is_restarted_in_the_middle(self):
        self.start()
        for i in range(60):
            self.bob.say("#ops", f"line {i}")
            if i == 30:
                things.wait_until(lambda: self.told("line"), 20, "the first lines")
                self.server.stop()
        self.server.start()
        things.wait_until(lambda: len(self.told("line")) >= 60, 60, "the lines")
        self.assertEqual(self.told("line"), list(range(60)))
        self.alice.say(self.room, "line 60")
        self.assertEqual(self.heard("line", 1), [60])


@unittest.skipUnless(synapse.THERE, "needs the real servers")
class Narrow(Hour):
    """Synapse as it comes: ten messages at once, then one in five seconds."""
    limits = True

    def test_who_asked_hears_of_it_before_a_flood_of_talk_and_all_of_it_arrives(self):
        self.start()
        self.alice.say(self.room, "!build mark id=a secs=2 rc=1")
        self.bob.expect("B1 running")
        things.wait_until(lambda: any("B1 running" in text for text in self.texts()), 20, "the card")
        for i in range(40):
            self.bob.say("#ops", f"line {i}")
        things.wait_until(lambda: len(self.told("line")) >= 40, 60, "the lines")
        texts = self.texts()
        self.assertEqual(self.told("line"), list(range(40)))
        several = [text for text in texts if text.count("(IRC): line") > 1]
        self.assertLessEqual(len([text for text in texts if "line" in text]), 20, texts)
        self.assertTrue(several)
        # The ring is a message of its own, before the last of the talk.
        rings = [i for i, text in enumerate(texts) if text.startswith("alice: B1 failed") or "B1 failed" in text]
        self.assertTrue(rings and rings[0] < texts.index(several[-1]), texts)
        # Each line that went with others is known by itself.
        together = next(one for one in self.alice.shows(self.room) if one["text"] == several[-1])
        self.assertTrue(together["html"].startswith("<strong>bob</strong> (IRC): line"), together["html"])


@unittest.skipUnless(synapse.THERE, "needs the real servers")
class Killed(Hour):
    def life(self, number, chance):
        """One life: a few things said and done on both sides, then kill -9 at some moment."""
        self.gateway.start()
        end = time.monotonic() + chance.uniform(0.05, 1.5)
        while time.monotonic() < end:
            self.count += 1
            mark = f"k{self.count}"
            side, what = chance.choice("im"), chance.choice(("build", "talk", "talk", "look", "edit"))
            text = {"build": f"!build mark id={mark} secs=0.{chance.randrange(4)} rc={chance.randrange(2)}", "look": f"!ping {mark}"}.get(what, f"says {mark}")
            if side == "i":
                self.bob.say("#ops", text)
            else:
                event = self.alice.say(self.room, text)
                if what == "edit":
                    self.alice.edit(self.room, event, f"edited {mark}")
            if what in ("talk", "edit"):
                self.spoken[side].append(mark)
            if what == "build":
                self.asked[side].append(mark)
            self.bob.read(0.01)
        self.gateway.kill()

    def ran(self):
        try:
            with open(self.folder + "/ledger") as f:
                return f.read().split()
        except FileNotFoundError:
            return []

    def said_on_matrix(self):
        return [event for event in self.alice.history(self.room, 20000) if event["sender"] == self.sally.user and event["type"] == "m.room.message"]

    def test_killed_at_random_moments_nothing_runs_twice_and_nothing_that_was_taken_is_lost(self):
        chance = random.Random(int(os.environ.get("SALLYPORT_SEED", "1")))
        self.count, self.spoken, self.asked = 0, {"i": [], "m": []}, {"i": [], "m": []}
        self.start()
        self.gateway.kill()
        for number in range(KILLS):
            self.life(number, chance)
        self.start()
        self.alice.say(self.room, "!ping the-end")
        end = time.monotonic() + 60
        while not any("<Alice> !ping the-end" in line for line in self.bob.lines):      # none of what he hears is taken
            self.assertLess(time.monotonic(), end, "the last line never came to IRC")
            self.bob.read(0.2)
        self.bob.say("#ops", "says the-end")
        things.wait_until(lambda: self.quiet(), 60 + KILLS, "everything to be said")
        self.check_commands()
        self.check_talk()
        self.assertEqual(self.gateway.cli("audit", "verify")[0], 0)
        self.assertGreater(len(self.ran()), KILLS / 4)

    def quiet(self):
        """The homeserver is not asked for its history before we have said all: reading it would take its time."""
        if self.unsaid():
            return False
        events = self.said_on_matrix()
        return any("says the-end" in event["content"].get("body", "") for event in events) and not self.unsaid() and events

    def unsaid(self):
        return " 0 unsaid" not in self.gateway.cli("status")[1]

    def check_commands(self):
        ran, table = self.ran(), self.gateway.cli("audit", "list", "--limit", "100000")[1]
        self.assertEqual([mark for mark, times in collections.Counter(ran).items() if times > 1], [], "ran twice")
        asked, ended = re.findall(r" asked .*id=(\w+)", table), re.findall(r" ended .* mark id=(\w+) .*\| (B\d+) (\w+):", table)
        self.assertEqual([mark for mark, times in collections.Counter(asked).items() if times > 1], [], "asked for twice")
        self.assertEqual(set(ran) - set(asked), set(), "ran, and the audit does not know")
        # What was said on Matrix is heard sooner or later, in one life or the next.
        self.assertEqual(set(self.asked["m"]) - set(asked), set(), "never heard")
        self.assertEqual(set(asked) - {mark for mark, _, _ in ended}, set(), "accepted, and without an end")
        shown = " ".join(event["content"].get("m.new_content", event["content"]).get("body", "") for event in self.said_on_matrix())
        for mark, label, outcome in ended:
            self.assertRegex(shown, rf"\b{label} (passed|failed|unknown)\b", f"{mark} ended and nobody was told")
        print(f"{KILLS} kills, {len(asked)} builds, {len(ran)} of them ran ... ", end="", flush=True)

    def check_talk(self):
        """Each line of Matrix is on IRC, marked where it is there again; none of IRC is on Matrix twice."""
        self.bob.read(1)
        there = collections.Counter(self.lines_of("<Alice> says "))
        self.assertEqual([mark for mark in self.spoken["m"] if not there[mark]], [], "never told on IRC")
        plain = collections.Counter(self.lines_of("<Alice> says ", without="(resent)"))
        self.assertEqual([mark for mark, times in plain.items() if times > 1], [], "told twice on IRC without a word of it")
        first = [event["content"]["body"] for event in self.said_on_matrix() if "m.new_content" not in event["content"]]
        told = collections.Counter(mark for body in first for mark in re.findall(r"^bob \(IRC\): says (\w+)", body))
        self.assertEqual([mark for mark, times in told.items() if times > 1], [], "told twice on Matrix")
        cards = collections.Counter(label for body in first for label in re.findall(r"^(B\d+) ", body))
        self.assertEqual([label for label, times in cards.items() if times > 1], [], "two cards of one build")
        order = [mark for body in first for mark in re.findall(r"^bob \(IRC\): says (k\d+)", body)]
        self.assertEqual(order, sorted(order, key=lambda mark: int(mark[1:])))

    def lines_of(self, part, without="\0"):
        return [line.split(part)[1].split()[0] for line in self.bob.lines if part in line and without not in line]


if __name__ == "__main__":
    unittest.main()
