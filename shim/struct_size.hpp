// SPDX-License-Identifier: BSD-3-Clause
// Sizes of structs that callers fill: the same rules as in the core (lib/base/memory.h,
// docs/abi.md).
#ifndef COVSAMP_SHIM_STRUCT_SIZE_HPP
#define COVSAMP_SHIM_STRUCT_SIZE_HPP

#include "failure.hpp"

#include <cstddef>
#include <cstring>

namespace covsamp_shim
{

// first: the size in version 0.1, the least that is ever taken.  What is larger than 4096 or cuts a
// field in two is no size but rubbish, and is not followed.
inline void check_struct_size(size_t size, size_t first, const char *name)
{
    static const size_t most = 4096;
    if (size < first || size > most || size % sizeof(size_t) != 0)
        throw Failure(COVSAMP_E_STRUCT_SIZE,
                      "%s->size is %zu, must be sizeof the struct, in %zu ... %zu", name, size,
                      first, most);
}

// What a newer caller's struct has behind ours is zero: this library does not know it.
template <typename Struct> void zero_unknown(Struct &given)
{
    if (given.size > sizeof given)
        std::memset(reinterpret_cast<char *>(&given) + sizeof given, 0, given.size - sizeof given);
}

} // namespace covsamp_shim
#endif
