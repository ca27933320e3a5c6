"""The audit, signed: verified by the public key alone, by openssl and by the oracle; changed, cut, signed by others; told elsewhere. Needs no server."""
import csv
import io
import json
import os
import shutil
import subprocess

from lib import things
from real.test_keep import CHECK, CONF, Keeping

TAMPER = "DROP TRIGGER audit_keep; DROP TRIGGER audit_stay; DROP TRIGGER chain_forward;"


class Signed(Keeping):
    def configure(self, more):
        with open(self.gateway.conf, "a") as f:
            f.write(more)

    def live(self, *names):
        console = self.some_commands(names)
        self.gateway.stop()
        return console

    def state(self, name):
        return self.path("state", name)

    def tamper(self, path, text):
        import sqlite3
        with sqlite3.connect(path) as store:
            store.executescript(TAMPER + text)
        store.close()

    def newest(self):
        return self.sql(self.state("sallyport.db"), "SELECT max(seq) FROM audit")[0][0]


class ByTheKeyAlone(Signed):
    def test_a_copy_is_verified_where_nothing_else_of_the_gateway_is(self):
        self.live("one", "two")
        last = self.newest()
        os.mkdir(self.path("evidence"))
        shutil.copy(self.state("sallyport.db"), self.path("evidence", "copy.db"))
        shutil.copy(self.state("audit.pub"), self.path("evidence"))
        self.gateway.conf = self.path("nowhere.conf")
        copy, key = self.path("evidence", "copy.db"), self.path("evidence", "audit.pub")
        self.assertIn(f"Records 1 to {last} are as signed (key ", self.cli(0, "audit", "verify", "--key", key, copy))
        self.assertEqual(sorted(os.listdir(self.path("evidence"))), ["audit.pub", "copy.db"], "something was written beside it")

    def test_the_record_that_was_changed_is_named_and_what_else_is_as_signed(self):
        self.live("one", "two")
        last = self.newest()
        self.tamper(self.state("sallyport.db"), "UPDATE audit SET record=CAST(replace(record, CAST('id=one' AS BLOB), CAST('id=eno' AS BLOB)) AS BLOB) WHERE seq=3")
        said = self.cli(1, "audit", "verify")
        self.assertIn("bad: record 3 was changed after it was written", said)
        self.assertRegex(said, rf"Records? (1 to 2|1) and 4 to {last} are as signed")

    def test_openssl_and_the_oracle_agree(self):
        self.live("one")
        line, key = self.cli(0, "audit", "checkpoint").strip(), self.state("audit.pub")
        said, signature = line.rsplit(" ", 1)
        recipe = 'printf %s "$2" | openssl base64 -d -A >signature; printf %s "$1" >said; openssl pkeyutl -verify -pubin -inkey "$3" -rawin -in said -sigfile signature'
        for text, good in ((said, True), (said.replace(" 1", " 2", 1), False)):
            done = subprocess.run(["sh", "-c", recipe, "sh", text, signature, key], cwd=self.folder, capture_output=True, text=True)
            self.assertEqual(done.returncode == 0, good, done.stdout + done.stderr)
        self.assertIn("records 1 to", self.cli(0, "audit", "export", self.path("e.jsonl")))
        self.cli(73, "audit", "export", self.path("e.jsonl"))
        oracle = ["python3", CHECK, "--key", key, self.path("e.jsonl")]
        self.assertEqual(subprocess.run(oracle, capture_output=True).returncode, 0)
        self.assertIn("as signed", self.cli(0, "audit", "verify", "--key", key, self.path("e.jsonl")))
        with open(self.path("e.jsonl")) as f:
            text = f.read()
        mark = [l for l in text.splitlines() if "checkpoint" in l][-1]
        forged = mark.replace(mark[-20:-4], mark[-20:-4].swapcase())
        with open(self.path("e.jsonl"), "w") as f:
            f.write(text.replace(mark, forged))
        self.assertEqual(subprocess.run(oracle, capture_output=True).returncode, 1)
        self.assertIn("bad: record", self.cli(1, "audit", "verify", "--key", key, self.path("e.jsonl")))

    def test_a_key_that_is_none_is_told(self):
        self.live("one")
        self.assertIn("holds no public", self.cli(65, "audit", "verify", "--key", self.gateway.conf))
        self.assertIn("cannot be read", self.cli(65, "audit", "verify", "--key", self.path("nothing")))
        self.assertIn("holds no checkpoint", self.cli(65, "audit", "verify", "--checkpoint", self.gateway.conf))
        self.cli(64, "audit", "verify", "--keys", "x")


