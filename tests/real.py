#!/usr/bin/env python3
"""Runs tests/real: conversations with the program itself, most of them over real servers. real.py PROGRAM COUNTS [NAME ...]"""
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    program, counts, names = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3:]
    os.environ["SALLYPORT"] = program
    sys.path.insert(0, HERE)
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames([f"real.{name}" for name in names]) if names else loader.discover(
        os.path.join(HERE, "real"), top_level_dir=HERE)
    result = unittest.TextTestRunner(verbosity=2, stream=sys.stdout).run(suite)
    bad, skipped = len(result.failures) + len(result.errors), len(result.skipped)
    with open(counts, "w") as f:
        f.write(f"{result.testsRun - bad - skipped} {bad} {skipped}\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
