"""IRC servers that mean us no good: each connection is treated in one bad way, for as long as it lasts."""
import os
import socket
import threading


def welcome(connection, supported="NETWORK=bad"):
    connection.sendall(b":bad.test CAP * LS :\r\n:bad.test 001 sally :Welcome\r\n:bad.test 005 sally " + supported.encode()
                       + b" :are supported\r\n:bad.test 422 sally :no MOTD\r\n:sally!s@h JOIN #ops\r\n:bad.test 366 sally #ops :End\r\n")


def forever(connection, block):
    while True:
        connection.sendall(block)


def silence(connection):
    while connection.recv(65536):
        pass


def nothing(connection):
    connection.recv(1)


def garbage(connection):
    forever(connection, os.urandom(65536))


def bad_utf8(connection):
    welcome(connection)
    forever(connection, b":a\xff\xfe!b@h PRIVMSG #ops :!ping \xc0\xaf\xed\xa0\x80\xf5\r\n" * 100)


def long_lines(connection):
    welcome(connection)
    forever(connection, b"@a=" + b"x" * 4000 + b" :a!b@h PRIVMSG #ops :" + b"y" * 5000 + b"\r\n")


def endless_line(connection):
    welcome(connection)
    forever(connection, b"z" * 65536)


def caps_without_end(connection):
    forever(connection, b":bad.test CAP * LS * :" + b" ".join(b"cap.example/%d=v" % i for i in range(300)) + b"\r\n")


def absurd_limits(connection):
    welcome(connection, "LINELEN=1 NICKLEN=0 CASEMAPPING=bogus MONITOR=-1 CHANLIMIT=#:0 TARGMAX=JOIN:0")
    forever(connection, b":bad.test 005 sally LINELEN=99999999 CASEMAPPING=ascii CHANLIMIT=#:1 -MONITOR MONITOR=1 BOT=B :are supported\r\n" * 50)


def numerics(connection):
    welcome(connection)
    forever(connection, b"".join(b":bad.test %03d\r\n:bad.test %03d sally\r\n" % (n, n) for n in range(1000) if n not in (464, 465)))


def invitations(connection):
    welcome(connection)
    forever(connection, b"".join(b":m!m@h INVITE sally #ops\r\n:sally!s@h JOIN #x%d\r\n:m!m@h KICK #ops sally :out\r\n" % i for i in range(100)))


def half_way(connection):
    connection.sendall(b":bad.test CAP * LS :account-tag\r\n:bad.test CAP * ACK :account-tag\r\n")
    silence(connection)


WAYS = [silence, nothing, garbage, bad_utf8, long_lines, endless_line, caps_without_end, absurd_limits, numerics, invitations, half_way]


class Hostile:
    def __init__(self, way):
        self.way = way
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.came = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        self.listener.close()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.came += 1
            threading.Thread(target=self.mistreat, args=(connection,), daemon=True).start()

    def mistreat(self, connection):
        with connection:
            try:
                self.way(connection)
            except OSError:
                pass
