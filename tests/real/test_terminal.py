"""The console on a terminal: history, completion, and what the gateway says meanwhile. Needs no server."""
import os
import pty
import select
import shutil
import tempfile
import time
import unittest

from lib.gateway import PROGRAM, USER, Gateway
from real.test_console import CONF


class Terminal(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.gateway = Gateway(self.folder, CONF).start()
        self.addCleanup(self.gateway.stop)
        self.sit_down()

    def sit_down(self):
        # libedit never frees the names of functions that were added to it.
        environment = {**os.environ, "TERM": "xterm", "XDG_STATE_HOME": os.path.join(self.folder, "history"), "NO_COLOR": "1",
                       "ASAN_OPTIONS": "detect_leaks=0"}
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(PROGRAM, [PROGRAM, "console", "-c", self.gateway.conf], environment)
        self.addCleanup(self.leave)
        self.seen = ""
        self.until("sally> ")

    def leave(self):
        """Its exit code."""
        if not self.pid:
            return None
        os.close(self.fd)
        pid, self.pid = self.pid, 0
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def until(self, text, seconds=20):
        end = time.monotonic() + seconds
        while text not in self.seen:
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"waited for {text!r}; seen: {self.seen!r}")
            try:
                self.seen += os.read(self.fd, 65536).decode("utf-8", "replace")
            except OSError:
                raise AssertionError(f"the console ended while waiting for {text!r}; seen: {self.seen!r}") from None
        before, self.seen = self.seen.split(text, 1)
        return before

    def type(self, text):
        os.write(self.fd, text.encode())

    def gone(self):
        while True:
            try:
                if not os.read(self.fd, 65536):
                    return
            except OSError:
                return

    def test_tab_completes_verbs_and_ids(self):
        self.completed("!bui", "ld ")
        self.type("mark id=x secs=9\r")
        self.until("B1 running")
        self.completed("!stop B", "1 ")
        self.type("\r")
        self.until("B1 stopped")

    def completed(self, begun, rest):
        self.type(begun + "\t")
        self.until(rest)

    def test_tab_shows_what_fits_where_several_do(self):
        self.type("!w\t\t")
        self.until("whoami  why  watch")
        # The line is still there, and goes on.
        self.type("hoami\r")
        self.until(f"{USER}: you are owner by console/")

    def test_up_brings_back_what_was_typed_also_another_day(self):
        self.type("!ping today\r")
        self.until("pong today")
        self.type("\x04")
        self.gone()
        self.assertEqual(self.leave(), 0)
        self.sit_down()
        self.type("\x1b[A\r")
        self.until("pong today")
        history = os.path.join(self.folder, "history", "sallyport", "history")
        self.assertEqual(os.stat(history).st_mode & 0o777, 0o600)

    def test_what_is_said_meanwhile_stands_above_the_line(self):
        self.type("!build mark id=x secs=1\r")
        self.until("B1 running")
        self.type("!ping half")
        self.until("B1 passed")
        self.until("sally> !ping half")
        self.type(" way\r")
        self.until("pong half way")

    def test_ctrl_c_takes_the_line_and_then_leaves(self):
        self.type("!build hello\x03!ping instead\r")
        self.until("pong instead")
        self.type("\x03")
        self.gone()
        self.assertEqual(self.leave(), 0)

    def test_letters_of_any_alphabet(self):
        self.type("!ping größe 日本\x7f語\r")
        self.until("pong größe 日語")

    def test_a_gateway_that_ends_ends_the_console(self):
        self.gateway.stop()
        self.until("sallyport:")
        self.gone()
        self.assertEqual(self.leave(), 1)
