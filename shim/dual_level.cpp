// SPDX-License-Identifier: BSD-3-Clause
#include "dual_level.hpp"

#include <torch/csrc/autograd/autograd.h>

#include <cstring>

namespace covsamp_shim
{

namespace forward_ad = torch::autograd::forward_ad;

static std::mutex &process_mutex()
{
    static std::mutex process;
    return process;
}

Level::Level() : lock_(process_mutex()), index_(forward_ad::enter_dual_level())
{
}

Level::~Level()
{
    try {
        forward_ad::exit_dual_level(index_);
    } catch (...) { // only if somebody else meddled with the levels; nothing can be done about it
                    // here
    }
}

// It has several ways to say so.
bool lacks_forward_rule(const std::exception &error)
{
    if (dynamic_cast<const c10::NotImplementedError *>(&error) != nullptr)
        return true;
    for (const char *sign : {"forward AD", "forward mode", "jvp is not implemented"})
        if (std::strstr(error.what(), sign) != nullptr)
            return true;
    return false;
}

} // namespace covsamp_shim
