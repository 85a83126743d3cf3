// SPDX-License-Identifier: BSD-3-Clause
// What the engine says of itself, for the caller.
#include "failure.hpp"
#include "handle.hpp"
#include "struct_size.hpp"

#include <cstddef>
#include <cstring>

namespace covsamp_shim
{

void report(covsamp_torch &handle, covsamp_torch_work &work)
{
    const size_t first = offsetof(covsamp_torch_work, reason) + sizeof work.reason; // version 0.1
    check_struct_size(work.size, first, "work");
    Report report;
    handle.engine->report(report);
    int64_t by_duals = 0;
    handle.operators.clear();
    for (const auto &[name, count] : report.by_duals) {
        by_duals += count;
        handle.operators +=
            (handle.operators.empty() ? "" : ", ") + name + " x " + std::to_string(count);
    }
    handle.reason = report.reason;
    work.engine = handle.engine->kind();
    work.reserved = 0;
    work.nodes_by_rule = report.by_rule;
    work.nodes_by_duals = by_duals;
    work.linearisations = report.linearisations;
    work.steps = report.steps;
    work.bytes_kept = report.kept_bytes;
    work.bytes_peak = report.peak_bytes;
    work.operators_by_duals = handle.operators.c_str();
    work.reason = handle.reason.c_str();
    zero_unknown(work);
    if (work.size >= offsetof(covsamp_torch_work, points_kept) + sizeof work.points_kept)
        work.points_kept = report.points;
}

} // namespace covsamp_shim
