"""Who may pass a freeze with an approval: what is asked, by whom it is answered, and what a freeze does that begins or ends in between."""
import os
import shutil
import signal
import tempfile
import unittest

from lib import things
from lib.gateway import Gateway
from lib.homeserver import Homeserver

CONF = """
timezone = "UTC"
matrix "hq" {{ server = "{server}" user = "@sally:hs.test" password_file = "secret" retry = "1s" poll = "1s" }}
runner "ci" {{
	job "add" {{ run = {{ "/bin/sh", "-c", "echo ran $0 >>{folder}/ran", "{{target}}" }} param "target" {{ default = "test" }} }}
}}
room "ops" {{ places = {{ "hq/#ops:hs.test" }} services = {{ "ci" }} operators = yes }}
person "alice" {{ accounts = {{ "hq/@alice:hs.test" }} roles = {{ "deployer" }} }}
person "bob" {{ accounts = {{ "hq/@bob:hs.test" }} roles = {{ "sre" }} }}
person "carol" {{ accounts = {{ "hq/@carol:hs.test" }} roles = {{ "sre" }} }}
role "deployer" {{ look = {{ "*" }} may = {{ "ci.*" }} }}
role "sre" {{ like = {{ "deployer" }} }}
{rules}
"""
FREEZE = 'freeze "weekend" {{ for = {{ "ci.build target=prod" }} dates = {{ "{}" }} {} }}\n'
NOW, PAST = "2020-01-01 - 2099-12-31", "2020-01-01 - 2020-01-02"
WITH_APPROVAL = 'except = { "sre" } approval = "late"'
LATE = 'approval "late" { by = "sre" reaction = yes }\n'
ALWAYS = 'approval "late" { for = { "ci.build target=prod" } by = "sre" reaction = yes }\n'
PROD = "!build add target=prod"


