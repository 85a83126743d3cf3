# SPDX-License-Identifier: BSD-3-Clause
"""Rows of tables from finished cells, and what one differs from another by."""
import numpy as np

import cells
import store

NAMES = ("frechet", "kernel", "precision", "recall", "accuracy")


def load(path):
    """Nothing where nothing has been measured yet."""
    lines = store.Records(path).lines
    for line in lines:
        if "jvps" in line:  # at today's prices
            line["passes"] = cells.passes(line, cells.HEADS.match(line["method"]))
    return lines


def mean(values):
    """None where one of them is."""
    return None if None in values else sum(values) / len(values)


def merge(lines):
    """One row for the same thing under several seeds."""
    count, metrics = len(lines), [line["metrics"] for line in lines]
    row = dict(lines[0], seeds=sorted(line.get("seed", 0) for line in lines), passes=mean([line["passes"] for line in lines]),
               label=lines[0].get("label", lines[0]["method"]))
    row["metrics"] = {"spread": mean([m.get("spread") for m in metrics])}
    for name in NAMES:
        if None in [m[name] for m in metrics]:
            row["metrics"][name] = None
            continue
        value, low, high = (mean([m[name][k] for m in metrics]) for k in ("value", "low", "high"))
        row["metrics"][name] = {"value": value, "low": value - (value - low) / count ** 0.5,
                                "high": value + (high - value) / count ** 0.5}
    drawn = [m["frechet"].get("replicates") for m in metrics]
    row["replicates"] = None if None in drawn else np.mean(drawn, axis=0)
    row["resampling"] = [tuple(m.get(key) for key in ("bootstrap", "bootstrap_seed", "strata")) for m in metrics]
    return row


def rows_of(lines):
    groups = {}
    for line in lines:
        groups.setdefault((line["table"], line.get("label", line["method"]), line["steps"], line["samples"]), []).append(line)
    return [merge(group) for group in groups.values()]


def distance(row):
    return row["metrics"]["frechet"]["value"]


def difference(row, base):
    """Of two Frechet distances whose samples share noise and were resampled alike; None where they were not."""
    same = base is not None and row is not base and all(row[key] == base[key] for key in ("samples", "seeds", "resampling"))
    if not same or row["replicates"] is None or base["replicates"] is None:
        return None
    each = row["replicates"] - base["replicates"]
    low, high = np.quantile(each, (0.025, 0.975))
    return {"value": distance(row) - distance(base), "low": low, "high": high}
