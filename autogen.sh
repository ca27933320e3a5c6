#!/bin/sh
# Makes ./configure out of configure.ac; needs autoconf, automake and pkg-config.
set -eu
cd "$(dirname "$0")"
exec autoreconf --install --force
