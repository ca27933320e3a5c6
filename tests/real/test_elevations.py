"""A role for a while, in an emergency: it needs a code, and a second person or a review; it is told of, ends by itself, and is listed until reviewed."""
import os
import re
import shutil
import signal
import tempfile
import time
import unittest

from lib import things
from lib.gateway import Gateway
from lib.homeserver import Homeserver
from real.test_code import totp

CONF = """
admins = {{ "bob" }}
matrix "hq" {{ server = "{server}" user = "@sally:hs.test" password_file = "secret" retry = "1s" poll = "1s" }}
runner "ci" {{ job "add" {{ run = {{ "/bin/sh", "-c", "echo ran >>{folder}/ran" }} }} }}
room "ops" {{ places = {{ "hq/#ops:hs.test" }} services = {{ "ci" }} }}
room "control" {{ places = {{ "hq/#control:hs.test" }} operators = yes }}
{persons}
role "developer" {{ look = {{ "*" }} may = {{ "gateway.elevate role=sre" }} }}
role "lead" {{ may = {{ "gateway.code" }} }}
role "sre" {{ look = {{ "*" }} may = {{ "ci.*" }} }}
{rules}
"""
ALICE = 'person "alice" { accounts = { "hq/@alice:hs.test" } roles = { "developer" } }\n'
OTHERS = """person "bob" { accounts = { "hq/@bob:hs.test" } roles = { "lead", "sre" } }
person "carol" { accounts = { "hq/@carol:hs.test" } roles = { "developer" } }
person "dana" { accounts = { "hq/@dana:hs.test" } roles = { "sre" } }
"""
PEOPLE = ["alice", "bob", "carol", "dana"]
AFTERWARDS = 'elevate "sre" { review = "lead" longest = "1h" code = "1s" }'
BEFORE = 'elevate "sre" { by = "sre" reaction = yes code = "1s" }'


