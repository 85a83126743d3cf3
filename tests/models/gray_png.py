# SPDX-License-Identifier: BSD-3-Clause
"""Grey PNG files, read and written here so that no image library is needed."""
import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunks(data):
    at = 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0] != zlib.crc32(kind + body):
            raise ValueError("a PNG chunk is damaged")
        yield kind, body
        at += 12 + length


def unfilter(kind, line, above):
    """A line of bytes, one a pixel, from its filtered form (PNG specification, section 9)."""
    out = np.zeros(len(line), np.int64)
    for i, value in enumerate(line.tolist()):
        a, b, c = (out[i - 1] if i else 0), above[i], (above[i - 1] if i else 0)
        if kind == 4:
            p = a + b - c
            near = min((abs(p - a), 0), (abs(p - b), 1), (abs(p - c), 2))[1]
            guess = (a, b, c)[near]
        else:
            guess = (0, a, b, (a + b) // 2)[kind]
        out[i] = (value + guess) & 255
    return out


def read(path):
    """[height, width], one byte a pixel."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:8] != SIGNATURE:
        raise ValueError("%s is no PNG file" % path)
    found = list(chunks(data))
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", found[0][1])
    if (depth, colour, interlaced) != (8, 0, 0):
        raise ValueError("%s is not plain 8-bit grey" % path)
    raw = zlib.decompress(b"".join(body for kind, body in found if kind == b"IDAT"))
    raw = np.frombuffer(raw, np.uint8).reshape(height, width + 1)
    lines, above = [], np.zeros(width, np.int64)
    for line in raw:
        above = unfilter(int(line[0]), line[1:], above)
        lines.append(above)
    return np.array(lines)


def write(path, pixels):
    """[height, width] of bytes, in 16 shades of grey: half the size."""
    height, width = pixels.shape
    nibbles = np.zeros((height, width + width % 2), np.uint8)
    nibbles[:, :width] = (pixels.astype(np.int64) + 8) // 17
    lines = np.zeros((height, 1 + nibbles.shape[1] // 2), np.uint8)
    lines[:, 1:] = nibbles[:, 0::2] << 4 | nibbles[:, 1::2]
    with open(path, "wb") as file:
        file.write(SIGNATURE)
        for kind, body in ((b"IHDR", struct.pack(">IIBBBBB", width, height, 4, 0, 0, 0, 0)),
                           (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b"")):
            file.write(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)))
