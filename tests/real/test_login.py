"""Logging in to a real server in each way there is, and the ways in which that fails: then nobody joins anything."""
import hashlib
import os
import shutil
import ssl
import subprocess
import tempfile
import unittest

from lib import irc, servers, things
from lib.gateway import Gateway

CONF = """
strangers = {{ "ping" }}
irc "corp" {{ server = "localhost" port = {port} ca_file = "{ca}" account = "sally" flood = no retry = "1s" {login} }}
room "ops" {{ places = {{ "corp/#ops" }} }}
"""


@unittest.skipUnless(servers.TREES, "needs the real servers")
class Login(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ergo = servers.Ergo().start()
        cls.addClassCleanup(cls.ergo.remove)
        irc.Person(cls.ergo.tls_port, "sally", tls=cls.ergo.ca, account="sally", password="pw-sally", register=True).close()

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.guest = irc.Person(self.ergo.tls_port, "guest", tls=self.ergo.ca)
        self.addCleanup(self.guest.close)
        self.guest.join("#ops")

    def gateway(self, login, password="pw-sally"):
        self.gate = Gateway(self.folder, CONF.format(port=self.ergo.tls_port, ca=self.ergo.ca, login=login))
        self.gate.secret("irc-password", password)
        self.addCleanup(self.gate.stop)
        return self.gate.start()

    def joined_as_sally(self):
        self.guest.expect("JOIN #ops")
        self.guest.send("WHOIS sally")
        self.guest.expect(" 330 guest sally sally ")
        self.guest.say("#ops", "!ping there")
        self.guest.expect("pong there")

    def refused(self, sentence):
        things.wait_until(lambda: sentence in self.gate.cli("status")[1], 20, f"{sentence!r} in status")
        self.assertIsNone(self.guest.heard("JOIN #ops", 0.5))
        self.assertNotIn("pw-", self.gate.program.output())

    def certificate(self):
        """Ours, self-signed; its fingerprint."""
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=sally",
                        "-keyout", "irc.key", "-out", "irc.pem"], check=True, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.chmod(os.path.join(self.folder, "irc.key"), 0o600)
        with open(os.path.join(self.folder, "irc.pem")) as f:
            return hashlib.sha256(ssl.PEM_cert_to_DER_cert(f.read())).hexdigest()

    def test_scram_where_it_is_offered_without_being_asked_for(self):
        self.gateway('password_file = "irc-password"')
        self.joined_as_sally()

    def test_scram_where_it_is_asked_for(self):
        self.gateway('password_file = "irc-password" sasl = "scram-sha-256"')
        self.joined_as_sally()

    def test_plain_where_it_is_asked_for(self):
        self.gateway('password_file = "irc-password" sasl = "plain"')
        self.joined_as_sally()

    def test_a_wrong_password_joins_nothing(self):
        for sasl in ("", 'sasl = "scram-sha-256"', 'sasl = "plain"'):
            with self.subTest(sasl):
                self.gateway('password_file = "irc-password" ' + sasl, "pw-wrong")
                self.refused("refused the account and its password")
                self.gate.stop()
                shutil.rmtree(self.gate.state)

    def test_a_certificate_that_the_account_knows(self):
        fingerprint = self.certificate()
        sally = irc.Person(self.ergo.tls_port, "sally", tls=self.ergo.ca, account="sally", password="pw-sally")
        sally.send(f"NS CERT ADD {fingerprint}")
        sally.expect("successfully added")
        sally.close()
        self.gateway('sasl = "external" certificate_file = "irc.pem" key_file = "irc.key"')
        self.joined_as_sally()

    def test_a_certificate_that_nobody_knows_joins_nothing(self):
        self.certificate()
        self.gateway('sasl = "external" certificate_file = "irc.pem" key_file = "irc.key"')
        self.refused("refused the certificate")

    def pin(self):
        key = subprocess.run("openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64", shell=True, check=True,
                             stdin=open(os.path.join(self.ergo.folder, "server.pem")), capture_output=True).stdout
        return "sha256//" + key.decode().strip()

    def test_a_pinned_server(self):
        self.gateway(f'password_file = "irc-password" pin = "{self.pin()}"')
        self.joined_as_sally()

    def test_another_pin_is_told_what_was_seen(self):
        self.gateway('password_file = "irc-password" pin = "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="')
        self.refused(f"The public key of localhost is {self.pin()}")
