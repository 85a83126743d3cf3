# SPDX-License-Identifier: BSD-3-Clause
"""Curves on logarithmic axes as SVG, written here so that no plotting library is needed."""
import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 460, 64, 150, 34, 48
COLOURS = ("#1b6ca8", "#c0392b", "#218c5b", "#8e44ad", "#d68910", "#16a0a0", "#7f4f24", "#5d6d7e", "#d2527f", "#4b6584", "#2c3e50",
           "#9b870c")


def ticks(low, high):
    """1, 2, 5 times powers of ten within."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [m * 10.0 ** d for d in decades for m in (1, 2, 5) if low <= m * 10.0 ** d <= high]


def spread(points):
    low, high = min(points), max(points)
    return low / 1.15, high * 1.15


def placed(labels, least=13):
    """Heights of labels, moved apart so that they can be read."""
    order = sorted(range(len(labels)), key=lambda i: labels[i])
    out, last = list(labels), -math.inf
    for i in order:
        out[i] = last = max(labels[i], last + least)
    over = max(out) - (HEIGHT - BOTTOM) if out else 0
    return [y - max(over, 0) for y in out]


def svg(curves, title, across, up, floor=None):
    """curves: {name: [(x, y, low, high), ...]}; floor: (y, what it is)."""
    every = [p for points in curves.values() for p in points]
    x_low, x_high = spread([p[0] for p in every])
    y_low, y_high = spread([v for p in every for v in p[1:] if v > 0] + ([floor[0]] if floor else []))

    def at_x(x):
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(x / x_low) / math.log(x_high / x_low)

    def at_y(y):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * math.log(max(y, y_low) / y_low) / math.log(y_high / y_low)

    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" '
           'font-size="11">' % (WIDTH, HEIGHT, WIDTH, HEIGHT), '<rect width="100%" height="100%" fill="white"/>',
           '<text x="%d" y="20" font-size="13">%s</text>' % (LEFT, title)]
    for x in ticks(x_low, x_high):
        out.append('<path d="M%.1f %dV%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%g</text>' % (
            at_x(x), TOP, HEIGHT - BOTTOM, at_x(x), HEIGHT - BOTTOM + 15, x))
    for y in ticks(y_low, y_high):
        out.append('<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>' % (
            LEFT, at_y(y), WIDTH - RIGHT, LEFT - 6, at_y(y) + 4, y))
    out.append('<text x="%d" y="%d" text-anchor="middle">%s</text>' % ((LEFT + WIDTH - RIGHT) // 2, HEIGHT - 12, across))
    out.append('<text transform="translate(16 %d) rotate(-90)" text-anchor="middle">%s</text>' % ((HEIGHT + TOP - BOTTOM) // 2, up))
    if floor:
        out.append('<path d="M%d %.1fH%d" stroke="#888" stroke-dasharray="5 4"/><text x="%d" y="%.1f" fill="#666">%s</text>' % (
            LEFT, at_y(floor[0]), WIDTH - RIGHT, LEFT + 6, at_y(floor[0]) - 4, floor[1]))
    names = list(curves)
    heights = placed([at_y(sorted(curves[name])[-1][1]) for name in names])
    for i, name in enumerate(names):
        points, colour = sorted(curves[name]), COLOURS[i % len(COLOURS)]
        out.append('<path d="M%s" fill="none" stroke="%s" stroke-width="1.6"/>' % (
            "L".join("%.1f %.1f" % (at_x(p[0]), at_y(p[1])) for p in points), colour))
        for x, y, low, high in points:
            out.append('<circle cx="%.1f" cy="%.1f" r="2.6" fill="%s"/><path d="M%.1f %.1fV%.1f" stroke="%s"/>' % (
                at_x(x), at_y(y), colour, at_x(x), at_y(low), at_y(high), colour))
        out.append('<text x="%d" y="%.1f" fill="%s">%s</text>' % (WIDTH - RIGHT + 8, heights[i] + 4, colour, name))
    return "\n".join(out + ["</svg>"]) + "\n"
