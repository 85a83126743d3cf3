# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of the covsamp program share: checks that count, runs of the program, a network.

Every test is called as TEST PROGRAM MODEL; it samples from a tiny network made on the fly
(python3-torch), or from MODEL without it.
"""
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time

PROGRAM, NETWORK = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, ".."))
from counted import check, done, skip  # noqa: E402,F401


def run(*arguments, environment=None):
    return subprocess.run([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=300,
                          env=dict(os.environ, **(environment or {})))


def good(*arguments, environment=None):
    result = run(*arguments, environment=environment)
    check(result.returncode == 0, "exit 0 of %s" % (arguments,), result.stderr)
    return result


def bad(code, part, *arguments):
    """One sentence on standard error, nothing on standard output, the right exit code."""
    result = run(*arguments)
    check(result.returncode == code, "exit %d of %s" % (code, arguments), result)
    check(re.fullmatch(r"covsamp: [^\n]*\.\n", result.stderr) is not None,
          "one sentence for %s" % (arguments,), repr(result.stderr))
    check(part in result.stderr, "\"%s\" for %s" % (part, arguments), repr(result.stderr))
    check(result.stdout == "", "silence of %s" % (arguments,), result.stdout)


def png_size(path):
    with open(path, "rb") as file:
        head = file.read(26)
    check(head[:8] == b"\x89PNG\r\n\x1a\n", "PNG signature of " + path)
    return struct.unpack(">II", head[16:24]) + (head[25],)


class Model:
    """The network that the tests draw from, and what its file says."""

    def __init__(self, folder):
        self.tiny = self.make(folder + "/tiny.pt")
        self.path = folder + "/tiny.pt" if self.tiny else NETWORK
        self.side, self.classes = (8, 3) if self.tiny else (28, 10)
        self.steps = 8 if self.tiny else 2

    @staticmethod
    def make(path, *kind):
        return subprocess.run([sys.executable, HERE + "/tiny_model.py", path, *kind],
                              stderr=subprocess.DEVNULL).returncode == 0

    def arguments(self, output, n=4, steps=None):
        return ["sample", "--model", self.path, "-n", n, "--steps", steps or self.steps,
                "-o", output]


def close(a, b, tolerance=2e-4):
    return a.shape == b.shape and float(abs(a - b).max()) <= tolerance


def methods():
    """Every name that --help lists."""
    text = good("sample", "--help").stdout
    return re.findall(r"^  ([a-z0-9-]+) +\S", text[text.index("methods:"):], re.MULTILINE)


def interrupt_in_the_middle(command, finished, output=subprocess.DEVNULL):
    """Runs the command on a terminal until so many samples are done, then presses Ctrl-C."""
    terminal, inside = pty.openpty()
    process = subprocess.Popen(list(map(str, command)), stderr=inside, stdout=output)
    os.close(inside)
    seen, sent, end = "", False, time.time() + 120
    while time.time() < end:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        seen += part.decode()
        counts = [int(k) for k in re.findall(r"\] (\d+)/", seen)]
        if not sent and counts and counts[-1] >= finished:
            process.send_signal(signal.SIGINT)
            sent = True
    os.close(terminal)
    return process.wait(timeout=60), seen


def run_all(alone, tests):
    """Those of `alone` need a folder, the others a model as well; prints the closing line."""
    with tempfile.TemporaryDirectory() as folder:
        for test in alone:
            test(folder)
        model = Model(folder)
        if "not in this build" in run("version").stdout:
            bad(1, "no TorchScript", "sample", "--model", NETWORK, "-o", folder + "/x.npy")
            bad(1, "no TorchScript", "check", "--model", NETWORK)
            skip("sampling, in a build without the shim")
        elif not os.path.exists(model.path):
            skip("sampling, without python3-torch and without a network")
        else:
            for test in tests:
                test(model, folder)
    return done()
