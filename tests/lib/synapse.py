"""A real Matrix homeserver: Synapse, from the tree that servers/prepare makes; ready when start() returns."""
import base64
import hashlib
import hmac
import os

from . import matrix, servers, things

THERE = bool(servers.TREES) and os.path.exists(os.path.join(servers.TREES, "sid", "done"))
SECRET = "test-shared-secret"
UNLIMITED = """
rc_message: &fast {per_second: 10000, burst_count: 10000}
rc_registration: *fast
rc_login: {address: *fast, account: *fast, failed_attempts: *fast}
rc_admin_redaction: *fast
rc_joins: {local: *fast, remote: *fast}
rc_joins_per_room: *fast
rc_invites: {per_room: *fast, per_user: *fast, per_issuer: *fast}
rc_room_creation: *fast
rc_media_create: *fast
rc_key_requests: *fast
"""


class Synapse(servers.InTree):
    """`limits`: its own limits of messages stay (0.2 a second, 10 at once); else there are none. `more`: lines of its configuration."""
    name_of_server = "hs.test"

    def __init__(self, limits=False, more=""):
        super().__init__("sid", "synapse")
        self.port = things.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.write("signing.key", "ed25519 a_test " + base64.b64encode(os.urandom(32)).decode().rstrip("=") + "\n")
        self.write("log.yaml", "version: 1\nformatters: {short: {format: '%(asctime)s %(levelname)s %(message)s'}}\n"
                               "handlers: {out: {class: logging.StreamHandler, formatter: short}}\n"
                               "root: {level: WARNING, handlers: [out]}\ndisable_existing_loggers: false\n")
        self.write("homeserver.yaml", f"""
server_name: {self.name_of_server}
public_baseurl: {self.url}/
pid_file: {self.inside}/homeserver.pid
signing_key_path: {self.inside}/signing.key
report_stats: false
suppress_key_server_warning: true
trusted_key_servers: []
federation_domain_whitelist: []
listeners: [{{port: {self.port}, type: http, tls: false, bind_addresses: ['127.0.0.1'], resources: [{{names: [client]}}]}}]
database: {{name: sqlite3, args: {{database: {self.inside}/homeserver.db}}}}
media_store_path: {self.inside}/media
log_config: {self.inside}/log.yaml
registration_shared_secret: {SECRET}
macaroon_secret_key: test-macaroon
form_secret: test-form
bcrypt_rounds: 4
presence: {{enabled: false}}
{"" if limits else UNLIMITED}
{more}
""")

    def start(self):
        self.run("/usr/bin/python3", "-m", "synapse.app.homeserver", f"--config-path={self.inside}/homeserver.yaml")
        things.wait_until(self.answers, 60, "Synapse")
        return self

    def answers(self):
        if not self.programs[-1].running():
            raise AssertionError("Synapse ended: " + self.programs[-1].output()[-2000:])
        try:
            return matrix.ask(self.url, "GET", "/_matrix/client/versions")
        except OSError:
            return None

    def register(self, user, password=None, admin=False):
        """The account, logged in, as a matrix.Person. Its password is pw-USER."""
        password = password or f"pw-{user}"
        nonce = matrix.ask(self.url, "GET", "/_synapse/admin/v1/register")["nonce"]
        words = [nonce, user, password, "admin" if admin else "notadmin"]
        mac = hmac.new(SECRET.encode(), "\0".join(words).encode(), hashlib.sha1).hexdigest()
        answer = matrix.ask(self.url, "POST", "/_synapse/admin/v1/register", {"nonce": nonce, "username": user, "password": password, "admin": admin,
                                                                              "displayname": user.capitalize(), "mac": mac})
        return matrix.Person(self.url, answer["user_id"], answer["access_token"])
