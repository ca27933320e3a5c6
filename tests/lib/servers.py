"""Real servers, from the trees that servers/prepare makes: each in a folder of its own, on free ports, ready when start() returns."""
import base64
import json
import os
import shutil
import socket
import subprocess
import urllib.request

from . import irc, things

TREES = os.environ.get("SALLYPORT_SERVERS")


def certificate(folder, host):
    """A certificate authority and a certificate for `host`: ca.pem, server.pem, server.key."""
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=test CA",
            "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={host}", "-keyout", "server.key",
            "-out", "server.csr")
    with open(os.path.join(folder, "names"), "w") as f:
        f.write(f"subjectAltName=DNS:{host}\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extfile", "names",
            "-out", "server.pem")
    os.chmod(os.path.join(folder, "server.key"), 0o644)
    return os.path.join(folder, "ca.pem")


class InTree:
    """A folder inside a tree, seen as /srv/NAME by the server."""

    def __init__(self, tree, name):
        self.tree = os.path.join(TREES, tree)
        self.name = f"{name}-{os.getpid()}-{things.free_port()}"
        self.inside = f"/srv/{self.name}"
        self.folder = os.path.join(self.tree, "srv", self.name)
        os.makedirs(self.folder)
        self.programs = []

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w") as f:
            f.write(text)

    def command(self, *argv):
        return ["chroot", self.tree, *argv]

    def run(self, *argv, log="log", cwd=None):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
        program = things.Program(self.command(*argv), os.path.join(self.folder, log), env=env, cwd=cwd)
        self.programs.append(program)
        return program

    def stop(self):
        for program in reversed(self.programs):
            program.stop(5)
        self.programs = []

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Ngircd(InTree):
    def __init__(self, more="", name="irc.ngircd.test", sections=""):
        super().__init__("debian12", name)
        self.port = things.free_port()
        self.write("conf", f"""[Global]
Name = {name}
Info = test
Listen = 127.0.0.1
Ports = {self.port}
AdminEMail = a@b.c
MotdPhrase = "hello"
ServerUID = root
ServerGID = root
{more}
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxPenaltyTime = 0
PingTimeout = 120
PongTimeout = 20
[Options]
DNS = no
Ident = no
PAM = no
{sections}
""")

    def start(self):
        self.run("/usr/sbin/ngircd", "-n", "-f", f"{self.inside}/conf")
        things.wait_until(things.listening(self.port), 20, "ngircd")
        return self


def two_ngircds():
    """A network of two, the second of which links to the first; not started."""
    def peer(name, more=""):
        return f"[Server]\nName = {name}\nMyPassword = link\nPeerPassword = link\n{more}"
    hub = Ngircd(name="hub.ngircd.test", sections=peer("leaf.ngircd.test", "Passive = yes\n"))
    return hub, Ngircd("ConnectRetry = 5", "leaf.ngircd.test", peer("hub.ngircd.test", f"Host = 127.0.0.1\nPort = {hub.port}\n"))


