// SPDX-License-Identifier: BSD-3-Clause
// What the C doors have in common.  Nothing is thrown through them, whatever its type.
#ifndef COVSAMP_SHIM_DOOR_HPP
#define COVSAMP_SHIM_DOOR_HPP

#include "failure.hpp"
#include "metadata.hpp"
#include "module_file.hpp"

namespace covsamp_shim
{

// Every door's body runs in here.  message: NULL or COVSAMP_MESSAGE_BYTES bytes.
template <class Body> int32_t door(char *message, const char *function, Body body) noexcept
{
    if (message != nullptr)
        message[0] = '\0';
    try {
        body();
        return COVSAMP_OK;
    } catch (...) {
        return report(message, function);
    }
}

inline void need(const void *pointer, const char *name)
{
    if (pointer == nullptr)
        throw Failure(COVSAMP_E_NULL, "%s is NULL", name);
}

inline Source from_path(const char *path)
{
    need(path, "path");
    return {path, nullptr, 0};
}

inline Source from_memory(const void *data, size_t bytes)
{
    need(data, "data");
    return {nullptr, data, bytes};
}

inline int32_t write_shape(const std::vector<int64_t> &shape, int64_t *dims,
                           int32_t capacity) noexcept
{
    for (size_t i = 0; dims != nullptr && i < shape.size() && static_cast<int32_t>(i) < capacity;
         i++)
        dims[i] = shape[i];
    return static_cast<int32_t>(shape.size());
}

inline const char *find_metadata(const Metadata &metadata, const char *key) noexcept
{
    const char *value = nullptr;
    if (key != nullptr)
        door(nullptr, __func__, [&] { value = metadata.find(key); });
    return value;
}

} // namespace covsamp_shim

#endif
