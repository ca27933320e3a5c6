"""Keeping the state: backups and restores beside running commands and kill -9, damage, downgrades, archives. Needs no server."""
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

from lib import things
from lib.gateway import PROGRAM, Gateway

HERE = os.path.dirname(os.path.abspath(__file__))
CHECK = os.path.join(HERE, "..", "audit_check.py")
CONF = """
admins = { "owner" }
person "owner" { accounts = { "console/@owner" } roles = { "all" } }
role "all" { look = { "*" } may = { "local.*", "gateway.*" } }
room "home" { places = { "console/here" } services = { "local" } }
runner "local" {
	job "mark" { run = { "/bin/sh", "-c", 'echo "$1" >>"$0"; sleep "$2"', "@LEDGER@", "{id}", "{secs}" }
		param "id" { pattern = '\\w{1,20}' required = yes } param "secs" { pattern = '[0-9.]{1,4}' default = "0" } }
}
"""


class Keeping(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.ledger = self.path("ledger")
        self.gateway = Gateway(self.folder, CONF.replace("@LEDGER@", self.ledger))
        self.addCleanup(self.gateway.stop)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def ran(self):
        if not os.path.exists(self.ledger):
            return []
        with open(self.ledger) as f:
            return f.read().split()

    def cli(self, code, *words):
        got, said = self.gateway.cli(*words)
        self.assertEqual(got, code, said)
        return said

    def some_commands(self, names):
        console = self.gateway.start().console()
        for name in names:
            console.ask(f"!build mark id={name}", " passed: mark")
        return console

    def sql(self, path, text):
        with sqlite3.connect(path) as store:
            found = store.execute(text).fetchall()
        store.close()
        return found


class Backups(Keeping):
    def test_put_back_after_a_kill_nothing_runs_twice_and_no_id_is_given_out_again(self):
        console = self.gateway.start().console()
        for i in range(5):
            console.say(f"!build mark id=before{i} secs=0.{i}")
        said = self.cli(0, "backup", self.path("b1"))
        self.assertRegex(said, r"b1: \d+ kB, \d+ records? of the audit, read back and verified, in ")
        for i in range(5):
            console.say(f"!build mark id=after{i}")
        console.until(lambda: len(self.ran()) == 10, what="ten marks")
        self.gateway.kill()
        while console.read(0.1):
            pass
        given = {label for line in console.lines for label in re.findall(r"\bB\d+\b", line)}
        given |= {row[0] for row in self.sql(self.path("state", "sallyport.db"), "SELECT name FROM label")}
        self.assertEqual(len(given), 10)
        said = self.cli(0, "restore", self.path("b1"))
        aside = re.search(r"What was there is in (\S+)\.\n", said).group(1)
        self.assertTrue(os.path.exists(os.path.join(aside, "sallyport.db")))
        self.gateway.start()
        console = self.gateway.console()
        # What ran while the backup was made may tell its end once more: the new one is whose id is none of those.
        console.say("!build mark id=new")
        label = console.until(lambda: next((label for line in console.lines for label in re.findall(r"\bB(\d+) passed", line)
                                            if "B" + label not in given), None), what="the end under a new id")
        self.assertGreater(int(label), 1000)
        console.send(wait=True)
        console.until(lambda: console.idle, 60, "everything to end")
        self.assertEqual(sorted(self.ran()), sorted([f"before{i}" for i in range(5)] + [f"after{i}" for i in range(5)] + ["new"]))
        self.assertIn("restored", self.cli(0, "audit", "list"))
        self.cli(0, "audit", "verify")

    def test_a_request_that_was_open_in_the_backup_is_unknown_and_looked_for_by_people(self):
        console = self.some_commands(["one"])
        self.gateway.stop()
        store = self.path("state", "sallyport.db")
        # As a kill between the two transactions of a command leaves it: sent, with no outcome; and a message that was heard.
        self.sql(store, "INSERT INTO intent(ulid, person, account, proof, shown, place, room, instance, verb, line, args, hash, label, asked, state, attempt)"
                        " SELECT '01JZZZZZZZZZZZZZZZZZZZZZZZ', person, account, proof, shown, place, room, instance, verb, line, args, hash, 'B2', asked, 'sent', 1"
                        " FROM intent WHERE label='B1'")
        self.sql(store, "INSERT INTO label(name, kind, instance, subject) SELECT 'B2', kind, instance, '' FROM label WHERE name='B1'")
        self.sql(store, "INSERT INTO event(source, place, key, account, body, heard) SELECT source, place, 'k2', account, replace(body, 'one', 'two'), heard"
                        " FROM event LIMIT 1")
        self.cli(0, "backup", self.path("b1"))
        shutil.rmtree(self.path("state"))                  # another machine: no job folders either
        said = self.cli(0, "restore", self.path("b1"))
        self.assertIn("Not done again: 1 request (now unknown), 1 command that had been heard", said)
        self.gateway.start()
        console = self.gateway.console()
        line = console.expect("B2 unknown")
        self.assertIn("before the backup was made", line)
        self.assertIn("look at local before you ask again", line)
        console.ask("!build mark id=three", " passed: mark")
        self.gateway.stop()
        self.assertEqual(self.ran(), ["one", "three"])
        self.assertEqual(self.sql(store, "SELECT state FROM intent WHERE label='B2'"), [("unknown",)])
        self.gateway.start()                                # and not at the next start
        console = self.gateway.console()
        console.ask("!ping x", "pong x")
        self.assertFalse([line for line in console.lines if "B2" in line])

    def test_what_was_paused_since_stays_paused(self):
        console = self.some_commands(["one"])
        self.cli(0, "backup", self.path("b1"))
        console.ask("!pause", "Paused")
        self.gateway.stop()
        self.cli(0, "restore", self.path("b1"))
        self.gateway.start()
        self.gateway.console().ask("!build mark id=two", "paused by owner")

    def test_what_was_locked_since_stays_locked_and_what_was_released_released(self):
        console = self.some_commands(["one"])
        console.ask("!lock before we began", "L1 locked")
        self.cli(0, "backup", self.path("b1"))
        console.ask("!unlock before", "L1 unlocked")
        console.ask("!lock two because of it", "L2 locked")
        self.gateway.stop()
        self.cli(0, "restore", self.path("b1"))
        console = self.gateway.start().console()
        console.ask("!locks", "L2 two by owner: because of it")
        console.ask("!build mark id=two", "two is locked by owner")
        console.ask("!unlock two", "L2 unlocked")
        console.ask("!build mark id=two", " passed: mark")

    def test_while_a_gateway_runs_nothing_is_put_back(self):
        self.some_commands(["one"])
        self.cli(0, "backup", self.path("b1"))
        self.assertIn(str(self.gateway.program.pid), self.cli(69, "restore", self.path("b1")))

    def test_a_backup_is_never_written_over_and_checks_by_hand(self):
        self.some_commands(["one"])
        self.cli(0, "backup", self.path("b1"))
        self.cli(73, "backup", self.path("b1"))
        self.assertEqual(sorted(os.listdir(self.path("b1"))), ["SHA256SUMS", "manifest.json", "sallyport.db"])
        self.assertEqual(os.stat(self.path("b1")).st_mode & 0o777, 0o700)
        for name in os.listdir(self.path("b1")):
            self.assertEqual(os.stat(self.path("b1", name)).st_mode & 0o777, 0o600)
        subprocess.run(["sha256sum", "-c", "--strict", "--quiet", "SHA256SUMS"], cwd=self.path("b1"), check=True)
        self.assertFalse([name for name in os.listdir(self.folder) if name.endswith(".part")])

    def test_a_damaged_or_newer_backup_leaves_the_state_alone(self):
        self.some_commands(["one"])
        self.gateway.stop()
        self.cli(0, "backup", self.path("good"))
        before = self.sql(self.path("state", "sallyport.db"), "SELECT count(*) FROM audit")
        def spoil(name, deed):
            shutil.copytree(self.path("good"), self.path("bad"))
            deed(self.path("bad", name))
            said = self.cli(65, "restore", self.path("bad"))
            shutil.rmtree(self.path("bad"))
            return said
        def flip(path):
            with open(path, "r+b") as f:
                f.seek(os.path.getsize(path) // 2)
                byte = f.read(1)
                f.seek(-1, 1)
                f.write(bytes([byte[0] ^ 1]))
        def newer(path):
            self.sql(path, "UPDATE schema_version SET version=99 WHERE room='audit'")
            sums(path)
        def tampered(path):
            self.sql(path, "DROP TRIGGER audit_keep")
            self.sql(path, "UPDATE audit SET person='mallory' WHERE seq=2")
            sums(path)
        def sums(path):
            subprocess.run("sha256sum sallyport.db manifest.json >SHA256SUMS", shell=True, cwd=os.path.dirname(path), check=True)
        self.assertIn("SHA-256", spoil("sallyport.db", flip))
        self.assertIn("SHA-256", spoil("manifest.json", flip))
        self.assertIn("SHA-256", spoil("sallyport.db", lambda path: os.truncate(path, 8192)))
        spoil("manifest.json", os.unlink)
        self.assertIn("newer version", spoil("sallyport.db", newer))
        self.assertIn("record 2", spoil("sallyport.db", tampered))
        self.assertEqual(self.sql(self.path("state", "sallyport.db"), "SELECT count(*) FROM audit"), before)
        self.assertFalse([name for name in os.listdir(self.path("state")) if "restor" in name])

    def test_an_interrupted_restore_is_no_state_to_start_on(self):
        self.some_commands(["one"])
        self.gateway.stop()
        self.cli(0, "backup", self.path("b1"))
        with open(self.path("state", "restoring"), "w"):
            pass
        self.assertIn("did not come to its end", self.cli(65, "run"))
        self.cli(0, "restore", self.path("b1"))
        self.gateway.start()

    def test_what_was_laid_aside_can_be_put_back_in_turn(self):
        self.some_commands(["one"])
        self.cli(0, "backup", self.path("b1"))
        self.gateway.console().ask("!build mark id=two", " passed: mark")
        self.gateway.kill()                                 # what it wrote last is in the log beside the store
        aside = re.search(r"What was there is in (\S+)\.\n", self.cli(0, "restore", self.path("b1"))).group(1)
        self.cli(0, "restore", os.path.join(aside, "sallyport.db"))
        self.assertIn("id=two", self.cli(0, "audit", "list"))


class Damage(Keeping):
    def test_a_damaged_store_is_refused_kept_and_its_restore_named(self):
        self.some_commands([f"m{i}" for i in range(8)])
        self.gateway.stop()
        store = self.path("state", "sallyport.db")
        self.cli(0, "backup", self.path("b1"))
        self.cli(0, "audit", "verify")
        with open(store, "rb") as f:
            good = f.read()
        for page in range(0, len(good), 4096):
            spoiled = bytearray(good)
            spoiled[page:page + 40] = bytes(byte ^ 0x5a for byte in spoiled[page:page + 40])
            with open(store, "wb") as f:
                f.write(spoiled)
            for name in ("-wal", "-shm"):
                if os.path.exists(store + name):
                    os.unlink(store + name)
            said = self.cli(65, "run")
            self.assertIn(self.gateway.cli("audit", "verify")[0], (0, 1, 65))
            # A copy reads the tables alone, so it may be good although an index is not; but then it is.
            self.assertIn(self.gateway.cli("backup", self.path("b2"))[0], (0, 65))
            shutil.rmtree(self.path("b2"), True)
            self.assertIn(f"restore -c {self.gateway.conf} BACKUP", said, f"page {page // 4096}")
            with open(store, "rb") as f:
                self.assertEqual(f.read(), bytes(spoiled))
        self.cli(0, "restore", self.path("b1"))
        self.gateway.start()

    def test_a_downgrade_is_refused_and_says_which_version_wrote(self):
        self.gateway.start()
        self.gateway.stop()
        store = self.path("state", "sallyport.db")
        self.sql(store, "UPDATE program SET version='77.1'")
        self.sql(store, "INSERT INTO schema_version VALUES('matrix', 3)")
        said = self.cli(65, "run")
        self.assertIn("(77.1; this is ", said)
        self.assertIn("it keeps matrix, of which I know nothing", said)
        self.assertEqual(self.sql(store, "SELECT version FROM program"), [("77.1",)])

    def test_nothing_answers_for_a_gateway_that_is_down(self):
        self.assertIn("not running", self.cli(69, "status"))


class Archives(Keeping):
    def oracle(self, *paths):
        return subprocess.run([sys.executable, CHECK, *paths], capture_output=True, text=True).returncode

    def test_records_go_into_files_that_join_each_other_and_the_store(self):
        console = self.some_commands(["one", "two"])
        a, b = self.path("a.jsonl"), self.path("b.jsonl")
        things.wait_until(lambda: "taken out" in self.gateway.cli("audit", "archive", "--before", "1s", a)[1], what="old records")
        console.ask("!build mark id=three", " passed: mark")
        things.wait_until(lambda: "taken out" in self.gateway.cli("audit", "archive", "--before", "1s", b)[1], what="old records")
        self.cli(73, "audit", "archive", "--before", "1s", b)
        self.assertIn("the store goes on from there", self.cli(0, "audit", "verify", a, b))
        self.assertIn("does not follow", self.cli(1, "audit", "verify", b, a))
        self.assertRegex(self.cli(0, "audit", "verify"), r"good: \d+ records?, each fits the one before; 1 to \d+ were archived")
        self.assertEqual(self.oracle(a, b), 0)
        self.assertEqual(self.oracle(b, a), 1)
        self.gateway.stop()
        self.assertIn("no record is that old", self.cli(0, "audit", "archive", "--before", "2020-01-01", self.path("c.jsonl")))
        self.assertFalse(os.path.exists(self.path("c.jsonl")))
        with open(self.path("e.jsonl"), "w") as f:
            f.write(self.cli(0, "audit", "export"))
        self.assertEqual(self.oracle(b, self.path("e.jsonl")), 0)
        for name in ("archived", "stopped"):
            self.assertIn(f'"what":"{name}"', open(self.path("e.jsonl")).read())

    def test_the_oracle_and_the_program_find_the_same(self):
        self.some_commands(["one", "two", "three"])
        self.gateway.stop()
        lines = [line for line in self.cli(0, "audit", "export").splitlines(True) if "checkpoint" not in line]
        deeds = [("changed", lambda l: [*l[:4], l[4].replace("mark", "nark"), *l[5:]]),
                 ("dropped", lambda l: l[:4] + l[5:]), ("swapped", lambda l: [*l[:4], l[5], l[4], *l[6:]]),
                 ("inserted", lambda l: l[:5] + l[4:]), ("cut", lambda l: l[:-1]),
                 ("renumbered", lambda l: [*l[:4], l[4].replace('"seq":4', '"seq":5'), *l[5:]]),
                 ("hashed anew", lambda l: [*l[:4], re.sub('"h":"..', '"h":"00', l[4]), *l[5:]])]
        for what, deed in deeds:
            with self.subTest(what):
                path = self.path("spoiled.jsonl")
                with open(path, "w") as f:
                    f.writelines(deed(list(lines)))
                self.assertRegex(self.cli(1, "audit", "verify", path), r"bad: record \d+ ")
                self.assertEqual(self.oracle(path), 1)

    def test_a_file_of_another_store_is_found_beside_this_one(self):
        console = self.some_commands(["one"])
        self.cli(0, "backup", self.path("b1"))
        console.ask("!build mark id=two", " passed: mark")
        self.gateway.stop()
        with open(self.path("e.jsonl"), "w") as f:
            f.write(self.cli(0, "audit", "export"))
        self.assertIn("the store has these records itself", self.cli(0, "audit", "verify", self.path("e.jsonl")))
        self.cli(0, "restore", self.path("b1"))
        self.some_commands(["three"])
        self.assertIn("the store has another record", self.cli(1, "audit", "verify", self.path("e.jsonl")))

    def test_a_store_that_is_not_whole_is_not_archived_but_backed_up(self):
        self.some_commands(["one", "two"])
        self.gateway.stop()
        store = self.path("state", "sallyport.db")
        self.sql(store, "DROP TRIGGER audit_keep")
        self.sql(store, "UPDATE audit SET room='shop' WHERE seq=3")
        self.assertIn("record 3", self.cli(1, "audit", "verify"))
        self.assertIn("evidence", self.cli(1, "audit", "archive", "--before", "2035-01-01", self.path("a.jsonl")))
        self.assertFalse(os.path.exists(self.path("a.jsonl")))
        self.assertIn("record 3", self.cli(1, "backup", self.path("b1")))
        self.cli(0, "restore", self.path("b1"))             # a true copy, and it says so
        with open(self.path("b1", "manifest.json")) as f:
            self.assertEqual(json.load(f)["audit"]["bad"], 3)

    def test_a_file_is_verified_where_there_is_no_gateway(self):
        self.some_commands(["one"])
        with open(self.path("e.jsonl"), "w") as f:
            f.write(self.cli(0, "audit", "export"))
        self.gateway.conf = self.path("nowhere.conf")
        self.assertIn("good: records 1 to", self.cli(0, "audit", "verify", self.path("e.jsonl")))
        self.cli(78, "audit", "verify")


def traces():
    """Whether this machine lets us kill a program at a system call."""
    try:
        return subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True).returncode == 0
    except OSError:
        return False


@unittest.skipUnless(traces(), "needs strace")
class Kills(Keeping):
    """Killed before each system call that changes what is on the disk, one after the other, until it comes to its end."""
    CALLS = ("rename", "unlink", "unlinkat", "link", "mkdir", "rmdir", "fsync", "fdatasync", "pwrite64", "ftruncate")

    def setUp(self):
        super().setUp()
        self.some_commands(["one", "two"])
        self.gateway.stop()
        self.cli(0, "backup", self.path("b1"))
        self.kept = self.path("kept")
        shutil.copytree(self.path("state"), self.kept)

    def killed_everywhere(self, words, check):
        """Of several calls strace would count each by itself, so that some would never come to their turn: one after the other, then."""
        total = 0
        for call in self.CALLS:
            number = 0
            done = False
            while not done:
                number += 1
                done = self.killed_at(call, number, words)
                with self.subTest(call=call, number=number):
                    check(done)
            total += number - 1
        self.assertGreater(total, 8)

    def killed_at(self, call, number, words):
        """Whether it came to its end before that."""
        shutil.rmtree(self.path("state"))
        shutil.copytree(self.kept, self.path("state"))
        done = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={number}",
                               PROGRAM, *words[:1], "-c", self.gateway.conf, *words[1:]], stdin=subprocess.DEVNULL, capture_output=True,
                              # Whatever traces a program itself cannot be traced.
                              env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        return done.returncode == 0

    def test_a_restore_leaves_one_state_or_none_that_starts(self):
        def check(done):
            code, said = self.gateway.cli("audit", "verify")
            mark = os.path.exists(self.path("state", "restoring"))
            self.assertTrue(code == 0 or mark, said)
            if mark:
                self.assertIn("did not come to its end", self.cli(65, "run"))
            if not done:
                self.cli(0, "restore", self.path("b1"))
            self.assertIn("restored", self.cli(0, "audit", "list"))
            self.cli(0, "audit", "verify")
            self.assertFalse([name for name in os.listdir(self.path("state")) if name in ("restoring", "restore.part")])
        self.killed_everywhere(["restore", self.path("b1")], check)

    def test_a_backup_is_whole_or_not_there(self):
        target = self.path("b2")
        def check(done):
            if done or os.path.exists(target):
                subprocess.run(["sha256sum", "-c", "--strict", "--quiet", "SHA256SUMS"], cwd=target, check=True)
                shutil.rmtree(target)
                self.assertFalse(os.path.exists(target + ".part"))
        self.killed_everywhere(["backup", target], check)

    def test_no_record_is_lost_while_it_is_archived(self):
        archive = self.path("a.jsonl")
        def check(done):
            said = self.cli(0, "audit", "verify")
            if done or "were archived" in said:
                self.assertIn("the store goes on from there", self.cli(0, "audit", "verify", archive))
            if os.path.exists(archive):
                os.unlink(archive)
        self.killed_everywhere(["audit", "archive", "--before", "2099-01-01", archive], check)


if __name__ == "__main__":
    unittest.main()
