// SPDX-License-Identifier: BSD-3-Clause
#ifndef COVSAMP_SHIM_LINEAR_NOT_UNDERSTOOD_HPP
#define COVSAMP_SHIM_LINEAR_NOT_UNDERSTOOD_HPP

#include <exception>
#include <string>

namespace covsamp_shim
{

// Thrown where a module is not understood; the whole of it goes to another engine then, and the
// report gives this reason.
class NotUnderstood : public std::exception
{
  public:
    explicit NotUnderstood(std::string reason) : reason_(std::move(reason))
    {
    }
    const char *what() const noexcept override
    {
        return reason_.c_str();
    }

  private:
    std::string reason_;
};

} // namespace covsamp_shim

#endif
