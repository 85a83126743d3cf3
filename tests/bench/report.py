# SPDX-License-Identifier: BSD-3-Clause
"""Writes what the benchmarks printed into docs/performance.md, between its marker lines:
report.py RESULTS FILE      RESULTS: lines of "# command" and JSON
Sections that were measured before on the same machine, and not now, stay."""
import json
import os
import sys

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def machine():
    model = "unknown processor"
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as lines:
            names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
            model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores"


def groups(path):
    """[(command, [row])]"""
    found = []
    with open(path) as lines:
        for line in lines:
            if line.startswith("# "):
                found.append((line[2:].strip(), []))
            elif line.startswith("{") and found:
                found[-1][1].append(json.loads(line))
    return found


def cell(row, key, digits=2):
    return f"{row[key]:.{digits}f}" if key in row else ""


def transposes(way):
    return " (Jᵀv)" if way in ("kept_graph", "transposed") else ""


def heading(row):
    threads = "1 thread" if row["threads"] == 1 else f"{row['threads']} threads"
    return f"`{row['model']}`, batch {row['batch']}, {row.get('dtype', 'f32')}, {threads}"


def jvp_table(command, rows):
    forward = rows[0]
    text = [f"### Products: {heading(forward)}", "", f"    {command}", "",
            f"A forward pass: {1e3 * forward['seconds']:.1f} ms, {forward['gflop']:.2f} GFLOP; median of "
            f"{forward['rounds']} rounds.", "",
            "| engine | linearise | product | LGS, m = 3 | operations of LGS |",
            "| --- | ---: | ---: | ---: | ---: |"]
    for row in rows[1:]:
        text.append(f"| `{row['engine']}` | {cell(row, 'linearise')} | {cell(row, 'product')} | "
                    f"{cell(row, 'lgs3')} | {cell(row, 'lgs3_flops')} |")
    return text + [""]


def peer_table(command, rows, operations):
    forward = rows[0]
    text = [f"### One LGS step, m = 3: {heading(forward)}", "", f"    {command}", "",
            f"A forward pass: {1e3 * forward['seconds']:.1f} ms; median of {forward['rounds']} rounds.", "",
            "| who | products by | form | forward passes | operations |", "| --- | --- | --- | ---: | ---: |"]
    for row in rows[1:]:
        key = forward["model"], forward["batch"], row["way"]
        if "lgs3_flops" not in row and key in operations:
            row["lgs3_flops"] = operations[key]
        text.append(f"| {row['who']} | `{row['way']}`{transposes(row['way'])} | {row['form']} | {cell(row, 'lgs3')} | "
                    f"{cell(row, 'lgs3_flops')} |")
    return text + [""]


def percent(value):
    return f"{100 * value:.2g} %" if value >= 1e-5 else "< 0.001 %"


