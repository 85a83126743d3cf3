// SPDX-License-Identifier: BSD-3-Clause
// What went wrong, as a code and one sentence.  Inside the shim failures travel as exceptions;
// every door turns the one that reaches it into a code, whatever its type.
#ifndef COVSAMP_SHIM_FAILURE_HPP
#define COVSAMP_SHIM_FAILURE_HPP

#include <covsamp/torch.h>

#include <exception>
#include <string>

namespace covsamp_shim
{

// The function's name is put in front of the sentence by the door.
class Failure : public std::exception
{
  public:
    Failure(int32_t status, const char *format, ...) noexcept
#if defined(__GNUC__)
        __attribute__((format(printf, 3, 4)))
#endif
        ;
    int32_t status() const noexcept
    {
        return status_;
    }
    const char *what() const noexcept override
    {
        return text_;
    }

  private:
    int32_t status_;
    char text_[COVSAMP_MESSAGE_BYTES];
};

// What reverse mode says of an output that has no graph.
Failure no_derivative();

// The one line of an exception's text that says what happened: libtorch's texts hold whole traces.
std::string one_line(const std::exception &error);

// A shape as "[2, 1, 28, 28]"; anything with begin() and end() over integers.
template <class Sizes> std::string shape_text(const Sizes &sizes)
{
    std::string text = "[";
    for (auto size : sizes) {
        if (text.size() > 1)
            text += ", ";
        text += std::to_string(size);
    }
    return text + "]";
}

// Call inside a catch block only: turns the exception in flight into its code, and writes
// "function: sentence" to message (NULL: nowhere).
int32_t report(char *message, const char *function) noexcept;

} // namespace covsamp_shim

#endif
