# SPDX-License-Identifier: BSD-3-Clause
"""Files of results: features as float16 in NPZ, a line of JSON a cell.  Everything appears whole or not at all."""
import fcntl
import glob
import json
import os
import re
import shutil
import zipfile

import numpy as np


def replace(path, write):
    """write(temporary name), then the rename."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    new = "%s.%d.new" % (path, os.getpid())
    try:
        write(new)
        with open(new, "rb") as file:
            os.fsync(file.fileno())
        os.replace(new, path)
    finally:
        if os.path.exists(new):
            os.unlink(new)


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        pass
    return True


def sweep(folder):
    """What processes that were killed left there: NAME.PID.new, run-PID-... ."""
    for path in glob.glob(os.path.join(folder, "*")):
        found = re.search(r"\.(\d+)\.new$|^run-(\d+)-", os.path.basename(path))
        if found and not alive(int(found[1] or found[2])):
            (shutil.rmtree if os.path.isdir(path) else os.unlink)(path)


def write_lines(path, objects):
    def write(new):
        with open(new, "w", encoding="utf-8") as file:
            for found in objects:
                file.write(json.dumps(found) + "\n")
    replace(path, write)


def save(path, features, classes, about):
    """about: what JSON can hold.  LZMA, since most features are 0 (a ReLU) and a third of the bytes remain; the same bytes
    for the same numbers."""
    arrays = (("features", features.astype(np.float16)), ("classes", classes.astype(np.uint8)),
              ("about", np.array(json.dumps(about, sort_keys=True))))

    def write(new):
        with zipfile.ZipFile(new, "w") as archive:
            for name, array in arrays:
                entry = zipfile.ZipInfo(name + ".npy", (1980, 1, 1, 0, 0, 0))
                entry.compress_type = zipfile.ZIP_LZMA
                with archive.open(entry, "w") as file:
                    np.lib.format.write_array(file, np.ascontiguousarray(array).reshape(array.shape))
    replace(path, write)


def load(path):
    """(features, classes, about)"""
    with np.load(path) as archive:
        return archive["features"], archive["classes"], json.loads(str(archive["about"]))


class Lock:
    """A context.  True: it is held; False: another process has it, and wait is False.  path: a file, made here, or a folder."""

    def __init__(self, path, wait=True):
        self.path, self.how = path, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB)

    def __enter__(self):
        folder = os.path.isdir(self.path)
        self.file = os.open(self.path, os.O_RDONLY if folder else os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(self.file, self.how)
        except BlockingIOError:
            return False
        return True

    def __exit__(self, *_):
        os.close(self.file)


class Records:
    """One JSON object a line.  A file that was cut off in its last line loses that one.  Several processes may add."""

    def __init__(self, path):
        self.path = path
        self.read()

    def read(self):
        self.lines = []
        if os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as file:
                for line in file:
                    try:
                        self.lines.append(json.loads(line))
                    except ValueError:
                        print("%s: a line that is no JSON is left out: %.60s" % (self.path, line.strip()), flush=True)

    def has(self, cell):
        return any(line["cell"] == cell for line in self.lines)

    def add(self, record):
        """In the place of the one of that name, if there is one."""
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with Lock(os.path.dirname(self.path)):
            self.read()
            if self.has(record["cell"]):
                self.lines = [record if line["cell"] == record["cell"] else line for line in self.lines]
            else:
                self.lines.append(record)
            write_lines(self.path, self.lines)
