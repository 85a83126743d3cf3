# SPDX-License-Identifier: BSD-3-Clause
"""Tables of docs/performance.md about products and the shim: each takes a command and what it printed, and gives
lines of which the first is the heading."""


def cell(row, key, digits=2):
    return f"{row[key]:.{digits}f}" if key in row else ""


def lgs_cell(row):
    """With its spread over the rounds, where that was kept."""
    return " – ".join(cell(row, key) for key in ("lgs3_least", "lgs3", "lgs3_most") if key in row)


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
                    f"{lgs_cell(row)} | {cell(row, 'lgs3_flops')} |")
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
        text.append(f"| {row['who']} | `{row['way']}`{transposes(row['way'])} | {row['form']} | {lgs_cell(row)} | "
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


def operations_of(entries):
    """{(model, batch, engine): operations of an LGS step}, which the tables of peers show too."""
    return {(r["model"], r["batch"], r["engine"]): r["lgs3_flops"]
            for entry in entries for r in entry.get("rows", []) if r["bench"] == "jvp" and "lgs3_flops" in r}
