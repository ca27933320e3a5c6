"""strace, where this machine has it: a program is killed at a system call of our choice, exactly there and each time."""
import os
import shutil
import subprocess

from . import things


def attaches():
    """Whether it may look at a program that runs already."""
    if not shutil.which("strace"):
        return False
    sleeper = subprocess.Popen(["sleep", "20"])
    try:
        done = subprocess.run(["timeout", "1", "strace", "-qq", "-o", os.devnull, "-p", str(sleeper.pid)], capture_output=True)
        return b"ptrace" not in done.stderr and b"Could not attach" not in done.stderr
    finally:
        sleeper.kill()
        sleeper.wait()


def kill_at(program, call, number, log):
    """kill -9 of it as it begins that system call for that time, counted from now. The tracer, which ends with it. Of several calls strace would count each by itself."""
    if os.path.exists(log):
        os.unlink(log)
    tracer = things.Program(["strace", "-f", "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={number}", "-p", str(program.pid)], log)
    things.wait_until(lambda: "attached" in tracer.output() or not tracer.running(), 20, "strace")
    return tracer