class Elsewhere(Signed):
    def test_a_log_that_was_cut_back_is_found_by_a_checkpoint_that_is_kept_elsewhere(self):
        self.configure(f'audit {{ file = "{self.path("elsewhere")}" }}\n')
        self.live("one", "two")
        store, last = self.state("sallyport.db"), self.newest()
        self.tamper(store, f"""DELETE FROM checkpoint WHERE seq>1; DELETE FROM audit WHERE seq>1;
            UPDATE audit_chain SET newest=1, newest_h=(SELECT h FROM audit WHERE seq=1)""")
        self.assertIn("good: 1 record", self.cli(0, "audit", "verify"))          # nothing in the store can tell
        said = self.cli(1, "audit", "verify", "--checkpoint", self.path("elsewhere"))
        self.assertIn(f"bad: record 2 is not there: a checkpoint that is kept elsewhere speaks of record {last}", said)

    def test_a_room_and_a_file_get_what_is_signed(self):
        self.configure(f'audit {{ room = "home" file = "{self.path("elsewhere")}" }}\n')
        console = self.gateway.start().console()
        said = console.expect("sallyport-audit-v1 ")
        console.ask("!build mark id=one", " passed: mark")
        self.gateway.stop()
        with open(self.path("seen"), "w") as f:
            f.write(str(said) + "\n")
        self.assertIn("Compared with 1 checkpoint of", self.cli(0, "audit", "verify", "--checkpoint", self.path("seen")))
        with open(self.path("elsewhere")) as f:
            lines = f.read().splitlines()
        self.assertEqual(lines[-1], self.cli(0, "audit", "checkpoint").strip())
        self.cli(0, "audit", "verify", "--checkpoint", self.path("elsewhere"))

    def test_after_a_kill_it_goes_on_signing(self):
        self.some_commands(["one"])
        self.gateway.kill()
        self.live("two")
        self.assertIn(f"Records 1 to {self.newest()} are as signed", self.cli(0, "audit", "verify"))


class Keys(Signed):
    def key(self, name):
        path = self.path(name)
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path], check=True, capture_output=True)
        os.chmod(path, 0o600)
        public = path + ".pub"
        subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-out", public], check=True, capture_output=True)
        return path, public

    def rewrite(self, audit):
        with open(self.gateway.conf) as f:
            lines = [line for line in f if not line.startswith("audit {")]
        with open(self.gateway.conf, "w") as f:
            f.writelines([*lines, audit + "\n"])

    def test_a_key_vouches_for_the_next_and_one_that_nobody_vouched_for_is_found(self):
        (one, one_pub), (two, two_pub), (three, three_pub) = self.key("k1"), self.key("k2"), self.key("k3")
        self.rewrite(f'audit {{ key_file = "{one}" }}')
        self.live("one")
        self.rewrite(f'audit {{ key_file = "{two}" old_key_file = "{one}" }}')
        self.live("two")
        self.assertIn("which signed this too", self.cli(0, "audit", "list"))
        for public in (one_pub, two_pub):
            self.assertIn(f"Records 1 to {self.newest()} are as signed", self.cli(0, "audit", "verify", "--key", public))
        self.cli(0, "audit", "verify")
        self.cli(1, "audit", "verify", "--key", three_pub)
        self.rewrite(f'audit {{ key_file = "{three}" }}')
        self.live("three")
        self.assertIn("which was not there to sign this", self.cli(0, "audit", "list"))
        self.assertIn("is signed by another key", self.cli(1, "audit", "verify", "--key", two_pub))
        self.cli(0, "audit", "verify", "--key", three_pub)

    def test_what_is_no_key_is_a_mistake_of_the_configuration(self):
        self.gateway.secret("nokey", "hello there, no key")
        self.configure('audit { key_file = "nokey" room = "nowhere" room_every = "1s" }\n')
        said = self.cli(78, "check")
        for part in ("no private Ed25519 key", "no room is called nowhere", "room_every is 1m to 7d"):
            self.assertIn(part, said)


class Asked(Signed):
    def test_lists_for_people_for_programs_and_for_spreadsheets(self):
        console = self.some_commands(["one", "two"])
        console.ask("!audit", "Audit, the newest first")
        console.ask("!audit B1", "B1 done: ")
        rows = list(csv.DictReader(io.StringIO(self.cli(0, "audit", "list", "--csv", "--instance", "local", "--result", "done"))))
        self.assertEqual([row["outcome"] for row in rows], ["done", "done"])
        lines = [json.loads(line) for line in self.cli(0, "audit", "list", "--json", "--id", "B2").splitlines()]
        self.assertEqual([line["what"] for line in lines], ["asked", "ended"])
        self.assertEqual({line["args_hash"] for line in lines if line["args_hash"]}.__len__(), 1)
        self.assertEqual(self.cli(0, "audit", "list", "--json", "--until", "1d"), "")
        self.gateway.stop()
        self.assertEqual(len(self.cli(0, "audit", "list", "--json", "--id", "B2").splitlines()), 2)
