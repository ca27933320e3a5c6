"""A small IRC network for conversations: the gateway is its only connection, everybody else is a puppet of the test.

It has accounts (the account-tag) and SASL PLAIN, so that a conversation needs no server to be installed. A test may give it other
capabilities, let it say in 005 that it has WHOX, and answer WHO and WHOIS itself, when and as it likes."""
import base64
import queue
import socket
import threading

CAPS = "message-tags account-tag sasl=PLAIN server-time"


class Network:
    def __init__(self, channel="#ops", password="pw-sally", caps=CAPS, support="MODES=4", tls=None):
        self.channel, self.password, self.caps, self.support = channel, password, caps, support
        self.tls = tls                          # an ssl.SSLContext
        self.asked = queue.Queue()              # ("WHO", nick, token) or ("WHOIS", nick) of the gateway, in order
        self.port = 0
        self.said = queue.Queue()               # (kind, target, text) of the gateway, in order
        self.joined = threading.Event()
        self.connection = None
        self.channels = set()                   # that the gateway is in now
        self.lock = threading.Lock()
        self.nick = "*"
        self.start()

    def start(self):
        """Also again, at the same port, after stop()."""
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, args=(self.listener,), daemon=True).start()

    def stop(self):
        # A thread that waits in accept() or recv() does not notice that its socket is closed.
        for end in (self.listener, self.connection):
            if end:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                end.close()
        self.joined.clear()

    close = stop

    def serve(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                connection = self.tls.wrap_socket(connection, server_side=True) if self.tls else connection
                self.connection = connection
                with connection, connection.makefile("rb") as lines:
                    for line in lines:
                        self.take(line.decode("utf-8", "replace").rstrip("\r\n"))
            except OSError:
                pass
            self.joined.clear()
            self.channels.clear()

    def send(self, line):
        with self.lock:
            self.connection.sendall(line.encode() + b"\r\n")

    def take(self, line):
        if line.startswith("@"):
            line = line.split(" ", 1)[1]
        head, _, last = line.partition(" :")
        words = head.split() + ([last] if " :" in line else [])
        handler = getattr(self, "on_" + words[0].lower(), None) if words else None
        if handler:
            handler(words[1:])

    def on_cap(self, words):
        if words[0] == "LS":
            self.send(f":net.test CAP * LS :{self.caps}")
        elif words[0] == "REQ":
            self.send(f":net.test CAP * ACK :{words[1]}")
        elif words[0] == "END":
            self.welcome()

    def on_authenticate(self, words):
        if words[0] == "PLAIN":
            self.send("AUTHENTICATE +")
            return
        account, password = base64.b64decode(words[0]).decode().split("\0")[1:]
        if password == self.password:
            self.send(f":net.test 900 {self.nick} {self.nick}!g@h {account} :You are now logged in as {account}")
            self.send(f":net.test 903 {self.nick} :SASL authentication successful")
        else:
            self.send(f":net.test 904 {self.nick} :SASL authentication failed")

    def on_nick(self, words):
        self.nick = words[0]

    def welcome(self):
        self.send(f":net.test 001 {self.nick} :Welcome")
        self.send(f":net.test 005 {self.nick} CHANTYPES=# NICKLEN=30 CASEMAPPING=ascii {self.support} :are supported by this server")
        self.send(f":net.test 422 {self.nick} :No message of the day")

    def on_join(self, words):
        for channel in words[0].split(","):
            self.channels.add(channel)
            self.send(f":{self.nick}!g@h JOIN {channel}")
            self.send(f":net.test 353 {self.nick} = {channel} :{self.nick} alice bob carol")
            self.send(f":net.test 366 {self.nick} {channel} :End of /NAMES list.")
            if channel == self.channel:
                self.joined.set()

    def on_part(self, words):
        for channel in words[0].split(","):
            self.channels.discard(channel)
            self.send(f":{self.nick}!g@h PART {channel}")

    def on_ping(self, words):
        self.send(f":net.test PONG net.test :{words[-1]}")

    def on_who(self, words):
        self.asked.put(("WHO", words[0], words[1].rsplit(",", 1)[1]))

    def on_whois(self, words):
        self.asked.put(("WHOIS", words[0]))

    def answer_who(self, token, nick, account, user="u", host="host.test"):
        self.send(f":net.test 354 {self.nick} {token} {self.channel} {user} {host} {nick} {account}")
        self.send(f":net.test 315 {self.nick} {nick} :End of /WHO list.")

    def on_privmsg(self, words):
        self.said.put((">>", words[0], words[1]))

    def on_notice(self, words):
        self.said.put(("--", words[0], words[1]))

    def say(self, nick, text, account=None, target=None):
        tag = f"@account={account} " if account else ""
        self.send(f"{tag}:{nick}!u@host.test PRIVMSG {target or self.channel} :{text}")