class Ergo(InTree):
    """The one server here with accounts, SASL and the IRCv3 capabilities. TLS with a CA of its own."""

    def __init__(self):
        super().__init__("debian13", "ergo")
        self.port, self.tls_port = things.free_port(), things.free_port()
        self.ca = certificate(self.folder, "localhost")
        d = self.inside
        self.write("ergo.yaml", f"""network: {{name: ErgoTest}}
server:
  name: irc.test
  listeners:
    "127.0.0.1:{self.port}": {{}}
    "127.0.0.1:{self.tls_port}":
      tls: {{cert: {d}/server.pem, key: {d}/server.key}}
  casemapping: ascii
  enforce-utf8: true
  lookup-hostnames: false
  check-ident: false
  relaymsg: {{enabled: false}}
  max-sendq: 96k
  compatibility: {{force-trailing: true, send-unprefixed-sasl: true, allow-truncation: false}}
  ip-limits: {{count: false, throttle: false}}
  ip-cloaking: {{enabled: false}}
accounts:
  authentication-enabled: true
  registration: {{enabled: true, allow-before-connect: true, throttling: {{enabled: false}}, bcrypt-cost: 4, email-verification: {{enabled: false}}}}
  login-throttling: {{enabled: false}}
  login-via-pass-command: true
  advertise-scram: true
  require-sasl: {{enabled: false}}
  nick-reservation: {{enabled: true, method: strict, force-nick-equals-account: true}}
  multiclient: {{enabled: true, allowed-by-default: true, always-on: "opt-in", auto-away: "opt-in"}}
channels: {{default-modes: +nt, max-channels-per-client: 100, registration: {{enabled: true, max-channels-per-account: 15}}}}
oper-classes: {{}}
opers: {{}}
logging:
  - {{method: stderr, type: "* -userinput -useroutput", level: info}}
debug: {{recover-from-errors: true}}
lock-file: {d}/ircd.lock
datastore: {{path: {d}/ircd.db, autoupgrade: true}}
languages: {{enabled: false}}
limits: {{nicklen: 32, identlen: 20, realnamelen: 150, channellen: 64, awaylen: 390, kicklen: 390, topiclen: 390, monitor-entries: 100, whowas-entries: 100, chan-list-modes: 60, registration-messages: 1024, multiline: {{max-bytes: 4096, max-lines: 100}}}}
fakelag: {{enabled: false}}
history: {{enabled: true, channel-length: 2048, client-length: 256, chathistory-maxmessages: 100, znc-maxmessages: 2048, restrictions: {{query-cutoff: none}}, persistent: {{enabled: false}}}}
""")
        self.made = False

    def start(self):
        if not self.made:
            subprocess.run(self.command("/usr/bin/ergochat", "initdb", "--conf", f"{self.inside}/ergo.yaml"), check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.made = True
        self.run("/usr/bin/ergochat", "run", "--conf", f"{self.inside}/ergo.yaml")
        things.wait_until(things.listening(self.tls_port), 20, "ergo")
        return self


class Inspircd(InTree):
    """With accounts once services are linked. Without account_tag people are known by extended-join, account-notify and WHOX."""

    def __init__(self, name="irc.insp.test", sid="00A", account_tag=True):
        super().__init__("debian12", "inspircd")
        self.name, self.sid, self.account_tag = name, sid, account_tag
        self.port, self.tls_port, self.link_port = things.free_port(), things.free_port(), things.free_port()
        self.ca = certificate(self.folder, "localhost")
        self.peers = []                         # other servers of the network, linked by an oper's CONNECT
        os.makedirs(os.path.join(self.folder, "data"))

    def configure(self):
        d, tag = self.inside, '<module name="ircv3_accounttag">' if self.account_tag else ""
        links = "".join(f'<link name="{peer.name}" ipaddr="127.0.0.1" port="{peer.link_port}" allowmask="127.0.0.1" sendpass="link-secret" recvpass="link-secret">\n'
                        for peer in self.peers)
        self.write("conf", f"""<server name="{self.name}" description="t" id="{self.sid}" network="InspTest">
<admin name="a" nick="a" email="a@b.c">
<path configdir="{d}" datadir="{d}/data" logdir="{d}" moduledir="/usr/lib/inspircd/modules" runtimedir="{d}">
<module name="ssl_gnutls">
<sslprofile name="tls" provider="gnutls" certfile="{d}/server.pem" keyfile="{d}/server.key" cafile="" hash="sha256" requestclientcert="yes">
<bind address="127.0.0.1" port="{self.port}" type="clients">
<bind address="127.0.0.1" port="{self.tls_port}" type="clients" sslprofile="tls">
<bind address="127.0.0.1" port="{self.link_port}" type="servers">
<module name="cap">
<module name="ircv3">
{tag}
<module name="ircv3_batch">
<module name="ircv3_capnotify">
<module name="ircv3_chghost">
<module name="ircv3_ctctags">
<module name="ircv3_echomessage">
<module name="ircv3_labeledresponse">
<module name="ircv3_msgid">
<module name="ircv3_servertime">
<module name="services_account">
<module name="sasl">
<module name="sha256">
<module name="spanningtree">
<module name="sslinfo">
<module name="monitor">
<module name="botmode">
<link name="services.test" ipaddr="127.0.0.1" port="7000" allowmask="127.0.0.1" sendpass="link-secret" recvpass="link-secret">
{links}<uline server="services.test" silent="yes">
<class name="all" commands="*" privs="*" usermodes="*" chanmodes="*">
<type name="root" classes="all" vhost="oper.test">
<oper name="root" password="oper-secret" host="*@*" type="root">
<connect name="main" allow="*" timeout="60" pingfreq="120" hardsendq="1M" softsendq="8192" recvq="8192" threshold="1000" commandrate="100000" fakelag="no" localmax="1000" globalmax="1000" maxconnwarn="no" resolvehostnames="no" useident="no">
<performance nouserdns="yes" softlimit="1000" quietbursts="yes">
<security announceinvites="dynamic" hideserver="">
<options prefixquit="Quit: " defaultmodes="nt">
<log method="file" type="* -USERINPUT -USEROUTPUT" level="default" target="{d}/ircd.log">
<sasl target="services.test" requiressl="no">
""")

    def start(self):
        self.configure()
        self.run("/usr/sbin/inspircd", f"--config={self.inside}/conf", "--nofork", "--runasroot")
        things.wait_until(things.listening(self.tls_port), 20, "InspIRCd")
        return self


class Atheme(InTree):
    """Services for an InspIRCd: NickServ and SASL."""

    def __init__(self, ircd):
        super().__init__("debian12", "atheme")
        self.ircd = ircd
        modules = "".join(f'loadmodule "modules/{name}";\n' for name in (
            "protocol/inspircd", "backend/opensex", "crypto/posix", "nickserv/main", "nickserv/register", "nickserv/identify", "nickserv/cert", "nickserv/logout",
            "saslserv/main", "saslserv/plain", "saslserv/external"))
        self.write("conf", f"""{modules}
serverinfo {{ name = "services.test"; desc = "services"; numeric = "00Z"; recontime = 1; netname = "InspTest"; hidehostsuffix = "users.test";
  adminname = "a"; adminemail = "a@b.example"; registeremail = "a@b.example"; mta = "/bin/true"; loglevel = {{ error; info; admin; network; }};
  maxlogins = 50; maxusers = 50; mdlimit = 30; emaillimit = 10; emailtime = 300; auth = none; casemapping = rfc1459; }};
uplink "{ircd.name}" {{ host = "127.0.0.1"; port = {ircd.link_port}; send_password = "link-secret"; receive_password = "link-secret"; }};
nickserv {{ nick = "NickServ"; user = "services"; host = "services.test"; real = "Nickname Services"; }};
saslserv {{ nick = "SaslServ"; user = "services"; host = "services.test"; real = "SASL"; }};
general {{ }};
""")
        for base, folders, names in os.walk(self.folder):
            for name in [base] + [os.path.join(base, name) for name in folders + names]:
                os.chown(name, 65534, 65534)

    def command(self, *argv):
        return ["chroot", "--userspec=65534:65534", self.tree, *argv]

    def start(self):
        self.run("/usr/bin/atheme-services", "-n", "-c", f"{self.inside}/conf", "-D", self.inside, "-l", f"{self.inside}/atheme.log",
                 "-p", f"{self.inside}/pid")
        things.wait_until(self.linked, 30, "atheme's link")
        return self

    def die(self):
        """Stops, and waits until the server has noticed: it offers no SASL then."""
        self.stop()
        things.wait_until(lambda: not self.linked(), 30, "atheme's split")

    def linked(self):
        """SASL is offered once services are there."""
        with socket.create_connection(("127.0.0.1", self.ircd.port), timeout=5) as s, s.makefile("rwb") as lines:
            lines.write(b"CAP LS 302\r\n")
            lines.flush()
            for line in lines:
                if b" LS " in line:
                    return b"sasl=" in line
        return False

    def register(self, *names):
        """Accounts; each with the password pw-NAME."""
        for name in names:
            person = irc.Person(self.ircd.tls_port, name, tls=self.ircd.ca)
            person.send(f"PRIVMSG NickServ :REGISTER pw-{name} {name}@b.example")
            person.expect(lambda line: "NickServ" in line and ("registered" in line or "now registered" in line))
            person.close()


MASTER = """
from buildbot.plugins import *
c = BuildmasterConfig = {}
c['workers'] = [worker.Worker("w1", "pass")]
c['protocols'] = {'pb': {'port': 'tcp:@PB@:interface=127.0.0.1'}}
c['change_source'] = []
f = util.BuildFactory()
f.addStep(steps.ShellCommand(name='prepare', command=["sh", "-c", util.Interpolate("echo branch=%(prop:branch)s env=%(prop:env)s")]))
f.addStep(steps.ShellCommand(name='test', command=["sh", "-c", util.Interpolate(
    "echo testing; sleep %(prop:secs:-1)s; [ %(prop:rc:-0)s = 0 ] || echo 'cart_total: expected 3, got 2'; exit %(prop:rc:-0)s")], haltOnFailure=True))
c['builders'] = [util.BuilderConfig(name="deploy", workernames=["w1"], factory=f), util.BuilderConfig(name="docs", workernames=["w1"], factory=f)]
c['schedulers'] = [schedulers.ForceScheduler(name="force", builderNames=["deploy", "docs"],
   properties=[util.ChoiceStringParameter(name="env", choices=["staging", "prod"], default="staging"),
               util.StringParameter(name="secs", default="1", regex="^[0-9]+$"), util.StringParameter(name="rc", default="0", regex="^[0-9]+$")])]
c['services'] = []
c['title'] = "t"; c['titleURL'] = "@URL@"
c['buildbotURL'] = "@URL@"
c['www'] = dict(port="tcp:@PORT@:interface=127.0.0.1", plugins={},
    auth=util.UserPasswordAuth({"bot": "@PASSWORD@"}),
    authz=util.Authz(allowRules=[util.AnyControlEndpointMatcher(role="admins")],
                     roleMatchers=[util.RolesFromUsername(roles=["admins"], usernames=["bot"])]))
c['db'] = {'db_url': "sqlite:///state.sqlite"}
c['buildbotNetUsageData'] = None
"""


class Buildbot(InTree):
    def __init__(self, password="open-sesame-4711"):
        super().__init__("debian12", "buildbot")
        self.port, self.pb = things.free_port(), things.free_port()
        self.password = password
        self.url = f"http://127.0.0.1:{self.port}"
        self.tool("/usr/bin/buildbot", "create-master", "--relocatable", f"{self.inside}/master")
        text = MASTER.replace("@PORT@", str(self.port)).replace("@PB@", str(self.pb)).replace("@URL@", self.url + "/")
        self.write("master/master.cfg", text.replace("@PASSWORD@", password))
        self.tool("/usr/bin/buildbot-worker", "create-worker", "--relocatable", f"{self.inside}/w1", f"127.0.0.1:{self.pb}", "w1", "pass")

    def tool(self, *argv):
        subprocess.run(self.command("/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8", "/usr/bin/python3", *argv)
                       if os.path.exists(os.path.join(self.tree, "usr/bin/env")) else self.command("/usr/bin/python3", *argv),
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"})

    def start(self):
        inside = self.inside
        twistd = "import os, sys; os.chdir(sys.argv.pop(1)); sys.argv[0] = 'twistd'; from twisted.scripts.twistd import run; run()"
        for part in ("master", "w1"):
            self.run("/usr/bin/python3", "-c", twistd, f"{inside}/{part}", "--nodaemon", "--no_save", "--pidfile=", "-y", "buildbot.tac", log=part + ".log")
        things.wait_until(self.ready, 60, "Buildbot and its worker")
        return self

    def get(self, path):
        with urllib.request.urlopen(f"{self.url}/api/v2/{path}", timeout=10) as answer:
            return json.load(answer)

    def ready(self):
        try:
            workers = self.get("workers")["workers"]
        except OSError:
            return False
        return workers and workers[0]["connected_to"]

    def builds(self):
        return self.get("builds")["builds"]

    def requests(self):
        return self.get("buildrequests")["buildrequests"]
