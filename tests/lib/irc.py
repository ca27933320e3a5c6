"""Somebody on IRC: a small client, with TLS and SASL PLAIN where wanted."""
import base64
import socket
import ssl
import time


class Person:
    joiners = False                             # whether it sees the word joiners that defuse names

    def __init__(self, port, nick, tls=None, account=None, password=None, register=False, server_password=None):
        self.nick = nick
        raw = socket.create_connection(("127.0.0.1", port), timeout=10)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl.create_default_context(cafile=tls)
            context.check_hostname = False
            raw = context.wrap_socket(raw)
        self.socket = raw
        self.buffer = b""
        self.lines = []
        if server_password:
            self.send(f"PASS {server_password}")
        self.send("CAP LS 302")
        self.send(f"NICK {nick}")
        self.send(f"USER {nick} 0 * :{nick}")
        if register:
            self.send("CAP REQ :draft/account-registration")
            self.expect("ACK")
            self.send(f"REGISTER * * {password}")
            self.expect("REGISTER SUCCESS")
        elif account:
            self.send("CAP REQ :sasl")
            self.expect("ACK")
            self.send("AUTHENTICATE PLAIN")
            self.expect(lambda line: line in ("AUTHENTICATE +", "AUTHENTICATE :+"))
            self.send("AUTHENTICATE " + base64.b64encode(f"\0{account}\0{password}".encode()).decode())
            self.expect(" 903 ")
        self.send("CAP END")
        self.expect(" 001 ")

    def send(self, line):
        self.socket.sendall(line.encode() + b"\r\n")

    def read(self, seconds):
        self.socket.settimeout(seconds)
        try:
            more = self.socket.recv(65536)
        except (TimeoutError, ssl.SSLWantReadError):
            return
        if not more:
            raise AssertionError("the IRC server closed the connection:\n" + "\n".join(self.lines[-10:]))
        self.buffer += more
        while b"\n" in self.buffer:
            line, self.buffer = self.buffer.split(b"\n", 1)
            # Names of people who are there are defused by a word joiner behind their first letter.
            line = line.rstrip(b"\r").decode("utf-8", "replace")
            line = line if self.joiners else line.replace("\u2060", "")
            if line.startswith("PING"):
                self.send("PONG" + line[4:])
            self.lines.append(line)

    def expect(self, part, seconds=20):
        """The first line not yet taken that holds `part` (or for which it is true)."""
        end = time.monotonic() + seconds
        fits = part if callable(part) else lambda line: part in line
        while True:
            for i, line in enumerate(self.lines):
                if fits(line):
                    del self.lines[:i + 1]
                    return line
            if time.monotonic() > end:
                raise AssertionError(f"{self.nick} waited for {part!r}; heard:\n" + "\n".join(self.lines[-30:]))
            self.read(0.2)

    def heard(self, part, seconds):
        """Whether such a line comes within the time."""
        try:
            return self.expect(part, seconds)
        except AssertionError:
            return None

    def join(self, channel):
        self.send(f"JOIN {channel}")
        self.expect(f" 366 {self.nick} {channel}")

    def say(self, target, text):
        self.send(f"PRIVMSG {target} :{text}")

    def close(self):
        try:
            self.send("QUIT")
        except OSError:
            pass
        self.socket.close()
