// SPDX-License-Identifier: BSD-3-Clause
// The caller's covsamp_torch_options, read and checked.
#ifndef COVSAMP_SHIM_OPTIONS_HPP
#define COVSAMP_SHIM_OPTIONS_HPP

#include "network.hpp"

#include <covsamp/torch.h>

namespace covsamp_shim
{

struct Options {
    Target target; // its shape is empty if the caller left it to the file
    int32_t engine = COVSAMP_TORCH_AUTO;
    bool bfloat16 = false; // tangents are of that type
    int32_t layout = COVSAMP_TORCH_LAYOUT_AUTO;
    std::string method = "forward";
    int64_t keep_bytes = 0; // the linearised engine keeps at most; 0: no limit
};

// given: NULL for the defaults.  Throws Failure.
Options read_options(const covsamp_torch_options *given);

} // namespace covsamp_shim

#endif
