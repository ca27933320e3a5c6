"""What an operator does: a new configuration while it runs, systemd's notices, the log for programs, a pause, explain and try. Needs no server."""
import json
import os
import shutil
import signal
import socket
import tempfile
import unittest

from lib import things
from lib.gateway import USER, Gateway
from lib.ircd import Network

CONF = """
admins = { "owner" }
person "owner" { accounts = { "console/@owner" } roles = { "all" } }
person "carol" { accounts = { "console/carol" } roles = { "reader" } }
role "all" { look = { "*" } may = { "local.*", "gateway.*" } }
role "reader" { look = { "*" } in = { "home" } }
room "home" { places = { "console/here" } services = { "local" } operators = yes }
runner "local" {
	job "hello" { run = { "/bin/echo", "hello {who}" } param "who" { pattern = '[a-z ]{1,20}' default = "world" } }
	job "wait"  { run = { "/bin/sh", "-c", 'while [ ! -e "$0" ]; do sleep 0.1; done', "@FLAG@" } }
}
"""


class Operation(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.flag = os.path.join(self.folder, "flag")

    def gateway(self, conf=CONF, log="debug", env=None):
        self.gate = Gateway(self.folder, conf.replace("@FLAG@", self.flag), log)
        self.addCleanup(self.gate.stop)
        self.addCleanup(lambda: open(self.flag, "w").close())
        return self.gate.start(env)

    def rewrite(self, *changes):
        with open(self.gate.conf) as f:
            text = f.read()
        for before, after in changes:
            self.assertIn(before, text)
            text = text.replace(before, after)
        with open(self.gate.conf, "w") as f:
            f.write(text)
        os.kill(self.gate.program.pid, signal.SIGHUP)

    def logged(self, part):
        return things.wait_until(lambda: part in self.gate.program.output(), 20, f"{part!r} in the log")

    # -- A new configuration

    def test_what_changed_is_told_and_in_force(self):
        console = self.gateway().console()
        console.ask("!ping one", "pong one")
        self.rewrite(('job "hello" {', 'job "hello" { about = "greets"'), ('role "reader" {', 'role "writer" { may = { "local.build" } }\nrole "reader" {'),
                     ('admins = { "owner" }', 'admins = { "owner" }\nprefix = "."'))
        console.expect("The configuration was read anew")
        console.expect("prefix changed")
        console.expect('role "writer" is new')
        console.expect('runner "local": job "hello" changed')
        console.ask(".ping two", "pong two")
        code, table = self.gate.cli("audit", "list")
        self.assertRegex(table, r'reloaded .*prefix changed; role "writer" is new; runner "local": job "hello" changed')

    def test_what_is_likely_not_meant_is_told_and_stops_nothing(self):
        console = self.gateway('role "idle" { }\n' + CONF).console()
        self.logged('warning: sallyport.conf:3: role "idle": nobody has it; give it to somebody, or take it out.')
        code, said = self.gate.cli("check")
        self.assertEqual(code, 0)
        self.assertEqual(said, '1 link, 1 room, 2 persons, 3 roles, 1 service: no mistakes, 1 warning\n'
                         'sallyport.conf:3: warning: role "idle": nobody has it; give it to somebody, or take it out.\n')
        self.rewrite(('role "idle" { }\n', ''), ('job "hello"', 'job "greet"'), ('role "reader" {', 'role "odd" { }\nrole "reader" {'))
        console.expect("The configuration was read anew")
        self.logged('warning: sallyport.conf:8: role "odd": nobody has it')
        with open(self.gate.conf, "a") as f:
            f.write('strangers = { "approve" }\nroom "home" { }\n')
        code, said = self.gate.cli("check")
        self.assertEqual(code, 78)
        self.assertIn("strangers: approve is nothing for people I cannot prove; there may stand approvals, ", said)
        self.assertNotIn("warning", said)

    def test_a_file_with_a_mistake_changes_nothing(self):
        console = self.gateway().console()
        self.rewrite(('admins = { "owner" }', 'admins = { "owner" }\nprefix = "."\nprefx = "!"'))
        console.expect("The configuration was not taken: 1 mistake. The one of")
        console.expect("there is no option prefx; did you mean prefix?")
        console.ask("!ping still", "pong still")
        self.assertIn("A newer one was refused at", self.gate.cli("status")[1])
        self.rewrite(('prefx = "!"\n', ''))
        console.expect("The configuration was read anew")
        console.ask(".ping now", "pong now")
        self.assertNotIn("refused", self.gate.cli("status")[1])

    def test_what_runs_under_the_old_one_goes_on(self):
        console = self.gateway().console()
        console.ask("!build wait", "B1 running")
        for i in range(5):
            self.rewrite(('admins = {', f'# {i}\nadmins = {{') if i % 2 else ('job "hello" {', f'job "x{i}" {{ run = "/bin/true" }}\n\tjob "hello" {{'))
            console.expect("The configuration was read anew")
        console.ask("!status B1", "B1 running")
        with open(self.flag, "w"):
            pass
        console.expect("B1 passed")

    def test_a_link_whose_settings_stay_keeps_its_connection(self):
        network = Network()
        self.addCleanup(network.close)
        irc = f'irc "corp" {{ server = "127.0.0.1" port = {network.port} tls = no flood = no }}\nroom "ops" {{ places = {{ "corp/#ops" }} services = {{ "local" }} }}\n'
        console = self.gateway(CONF.replace('in = { "home" }', '').replace("console/carol", "corp/carol") + irc).console()
        self.assertTrue(network.joined.wait(20))
        first = network.connection
        self.rewrite(('places = { "corp/#ops" }', 'places = { "corp/#ops", "corp/#shop" }'))
        console.expect("The configuration was read anew")
        things.wait_until(lambda: "#shop" in network.channels, 20, "the JOIN of #shop")
        self.rewrite(('places = { "corp/#ops", "corp/#shop" }', 'places = { "corp/#ops" }'))
        things.wait_until(lambda: "#shop" not in network.channels, 20, "the PART of #shop")
        network.say("carol", "!list", "carol")
        self.assertIn("2 jobs", network.said.get(timeout=20)[2])
        self.assertIs(network.connection, first)
        self.rewrite(("flood = no", "flood = no realname = \"somebody else\""))
        things.wait_until(lambda: network.connection is not first and network.joined.is_set(), 20, "a new connection")

    # -- systemd

    def notices(self):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = os.path.join(self.folder, "notify")
        listener.bind(path)
        listener.settimeout(20)
        self.addCleanup(listener.close)
        return listener, path

    def until_notice(self, listener, part):
        while True:
            notice = listener.recv(4096).decode()
            if part in notice:
                return notice

    def test_systemd_hears_ready_reloading_and_stopping(self):
        listener, path = self.notices()
        self.gateway(env={**os.environ, "NOTIFY_SOCKET": path})
        self.until_notice(listener, "READY=1")
        self.rewrite(('admins = { "owner" }', 'admins = { "owner" } '))
        self.assertRegex(self.until_notice(listener, "RELOADING=1"), r"MONOTONIC_USEC=\d+")
        self.until_notice(listener, "READY=1")
        self.assertEqual(self.gate.stop(), 0)
        self.until_notice(listener, "STOPPING=1")

    def test_the_watchdog_is_fed_by_the_loop(self):
        listener, path = self.notices()
        self.gateway(env={**os.environ, "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "300000"})
        for _ in range(5):
            self.until_notice(listener, "WATCHDOG=1")
        # A loop that stands still feeds nothing.
        os.kill(self.gate.program.pid, signal.SIGSTOP)
        listener.settimeout(1)
        with self.assertRaises(TimeoutError):
            while True:
                self.until_notice(listener, "WATCHDOG=1")
        os.kill(self.gate.program.pid, signal.SIGCONT)

    # -- The log

    def test_the_log_for_programs_has_each_commands_number(self):
        console = self.gateway(log="json").console()
        console.ask("!build hello", "B1 passed")
        console.say("!build hello who=NO")
        console.ask("!pause", "Paused")
        console.ask("!build hello", "refused: everything that changes something is paused")
        self.assertEqual(self.gate.stop(), 0)
        lines = [json.loads(line) for line in self.gate.program.output().splitlines() if not line.startswith("==")]
        of_build = [line for line in lines if "B1" in line["text"]]
        self.assertEqual({line["command"] for line in of_build}, {of_build[0]["command"]})
        self.assertRegex(of_build[0]["command"], r"^[0-9A-Z]{26}$")
        for line in lines:
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
            self.assertIn(line["level"], ("debug", "info", "warning", "error"))

    # -- A pause

    def test_a_pause_holds_in_every_room_and_after_a_restart(self):
        console = self.gateway().console()
        console.ask("!pause moving the carts", "Paused: nothing that changes something is carried out, in any room: moving the carts")
        self.gate.kill()
        self.gate.start()
        console = self.gate.console()
        console.ask("!build hello", "refused: everything that changes something is paused by owner since")
        console.ask("!gateway", "everything that changes something is paused by owner")
        self.assertIn("Paused: everything", self.gate.cli("status")[1])
        console.ask("!resume", "Resumed after")
        console.ask("!build hello", "B1 passed")

    # -- The command line

    def test_explain_says_which_rule(self):
        self.gateway(CONF)
        self.assertEqual(self.gate.cli("explain", "owner", "build hello", "home"),
                         (0, "yes: owner (all): local build is allowed by all (sallyport.conf:7); no freeze\n"))
        self.assertEqual(self.gate.cli("explain", "carol", "!build hello", "home"),
                         (1, "no: carol (reader): build in home needs the role all; you are carol by console/carol with reader; with it: no freeze\n"))
        self.assertEqual(self.gate.cli("explain", "carol", "pause"), (1, "no: carol (reader): pause in private needs the role all; "
                                                                      "you are carol by console/carol with reader\n"))
        for words in (("bob", "build hello"), ("owner", "biuld hello"), ("owner", "build hello", "nowhere"), ("owner",)):
            self.assertEqual(self.gate.cli("explain", *words)[0], 64)

    def test_try_sends_nothing(self):
        self.gateway()
        code, said = self.gate.cli("try", "build", "hello", "who=carol d")
        self.assertEqual((code, said), (0, f"{USER}: Dry run, nothing sent. Would run /bin/echo 'hello carol d' | allowed by all (sallyport.conf:7), no lock, no freeze\n"))
        self.assertEqual(self.gate.cli("try", "!local build hello who=XX")[0], 0)
        self.assertEqual(self.gate.cli("status")[0], 0)
        self.assertEqual(os.listdir(os.path.join(self.gate.state, "jobs")) if os.path.isdir(os.path.join(self.gate.state, "jobs")) else [], [])
        self.gate.stop()
        self.assertEqual(self.gate.cli("try", "build", "hello")[0], 69)
        self.assertEqual(self.gate.cli("status")[0], 69)
