# SPDX-License-Identifier: BSD-3-Clause
"""Why a goal of docs/performance.md is missed, by the key of its row in core_tables.py; each begins with the date
and names the profile.  What is not missed is not shown."""

EXPLANATIONS = {
    "krylov cache": (
        "2026-11-27, `perf record -e cpu-clock build/tests/bench/bench-krylov f32 15 1 12288 1`: of the samples in the library's kernels 29 % "
        "are sums of products, 22 % `combine`, 17 % `reject`, 13 % the search for NaN, 10 % `expand`. In a cache none of them is bound by "
        "bandwidth: sums and products are in double, eight values an instruction by AVX-512, with a conversion for every value of type "
        "float, where the triad adds sixteen at once."),
    "krylov memory": (
        "2026-11-27, `perf record -e cpu-clock build/tests/bench/bench-krylov f32 5 1 12288 32`: 27 % sums of products, 24 % `reject`, 17 % "
        "`combine`, 14 % the search for NaN, 13 % `expand`: the same kernels, and they go through memory more often than the bound allows, "
        "since products, conversion, projection and the check are sweeps of their own."),
}
