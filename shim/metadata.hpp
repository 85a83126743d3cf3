// SPDX-License-Identifier: BSD-3-Clause
// The text "covsamp.txt" inside a model file: lines "key=value", blank lines and lines that begin
// with # left out.
#ifndef COVSAMP_SHIM_METADATA_HPP
#define COVSAMP_SHIM_METADATA_HPP

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace covsamp_shim
{

// What the metadata says of an input besides x and t.
struct Described {
    bool whole = false;        // int64; else floating point
    std::vector<int64_t> dims; // of one sample, 0 ... 8
};

class Metadata
{
  public:
    Metadata() = default;
    explicit Metadata(const std::string &text);

    // NULL if there is none.
    const char *find(const std::string &key) const;
    // "shape", for example 1,28,28; empty if there is none.  Throws Failure if it is no list of 1
    // ... 8 sizes.
    std::vector<int64_t> shape() const;
    // "classes"; nothing if there is none.  Throws Failure if it is no number >= 0.
    std::optional<int64_t> classes() const;
    // "inputs", for example i64,f32:16x64; empty if there is none.  Throws Failure if it does not
    // parse.
    std::vector<Described> inputs() const;
    // "heads", for example ocm,sn; empty if there are none.
    std::vector<std::string> heads() const;

  private:
    std::map<std::string, std::string> entries_;
};

} // namespace covsamp_shim

#endif
