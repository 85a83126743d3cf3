# SPDX-License-Identifier: BSD-3-Clause
"""Keeps what the benchmarks printed, and writes docs/performance.md and its figures from what was kept.

report.py keep KEY OUTPUT COMMAND...    OUTPUT: what COMMAND printed, a JSON object a line
report.py page [FILE]                   between the marker lines of FILE, docs/performance.md by default

tests/bench/results.json holds every section with its command, machine, date and load; a section that is not
measured again stays as it was.  `lines` there in place of `rows` is a section of which only its text is left."""
import ctypes
import datetime
import json
import os
import platform
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(TOP, "examples", "evaluation")]
import chart
import core_tables
import tables
from explanations import EXPLANATIONS

ORDER = ("noise", "krylov", "step", "growth", "samplers", "instructions")  # then the rest, as it was kept
STORE = os.path.join(HERE, "results.json")


def machine():
    model = "unknown processor"
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as lines:
            text = dict(line.split(":", 1) for line in lines if ":" in line)
        text = {key.strip(): value.strip() for key, value in text.items()}
        model = text.get("model name", platform.machine())
        vectors = [name for name in ("avx2", "avx512f", "amx_tile") if name in text.get("flags", "").split()]
        model += f" (family {text['cpu family']}, {', '.join(vectors)})" if "cpu family" in text else ""
    return f"{model}, {os.cpu_count()} cores"


def versions():
    """What was measured with: compiler of the build, C library, BLAS."""
    found = []
    try:
        with open(os.path.join(os.environ.get("COVSAMP_BUILD", "build"), "lib", "libcovsamp.so.0"), "rb") as file:
            said = re.search(rb"GCC: \([^)]*\) ([0-9.]+)|clang version ([0-9.]+)", file.read())  # in .comment
        found.append("gcc " + said[1].decode() if said[1] else "clang " + said[2].decode())
    except (OSError, TypeError):
        pass
    found.append(" ".join(platform.libc_ver()))
    try:
        blas = ctypes.CDLL("libopenblas.so.0")
        blas.openblas_get_config.restype = ctypes.c_char_p
        words = blas.openblas_get_config().decode().split()
        found.append(f"OpenBLAS {words[1]} ({words[-2] if words[-1].startswith('MAX_THREADS') else words[-1]})")
    except (OSError, AttributeError, IndexError):
        pass
    return ", ".join(found)


def load():
    try:
        return round(os.getloadavg()[0], 1)
    except OSError:
        return None


def stored():
    """{key: entry}, in the order of the page."""
    with open(STORE) as file:
        everything = json.load(file)
    place = {name: i for i, name in enumerate(ORDER)}
    return dict(sorted(everything.items(), key=lambda item: place.get(item[0].split("-")[0], len(ORDER))))


def keep(key, output, *command):
    with open(output) as lines:
        rows = [json.loads(line) for line in lines if line.startswith("{")]
    if not rows:
        raise SystemExit(f"report.py: {key}: nothing was measured")
    everything = stored()
    everything[key] = {"command": " ".join(command), "machine": machine(), "versions": versions(), "date": datetime.date.today().isoformat(),
                       "load": load(), "rows": rows}
    with open(STORE + ".new", "w") as file:
        json.dump(everything, file, indent=1, ensure_ascii=False)
        file.write("\n")
    os.replace(STORE + ".new", STORE)


def section(entry, operations):
    if "lines" in entry:
        lines = list(entry["lines"])
    else:
        known = {**core_tables.TABLES, "jvp": tables.jvp_table, "peer": lambda c, r: tables.peer_table(c, r, operations),
                 "bf16": tables.bf16_table, "memory": tables.memory_table, "threads": tables.threads_table, "many": tables.many_table}
        lines = known.get(entry["rows"][0]["bench"], core_tables.other_table)(entry["command"], entry["rows"])
    about = "; ".join(entry[key] for key in ("machine", "versions", "date") if key in entry)
    about += f"; load average at the end {entry['load']:.1f}" if entry.get("load") is not None else ""
    return lines[:2] + [f"*{about}.*", ""] + lines[2:]


def judged(everything):
    """[(key, what, median, least, most, limit, sense, held)], what has a goal."""
    out = []
    for entry in everything.values():
        if "rows" in entry:
            kind = entry["rows"][0]["bench"]
            for goal in core_tables.GOALS.get(kind, core_tables.other_goals)(entry["rows"]):
                _, _, median, _, _, limit, sense = goal
                out.append(goal + (median <= limit if sense == "<=" else median >= limit,))
    return out


def figure(value):
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def row(goal):
    _, what, median, least, most, limit, sense, _ = goal
    return f"| {what} | {'≤' if sense == '<=' else '≥'} {figure(limit)} | {figure(least)} – {figure(median)} – {figure(most)} |"


def goals_text(goals):
    head = ["| ratio | goal | least – median – most |", "| --- | ---: | ---: |"]
    missed = [g for g in goals if not g[-1]]
    missed.sort(key=lambda g: -(g[2] / g[5] if g[6] == "<=" and g[5] else g[5] / max(g[2], 1e-12)))
    text = [f"## Goals that are missed: {len(missed)} of {len(goals)}", ""]
    if missed:
        text += head + [row(g) for g in missed] + [""]
        for key in dict.fromkeys(g[0] for g in missed):
            text += [f"**{key}.** {EXPLANATIONS.get(key, 'Not explained yet.')}", ""]
    text += ["## Goals that are met", ""] + head + [row(g) for g in goals if g[-1]] + [""]
    return text


def between(whole, name, lines):
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, rest = whole.split(begin)
    _, after = rest.split(end)
    return before + begin + "\n" + "\n".join(lines).rstrip("\n") + "\n" + end + after


def page(file=os.path.join(TOP, "docs", "performance.md")):
    everything = stored()
    operations = tables.operations_of(everything.values())
    measured = []
    for entry in everything.values():
        measured += "\n".join(section(entry, operations)).rstrip("\n").split("\n") + [""]
        if "rows" in entry and entry["rows"][0]["bench"] == "growth":
            for name, text in core_tables.growth_figures(entry["rows"], chart.svg).items():
                with open(os.path.join(os.path.dirname(os.path.abspath(file)), name), "w") as out:
                    out.write(text)
    with open(file) as old:
        whole = old.read()
    whole = between(between(whole, "goals", goals_text(judged(everything))), "measured", measured)
    with open(file, "w") as new:
        new.write(whole)


if __name__ == "__main__":
    {"keep": keep, "page": page}[sys.argv[1]](*sys.argv[2:])
