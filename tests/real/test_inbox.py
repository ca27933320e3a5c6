"""Webhooks through the whole program: signed ones are told once, whatever is repeated and whenever the gateway dies; and who watches it."""
import hashlib
import hmac
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

from lib import ircd, things, tracer
from lib.gateway import PROGRAM, Gateway

SECRET = "0123456789abcdef0123456789abcdef"
KILLS = int(os.environ.get("SALLYPORT_KILLS", "8"))
CONF = """
person "owner" {{ accounts = {{ "console/@owner" }} roles = {{ "all" }} }}
role "all" {{ look = {{ "*" }} }}
room "home" {{ places = {{ "console/here"{place} }} }}
hooks {{ url = "http://127.0.0.1:{port}" listen = "{listen}" {more} }}
"""
IRC = 'irc "corp" {{ server = "localhost" port = {port} tls = no flood = no }}\n'
# The integration that takes any JSON, where this program has it.
NAS = 'incoming "nas" { hook_file = "secret" hook_header = "X-Signature" rooms = { "home" } title = "text" }\n'


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Story(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.port = things.free_port()

    def begin(self, more="", rest="", listen=None, place=""):
        conf = CONF.format(place=place, port=self.port, listen=listen or f"127.0.0.1:{self.port}", more=more) + rest
        self.gateway = Gateway(self.folder, conf)
        self.gateway.secret("secret", SECRET)
        self.addCleanup(self.gateway.stop)
        self.gateway.start()

    def ask(self, method, path, body=None, headers={}, connection=None, timeout=20):
        """(status, headers, body)"""
        connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()


class Watched(Story):
    """Whoever runs the gateway watches it."""

    def metrics(self):
        status, headers, body = self.ask("GET", "/metrics")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        found = {}
        for line in body.splitlines():
            if not line.startswith("#"):
                match = re.fullmatch(r'(sallyport_[a-z_]+(?:\{(?:[a-z]+="[^"]*",?)+\})?) (-?[0-9.e+]+)', line)
                self.assertTrue(match, line)
                self.assertNotIn(match[1], found)
                found[match[1]] = float(match[2])
        return found

    def test_its_health_and_its_numbers(self):
        self.begin("metrics = yes")
        things.wait_until(lambda: self.ask("GET", "/healthz")[::2] == (200, "ok\n"), what="a healthy gateway")
        console = self.gateway.console()
        console.ask("!ping", "pong")
        numbers = self.metrics()
        self.assertEqual(numbers['sallyport_link_up{link="console"}'], 1)
        self.assertEqual(numbers["sallyport_store_failing"], 0)
        self.assertGreater(numbers["sallyport_memory_bytes"], 1e6)
        self.assertGreaterEqual(numbers['sallyport_http_request_seconds_bucket{le="+Inf"}'], 1)
        allowed = numbers['sallyport_commands_total{outcome="allowed"}']
        console.ask("!ping", "pong")
        things.wait_until(lambda: self.metrics()['sallyport_commands_total{outcome="allowed"}'] > allowed, what="the count of commands")

    def test_only_where_it_is_wanted_and_for_whom(self):
        self.begin()
        self.assertEqual(self.ask("GET", "/metrics")[0], 404)
        self.assertEqual(self.ask("GET", "/healthz")[0], 404)
        self.gateway.stop()
        self.begin('metrics = yes metrics_from = "192.0.2.0/24"')
        self.assertEqual(self.ask("GET", "/metrics")[0], 404)
        self.gateway.stop()
        self.begin("metrics = yes")
        self.assertEqual(self.ask("GET", "/metrics")[0], 200)
        # What came through a proxy that nobody named did not come from this machine, whatever its address.
        for header in ("X-Forwarded-For", "Forwarded", "Via"):
            self.assertEqual(self.ask("GET", "/metrics", headers={header: "127.0.0.1"})[0], 404)
        self.gateway.stop()
        self.begin('metrics = yes proxies = "127.0.0.1"')
        self.assertEqual(self.ask("GET", "/metrics", headers={"X-Forwarded-For": "198.51.100.7"})[0], 404)
        self.assertEqual(self.ask("GET", "/metrics", headers={"X-Forwarded-For": "::1"})[0], 200)

    def test_a_link_may_be_away_for_a_minute(self):
        self.begin("metrics = yes", f'irc "corp" {{ server = "localhost" port = {things.free_port()} tls = no }}\n')
        things.wait_until(lambda: self.ask("GET", "/healthz")[0] == 200, what="a healthy gateway")
        self.assertEqual(self.metrics()['sallyport_link_up{link="corp"}'], 0)

    def certificate(self, name):
        key, certificate = os.path.join(self.folder, name + "-key"), os.path.join(self.folder, name + ".pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                        "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=60)
        os.chmod(key, 0o600)
        return certificate, f'certificate_file = "{certificate}" key_file = "{key}"'

    def healthy(self, ca, most=ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=ca)
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, most
        return self.ask("GET", "/healthz", connection=http.client.HTTPSConnection("localhost", self.port, timeout=20, context=context))[0] == 200

    def test_tls_of_our_own_and_a_new_certificate(self):
        first, options = self.certificate("first")
        second, others = self.certificate("second")
        self.begin("metrics = yes " + options)
        things.wait_until(lambda: self.healthy(first), what="a healthy gateway")
        self.assertTrue(self.healthy(first, ssl.TLSVersion.TLSv1_2))
        with self.assertRaises((ssl.SSLError, OSError)):
            self.healthy(first, ssl.TLSVersion.TLSv1_1)
        with self.assertRaises(ssl.SSLError):
            self.healthy(second)
        with self.assertRaises((http.client.HTTPException, OSError)):
            self.ask("GET", "/healthz")
        silent = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(100)]
        began = time.monotonic()
        self.assertTrue(self.healthy(first))
        self.assertLess(time.monotonic() - began, 1)
        for client in silent:
            client.close()
        with open(self.gateway.conf) as f:
            conf = f.read()
        with open(self.gateway.conf, "w") as f:
            f.write(conf.replace(options, others))
        os.kill(self.gateway.program.pid, signal.SIGHUP)
        things.wait_until(lambda: self.trusted(second), what="the new certificate")
        with open(self.gateway.conf, "w") as f:
            f.write(conf.replace(options, options.split(" key_file")[0]))
        self.assertIn("one of them is missing", self.gateway.cli("check")[1])

    def trusted(self, ca):
        try:
            return self.healthy(ca)
        except ssl.SSLError:
            return False

    def test_a_socket_in_the_file_system_also_after_a_kill(self):
        path = os.path.join(self.folder, "hooks")
        self.begin("metrics = yes", listen="unix:" + path)
        things.wait_until(lambda: self.ask("GET", "/healthz", connection=Unix(path))[0] == 200, what="a healthy gateway")
        self.gateway.kill()
        self.gateway.start()
        things.wait_until(lambda: self.ask("GET", "/healthz", connection=Unix(path))[0] == 200, what="a healthy gateway")
        self.assertEqual(self.ask("HEAD", "/in/anything", connection=Unix(path))[0], 200)


