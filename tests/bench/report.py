# SPDX-License-Identifier: BSD-3-Clause
"""Writes what the benchmarks printed into docs/performance.md, between its marker lines:
report.py RESULTS FILE      RESULTS: lines of "# command" and JSON"""
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
        note = " (Jᵀv)" if row["way"] in ("kept_graph", "transposed") else ""
        text.append(f"| {row['who']} | `{row['way']}`{note} | {row['form']} | {cell(row, 'lgs3')} | "
                    f"{cell(row, 'lgs3_flops')} |")
    return text + [""]


def main(results, file):
    found = [(command, rows) for command, rows in groups(results) if rows]
    operations = {(r["model"], r["batch"], r["engine"]): r["lgs3_flops"]
                  for _, rows in found for r in rows if r["bench"] == "jvp" and "lgs3_flops" in r}
    versions = sorted({row["libtorch"] for _, rows in found for row in rows if row["bench"] == "jvp"})
    text = [f"{machine()}; libtorch {', '.join(versions)}.", ""]
    for command, rows in found:
        text += jvp_table(command, rows) if rows[0]["bench"] == "jvp" else peer_table(command, rows, operations)
    with open(file) as old:
        whole = old.read()
    before, rest = whole.split(BEGIN)
    after = rest.split(END)[1]
    with open(file, "w") as new:
        new.write(before + BEGIN + "\n" + "\n".join(text) + END + after)


if __name__ == "__main__":
    main(*sys.argv[1:])
