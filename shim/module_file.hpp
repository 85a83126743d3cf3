// SPDX-License-Identifier: BSD-3-Clause
// A TorchScript file, or its bytes, as libtorch reads it, and the metadata inside.
#ifndef COVSAMP_SHIM_MODULE_FILE_HPP
#define COVSAMP_SHIM_MODULE_FILE_HPP

#include "metadata.hpp"
#include "options.hpp"

#include <torch/script.h>

namespace covsamp_shim
{

// Where a module comes from.
struct Source {
    const char *path = nullptr; // UTF-8; or
    const void *data = nullptr; // the bytes of a file
    size_t bytes = 0;
};

// Throws Failure: E_FILE, E_FORMAT.
torch::jit::Module read_file(const Source &source, Metadata &metadata);

// Which of the two shapes holds: the caller's, else the file's.  Throws Failure if there is none.
void settle_shape(Target &target, const Metadata &metadata);

} // namespace covsamp_shim

#endif
