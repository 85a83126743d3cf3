// SPDX-License-Identifier: BSD-3-Clause
#include "metadata.hpp"

#include "failure.hpp"

#include <charconv>
#include <string_view>

namespace covsamp_shim
{

namespace
{

std::string_view trimmed(std::string_view text)
{
    static const char blanks[] = " \t\r";
    size_t start = text.find_first_not_of(blanks);
    if (start == std::string_view::npos)
        return {};
    return text.substr(start, text.find_last_not_of(blanks) - start + 1);
}

// from_chars, since it knows no locale.
bool parse(std::string_view text, int64_t &value)
{
    text = trimmed(text);
    auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

// TYPE or TYPE:DIMS, f32:16x64, say.
bool parse_input(std::string_view text, Described &input)
{
    text = trimmed(text);
    const size_t colon = text.find(':');
    const std::string_view type = text.substr(0, colon);
    input.whole = type == "i64";
    if (!input.whole && type != "f32" && type != "f64")
        return false;
    if (colon == std::string_view::npos)
        return true;
    std::string_view rest = text.substr(colon + 1);
    for (bool more = true; more;) {
        const size_t cross = rest.find('x');
        int64_t size = 0;
        if (!parse(rest.substr(0, cross), size) || size < 1 || input.dims.size() == 8)
            return false;
        input.dims.push_back(size);
        more = cross != std::string_view::npos;
        rest = more ? rest.substr(cross + 1) : rest;
    }
    return true;
}

} // namespace

Metadata::Metadata(const std::string &text)
{
    std::string_view rest = text;
    while (!rest.empty()) {
        size_t end = rest.find('\n');
        std::string_view line = trimmed(rest.substr(0, end));
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
        size_t equals = line.find('=');
        if (line.empty() || line[0] == '#' || equals == std::string_view::npos)
            continue;
        entries_[std::string(trimmed(line.substr(0, equals)))] = trimmed(line.substr(equals + 1));
    }
}

const char *Metadata::find(const std::string &key) const
{
    auto entry = entries_.find(key);
    return entry == entries_.end() ? nullptr : entry->second.c_str();
}

std::vector<int64_t> Metadata::shape() const
{
    const char *text = find("shape");
    std::vector<int64_t> shape;
    if (text == nullptr)
        return shape;
    std::string_view rest = text;
    for (bool more = true; more;) {
        size_t comma = rest.find(',');
        int64_t size = 0;
        if (!parse(rest.substr(0, comma), size) || size < 1 || shape.size() == 8)
            throw Failure(
                COVSAMP_TORCH_E_FORMAT,
                "the file's metadata says shape=%.100s, must be 1 to 8 sizes as in 1,28,28", text);
        shape.push_back(size);
        more = comma != std::string_view::npos;
        rest = more ? rest.substr(comma + 1) : rest;
    }
    return shape;
}

std::vector<Described> Metadata::inputs() const
{
    const char *text = find("inputs");
    std::vector<Described> inputs;
    if (text == nullptr)
        return inputs;
    std::string_view rest = text;
    for (bool more = true; more;) {
        const size_t comma = rest.find(',');
        inputs.emplace_back();
        if (!parse_input(rest.substr(0, comma), inputs.back()))
            throw Failure(COVSAMP_TORCH_E_FORMAT,
                          "the file's metadata says inputs=%.100s, must be f32, f64 or i64, each "
                          "with :DIMS or without, as in i64,f32:16x64",
                          text);
        more = comma != std::string_view::npos;
        rest = more ? rest.substr(comma + 1) : rest;
    }
    return inputs;
}

std::vector<std::string> Metadata::heads() const
{
    const char *text = find("heads");
    std::vector<std::string> heads;
    std::string_view rest = text == nullptr ? "" : text;
    while (!rest.empty()) {
        size_t comma = rest.find(',');
        heads.emplace_back(trimmed(rest.substr(0, comma)));
        rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
    return heads;
}

std::optional<int64_t> Metadata::classes() const
{
    const char *text = find("classes");
    if (text == nullptr)
        return {};
    int64_t classes = 0;
    if (!parse(text, classes) || classes < 0)
        throw Failure(COVSAMP_TORCH_E_FORMAT,
                      "the file's metadata says classes=%.100s, must be a whole number >= 0", text);
    return classes;
}

} // namespace covsamp_shim
