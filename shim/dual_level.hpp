// SPDX-License-Identifier: BSD-3-Clause
// libtorch's dual numbers, entered safely.
#ifndef COVSAMP_SHIM_DUAL_LEVEL_HPP
#define COVSAMP_SHIM_DUAL_LEVEL_HPP

#include <cstdint>
#include <exception>
#include <mutex>

namespace covsamp_shim
{

// libtorch has one level of dual numbers for the whole process, and throws when a second one is
// opened: handles on different threads take turns.  An object, so that an exception in the module
// does not leave the level open, after which every later product in the process would fail.
class Level
{
  public:
    Level();
    ~Level();
    Level(const Level &) = delete;
    Level &operator=(const Level &) = delete;
    int64_t index() const
    {
        return static_cast<int64_t>(index_);
    }

  private:
    std::unique_lock<std::mutex> lock_;
    uint64_t index_;
};

// Whether libtorch says by this that an operator cannot take dual numbers.
bool lacks_forward_rule(const std::exception &error);

} // namespace covsamp_shim

#endif
