"""Runner jobs from the console: the way of the first session, and what kill -9 may not break. Needs no server."""
import os
import random
import re
import shutil
import tempfile
import time
import unittest

from lib import things
from lib.gateway import USER, Gateway

CONF = """
admins = { "owner" }
person "owner" { accounts = { "console/@owner" } roles = { "all" } }
role "all" { look = { "*" } may = { "local.*" } }
room "home" { places = { "console/here" } services = { "local" } }
runner "local" {
	job "hello" { run = { "/bin/echo", "hello {who}" } param "who" { pattern = '\\w{1,20}' default = "world" } }
	job "mark"  { run = { "/bin/sh", "-c", 'echo "$1" >>"$0"; sleep "$2"; echo done "$1"; exit "$3"', "@LEDGER@", "{id}", "{secs}", "{rc}" }
		param "id" { pattern = '\\w{1,20}' required = yes } param "secs" { pattern = '[0-9.]{1,4}' default = "0" } param "rc" { pattern = '[0-9]{1,2}' default = "0" } }
}
"""
KILLS = int(os.environ.get("SALLYPORT_KILLS", "60"))


class AtTheConsole(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.ledger = os.path.join(self.folder, "ledger")
        self.gateway = Gateway(self.folder, CONF.replace("@LEDGER@", self.ledger))
        self.addCleanup(self.gateway.stop)

    def ran(self):
        """Which marks ran, as the jobs themselves wrote them."""
        if not os.path.exists(self.ledger):
            return []
        with open(self.ledger) as f:
            return f.read().split()

    def test_a_job_says_running_and_passed(self):
        console = self.gateway.start().console()
        console.say("!build hello who=there")
        self.assertEqual(console.expect("B1 running"), f"B1 running: hello, who=there ({USER})")
        self.assertRegex(console.expect("B1 passed"), rf"^{USER}: B1 passed: hello in \d+(\.\d)? m?s: hello there$")

    def test_a_job_outlives_the_gateway_and_its_true_end_is_read_back(self):
        console = self.gateway.start().console()
        console.ask("!build mark id=long secs=2 rc=7", "B1 running")
        self.gateway.kill()
        self.gateway.start()
        console = self.gateway.console()
        self.assertIn("failed", console.expect("B1 failed"))
        self.assertIn("done long", console.ask("!log B1", "done long"))
        self.assertEqual(self.ran(), ["long"])

    def test_a_second_gateway_on_the_same_state_is_refused(self):
        self.gateway.start()
        code, said = self.gateway.cli("run")
        self.assertEqual(code, 69)
        self.assertIn(str(self.gateway.program.pid), said)

    def test_stopped_gently_it_takes_everything_up_again(self):
        console = self.gateway.start().console()
        console.ask("!build mark id=gentle secs=2", "B1 running")
        self.assertEqual(self.gateway.stop(), 0)
        self.gateway.start()
        self.gateway.console().expect("B1 passed")
        self.assertEqual(self.ran(), ["gentle"])

    def kill_round(self, number, chance):
        """One life: a few commands, then kill -9 at some moment. Those that were heard (so: accepted), with the exit status they ask for."""
        self.gateway.start()
        console = self.gateway.console()
        end = time.monotonic() + chance.uniform(0.0, 0.25)
        marks = {}
        while time.monotonic() < end:
            mark, rc = f"k{number}x{len(marks)}", chance.randrange(3)
            try:
                marks[console.say(f"!build mark id={mark} secs=0.{chance.randrange(5)} rc={rc}")] = mark, rc
                console.read(chance.uniform(0, 0.05))
            except OSError:
                break
        self.gateway.kill()
        while console.read(0.1):
            pass
        console.close()
        self.note(console)
        return dict(marks[key] for key in console.heard)

    def note(self, console):
        """What was said of which build, in any life."""
        for line in console.lines:
            for label, state in re.findall(r"\b(B\d+) (passed|failed|unknown)\b", line):
                self.said.setdefault(label, set()).add(state)

    def ended(self):
        """Of each mark its short id and what became of asking for it, from the audit."""
        code, table = self.gateway.cli("audit", "list", "--limit", "100000")
        self.assertEqual(code, 0)
        found = {}
        for mark, label, outcome in re.findall(r" ended .* local build mark id=(\w+) .*\| (B\d+) (\w+):", table):
            found[mark] = label, outcome
        return found, table

    def test_killed_at_random_moments_each_command_ran_at_most_once_and_was_answered(self):
        chance = random.Random(int(os.environ.get("SALLYPORT_SEED", "1")))
        self.said, accepted = {}, {}
        for number in range(KILLS):
            accepted.update(self.kill_round(number, chance))
        self.gateway.start()
        console = self.gateway.console()
        console.send(wait=True)
        console.until(lambda: console.idle, 120, "everything to end")
        self.note(console)
        ran, (ended, table) = self.ran(), self.ended()
        self.assertEqual(len(ran), len(set(ran)), "a command ran twice")
        for mark, rc in accepted.items():
            self.assertIn(mark, ended, "an accepted command has no outcome")
            label, outcome = ended[mark]
            states = self.said.get(label, set())
            if mark in ran:
                self.assertIn("failed" if rc else "passed", states, f"{label} {mark} ran, exit status {rc}; its audit says {outcome}")
            else:
                self.assertTrue(states & {"failed", "unknown"}, f"{label} {mark} never ran, and nobody said so")
        asked = set(re.findall(r" asked .*id=(\w+)", table))
        self.assertEqual(set(ran) - asked, set(), "a command ran that the audit does not know")
        self.assertEqual(self.gateway.cli("audit", "verify")[0], 0)
        self.assertGreater(len(ran), KILLS / 4)


if __name__ == "__main__":
    unittest.main()
