# SPDX-License-Identifier: BSD-3-Clause
"""A job begun in C is finished in Python, and the other way round, bit for bit: test_save.py GOLDEN AFFINE_IN_C."""
import os
import struct
import subprocess
import sys
import tempfile

import affine
import covsamp

passed = failed = 0


def check(ok, what):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("failed:", what, file=sys.stderr)


def begun():
    """The bytes of a job after ten of its twenty steps."""
    s = affine.sampler("f64")
    for _ in range(10):
        s.step(affine.Affine())
    return s.save()


def finished(data, s=None):
    s = s or affine.sampler("f64")
    s.load(data)
    for request in s:
        affine.Affine().answer(request)
    return affine.bits(s.state)


def checksum(data):
    """CRC-64 of ECMA-182, lowest bit first: docs/reproducibility.md."""
    total = 2**64 - 1
    for byte in data:
        total ^= byte
        for _ in range(8):
            total = total >> 1 ^ (0xc96c5795d7870f42 if total & 1 else 0)
    return total ^ (2**64 - 1)


def patched(whole, at, word):
    """The string with a 32-bit word at `at`, and the checksum that belongs to it: whole, but not what it was."""
    body = whole[:at] + struct.pack("<I", word) + whole[at + 4:-8]
    return body + struct.pack("<Q", checksum(body))


def refused(s, data, kind, what, says="covsamp_sampler_load"):
    """Loading is an error with a sentence; and the sampler is as if nothing had been."""
    whole = s.save()
    try:
        s.load(data)
        check(False, what + " was loaded")
    except covsamp.Error as e:
        check(type(e) is kind and "covsamp_sampler_load" in str(e) and says in str(e), "%s: %s %s" % (what, type(e).__name__, e))
    check(s.save() == whole, what + " changed something")


def bad_strings(golden):
    whole, s = begun(), affine.sampler("f64")
    s.load(whole)
    for length in (0, 1, 8, len(whole) // 2, len(whole) - 1):
        refused(s, whole[:length], covsamp.RangeError, "%d of %d bytes" % (length, len(whole)))
    refused(s, whole + b"\0", covsamp.RangeError, "a byte too many")
    for bit in range(0, 8 * len(whole), 997):  # tests/api/test_bad_save.c: every one
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        refused(s, bytes(flipped), covsamp.RangeError, "bit %d flipped" % bit)
    for width in (2, 4, 8):
        turned = b"".join(whole[i:i + width][::-1] for i in range(0, len(whole), width))
        refused(s, turned, covsamp.RangeError, "%d bytes in the other order" % width, "reverse order")
    check(patched(whole, 8, 1) == whole, "version 1, and the checksum is understood")
    for version in (0, 2, 3, 2**32 - 1):
        refused(s, patched(whole, 8, version), covsamp.RangeError, "version %d" % version, "of version %d" % version)
    refused(s, patched(whole, 12, 0x04030201), covsamp.RangeError, "a mark of the other order", "reverse order")
    refused(s, memoryview(whole).cast("I")[1:], covsamp.RangeError, "words, cut", "does not begin")
    s.load(memoryview(whole).cast("I"))  # four bytes an item
    for options, named in (({"krylov_steps": 3}, "krylov_steps"), ({"dim": 5}, "dim"), ({"dtype": "f32"}, "dtype")):
        settings = dict(batch=3, dim=4, dtype="f64", covariance="krylov", krylov_steps=2, seed=2024, first_sample=5)
        schedule = covsamp.Schedule.linear(1000, 1e-4, 0.02)
        other = covsamp.Sampler(covsamp.Config(schedule, schedule.spaced(20), **{**settings, **options}))
        try:
            other.load(whole)
            check(False, "loaded with another %s" % named)
        except covsamp.Unsupported as e:
            check(named in str(e), "another %s: %s" % (named, e))
    s = affine.sampler("f64")
    s.ask()
    try:
        s.save()
        check(False, "saved within a step")
    except covsamp.StateError as e:
        check("covsamp_sampler_save" in str(e), str(e))
    check(finished(whole) == golden and finished(whole, s) == golden, "begun and finished in Python")


def main():
    lines = dict(line.split(" ", 1) for line in open(sys.argv[1]))
    golden = lines["affine_f64"].split()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "half")
        subprocess.run([sys.argv[2], "begin", path], check=True)
        in_c = open(path, "rb").read()
        check(in_c == begun(), "C and Python write the same bytes")
        check(finished(in_c) == golden, "begun in C, finished in Python")
        with open(path, "wb") as file:
            file.write(begun())
        said = subprocess.run([sys.argv[2], "finish", path], check=True, stdout=subprocess.PIPE, text=True).stdout
        check(said.split()[1:] == golden, "begun in Python, finished in C")
    bad_strings(golden)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
