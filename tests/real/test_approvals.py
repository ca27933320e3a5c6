"""Who asks does not decide: commands that wait for a yes, of who asked or of others; on Matrix, by word and by reaction, over restarts."""
import base64
import contextlib
import hashlib
import hmac
import os
import re
import shutil
import signal
import sqlite3
import struct
import tempfile
import threading
import time
import unittest

from lib import both, things
from lib.gateway import Gateway
from lib.homeserver import Homeserver

CONF = """
admins = {{ "alice" }}
matrix "hq" {{ server = "{server}" user = "@sally:hs.test" password_file = "secret" retry = "1s" poll = "1s" {more} }}
runner "ci" {{
	job "add" {{ run = {{ "/bin/sh", "-c", "echo ran $0 >>{folder}/ran", "{{target}}" }} param "target" {{ default = "test" }} }}
}}
room "ops" {{ places = {{ "hq/#ops:hs.test" }} services = {{ "ci" }} operators = yes }}
room "other" {{ places = {{ "hq/#other:hs.test" }} services = {{ "ci" }} }}
person "alice" {{ accounts = {{ "hq/@alice:hs.test", "hq/@alice2:hs.test" }} roles = {{ "deployer" }} }}
person "bob" {{ accounts = {{ "hq/@bob:hs.test" }} roles = {{ "deployer" }} }}
person "dana" {{ accounts = {{ "hq/@dana:hs.test" }} roles = {{ "lead" }} }}
person "carol" {{ accounts = {{ "hq/@carol:hs.test" }} roles = {{ "developer" }} }}
role "developer" {{ look = {{ "*" }} may = {{ "ci.*", "gateway.lock", "gateway.pause", "gateway.resume", "gateway.code" }} }}
role "deployer" {{ like = {{ "developer" }} }}
role "lead" {{ like = {{ "deployer" }} }}
{rules}
"""
def totp(secret, step=0):
    """RFC 6238, `step` further than now."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30 + step), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7fffffff) % 10**6:06d}"


PROD = 'approval "prod" { for = { "ci.build target=prod" } by = "deployer" reaction = yes }'
RACES = int(os.environ.get("SALLYPORT_RACES", "20"))
PEOPLE = ["alice", "alice2", "bob", "carol", "dana"]


class Asking(unittest.TestCase):
    """A room where things are asked for and approved."""
    more = ""                                   # of the link's section

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.hs = Homeserver()
        self.addCleanup(self.hs.close)
        self.hs.add_user("sally", password="pw-sally")
        self.room = self.hs.add_room("#ops:hs.test", ["sally"] + PEOPLE)
        self.other = self.hs.add_room("#other:hs.test", ["sally"] + PEOPLE)

    def conf(self, rules=PROD):
        return CONF.format(server=self.hs.url, folder=self.folder, rules=rules, more=self.more)

    def start(self, rules=PROD):
        self.gateway = Gateway(self.folder, self.conf(rules))
        self.gateway.secret("secret", "pw-sally")
        self.addCleanup(self.gateway.stop)
        self.gateway.start()
        self.up()

    def up(self):
        things.wait_until(lambda: "2 rooms" in self.gateway.cli("status")[1], 20, "the link")

    def reload(self, conf):
        with open(self.gateway.conf, "w") as f:
            f.write(f'state = "{self.gateway.state}"\nlog = "debug"\n' + conf)
        before = self.gateway.program.output().count("configuration was read anew")
        os.kill(self.gateway.program.pid, signal.SIGHUP)
        things.wait_until(lambda: len([body for body in self.shows() if "was read anew" in body]) > before, 20, "the reload")

    def ran(self):
        try:
            with open(self.folder + "/ran") as f:
                return f.read().split("\n")[:-1]
        except FileNotFoundError:
            return []

    def shows(self, room=None):
        return [one.body for one in self.hs.shows(room or self.room) if one.sender == "@sally:hs.test" and one.body]

    def shown(self, part, room=None):
        things.wait_until(lambda: any(part in body for body in self.shows(room)), 20, f"{part!r} in the room, which shows {self.shows(room)}")
        return next(body for body in self.shows(room) if part in body)

    def card(self, label):
        return next(one for one in self.hs.shows(self.room) if one.sender == "@sally:hs.test" and one.body and f"{label} " in one.body)

    def ask(self, who="alice", line="!build add target=prod", label="B1"):
        asked = self.hs.say(who, self.room, line)
        body = self.shown(f"{label} asked")
        code = re.search(r"!approve (\S+)", body)
        return asked, code.group(1) if code else None

    def audit(self):
        return self.gateway.cli("audit", "list")[1]

    def nothing_ran(self):
        self.hs.say("carol", self.room, "!ping done")
        self.hs.expect("pong done")
        self.assertEqual(self.ran(), [])

    def alone(self):
        """Everything that was said to alice in private."""
        return [one.body for one in self.hs.shows(self.private) if one.body and one.sender == "@sally:hs.test"]

    def enrol(self):
        before = set(self.hs.state.rooms)
        self.hs.say("alice", self.room, "!code enrol alice")
        self.shown("may set up one-time codes")
        self.hs.say("alice", self.room, "!code")        # it opens a room for the two of us
        things.wait_until(lambda: set(self.hs.state.rooms) - before, 20, "a private room")
        self.private = (set(self.hs.state.rooms) - before).pop()
        self.hs.join("alice", self.private)
        self.hs.say("alice", self.private, "code begin")
        things.wait_until(lambda: any("By hand" in body for body in self.alone()), 20, "the secret")
        self.secret = re.search(r"secret=(\w+)", "\n".join(self.alone())).group(1)
        self.give(0)
        things.wait_until(lambda: any("are set up" in body and "Right" in body for body in self.alone()), 20, "the proof")

    def give(self, step):
        self.hs.say("alice", self.private, totp(self.secret, step))


class Approvals(Asking):
    # The way it is meant.

    def test_another_approves_and_it_runs_once(self):
        self.start()
        _, code = self.ask()
        body = self.shown("B1 asked")
        self.assertRegex(body, r"B1 asked: ci build add target=prod, needs 1 other deployer by \d\d:\d\d \(in 30 min\) \(alice\)")
        self.assertRegex(code, r"^[A-Z2-9]{4}-[A-Z2-9]{4}$")
        self.assertEqual(self.ran(), [])
        self.hs.say("bob", self.room, f"!approve {code.lower().replace('-', '')}")
        self.shown("B1 passed")
        self.assertEqual(self.ran(), ["ran prod"])
        # One message from the question to the end.
        self.assertEqual(len([body for body in self.shows() if re.search(r"\bB1\b", body) and "alice: " not in body]), 1)
        audit = self.audit()
        for part in ("waits for approval", "approve", "approved: bob"):
            self.assertIn(part, audit)

    def test_what_needs_no_approval_runs_at_once(self):
        self.start()
        self.hs.say("alice", self.room, "!build add")
        self.shown("B1 passed")
        self.assertEqual(self.ran(), ["ran test"])

    def test_a_thumb_counts_where_it_may(self):
        self.start()
        self.ask()
        self.hs.react("bob", self.card("B1").id, "\U0001f44d\U0001f3fd")
        self.shown("B1 passed")
        self.assertIn("approved: bob (reaction)", self.audit())
        self.assertIn("approved by bob (reaction)", self.shown("B1 passed"))

    def test_a_thumb_on_what_waits_for_nobody_is_none_of_our_business(self):
        self.start()
        self.hs.say("alice", self.room, "!build add")
        self.shown("B1 passed")
        for who in PEOPLE:
            self.hs.react(who, self.card("B1").id, "\U0001f44d")
        self.hs.react("bob", self.card("B1").id, "\U0001f44e")
        before = self.shows()
        self.hs.say("carol", self.room, "!ping done")
        self.hs.expect("pong done")
        self.assertEqual([body for body in self.shows() if "pong" not in body], before)

    def test_thumbs_are_offered_and_taken_away(self):
        self.more = "seed = yes"
        self.start()
        self.ask()
        card = self.card("B1").id
        def thumbs():
            return sorted(key for key, who in self.hs.shown(card).reactions.items() if "@sally:hs.test" in who)
        things.wait_until(lambda: thumbs() == ["\U0001f44d", "\U0001f44e"], 20, "both thumbs")
        self.hs.react("bob", card, "\U0001f44d")
        self.shown("B1 passed")
        things.wait_until(lambda: thumbs() == [], 20, "the thumbs to be gone")
        self.assertEqual(self.ran(), ["ran prod"])

    def test_a_thumb_does_not_count_where_it_may_not(self):
        self.start(PROD.replace(" reaction = yes", ""))
        self.ask()
        self.hs.react("bob", self.card("B1").id, "\U0001f44d")
        self.shown("a sign is not enough for B1")
        self.nothing_ran()

    def test_two_are_needed_and_one_person_is_one(self):
        self.start(PROD.replace('by = "deployer"', 'by = "deployer" count = 2'))
        self.ask()
        self.hs.say("bob", self.room, "!approve B1")
        self.shown("approved by bob, needs 1 other deployer")
        self.hs.say("bob", self.room, "!approve b1")
        self.shown("you have decided upon B1 already")
        self.assertEqual(self.ran(), [])
        self.hs.say("dana", self.room, "!approve B1")
        self.shown("B1 passed")
        self.assertEqual(self.ran(), ["ran prod"])

    def test_denied_with_a_reason_and_nothing_ran(self):
        self.start()
        self.ask()
        self.hs.say("bob", self.room, "!deny B1 wait for the cart fix")
        self.shown("B1 denied: ci build add target=prod, by bob: wait for the cart fix. Nothing ran")
        self.hs.say("bob", self.room, "!approve B1")
        self.shown("nothing called B1 waits for a yes")
        self.nothing_ran()

    def test_what_waits_is_listed_and_survives_kill_9(self):
        self.start()
        _, code = self.ask()
        self.gateway.kill()
        self.gateway.start()
        self.up()
        self.hs.say("carol", self.room, "!approvals")
        self.shown("B1: ci build add target=prod, asked by alice, needs 1 other deployer")
        self.hs.say("bob", self.room, f"!approve {code}")
        self.shown("B1 passed")
        self.assertEqual(self.ran(), ["ran prod"])

    def test_nobody_says_anything_and_it_expires(self):
        self.start(PROD.replace("reaction = yes", 'reaction = yes within = "2s"'))
        self.ask()
        self.shown("B1 expired: ci build add target=prod, not approved in time. Nothing ran")
        self.hs.say("bob", self.room, "!approve B1")
        self.shown("nothing called B1 waits")
        self.nothing_ran()

    def test_it_expires_while_we_are_away(self):
        self.start(PROD.replace("reaction = yes", 'reaction = yes within = "2s"'))
        self.ask()
        self.gateway.kill()
        ends = time.monotonic() + 2
        things.wait_until(lambda: time.monotonic() > ends, 10, "the end of it")
        self.gateway.start()
        self.shown("B1 expired")
        self.nothing_ran()

    # Confirmation.

    def test_who_asked_confirms_it_within_a_minute(self):
        self.start('confirm { for = { "ci.build" } } confirm { for = { "gateway.pause" } within = "2m" }')
        self.hs.say("alice", self.room, "!build add")
        self.shown("!yes within 1 min makes it so")
        self.hs.say("bob", self.room, "!yes")
        self.shown("I asked you nothing here")
        self.hs.say("bob", self.room, "!approve B1")
        self.shown("refused: B1 waits for alice to confirm it")
        self.assertEqual(self.ran(), [])
        self.hs.say("alice", self.room, "!yes")
        self.shown("B1 passed")
        self.assertEqual(self.ran(), ["ran test"])
        self.assertIn("confirmed", self.audit())

    def test_a_command_without_an_id_gets_one_while_it_waits(self):
        self.start('confirm { for = { "gateway.pause" } }')
        self.hs.say("alice", self.room, "!pause moving house")
        self.shown("R1 asked: pause moving house")
        self.hs.react("alice", self.card("R1").id, "\U0001f44d")
        self.shown("R1 done: Paused")

    def test_confirmed_first_and_then_approved(self):
        self.start(PROD + ' confirm { for = { "ci.build" } }')
        self.hs.say("alice", self.room, "!build add target=prod")
        self.shown("!yes within 1 min makes it so")
        self.hs.say("alice", self.room, "!yes")
        self.shown("B1 asked: ci build add target=prod, needs 1 other deployer")
        self.hs.say("bob", self.room, "!approve B1")
        self.shown("B1 passed")
        self.assertEqual(self.ran(), ["ran prod"])

    # One-time codes.

    def test_who_asks_gives_a_code_and_then_another_approves(self):
        self.start(PROD.replace("reaction = yes", 'reaction = yes code = "1s"'))
        self.enrol()
        old = time.monotonic() + 1.1            # by then the code that was given is too old
        things.wait_until(lambda: time.monotonic() > old, 10, "a second to pass")
        self.hs.say("alice", self.room, "!build add target=prod")
        self.shown("B1 asked: ci build add target=prod, wants your one-time code; I asked you in private")
        self.hs.say("bob", self.room, "!approve B1")
        self.shown("refused: B1 waits for the one-time code of alice")
        things.wait_until(lambda: any("asked in ops: your 6-digit code, within 2 min" in body for body in self.alone()), 20, "the question")
        self.give(1)
        things.wait_until(lambda: any("Right, and spent. B1 goes on" in body for body in self.alone()), 20, "the answer")
        self.shown("B1 asked: ci build add target=prod, needs 1 other deployer")
        self.assertEqual(self.ran(), [])
        self.hs.say("bob", self.room, "!approve B1")
        self.shown("B1 passed")
        self.assertEqual(self.ran(), ["ran prod"])
        self.assertIn("code given", self.audit())

    def test_a_code_that_is_fresh_still_counts(self):
        self.start(PROD.replace("reaction = yes", 'reaction = yes code = "15m"'))
        self.enrol()
        self.hs.say("alice", self.room, "!build add target=prod")
        self.shown("B1 asked: ci build add target=prod, needs 1 other deployer")

    def test_who_has_no_codes_is_told_so(self):
        self.start(PROD.replace("reaction = yes", 'code = "15m"'))
        self.hs.say("alice", self.room, "!build add target=prod")
        self.shown("it needs a one-time code of yours, and yours are not set up")
        self.nothing_ran()

    # The attacks: A1 to A4 of the threats.

    def test_nobody_approves_their_own_by_any_account(self):
        self.start()
        self.ask()
        for who in ("alice", "alice2"):
            self.hs.say(who, self.room, "!approve B1")
            self.shown("refused: you asked for B1, as hq/@alice:hs.test")
            self.hs.react(who, self.card("B1").id, "\U0001f44d")
        self.nothing_ran()

    def test_who_has_not_the_role_does_not_count(self):
        self.start()
        self.ask()
        self.hs.say("carol", self.room, "!approve B1")
        self.shown("refused: to approve B1 needs the role deployer; you are carol by hq/@carol:hs.test with developer")
        self.hs.react("carol", self.card("B1").id, "\U0001f44d")
        self.hs.say("carol", self.room, "!deny B1")
        self.shown("refused: to deny B1 needs the role deployer")
        self.nothing_ran()
        self.assertGreaterEqual(self.audit().count("refused: to "), 2)

    def test_a_thumb_on_something_else_or_elsewhere_is_none(self):
        self.start()
        _, code = self.ask()
        look_alike = self.hs.say("carol", self.room, self.card("B1").body)
        elsewhere = self.hs.say("sally", self.other, self.card("B1").body)
        self.hs.react("bob", look_alike, "\U0001f44d")
        self.hs.react("bob", elsewhere, "\U0001f44d")
        self.hs.say("bob", self.other, f"!approve {code}")
        self.shown("refused: B1 was asked in ops", self.other)
        self.nothing_ran()

    def test_taken_back_by_redaction_before_the_yes(self):
        self.start()
        asked, code = self.ask()
        self.hs.redact("alice", asked)
        self.shown("B1 revoked: ci build add target=prod, what asked for it was taken back. Nothing ran")
        self.hs.say("bob", self.room, f"!approve {code}")
        self.shown("waits for a yes")
        self.nothing_ran()

    def test_an_edit_of_what_asked_changes_nothing(self):
        self.start()
        asked, code = self.ask()
        self.hs.edit("alice", asked, "!build add target=staging")
        self.hs.say("bob", self.room, f"!approve {code}")
        self.shown("B1 passed")
        self.assertEqual(self.ran(), ["ran prod"])

    def lost(self, before, after, why):
        self.start()
        self.ask()
        conf = self.conf().replace('"hq/@carol:hs.test" } roles = { "developer" }', '"hq/@carol:hs.test" } roles = { "deployer" }')
        self.assertIn(before, conf)
        self.reload(conf.replace(before, after))
        self.hs.say("bob", self.room, "!approve B1")
        self.assertIn(why, self.shown("B1 refused"))
        self.nothing_ran()

    def test_who_has_lost_the_right_since_is_refused(self):
        self.lost('"hq/@alice2:hs.test" } roles = { "deployer" }', '"hq/@alice2:hs.test" }', "needs the role")

    def test_who_is_somebody_else_since_is_refused(self):
        self.lost('"hq/@alice:hs.test", ', "", "hq/@alice:hs.test is not alice any more")

    def test_who_was_thrown_out_since_is_refused(self):
        self.start()
        self.ask()
        self.hs.ban("alice", self.room)
        self.hs.say("bob", self.room, "!approve B1")
        self.assertIn("alice is in the room no more", self.shown("B1 refused"))
        self.nothing_ran()

    def test_an_approver_who_has_lost_the_role_since_counts_no_more(self):
        rules = PROD.replace('by = "deployer"', 'by = "deployer" count = 2')
        self.start(rules)
        self.ask()
        self.hs.say("bob", self.room, "!approve B1")
        self.shown("approved by bob, needs 1 other")
        more = self.conf(rules).replace('"hq/@bob:hs.test" } roles = { "deployer" }', '"hq/@bob:hs.test" } roles = { "developer" }') \
            .replace('"hq/@carol:hs.test" } roles = { "developer" }', '"hq/@carol:hs.test" } roles = { "deployer" }')
        self.reload(more)
        self.hs.say("dana", self.room, "!approve B1")
        self.shown("B1 refused")
        self.assertIn("who approved it is no deployer any more", self.shown("B1 refused"))
        self.nothing_ran()

    def test_other_rules_than_when_it_was_asked(self):
        self.start()
        self.ask()
        self.reload(self.conf(PROD.replace("reaction = yes", 'reaction = yes within = "1h"')))
        self.hs.say("bob", self.room, "!approve B1")
        self.shown("B1 refused")
        self.assertIn("other rules are in force", self.shown("B1 refused"))
        self.nothing_ran()

    def test_a_pause_holds_up_what_was_approved(self):
        self.start()
        self.ask()
        self.hs.say("carol", self.room, "!pause")
        self.shown("Paused")
        self.hs.say("bob", self.room, "!approve B1")
        self.assertIn("paused by carol", self.shown("B1 refused"))
        self.nothing_ran()

    def test_a_lock_holds_up_what_was_approved(self):
        self.start()
        self.ask()
        self.hs.say("carol", self.room, "!lock prod migrating carts")
        self.shown("L1 locked")
        self.hs.say("bob", self.room, "!approve B1")
        self.shown("prod is locked by carol")
        self.shown("Nothing ran")
        self.nothing_ran()

    def test_two_who_race_make_one_run(self):
        self.start()
        for i in range(1, RACES + 1):
            self.hs.say("alice", self.room, "!build add target=prod")
            self.shown(f"B{i} asked")
            together = [threading.Thread(target=self.hs.say, args=(who, self.room, f"!approve B{i}")) for who in ("bob", "dana")]
            for thread in together:
                thread.start()
            for thread in together:
                thread.join()
            self.shown(f"B{i} passed")
        self.assertEqual(len(self.ran()), RACES)
        self.assertEqual(self.gateway.cli("audit", "verify")[0], 0)


class StoreRefuses(Asking):
    """What cannot be written down does not happen, is said, and can be said again."""

    @contextlib.contextmanager
    def refusing(self, what, begin=None, end=None):
        """A trigger of ours lets one kind of write fail; with `begin`, something else is done to the tables, and undone by `end`."""
        with contextlib.closing(sqlite3.connect(os.path.join(self.gateway.state, "sallyport.db"), isolation_level=None, timeout=20)) as db:
            db.execute(begin or f"CREATE TRIGGER refusing BEFORE {what} BEGIN SELECT RAISE(ABORT, 'no more room'); END")
            try:
                yield
            finally:
                db.execute(end or "DROP TRIGGER refusing")

    def renamed(self, table):
        return self.refusing(None, f"ALTER TABLE {table} RENAME TO gone", f"ALTER TABLE gone RENAME TO {table}")

    def told(self, count, part="no more room"):
        """As often as that it was said why."""
        things.wait_until(lambda: sum(part in body for body in self.shows()) >= count, 20, f"{part!r} in the room, which shows {self.shows()}")

    def logged(self, part):
        things.wait_until(lambda: part in self.gateway.program.output(), 20, f"{part!r} in the log")

    def approve_at_last(self):
        self.hs.say("bob", self.room, "!approve B1")
        self.shown("B1 passed")
        self.assertEqual(self.ran(), ["ran prod"])

    def test_what_is_asked_is_written_first(self):
        self.start()
        for what in ("INSERT ON label", "INSERT ON approval", "UPDATE ON intent WHEN NEW.state='waiting'", "INSERT ON audit WHEN NEW.what='asked'"):
            with self.refusing(what):
                before = len(self.shows())
                self.hs.say("alice", self.room, "!build add target=prod")
                things.wait_until(lambda: any("refused: it could not be written down first, so nothing was done" in body for body in self.shows()[before:]), 20, what)
        self.assertIn("nothing waits", self.approvals())
        self.nothing_ran()

    def approvals(self):
        before = len(self.shows())
        self.hs.say("carol", self.room, "!approvals")
        return things.wait_until(lambda: next((body for body in self.shows()[before:] if "wait" in body or "no such" in body), None), 20, "the list")

    def test_a_vote_counts_when_it_is_written(self):
        self.start()
        self.ask()
        whats = ["INSERT ON vote", "UPDATE ON intent WHEN NEW.state='ready'", "INSERT ON audit WHEN NEW.what='approved'", "UPDATE OF card ON label"]
        for count, what in enumerate(whats):
            with self.refusing(what):
                self.hs.say("bob", self.room, "!approve B1")
                self.told(count + 1)
        self.assertEqual(self.ran(), [])
        self.approve_at_last()

    def test_what_cannot_be_read_is_not_decided(self):
        self.start()
        self.ask()
        for count, line in enumerate(["!approve B1", "!deny B1", "!approvals", "!yes"]):
            with self.renamed("approval"):
                self.hs.say("bob", self.room, line)
                self.told(count + 1, "no such table")
        for count, line in enumerate(["!approve B1", "!approvals"]):
            with self.renamed("vote"):
                self.hs.say("bob", self.room, line)
                self.told(count + 5, "no such table")
        self.assertEqual(self.ran(), [])
        self.approve_at_last()

    def test_a_start_that_cannot_be_written_does_not_begin(self):
        self.start()
        self.ask()
        with self.refusing("UPDATE ON intent WHEN NEW.state='sent'"):
            self.hs.say("bob", self.room, "!approve B1")
            self.assertIn("nothing ran, as it could not be written down first: The store refused: no more room.", self.shown("B1 refused"))
        self.nothing_ran()
        self.assertIn("nothing waits", self.approvals())

    def test_where_nothing_at_all_can_be_written_it_waits_for_another_day(self):
        self.start()
        self.ask()
        with self.refusing("UPDATE ON intent WHEN NEW.state<>'ready'"):
            self.hs.say("bob", self.room, "!approve B1")
            self.logged("B1 waits no more (nothing ran, as it could not be written down first")
        self.nothing_ran()
        self.gateway.kill()                     # it is approved, and not begun: that is where the next life goes on
        self.gateway.start()
        self.shown("B1 passed")
        self.assertEqual(self.ran(), ["ran prod"])

    def test_a_no_that_cannot_be_written_is_none(self):
        self.start()
        self.ask()
        with self.refusing("UPDATE ON intent WHEN NEW.state='refused'"):
            self.hs.say("bob", self.room, "!deny B1 not today")
            self.told(1)
        with self.refusing("INSERT ON audit WHEN NEW.what='denied'"):
            self.hs.say("bob", self.room, "!deny B1 not today")
            self.told(2)
        self.approve_at_last()

    def test_an_end_that_cannot_be_written_comes_as_soon_as_it_can(self):
        self.start(PROD.replace("reaction = yes", 'reaction = yes within = "2s"'))
        self.ask()
        with self.refusing("UPDATE ON intent WHEN NEW.state='expired'"):
            self.logged("B1 waits no more (not approved in time. Nothing ran), and that could not be written down")
            self.hs.say("bob", self.room, "!approve B1")
            self.shown("B1 waits for a yes no more")
        self.shown("B1 expired")
        self.nothing_ran()

    def test_what_was_taken_back_is_decided_upon_no_more_also_where_that_cannot_be_written(self):
        self.start()
        asked, _ = self.ask()
        with self.refusing("UPDATE ON intent WHEN NEW.state='revoked'"):
            self.hs.redact("alice", asked)
            self.logged("B1 waits no more (what asked for it was taken back. Nothing ran), and that could not be written down")
            self.hs.say("bob", self.room, "!approve B1")
            self.shown("B1 was taken back by who asked for it")
        self.shown("B1 revoked")
        self.nothing_ran()

    def test_a_yes_of_ones_own_is_written_first(self):
        self.start(PROD + ' confirm { for = { "ci.build" } }')
        self.hs.say("alice", self.room, "!build add target=prod")
        self.shown("!yes within 1 min makes it so")
        for count, what in enumerate(["UPDATE OF stage ON approval", "INSERT ON audit WHEN NEW.what='confirmed'"]):
            with self.refusing(what):
                self.hs.say("alice", self.room, "!yes")
                self.told(count + 1)
        with self.refusing("UPDATE ON intent WHEN NEW.state='ready'"):
            self.hs.say("alice", self.room, "!yes")
            self.shown("needs 1 other deployer")
            self.hs.say("bob", self.room, "!approve B1")
            self.told(3)
        self.approve_at_last()

    def test_a_code_that_cannot_be_looked_up_is_none(self):
        self.start(PROD.replace("reaction = yes", 'reaction = yes code = "15m"') + ' confirm { for = { "ci.build" } }')
        self.enrol()
        with self.renamed("code"):
            self.hs.say("alice", self.room, "!build add target=prod")
            self.shown("refused: it could not be written down first, so nothing was done")
        self.hs.say("alice", self.room, "!build add target=prod")
        self.shown("!yes within 1 min makes it so")
        with self.renamed("code"):
            self.hs.say("alice", self.room, "!yes")
            self.told(1, "no such table: code")
        self.hs.say("alice", self.room, "!yes")
        self.shown("needs 1 other deployer")
        label = re.search(r"(B\d+) asked: [^\n]*needs 1 other", self.shown("needs 1 other deployer")).group(1)
        self.hs.say("bob", self.room, f"!approve {label}")
        self.shown(f"{label} passed")

    def test_what_cannot_be_read_at_the_start_is_said(self):
        self.start()
        self.ask()
        self.gateway.kill()
        with self.refusing(None, "ALTER TABLE approval RENAME COLUMN about TO gone", "ALTER TABLE approval RENAME COLUMN gone TO about"):
            self.gateway.start()
            self.logged("What waits for approval could not be read")
        self.approve_at_last()


class AcrossChats(both.BothChats):
    """Asked for in one chat and approved in the other, on real servers."""
    rules = 'approval "all" {{ for = {{ "ci.build" }} by = "all" reaction = yes }}'

    def test_asked_on_irc_and_approved_on_matrix(self):
        self.say("!build hello")
        self.bob.expect("B1 asked: ci build hello, needs 1 other all by")
        card = self.on_matrix("B1 asked")
        self.assertEqual(self.runs(), 0)
        self.carol.react(self.room, card["id"], "\U0001f44d")
        self.bob.expect("B1 approved: ci build hello, approved by carol (hq, reaction)")
        self.bob.expect("B1 passed")
        self.assertIn("approved by carol (hq, reaction)", self.on_matrix("B1 passed")["text"])
        self.assertEqual(self.runs(), 1)

    def test_asked_on_matrix_and_approved_on_irc(self):
        self.carol.say(self.room, "!build hello")
        self.on_matrix("B1 asked")
        code = re.search(r"!approve (\S+)", self.bob.expect("!approve")).group(1)
        self.say(f"!approve {code}")
        self.assertIn("approved by bob (corp)", self.on_matrix("B1 passed")["text"])
        self.assertEqual(self.runs(), 1)

    def test_nobody_is_two_by_being_in_both_chats(self):
        alice = self.on_irc("alice")
        alice.say("#" + self.name, "!build hello")
        card = self.on_matrix("B1 asked")
        self.alice.react(self.room, card["id"], "\U0001f44d")
        self.on_matrix("refused: you asked for B1, as corp/alice")
        self.alice.say(self.room, "!approve B1")
        self.on_matrix("refused: you asked for B1, as corp/alice")
        self.assertEqual(self.runs(), 0)