class Elevations(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.hs = Homeserver()
        self.addCleanup(self.hs.close)
        self.hs.add_user("sally", password="pw-sally")
        self.room = self.hs.add_room("#ops:hs.test", ["sally"] + PEOPLE)
        self.control = self.hs.add_room("#control:hs.test", ["sally", "bob"], creator="bob")
        self.private = {name: self.hs.add_room(members=["sally", name], creator=name, direct=True) for name in PEOPLE}

    def conf(self, rules, persons=ALICE + OTHERS):
        return CONF.format(server=self.hs.url, folder=self.folder, rules=rules, persons=persons)

    def begin(self, rules):
        self.gateway = Gateway(self.folder, self.conf(rules))
        self.gateway.secret("secret", "pw-sally")
        self.addCleanup(self.gateway.stop)
        self.start()
        self.enrol("alice")

    def start(self):
        self.gateway.start()
        things.wait_until(lambda: "2 rooms" in self.gateway.cli("status")[1], 20, "the link")

    def write(self, rules, persons):
        with open(self.gateway.conf, "w") as f:
            f.write(f'state = "{self.gateway.state}"\nlog = "debug"\n' + self.conf(rules, persons))

    def shows(self, room):
        return [one.body for one in self.hs.shows(room) if one.sender == "@sally:hs.test" and one.body]

    def hears(self, room, part):
        things.wait_until(lambda: any(part in body for body in self.shows(room)), 20, f"{part!r} in {room}, which shows {self.shows(room)}")
        return next(body for body in self.shows(room) if part in body)

    def tell(self, name, text, part, room=None):
        """What is answered to what somebody says: the last that has that part."""
        room = room or self.private[name]
        before = len(self.shows(room))
        self.hs.say(name, room, text)
        things.wait_until(lambda: any(part in body for body in self.shows(room)[before:]), 20, f"{part!r} to {name}, who reads {self.shows(room)[before:]}")
        return [body for body in self.shows(room)[before:] if part in body][-1]

    def enrol(self, name):
        self.tell("bob", f"code enrol {name}", "may set up one-time codes")
        said = self.tell(name, "code begin", "secret=")
        self.secret = re.search(r"secret=([A-Z2-7]{32})", said).group(1)
        self.tell(name, f"code {totp(self.secret, -1)}", "set up")
        old = time.monotonic() + 1.1            # by then that code is too old for anything
        things.wait_until(lambda: time.monotonic() > old, 5, "the code to be old")

    def code(self, step=0):
        return totp(self.secret, step)

    def runs(self):
        try:
            with open(self.folder + "/ran") as f:
                return len(f.read().splitlines())
        except FileNotFoundError:
            return 0

    def elevated(self, more=""):
        self.hs.say("alice", self.room, f"!elevate sre {more}db1 is down")
        self.hears(self.room, "E1 asked")
        self.tell("alice", self.code(), "Right, and spent")
        return self.hears(self.room, "E1 elevated")

    # Reviewed afterwards.

    def test_a_role_for_a_while_that_is_reviewed(self):
        self.begin(AFTERWARDS)
        self.tell("alice", "!build add", "refused: build in ops needs the role sre", self.room)
        said = self.elevated()
        self.assertRegex(said, r"^E1 elevated: alice is sre until \d\d:\d\d \(in \w+ ?\w*\): db1 is down, to be reviewed by lead\nend it: !unelevate E1")
        self.hears(self.control, "E1 elevated: alice is sre until")
        self.assertRegex(self.tell("alice", "whoami", "you are alice"), r"with the role developer and sre until \d\d:\d\d")
        self.tell("alice", "!build add", "B1 passed", self.room)
        self.tell("carol", "!unelevate E1", "refused: E1 may be ended by alice, by a lead, or who gives rights", self.room)
        self.tell("bob", "!reviewed E1", "is in force until", self.room)
        self.tell("alice", "!unelevate E1", "E1 ended: alice was sre", self.room)
        self.assertIn("not reviewed yet, by lead: !reviewed E1", self.hears(self.control, "E1 ended"))
        self.tell("alice", "!build add", "refused: build in ops needs the role sre", self.room)
        self.assertRegex(self.tell("carol", "!elevations", "E1"), r"E1 ended .*: alice was sre: db1 is down; to be reviewed by lead")
        self.tell("alice", "!reviewed E1", "refused: nobody reviews their own", self.room)
        self.tell("carol", "!reviewed E1", "refused: to review E1 needs the role lead", self.room)
        self.tell("bob", "!reviewed E1 all as it should be", "E1 reviewed: alice was sre for", self.room)
        self.tell("bob", "!elevations", "nobody has a role for a while, and nothing waits for a review")
        audit = self.gateway.cli("audit", "list")[1]
        for part in ("elevate sre for=1h db1 is down", "unelevated", "E1 alice was sre for", "all as it should be"):
            self.assertIn(part, audit)
        self.assertEqual(self.runs(), 1)

    def test_it_ends_by_itself(self):
        self.begin(AFTERWARDS)
        self.elevated("for=3s ")
        self.hears(self.control, "alice was sre for 3 s: its time has passed")
        self.tell("alice", "!build add", "refused: build in ops needs the role sre", self.room)
        self.assertEqual(self.runs(), 0)

    def test_it_outlives_a_kill_and_no_longer_than_it_was_given(self):
        self.begin(AFTERWARDS)
        self.elevated("for=1h ")
        self.gateway.kill()
        self.start()
        self.tell("alice", "!build add", "B1 passed", self.room)
        self.hs.say("alice", self.room, "!unelevate E1")
        self.hears(self.control, "E1 ended")
        self.gateway.kill()
        self.start()
        self.tell("bob", "elevations", "to be reviewed by lead")

    def test_a_wrong_code_gives_nothing(self):
        self.begin(AFTERWARDS)
        self.hs.say("alice", self.room, "!elevate sre db1 is down")
        self.hears(self.room, "E1 asked")
        wrong = next(f"{n:06d}" for n in range(111111, 999999) if f"{n:06d}" not in [self.code(step) for step in range(-2, 3)])
        self.tell("alice", wrong, "Not right")
        self.tell("alice", "!build add", "refused: build in ops needs the role sre", self.room)
        self.assertEqual(self.runs(), 0)

    def test_a_code_given_before_is_enough(self):
        self.begin(AFTERWARDS.replace("1s", "5m"))
        self.tell("alice", f"code {self.code()}", "Right, and spent")
        self.tell("alice", "!elevate sre db1 is down", "E1 elevated", self.room)

    def test_who_may_not_does_not(self):
        self.begin(AFTERWARDS)
        self.tell("dana", "!elevate lead x", "refused", self.room)
        self.tell("alice", "!elevate lead I want it", "lead may not be taken for a while; what may: sre", self.room)
        self.tell("alice", "!elevate sre for=2h I want it", "for is a span of time up to 1 h", self.room)
        self.tell("carol", "!elevate sre db1 is down", "yours are not set up", self.room)

    # Approved before.

    def test_a_second_person_says_yes_first(self):
        self.begin(BEFORE)
        self.hs.say("alice", self.room, "!elevate sre db1 is down")
        self.hears(self.room, "E1 asked")
        self.tell("alice", self.code(), "Right, and spent")
        self.hears(self.room, "!approve E1")
        self.tell("alice", "!approve E1", "refused: you asked for E1", self.room)
        self.hs.say("dana", self.room, "!approve E1")
        self.assertIn("approved by dana", self.hears(self.room, "E1 elevated"))
        self.tell("alice", "!build add", "B1 passed", self.room)

    def test_a_role_for_a_while_says_no_yes_to_others(self):
        self.begin(AFTERWARDS + '\napproval "builds" { for = { "ci.build" } by = "sre" }')
        self.elevated()
        self.hs.say("dana", self.room, "!build add")
        self.hears(self.room, "B1 asked")
        self.tell("alice", "!approve B1", "refused: to approve B1 needs the role sre", self.room)
        self.hs.say("bob", self.room, "!approve B1")
        self.hears(self.room, "B1 passed")

    def test_who_has_left_has_it_no_more(self):
        self.begin(AFTERWARDS)
        self.elevated()
        self.write(AFTERWARDS, OTHERS)
        os.kill(self.gateway.program.pid, signal.SIGHUP)
        self.hears(self.control, "alice is no person any more, 1 role for a while ended")
        self.hears(self.control, "E1 ended: alice was sre")
        self.hears(self.control, "one-time codes of who is no person any more are gone: alice")
        self.tell("bob", "elevations", "to be reviewed by lead")