class PassingAFreeze(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.hs = Homeserver()
        self.addCleanup(self.hs.close)
        self.hs.add_user("sally", password="pw-sally")
        self.room = self.hs.add_room("#ops:hs.test", ["sally", "alice", "bob", "carol"])

    def conf(self, when, approval=LATE, more=WITH_APPROVAL):
        return CONF.format(server=self.hs.url, folder=self.folder, rules=approval + FREEZE.format(when, more))

    def start(self, when, **rules):
        self.gateway = Gateway(self.folder, self.conf(when, **rules))
        self.gateway.secret("secret", "pw-sally")
        self.addCleanup(self.gateway.stop)
        self.gateway.start()
        self.up()

    def up(self):
        things.wait_until(lambda: "1 room" in self.gateway.cli("status")[1], 20, "the link")

    def write(self, when, **rules):
        with open(self.gateway.conf, "w") as f:
            f.write(f'state = "{self.gateway.state}"\nlog = "debug"\n' + self.conf(when, **rules))

    def reload(self, when, **rules):
        self.write(when, **rules)
        before = len(self.shows("was read anew"))
        os.kill(self.gateway.program.pid, signal.SIGHUP)
        things.wait_until(lambda: len(self.shows("was read anew")) > before, 20, "the reload")

    def shows(self, part):
        return [one.body for one in self.hs.shows(self.room) if one.sender == "@sally:hs.test" and one.body and part in one.body]

    def shown(self, part):
        things.wait_until(lambda: self.shows(part), 20, f"{part!r} in the room, which shows {self.shows('')}")
        return self.shows(part)[-1]

    def says(self, who, line, part):
        self.hs.say(who, self.room, line)
        return self.shown(part)

    def ran(self):
        try:
            with open(self.folder + "/ran") as f:
                return f.read().split("\n")[:-1]
        except FileNotFoundError:
            return []

    def nothing_ran(self):
        self.says("carol", "!ping done", "pong done")
        self.assertEqual(self.ran(), [])

    def test_another_approves_and_it_runs_though_it_is_frozen(self):
        self.start(NOW)
        self.says("alice", PROD, "refused: build add target=prod is frozen until 2100-01-01 00:00")
        self.shown("weekend; sre may pass with an approval")
        self.assertRegex(self.says("bob", PROD, "B1 asked"), r"B1 asked: ci build add target=prod, needs 1 other sre by ")
        self.says("bob", "!approve B1", "refused: you asked for B1")
        self.says("alice", "!approve B1", "refused: to approve B1 needs the role sre")
        self.assertEqual(self.ran(), [])
        card = next(one for one in self.hs.shows(self.room) if one.body and "B1 asked" in one.body)
        self.hs.react("carol", card.id, "\U0001f44d")
        self.assertIn("approved by carol (reaction)", self.shown("B1 passed"))
        self.assertEqual(self.ran(), ["ran prod"])
        audit = self.gateway.cli("audit", "list")[1]
        for part in ("refused: frozen", "waits for approval", "approved: carol (reaction)"):
            self.assertIn(part, audit)
        self.assertIn("frozen, but sre may pass with an approval", self.gateway.cli("audit", "list", "--json")[1])

    def test_while_nothing_is_frozen_nothing_more_is_asked(self):
        self.start(PAST)
        self.says("bob", PROD, "B1 passed")
        self.says("alice", PROD, "B2 passed")
        self.assertEqual(self.ran(), ["ran prod", "ran prod"])

    def test_what_the_freeze_does_not_mean_needs_nothing(self):
        self.start(NOW)
        self.says("bob", "!build add", "B1 passed")

    def test_without_an_approval_they_just_pass(self):
        self.start(NOW, approval="", more='except = { "sre" }')
        self.says("bob", PROD, "B1 passed")
        self.says("bob", "!freeze", "; sre may pass")
        self.assertEqual(self.shows("with an approval"), [])

    def test_it_is_told_to_whoever_asks_before(self):
        self.start(NOW)
        needs = "needs 1 other sre within 30 min"
        lets = "freeze weekend lets sre pass with an approval, until 2100-01-01 00:00"
        self.says("alice", "!freeze", "weekend: ci.build target=prod is frozen until 2100-01-01 00:00")
        self.shown("; sre may pass with an approval")
        self.assertIn(f"{needs}; no lock; {lets}", self.says("bob", "!why build add target=prod", "ci build: allowed by"))
        said = self.says("bob", PROD + " --dry-run", "Dry run, nothing sent")
        self.assertIn(f"{needs}, no lock, {lets}", said)
        code, said = self.gateway.cli("explain", "bob", "build add target=prod")
        self.assertEqual(code, 0)
        self.assertIn(needs, said)
        self.assertIn(lets, said)
        said = self.gateway.cli("explain", "alice", "build add target=prod")[1]
        self.assertNotIn("needs 1 other", said)
        self.assertIn("frozen until 2100-01-01", said)
        self.nothing_ran()

    def approve_after(self, when, part, **rules):
        """B1 waits; the times of the freeze are others; then carol approves."""
        self.reload(when, **rules)
        self.says("carol", "!approve B1", part)

    def test_the_freeze_ends_before_the_yes_and_it_runs(self):
        self.start(NOW)
        self.says("bob", PROD, "B1 asked")
        self.approve_after(PAST, "B1 passed")
        self.assertEqual(self.ran(), ["ran prod"])

    def test_the_freeze_begins_before_the_yes_that_it_wants_too_and_it_runs(self):
        self.start(PAST, approval=ALWAYS)
        self.says("bob", PROD, "B1 asked")
        self.approve_after(NOW, "B1 passed", approval=ALWAYS)
        self.assertEqual(self.ran(), ["ran prod"])

    def test_the_freeze_begins_and_who_asked_may_not_pass(self):
        self.start(PAST, approval=ALWAYS)
        self.says("alice", PROD, "B1 asked")
        self.approve_after(NOW, "B1 refused", approval=ALWAYS)
        self.assertIn("is frozen until 2100-01-01", self.shown("B1 refused"))
        self.nothing_ran()

    def test_the_freeze_begins_and_wants_a_yes_that_nobody_was_asked_for(self):
        other = 'approval "early" { for = { "ci.build target=prod" } by = "deployer" }\n' + LATE
        self.start(PAST, approval=other)
        self.says("bob", PROD, "B1 asked")
        self.approve_after(NOW, "B1 refused", approval=other)
        self.assertRegex(self.shown("B1 refused"), "freeze weekend lets sre pass with an approval, until 2100-01-01 .*, which was not asked for. Nothing ran")
        self.nothing_ran()

    def test_confirmed_after_the_freeze_began_is_not_approved(self):
        confirm = 'confirm { for = { "ci.build" } }\n' + LATE
        self.start(PAST, approval=confirm)
        self.says("bob", PROD, "!yes within 1 min makes it so")
        self.reload(NOW, approval=confirm)
        self.assertIn("which was not asked for", self.says("bob", "!yes", "B1 refused"))
        self.nothing_ran()

    def test_other_terms_than_were_approved(self):
        self.start(NOW, approval='approval "late" { by = "deployer" count = 2 }\n')
        self.says("bob", PROD, "needs 2 others with the role deployer")
        self.says("alice", "!approve B1", "approved by alice, needs 1 other deployer")
        self.approve_after(NOW, "B1 refused", approval='approval "late" { by = "deployer" }\n')
        self.nothing_ran()

    def test_it_waits_over_a_kill(self):
        self.start(NOW)
        self.says("bob", PROD, "B1 asked")
        self.gateway.kill()
        self.gateway.start()
        self.up()
        self.says("carol", "!approve B1", "B1 passed")
        self.assertEqual(self.ran(), ["ran prod"])

    def test_mistakes_are_told_with_what_to_write(self):
        self.start(NOW)
        for rules, part in (({"approval": LATE.replace('"late"', '"latte"')}, 'freeze "weekend": no approval is called late; did you mean latte?'),
                            ({"more": 'approval = "late"'}, 'freeze "weekend": it lets nobody pass, so nothing could be approved; name whom in except.'),
                            ({"more": 'except = { "sree" } approval = "late"'}, 'freeze "weekend": no role is called sree; did you mean sre?'),
                            ({"more": 'except = { "sre" }'}, 'approval "late" is for nothing: name the commands that need it (for), or name it in a freeze (approval).')):
            self.write(NOW, **rules)
            code, said = self.gateway.cli("check")
            self.assertEqual((code, part in said), (78, True), said)
