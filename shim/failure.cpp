// SPDX-License-Identifier: BSD-3-Clause
#include "failure.hpp"

#include <c10/util/Exception.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <new>

namespace covsamp_shim
{

namespace
{

// A cut at the end of the buffer must not leave half a UTF-8 character there.
void trim_utf8(char *text) noexcept
{
    size_t length = std::strlen(text), start = length;
    while (start > 0 && (static_cast<unsigned char>(text[start - 1]) & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = static_cast<unsigned char>(text[start - 1]);
    size_t wanted = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (length - (start - 1) < wanted)
        text[start - 1] = '\0';
}

void write(char *message, const char *function, const char *text) noexcept
{
    if (message == nullptr)
        return;
    std::snprintf(message, COVSAMP_MESSAGE_BYTES, "%s: %s", function, text);
    trim_utf8(message);
}

bool says(const char *text, const char *part) noexcept
{
    return std::strstr(text, part) != nullptr;
}

int32_t report_libtorch(char *message, const char *function, const std::exception &error)
{
    std::string line = one_line(error);
    // Only newer versions have a type of their own for this, and the CPU's allocator throws a plain
    // error.
    if (says(line.c_str(), "can't allocate memory") || says(line.c_str(), "out of memory")) {
        write(message, function, ("not enough memory (libtorch: " + line + ")").c_str());
        return COVSAMP_E_NOMEM;
    }
    write(message, function, ("libtorch: " + line).c_str());
    return COVSAMP_TORCH_E_EXCEPTION;
}

} // namespace

Failure::Failure(int32_t status, const char *format, ...) noexcept : status_(status)
{
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text_, sizeof text_, format, arguments);
    va_end(arguments);
    trim_utf8(text_);
}

Failure no_derivative()
{
    return Failure(
        COVSAMP_TORCH_E_NO_TANGENT,
        "the module's output has no derivative: it does not depend on x, or something in "
        "the module (detach, .data, no_grad) cut it off");
}

std::string one_line(const std::exception &error)
{
    auto *c10_error = dynamic_cast<const c10::Error *>(&error);
    std::string text = c10_error ? c10_error->what_without_backtrace() : error.what();
    // The interpreter puts its trace before the cause: source lines, all of them indented, with an
    // arrow under one.
    size_t start = text.rfind("<--- HERE");
    start = start == std::string::npos ? 0 : text.find('\n', start);
    while (start != std::string::npos && start < text.size() &&
           std::strchr(" \t\r\n", text[start]) != nullptr)
        start = text[start] == '\n' ? start + 1 : text.find('\n', start);
    if (start == std::string::npos || start >= text.size())
        return "no reason given";
    size_t end = text.find('\n', start);
    text = text.substr(start, end == std::string::npos ? end : end - start);
    for (char &c : text)
        if (static_cast<unsigned char>(c) < 0x20)
            c = ' ';
    return text;
}

int32_t report(char *message, const char *function) noexcept
{
    try {
        try {
            throw;
        } catch (const Failure &failure) {
            write(message, function, failure.what());
            return failure.status();
        } catch (const std::bad_alloc &) {
            write(message, function, "not enough memory");
            return COVSAMP_E_NOMEM;
        } catch (const std::exception &error) { // c10::Error is not the only thing libtorch throws
            return report_libtorch(message, function, error);
        } catch (...) {
            write(message, function, "an exception of unknown type");
            return COVSAMP_TORCH_E_EXCEPTION;
        }
    } catch (...) { // no memory for the text
        write(message, function, "not enough memory for an error text");
        return COVSAMP_E_NOMEM;
    }
}

} // namespace covsamp_shim
