"""Somebody between the gateway and a real server, who leaves words out of the capabilities that the server offers."""
import re
import socket
import threading


class Between:
    def __init__(self, port, without):
        self.server, self.without = port, without
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.asked = []                         # lines of the gateway that ask who somebody is
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.server))
            threading.Thread(target=self.carry, args=(client, server, self.note), daemon=True).start()
            threading.Thread(target=self.carry, args=(server, client, self.leave_out), daemon=True).start()

    def carry(self, source, target, see):
        source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with source, source.makefile("rb") as lines:
                for line in lines:
                    target.sendall(see(line))
        except OSError:
            pass
        try:
            target.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def note(self, line):
        if line.startswith(b"WHO"):
            self.asked.append(line.decode().strip())
        return line

    def leave_out(self, line):
        if b" CAP " in line and b" LS " in line:
            for word in self.without:
                line = re.sub(rb"(?<=[ :])" + word.encode() + rb"(=\S*)?(?=[ \r])", b"", line)
        return line

    def close(self):
        self.listener.close()