def bf16_table(command, rows):
    first = rows[0]
    text = [f"### Tangents in bfloat16: `{first['model']}`, batch {first['batch']}", "", f"    {command}", "",
            "Differences from single precision, at the same state with the same noise. *Noise* is what an LGS step of",
            "three products adds, *shaped* the part of it that the covariance puts there (without what the small variance",
            "draws from the same numbers), *m = 3* what three products in single precision miss of twelve in that part.", "",
            "| t | J v | trace of J | C v | trace of C | noise | shaped | m = 3 |",
            "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for row in rows:
        if "t" in row:
            text.append(f"| {row['t']} | " + " | ".join(percent(row[key]) for key in (
                "product", "trace", "product_c", "trace_c", "draw", "shaped", "truncation")) + " |")
    text += ["", "Samples of whole runs, root mean square differences (images lie in [-1, 1]):", "",
             "| steps | m | bfloat16 | its worst sample | m = 12 in single precision | another seed |",
             "| ---: | ---: | ---: | ---: | ---: | ---: |"]
    for row in rows:
        if "steps" in row:
            text.append(f"| {row['steps']} | {row['krylov']} | {row['rms']:.2g} | {row['worst']:.2g} | "
                        f"{row['truncation']:.2g} | {row['seeds']:.2g} |")
    return text + [""]


def memory_table(command, rows):
    text = [f"### Memory: `{rows[0]['model']}`, batch {rows[0]['batch']}, f32, 1 thread", "", f"    {command}", "",
            "In MB (10^6 bytes), after three LGS steps, m = 3. *Resident* is the most that a process ever had, beyond one",
            "that loads the module and runs it once (" + ", ".join(
                f"{row['who']} {row['resident'] / 1e6:.0f}" for row in rows if row["way"] == "forward")
            + ");", "*kept* and *peak* are `bytes_kept` and `bytes_peak` of `covsamp_torch_report()`.", "",
            "| who | products by | kept | peak | resident |", "| --- | --- | ---: | ---: | ---: |"]
    for row in rows:
        if row["way"] != "forward":
            own = [f"{row[key] / 1e6:.0f}" if row.get(key) else "" for key in ("kept", "peak")]
            text.append(f"| {row['who']} | `{row['way']}`{transposes(row['way'])} | {own[0]} | {own[1]} | "
                        f"{row['beyond'] / 1e6:.0f} |")
    return text + [""]


def threads_table(command, rows):
    first = rows[0]
    text = [f"### Two threads, two handles: `{first['model']}`, batch {first['batch']}, f32", "", f"    {command}", "",
            f"An LGS step, m = 3, median of {first['rounds']} rounds; load average of the machine before it began: "
            f"{first['load']:.2f}.", "",
            "| engine | one thread, ms | two threads, ms | throughput | same bits |",
            "| --- | ---: | ---: | ---: | --- |"]
    for row in rows:
        text.append(f"| `{row['engine']}` | {1e3 * row['one']:.0f} | {1e3 * row['two']:.0f} | {row['ratio']:.2f} | "
                    f"{'yes' if row['same'] else 'no'} |")
    return text + [""]


def many_table(command, rows):
    first = rows[0]
    text = [f"### {first['samplers']} samplers in one call: `{first['model']}`, batch {first['batch']} each, f32", "",
            f"    {command}", "",
            f"LGS, m = 3, median of {first['rounds']} rounds; load average of the machine before it began: {first['load']:.2f}.",
            "Answers a second, means and products, of a sample each; *apart*: the states after, relative.", "",
            "| engine | the samplers are | one by one | a handle each | in one call | against a handle each | apart |",
            "| --- | --- | ---: | ---: | ---: | ---: | ---: |"]
    for row in rows:
        text.append(f"| `{row['engine']}` | {row['order']} | {row['shared']:.1f} | {row['own']:.1f} | {row['many']:.1f} | "
                    f"{row['ratio']:.2f} | {row['apart']:.1e} |")
    return text + [""]


def sections(lines):
    """{heading: [line]}, what stands before the first heading under None."""
    found, heading = {None: []}, None
    for line in lines:
        if line.startswith("### "):
            heading = line
        found.setdefault(heading, []).append(line)
    return found


def main(results, file):
    found = [(command, rows) for command, rows in groups(results) if rows]
    operations = {(r["model"], r["batch"], r["engine"]): r["lgs3_flops"]
                  for _, rows in found for r in rows if r["bench"] == "jvp" and "lgs3_flops" in r}
    versions = sorted({row["libtorch"] for _, rows in found for row in rows if row["bench"] == "jvp"})
    tables = {"jvp": jvp_table, "peer": lambda c, r: peer_table(c, r, operations), "bf16": bf16_table,
              "memory": memory_table, "threads": threads_table, "many": many_table}
    with open(file) as old:
        whole = old.read()
    before, rest = whole.split(BEGIN)
    inside, after = rest.split(END)
    old = sections(inside.strip("\n").split("\n"))
    text = old if old[None] and old[None][0].startswith(machine() + ";") else {None: []}
    if versions or not text[None]:
        text[None] = [f"{machine()}; libtorch {', '.join(versions)}.", ""]
    for command, rows in found:
        lines = tables[rows[0]["bench"]](command, rows)
        text[lines[0]] = lines
    for lines in text.values():
        lines[:] = "\n".join(lines).rstrip("\n").split("\n") + [""]
    with open(file, "w") as new:
        new.write(before + BEGIN + "\n" + "\n".join(line for lines in text.values() for line in lines) + END + after)


if __name__ == "__main__":
    main(*sys.argv[1:])
