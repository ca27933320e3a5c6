#!/usr/bin/env python3
"""Checks exported or archived records of the audit without a line of sallyport: audit_check.py [--key audit.pub] FILE ...
Exit 0: each record fits the one before, in each file and from one to the next, and each checkpoint is signed by the key. 1: it says which does not.
What is hashed is described in bridge/rights/audit.h and audit_file.h, what is signed in checkpoint.h. openssl does the signatures."""
import base64
import hashlib
import json
import struct
import subprocess
import sys
import tempfile

NUMBERS = ("seq", "wall", "mono", "boot", "intent")
TEXTS = ("what", "person", "account", "proof", "room", "place", "command", "decision", "rule", "result")


def field(value):
    """Its length, then its bytes; -1 where there is none."""
    if value is None:
        return struct.pack(">q", -1)
    data = bytes.fromhex(value["hex"]) if isinstance(value, dict) else value.encode()
    return struct.pack(">q", len(data)) + data


def canonical(record):
    data = b"".join(struct.pack(">q", record[name]) for name in NUMBERS)
    data += b"".join(field(record[name]) for name in TEXTS)
    data += field(None if record["args_hash"] is None else {"hex": record["args_hash"]})
    return data + field(record["instance"]) if "instance" in record else data


def signed(text, key):
    """As openssl sees it: the bytes before the last blank, and the signature behind it."""
    said, _, signature = text.rpartition(" ")
    with tempfile.NamedTemporaryFile() as message, tempfile.NamedTemporaryFile() as mark:
        message.write(said.encode())
        mark.write(base64.b64decode(signature, validate=True))
        message.flush()
        mark.flush()
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", message.name, "-sigfile", mark.name]
        return subprocess.run(command, capture_output=True).returncode == 0


def check_point(text, seq, h, key):
    words = text.split(" ")
    if len(words) != 7 or words[0] != "sallyport-audit-v1" or (int(words[2]), words[3]) != (seq, h.hex()):
        raise ValueError(f"the checkpoint of record {seq} speaks of another")
    if key and not signed(text, key):
        raise ValueError(f"the checkpoint of record {seq} is not signed by that key")


def check(path, expected, before, key):
    with open(path, encoding="utf-8") as lines:
        head = json.loads(next(lines))
        seq, h = head["first"], bytes.fromhex(head["before"])
        if expected and (seq, h) != (expected, before):
            raise ValueError(f"record {seq} does not follow the file before")
        for line in lines:
            try:
                record = json.loads(line)
                if list(record) == ["checkpoint"]:
                    check_point(record["checkpoint"], seq - 1, h, key)
                    continue
                data = canonical(record)
            except (KeyError, TypeError, AttributeError, json.JSONDecodeError, struct.error):
                raise ValueError(f"record {seq} cannot be read")
            if record["seq"] != seq or seq > head["last"]:
                raise ValueError(f"record {seq} is not there, or one too many is")
            h = hashlib.sha256(b"\0" + h + data).digest()
            if h.hex() != record["h"]:
                raise ValueError(f"record {seq} does not fit")
            seq += 1
    if seq != head["last"] + 1 or h.hex() != head["hash"]:
        raise ValueError(f"record {seq} is not there, or the last is not the one that the first line names")
    return seq, h


def main():
    expected, h, key, paths = 0, b"", None, sys.argv[1:]
    if paths[:1] == ["--key"]:
        key, paths = paths[1], paths[2:]
    for path in paths:
        try:
            expected, h = check(path, expected, h, key)
        except (ValueError, KeyError, StopIteration) as why:
            print(f"{path}: {why}")
            return 1
    print(f"good, up to record {expected - 1}: {h.hex()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
