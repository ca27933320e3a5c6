"""Run in a network and mount namespace of its own: a name server and a backend that never answer, and then the program that is named behind.

silent_world.py RESOLV_CONF PORT PROGRAM ARG ..."""
import os
import socket
import subprocess
import sys
import threading


def hold(server):
    """Takes connections and says nothing, for ever."""
    held = []
    while True:
        held.append(server.accept())


def main():
    resolv, port, argv = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with open(resolv, "w") as f:
        f.write("nameserver 127.0.0.1\n")
    subprocess.run(["mount", "--bind", resolv, os.path.realpath("/etc/resolv.conf")], check=True)
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind(("127.0.0.1", 53))
    backend = socket.create_server(("127.0.0.1", port), backlog=256)
    threading.Thread(target=hold, args=(backend,), daemon=True).start()
    child = subprocess.Popen(argv)
    sys.exit(child.wait())


main()
