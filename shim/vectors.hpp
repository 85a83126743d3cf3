// SPDX-License-Identifier: BSD-3-Clause
// A sampler's vectors as memory of libtorch, on whatever device: covsamp_vector_ops by tensors.
#ifndef COVSAMP_SHIM_VECTORS_HPP
#define COVSAMP_SHIM_VECTORS_HPP

#include <covsamp/covsamp.h>

#include <torch/script.h>

#include <map>
#include <mutex>

namespace covsamp_shim
{

// What `user` of a table is.
struct Vectors {
    // message: where the last failure is told, COVSAMP_MESSAGE_BYTES.
    Vectors(c10::Device where, char *text) : device(where), message(text)
    {
    }
    c10::Device device;
    char *message;
    std::mutex lock; // of blocks
    std::map<void *, at::Tensor> blocks;
};

covsamp_vector_ops table_of(Vectors &vectors);
// Where the pointers of a request are.  Throws Failure where that is not known here.
c10::Device device_of(const covsamp_request &request);

} // namespace covsamp_shim

#endif
