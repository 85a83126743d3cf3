# SPDX-License-Identifier: BSD-3-Clause
"""Why a goal of docs/performance.md is missed, by the key of its row in core_tables.py; each begins with the date
and names the profile.  What is not missed is not shown."""

EXPLANATIONS = {
    "krylov cache": (
        "2026-11-27, `perf record -e cpu-clock build/tests/bench/bench-krylov f32 5 1 12288 32`: of the samples in the library's kernels 27 % "
        "are `combine`, 20 % sums of products, 17 % `reject_square`, 14 % `reject_project`, 9 % each `scale` and the search for NaN, 5 % `expand`. "
        "In a cache none of them is bound by bandwidth: sums and products are in double, eight values an instruction by AVX-512, with a "
        "conversion for every value of type float, where the triad adds sixteen at once. In double, without conversions, most sizes meet the goal."),
    "krylov memory": (
        "2026-11-27, `perf record -e cpu-clock build/tests/bench/bench-krylov f32 5 1 196608 32`: 28 % `combine`, 19 % sums of products, 18 % the "
        "search for NaN, 10 % each `reject_project` and `reject_square`, 8 % `scale`, 7 % `expand`: the products' conversion to C v, the search and the "
        "scaling of the next vector are sweeps of their own, which the bound does not count. STREAM's count leaves out that a cache line is read before it "
        "is written, so that a bound in memory is not one to the last tenth."),
}
