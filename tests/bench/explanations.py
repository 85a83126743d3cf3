# SPDX-License-Identifier: BSD-3-Clause
"""Why a goal of docs/performance.md is missed, by the key of its row in core_tables.py; each begins with the date
and names the profile.  What is not missed is not shown."""

EXPLANATIONS = {
    "krylov cache": (
        "2026-11-27, `perf record -e cpu-clock build/tests/bench/bench-krylov f32 15 1 12288 1`: of the samples inside the library 32 % "
        "are in `covsamp__nonfinite` (every answer is looked through for NaN, a value at a time), 23 % in `reject`, 15 % in `project`, "
        "15 % in `combine`, 8 % each in `scale` and `expand`. In a cache none of them is bound by bandwidth: sums and products are in "
        "double, by SSE2, two values an instruction, with a conversion for every value of type float, where the triad adds sixteen at once by AVX-512."),
    "krylov memory": (
        "2026-11-27, `perf record -e cpu-clock build/tests/bench/bench-krylov f32 5 1 12288 32`: of the samples inside the library 35 % "
        "are in `covsamp__nonfinite`, 23 % in `reject`, 19 % in `project`, 14 % in `combine`, 9 % in `expand`: the same kernels, and they "
        "go through memory more often than the bound allows, since products, conversion, projection and the check are sweeps of their own. "
        "On vectors that no cache holds the machine's bandwidth is the limit and the ratio falls."),
}
