"""An approval over a store of which one step fails, at each place in turn: it is said, it can be said again, and there is one run or none."""
import os
import re
import unittest

from lib import failing_store, things
from lib.gateway import Gateway, preloads

from . import test_approvals

STEPS, EVERY = 60, int(os.environ.get("SALLYPORT_EVERY", "9"))          # of those one in so many
RULES = (test_approvals.PROD + ' approval "two" { for = { "ci.build target=two" } by = "deployer" count = 2 } confirm { for = { "ci.build target=sure" } } '
         'approval "soon" { for = { "ci.build target=soon" } by = "deployer" within = "2s" }')


def load_tests(loader, tests, pattern):
    """The library that fails must come before SQLite's: what does not let it is another build."""
    return tests if preloads() else unittest.TestSuite()


class StoreFails(test_approvals.Asking):
    def setUp(self):
        super().setUp()
        self.store = failing_store.FailingStore(self.folder)
        self.gateway = Gateway(self.folder, self.conf(RULES))
        self.gateway.secret("secret", "pw-sally")
        self.addCleanup(self.gateway.stop)
        self.gateway.start(env=self.store.env)
        self.up()

    def new(self, part, after):
        return next((body for body in self.shows()[after:] if part in body), None)

    def say_until(self, lines, ends):
        """Says all lines, again and again, until what they are for has happened."""
        def happened():
            for who, line in lines:
                self.hs.say(who, self.room, line)
            try:
                return things.wait_until(ends, 2)
            except AssertionError:
                return None
        return things.wait_until(happened, 30, f"{lines} to be done; the room shows {self.shows()[-6:]}")

    def asked(self, target):
        """Asked for, as often as that needs; its id."""
        after = len(self.shows())
        body = self.say_until([("alice", f"!build add target={target}")], lambda: self.new(" asked: ci build add", after))
        return body.split(" ")[0]

    def while_it_fails(self, step, who, line):
        """Says it while that step fails, and waits until it has, or there was no such step."""
        self.store.fail(step)
        after = len(self.shows())
        self.hs.say(who, self.room, line)
        try:
            things.wait_until(lambda: self.store.failed() or self.shows()[after:], 5)
        except AssertionError:
            pass
        self.store.fail(0)

    def each_step(self, offset=0):
        return range(1 + offset % EVERY, STEPS, EVERY)

    def states(self):
        """Each id with the state that was shown last."""
        found = (re.match(r"(?:alice: )?([A-Z]\d+) (asked|queued|running|passed|refused|denied|expired|revoked|approved)\b", body) for body in self.shows())
        return {one.group(1): one.group(2) for one in found if one}

    def is_over(self, label):
        return self.states().get(label) in ("passed", "refused")

    def one_run_each(self):
        self.assertEqual(len(self.ran()), sum(state == "passed" for state in self.states().values()), self.states())
        self.assertEqual(self.gateway.cli("audit", "verify")[0], 0, self.gateway.cli("audit", "verify"))

    def test_a_vote_is_counted_once_and_makes_one_run(self):
        for step in self.each_step():
            label = self.asked("prod")
            self.while_it_fails(step, "bob", f"!approve {label}")
            self.say_until([("bob", f"!approve {label}")], lambda: self.is_over(label))
        self.one_run_each()

    def test_of_two_votes_each_is_written_or_given_again(self):
        for step in self.each_step(3):
            label = self.asked("two")
            self.while_it_fails(step, "bob", f"!approve {label}")
            self.say_until([("bob", f"!approve {label}"), ("dana", f"!approve {label}")], lambda: self.is_over(label))
        self.one_run_each()

    def test_what_asks_fails_and_nothing_waits(self):
        for step in self.each_step(1):
            self.while_it_fails(step, "alice", "!build add target=prod")
            label = self.asked("prod")
            self.say_until([("bob", f"!deny {label}")], lambda: self.states().get(label) == "denied" or "nothing called" in self.shows()[-1])
        self.assertEqual(self.ran(), [])
        self.one_run_each()

    def test_a_yes_of_ones_own(self):
        for step in self.each_step(5):
            label = self.asked("sure")
            self.while_it_fails(step, "alice", "!yes")
            self.say_until([("alice", "!yes")], lambda: self.is_over(label))
        self.one_run_each()

    def test_a_no_and_what_waits(self):
        for step in self.each_step(2):
            label = self.asked("prod")
            self.while_it_fails(step, "carol", "!approvals")
            self.while_it_fails(step, "bob", f"!deny {label} no")
            self.say_until([("bob", f"!deny {label} no")], lambda: self.states().get(label) == "denied" or "nothing called" in self.shows()[-1])
        self.assertEqual(self.ran(), [])
        self.one_run_each()

    def test_it_ends_by_itself_or_with_the_next_start(self):
        for step in self.each_step(4):
            label = self.asked("soon")
            self.store.fail(step)
            try:
                things.wait_until(lambda: self.states().get(label) == "expired", 4)
            except AssertionError:
                pass
            self.store.fail(0)
        self.gateway.kill()
        self.gateway.start(env=self.store.env)
        self.up()
        self.hs.say("carol", self.room, "!approvals")
        self.shown("nothing waits for a yes")
        self.assertEqual(self.ran(), [])
        self.one_run_each()

    def test_what_asked_is_taken_back(self):
        for step in self.each_step(6):
            after = len(self.shows())
            asked = self.hs.say("alice", self.room, "!build add target=prod")
            label = things.wait_until(lambda: self.new(" asked: ", after), 20, "the question").split(" ")[0]
            self.store.fail(step)
            self.hs.redact("alice", asked)
            try:
                things.wait_until(lambda: self.states().get(label) == "revoked", 2)
            except AssertionError:
                pass
            self.store.fail(0)
            self.hs.say("bob", self.room, f"!approve {label}")
            self.hs.say("carol", self.room, f"!ping {label}")
            self.shown(f"pong {label}")
            self.assertEqual(self.ran(), [])
        self.one_run_each()
