#!/usr/bin/env python3
"""Checks exported or archived records of the audit without a line of sallyport: audit_check.py FILE ...
Exit 0: each record fits the one before, in each file and from one to the next. 1: it says which does not. What is hashed is described in
bridge/rights/audit.h and audit_file.h."""
import hashlib
import json
import struct
import sys

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
    return data + field(None if record["args_hash"] is None else {"hex": record["args_hash"]})


def check(path, expected, before):
    with open(path, encoding="utf-8") as lines:
        head = json.loads(next(lines))
        seq, h = head["first"], bytes.fromhex(head["before"])
        if expected and (seq, h) != (expected, before):
            raise ValueError(f"record {seq} does not follow the file before")
        for line in lines:
            try:
                record = json.loads(line)
                data = canonical(record)
            except (KeyError, TypeError, ValueError, struct.error):
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
    expected, h = 0, b""
    for path in sys.argv[1:]:
        try:
            expected, h = check(path, expected, h)
        except (ValueError, KeyError, StopIteration) as why:
            print(f"{path}: {why}")
            return 1
    print(f"good, up to record {expected - 1}: {h.hex()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