class Sent(Story):
    """Webhooks, and somebody who sends them."""

    def begin(self, more="", rest="", place=""):
        super().begin(more, NAS + rest, place=place)

    def post(self, text, name="nas", secret=SECRET, timeout=20, **headers):
        body = json.dumps({"text": text}).encode()
        headers = {"Content-Type": "application/json", "X-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()} | headers
        return self.ask("POST", f"/in/{name}", body, headers, timeout=timeout)[0]

    def told(self, text):
        """Messages of it, ever: after the gateway has ended."""
        with sqlite3.connect(os.path.join(self.gateway.state, "sallyport.db")) as db:
            return db.execute("SELECT count(*) FROM outbox WHERE instr(body, ?)", (text,)).fetchone()[0]

    def reached(self, unheard):
        while unheard:
            if self.post(unheard[-1]) >= 300:
                return False
            unheard.pop()
        return True

    def signed(self, text):
        body = json.dumps({"text": text}).encode()
        return self.ask("POST", "/in/nas", body, {"Content-Type": "application/json", "X-Signature": hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}, timeout=60)


class Webhooks(Sent):
    def test_a_signed_one_is_told_on_irc_and_at_the_console_and_another_is_not(self):
        network = ircd.Network()
        self.addCleanup(network.stop)
        self.begin(rest=IRC.format(port=network.port), place=', "corp/#ops"')
        things.wait_until(network.joined.is_set, what="the channel")
        console = self.gateway.console()
        self.assertLess(self.post("backup of nas1 is done"), 300)
        console.expect("backup of nas1 is done")
        self.assertIn("backup of nas1 is done", network.said.get(timeout=20)[2])
        self.assertEqual(self.post("backup of nas2 is done", secret=SECRET[:-1] + "0"), 401)
        self.assertEqual(self.post("backup of nas2 is done", name="nobody"), 401)
        self.assertLess(self.post("backup of nas3 is done"), 300)
        console.expect("nas3")
        self.assertFalse(any("nas2" in line for line in console.lines))

    def test_what_is_repeated_has_one_effect_also_after_a_restart(self):
        self.begin()
        console = self.gateway.console()
        for _ in range(3):
            self.assertLess(self.post("once"), 300)
        self.assertLess(self.post("twice"), 300)
        console.expect("twice")
        self.gateway.kill()
        self.gateway.start()
        console = self.gateway.console()
        self.assertLess(self.post("once"), 300)
        self.assertLess(self.post("thrice"), 300)
        console.expect("thrice")
        self.gateway.stop()
        self.assertEqual(self.told("once"), 1)

    def test_killed_at_any_moment_each_is_told_once(self):
        """Its sender sends until it hears 2xx."""
        self.begin()
        random.seed(6)
        count, unheard = 0, []
        for _ in range(KILLS):
            stop = threading.Timer(random.uniform(0.01, 0.3), self.gateway.kill)
            stop.start()
            while self.gateway.program.running():
                text = unheard.pop() if unheard else f"number-{count}-end"
                count += text == f"number-{count}-end"
                try:
                    if self.post(text) >= 300:
                        unheard.append(text)
                except OSError:
                    unheard.append(text)
                except http.client.HTTPException:
                    unheard.append(text)
            stop.join()
            self.gateway.start()
            things.wait_until(lambda: self.reached(unheard), what="the sender's next try")
        self.post("the last one")
        self.gateway.console().expect("the last one")
        self.gateway.stop()
        self.assertGreater(count, KILLS)
        self.assertEqual([self.told(f"number-{i}-end") for i in range(count)], [1] * count)

    def test_a_store_that_refuses_is_503_and_the_next_try_is_taken(self):
        self.begin()
        with sqlite3.connect(os.path.join(self.gateway.state, "sallyport.db"), isolation_level=None, timeout=20) as db:
            db.execute("BEGIN IMMEDIATE")
            status, headers, _ = self.signed("while it is locked")
            self.assertEqual(status, 503)
            self.assertTrue(headers["Retry-After"])
            db.execute("ROLLBACK")
        things.wait_until(lambda: self.post("while it is locked") < 300, what="the store")
        self.gateway.console().expect("while it is locked")

    def test_slow_senders_hold_no_signed_one_up(self):
        self.begin()
        slow = []
        for i in range(200):
            client = socket.socket()
            client.bind((f"127.0.0.{2 + i % 50}", 0))
            client.connect(("127.0.0.1", self.port))
            client.sendall(b"POST /in/nas HTTP/1.1\r\nHost: gw\r\nContent-Length: 100000\r\n\r\n{")
            slow.append(client)
        times = []
        for i in range(50):
            began = time.monotonic()
            self.assertLess(self.post(f"quick {i}"), 300)
            times.append(time.monotonic() - began)
        for client in slow:
            client.close()
        self.assertLess(max(times), 1)

    def test_what_is_wrong_with_the_options_is_told(self):
        self.begin()
        path = self.gateway.conf
        with open(path) as f:
            conf = f.read()
        for was, becomes, says in ((' hook_file = "secret"', "", "nothing says how its webhooks are proven"), ('rooms = { "home" }', "", "nobody would hear of its webhooks"),
                                   ('rooms = { "home" }', 'rooms = { "hom" }', "no room is called hom"), ("hooks {", "#hooks {", "nothing listens for them"),
                                   ('hook_file = "secret"', 'hook_certificates = "' + "ab" * 32 + '"', "name its address with proxies")):
            self.assertIn(was, conf)
            with open(path, "w") as f:
                f.write(conf.replace(was, becomes))
            code, said = self.gateway.cli("check")
            self.assertEqual(code, 78, said)
            self.assertIn(says, said)
        with open(path, "w") as f:
            f.write(conf)

    def test_those_that_came_are_listed_and_one_is_carried_out_once_more(self):
        self.begin()
        console = self.gateway.console()
        self.post("first")
        self.post("second")
        console.expect("second")
        code, listed = self.gateway.cli("hooks", "list")
        self.assertEqual(code, 0)
        rows = [line.split() for line in listed.splitlines()[1:]]
        self.assertEqual([(row[2], row[3]) for row in rows], [("nas", "done"), ("nas", "done")], listed)
        number = rows[1][0]
        self.assertEqual(self.gateway.cli("hooks", "replay", number), (0, f"{number} is carried out once more.\n"))
        console.expect("first")
        self.assertIn(f"hooks replay {number}", self.gateway.cli("audit", "list")[1])
        self.assertEqual(self.gateway.cli("hooks", "replay", "4711")[0], 1)
        self.assertEqual(self.gateway.cli("hooks", "replay", "x")[0], 64)
        self.assertEqual(self.gateway.cli("hooks", "list", "nobody")[1], "No webhook of nobody came in the last 7 days.\n")
        self.gateway.stop()
        self.assertEqual(self.gateway.cli("hooks", "list", "--limit", "1")[1].splitlines()[1].split()[0], rows[0][0])
        self.assertEqual(self.gateway.cli("hooks", "replay", number)[0], 69)

    def test_one_that_tests_the_way_does_nothing(self):
        self.begin()
        code, said = self.gateway.cli("hooks", "test", "nas")
        self.assertEqual(code, 0, said)
        self.assertEqual(said, f"POST http://127.0.0.1:{self.port}/in/nas\nHTTP 204. It was taken for what it is: webhooks of its service reach us.\n")
        self.assertNotIn(SECRET, said)
        self.gateway.secret("secret", "another secret that nobody loaded")
        code, said = self.gateway.cli("hooks", "test", "nas")
        self.assertEqual(code, 1, said)
        self.assertIn("HTTP 401. It got there and was not proven.", said)
        self.gateway.secret("secret", SECRET)
        self.assertEqual(self.gateway.cli("hooks", "list")[1], "No webhook came in the last 7 days.\n")
        self.gateway.stop()
        code, said = self.gateway.cli("hooks", "test", "nas")
        self.assertEqual(code, 1)
        self.assertIn("Without what is in between", said)
        self.assertEqual(self.gateway.cli("hooks", "test", "nobody")[0], 64)

    def test_what_one_would_look_like(self):
        self.begin()
        path = os.path.join(self.folder, "body.json")
        with open(path, "w") as f:
            json.dump({"text": "<b>backup</b> of nas1 is done", "url": "https://nas1.corp.example/"}, f)
        code, said = self.gateway.cli("hooks", "try", "nas", path)
        self.assertEqual(code, 0, said)
        for chat in ("IRC", "the console", "Matrix"):
            self.assertRegex(said, rf"(?m)^{chat}\n    .*backup.* of nas1 is done")
        self.assertIn("&lt;b&gt;", said)
        self.assertEqual(self.gateway.cli("hooks", "list")[1], "No webhook came in the last 7 days.\n")
        with open(path, "w") as f:
            f.write("[1, 2")
        code, said = self.gateway.cli("hooks", "try", "nas", path)
        self.assertEqual(code, 1)
        self.assertIn("It would come to nothing", said)
        self.assertEqual(self.gateway.cli("hooks", "try", "nas", path + ".none")[0], 66)

    def test_a_file_in_the_spool_is_one_too(self):
        spool = os.path.join(self.folder, "spool")
        os.mkdir(spool, 0o700)
        Story.begin(self, f'spool = "{spool}"', 'incoming "nas" { rooms = { "home" } title = "text" }\n')
        console = self.gateway.console()
        with open(os.path.join(spool, ".a"), "w") as f:
            f.write('{"text": "by hand"}')
        os.rename(os.path.join(spool, ".a"), os.path.join(spool, "nas.a"))
        console.expect("by hand")
        with open(os.path.join(spool, ".a"), "w") as f:
            f.write("nothing that is JSON")
        os.rename(os.path.join(spool, ".a"), os.path.join(spool, "nas.b"))
        things.wait_until(lambda: os.path.exists(os.path.join(spool, "refused", "nas.b.reason")), what="the reason")
        # Nobody has a secret, so nobody is proven over HTTP.
        self.assertEqual(self.post("over HTTP"), 401)


@unittest.skipUnless(tracer.attaches(), "needs strace, and leave to attach it")
class Killed(Sent):
    """kill -9 at one system call after the other, from the first that a request makes to the last of its carrying out."""
    # Of the loop, and of the store: what is read, written to the disk or said to anybody. Writing tells the loop that something is committed.
    ANSWERS = ("sendmsg", "sendto", "writev")
    CALLS = ("recvfrom", "epoll_wait", "read", "sendmsg", "pwrite64", "fdatasync", "write")

    def killed_at(self, call, number, text):
        """(what the sender heard, or None; what became of the delivery, or None). It runs again after that."""
        trace = tracer.kill_at(self.gateway.program, call, number, os.path.join(self.folder, "strace.log"))
        try:
            heard = self.post(text)
        except (OSError, http.client.HTTPException):
            heard = None
        things.wait_until(lambda: not self.gateway.program.running() or self.state_of(text) == "done", what="a kill or an end")
        trace.stop()
        state = self.state_of(text)
        if not self.gateway.program.running():
            self.gateway.start()
        return heard, state

    def state_of(self, text):
        with sqlite3.connect(f"file:{os.path.join(self.gateway.state, 'sallyport.db')}?mode=ro", uri=True) as db:
            row = db.execute("SELECT state FROM delivery WHERE instr(body, ?)", (text,)).fetchone()
        return row and row[0]

    def each_once(self, texts):
        self.assertLess(self.post("the last one"), 300)
        self.gateway.console().expect("the last one")
        self.gateway.stop()
        self.assertEqual([self.told(text) for text in texts], [1] * len(texts))

    def test_between_the_commit_and_the_answer(self):
        self.begin()
        self.assertLess(self.post("before"), 300)
        # Which of them says the answer is the library's business.
        self.assertIn(None, [self.killed_at(call, 1, f"just now, {call}")[0] for call in self.ANSWERS])
        for call in self.ANSWERS:
            things.wait_until(lambda: self.state_of(f"just now, {call}") == "done", what="its carrying out, in the next life")
            self.assertLess(self.post(f"just now, {call}"), 300)
        self.each_once(["before", *(f"just now, {call}" for call in self.ANSWERS)])

    def test_at_each_system_call(self):
        self.begin()
        texts, seen = [], set()
        for call in self.CALLS:
            for number in range(1, 100):
                texts.append(f"{call}-{number}-end")
                heard, state = self.killed_at(call, number, texts[-1])
                self.assertTrue(state or not heard, f"it was answered and not committed: {texts[-1]}")
                seen.add((call, bool(heard), state))
                things.wait_until(lambda: heard or self.reached(texts[-1:]), what="the sender's next try")
                if heard and state == "done":
                    break
        for wanted in (("pwrite64", False, None), ("write", False, "new"), ("pwrite64", True, "new")) + tuple((call, True, "done") for call in self.CALLS):
            self.assertIn(wanted, seen)                     # not committed, not answered, not carried out
        self.each_once(texts)
