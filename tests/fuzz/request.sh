#!/bin/sh
# The fuzz target's seeds and a few seconds of random changes of them (see replay.c).
exec "$BUILDDIR/fuzz_request_replay" "$SRCDIR/tests/fuzz/corpus/request"
