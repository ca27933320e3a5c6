"""Locks and freezes at the console: they hold what they mean, survive kill -9, and say so. Needs no server."""
import json
import os
import shutil
import tempfile
import time
import unittest

from lib import things
from lib.gateway import Gateway

CONF = """
timezone = "Europe/Madrid"
person "owner" { accounts = { "console/@owner" } roles = { "all" } }
role "all" { look = { "*" } may = { "local.*", "gateway.lock", "gateway.pause", "gateway.resume" } }
room "home" { places = { "console/here" } services = { "local" } }
runner "local" {
	job "web" { run = { "/bin/echo", "{target}" } param "target" { choices = { "staging", "prod" } default = "prod" } }
	job "slow" { run = { "/bin/sleep", "60" } }
}
"""
EVENTS = "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nSUMMARY:stock-taking\nDTSTART;VALUE=DATE:{}\nDTEND;VALUE=DATE:{}\nEND:VEVENT\nEND:VCALENDAR\n"


class AtTheConsole(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)

    def run_with(self, more=""):
        self.gateway = Gateway(self.folder, CONF + more)
        self.addCleanup(self.gateway.stop)
        return self.gateway.start().console()

    def restart(self):
        self.gateway.kill()
        return self.gateway.start().console()

    def test_a_lock_survives_a_kill_and_holds_what_a_default_names(self):
        console = self.run_with()
        console.ask("!lock PROD migrating carts", "L1 locked: PROD: migrating carts. Release: !unlock PROD, by owner")
        console = self.restart()
        console.ask("!build web", "refused: PROD is locked by owner since ")
        console.ask("!build web target=staging", "B1 passed")
        self.assertIn("Locked: L1 PROD by owner: migrating carts\n", self.gateway.cli("status")[1])
        self.assertEqual(json.loads(self.gateway.cli("status", "--json")[1])["locks"]["L1"]["target"], "PROD")
        console.ask("!gateway", "Locked: L1 PROD by owner: migrating carts")
        self.assertIn("refused: locked", self.gateway.cli("audit", "list")[1])
        console.ask("!unlock prod", "L1 unlocked: PROD after ")
        console.ask("!build web", "B2 passed")
        console = self.restart()
        console.ask("!locks", "nothing is locked")

    def test_whatever_is_locked_may_be_stopped(self):
        console = self.run_with()
        console.ask("!build slow", "B1 running")
        console.ask("!lock * everything rests", "L1 locked")
        console.ask("!build web", "refused: * is locked")
        console.ask("!retry B1", "B1 is still running")
        console.ask("!pause", "Paused")
        console.ask("!stop B1", "refused: everything that changes something is paused")
        console.ask("!unlock *", "L1 unlocked")
        console.ask("!lock * everything rests", "L2 locked")
        console.ask("!resume", "Resumed")
        console.ask("!stop B1", "B1 stopped")
        console.ask("!retry B1", "refused: * is locked")

    def test_a_lock_ends_when_its_time_has_passed(self):
        console = self.run_with()
        console.ask("!lock prod for=1s a moment", "L1 locked: prod until ")
        console.expect("L1 unlocked: prod after ")
        console.ask("!build web", "B1 passed")
        self.assertRegex(self.gateway.cli("audit", "list")[1], r"unlocked .*L1 prod: its time has passed")

    def test_one_that_ended_while_we_were_down_is_told(self):
        console = self.run_with()
        console.ask("!lock prod for=2s a moment", "L1 locked: prod until ")
        end = time.time() + 2
        self.gateway.kill()
        things.wait_until(lambda: time.time() > end + 1, 20, "the lock's end")
        console = self.gateway.start().console()
        console.expect("L1 unlocked: prod after ")
        console.ask("!build web", "B1 passed")

    def test_a_lock_lasts_as_long_as_the_configuration_lets_it(self):
        console = self.run_with('lock { release = { "all" } longest = "2h" }\n')
        console.ask("!lock prod for=3h a while", "a lock lasts 2 h at most")
        console.ask("!lock prod a while", "(in 2 h): a while. Release: !unlock prod, by all")
        self.gateway.stop()
        with open(self.gateway.conf, "a") as f:
            f.write('lock { }\nrole "new" { }\n')
        self.assertIn('lock: there is one already (line ', self.gateway.cli("check")[1])

    def test_a_calendar_freezes_and_is_told_of_by_everybody_who_is_asked(self):
        ics = os.path.join(self.folder, "freeze.ics")
        with open(ics, "w") as f:
            f.write(EVENTS.format("20200101", "20280101"))
        console = self.run_with('freeze "stock-taking" { for = { "local.build target=prod" } calendar = "freeze.ics" dates = { "2020-01-01" } }\n')
        console.ask("!build web", "refused: build web target=prod is frozen until 2028-01-01 00:00 (in ")
        console.ask("!freeze", "stock-taking: local.build target=prod is frozen until 2028-01-01 00:00")
        console.ask("!why build web target=prod", "no lock; frozen until 2028-01-01 00:00")
        console.ask("!why build web target=staging", "no lock; no freeze")
        console.ask("!build web target=staging", "B1 passed")
        self.assertIn("refused: frozen", self.gateway.cli("audit", "list")[1])
        self.assertIn("; frozen until 2028-01-01 00:00", self.gateway.cli("explain", "owner", "build web target=prod")[1])
        code, said = self.gateway.cli("check")
        self.assertEqual(code, 0)
        self.assertIn('freeze "stock-taking": "2020-01-01" has passed; take it out.', said)
        with open(ics, "w") as f:
            f.write("BEGIN:VCALENDAR\n")
        self.assertIn("it is not whole", self.gateway.cli("check")[1])
        console.ask("!build web", "is frozen until 2028-01-01")
