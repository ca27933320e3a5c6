"""A gateway whose console is a room, and whoever posts to it."""
import copy
import json
import shutil
import tempfile
import unittest
import urllib.error
import urllib.request

from . import things
from .gateway import Gateway

SECRET = "0123456789abcdef0123456789abcdef"
CONF = """
hooks {{ url = "https://gw.corp.example" listen = "127.0.0.1:{port}" connections = 64 connections_each = 64 }}
admins = {{ "owner" }}
person "owner" {{ accounts = {{ "console/@owner" }} roles = {{ "all" }} }}
role "all" {{ look = {{ "*" }} may = {{ {may} }} }}
room "home" {{ places = {{ "console/here" }} services = {{ {services} }} operators = yes }}
{sections}
"""


class Receiving(unittest.TestCase):
    sections = ""                               # of its services
    services = ()                               # their names
    may = '"gateway.lock"'                      # rules of who says something
    first = None                                # what the first of them understands: the end of its address, a body, and how it is said

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.port = things.free_port()
        self.gateway = Gateway(self.folder, CONF.format(port=self.port, sections=self.sections, services=", ".join(f'"{name}"' for name in self.services),
                                                        may=self.may))
        self.gateway.secret("secret", SECRET)
        self.addCleanup(self.gateway.stop)
        self.gateway.start()
        things.wait_until(things.listening(self.port), 20, "the hooks")
        self.console = self.gateway.console()
        self.addCleanup(self.console.close)
        rest, body, said = self.first
        self.told(self.url(self.services[0], False) + rest, body, said)

    def url(self, name, secret=True):
        return f"http://127.0.0.1:{self.port}/in/{name}" + (f"/{SECRET}" if secret else "")

    def post(self, url, body, headers=None):
        """(status, type, text). Senders come again while we say 503, as at the very start."""
        answers = []
        things.wait_until(lambda: answers.append(self.post_once(url, body, headers)) or answers[-1][0] != 503, what="another answer than 503")
        return answers[-1]

    def post_once(self, url, body, headers=None, method="POST"):
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(url, text, {"Content-Type": "application/json", **(headers or {})}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.headers.get("Content-Type"), answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers.get("Content-Type"), error.read().decode()

    def told(self, url, body, part, headers=None):
        answer = self.post(url, body, headers)
        return answer, self.console.expect(part)


def nodes(value, path=()):
    """The paths of all that is inside."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield path + (key,)
        yield from nodes(one, path + (key,))


def spoiled(body):
    """It with each of its nodes gone, null, or of another type."""
    for path in nodes(body):
        for instead in ("gone", None, 17, "x", [], {}):
            one = copy.deepcopy(body)
            at = one
            for key in path[:-1]:
                at = at[key]
            if instead == "gone":
                del at[path[-1]]
            else:
                at[path[-1]] = instead
            yield one
