// SPDX-License-Identifier: BSD-3-Clause
// What stands behind a covsamp_torch.
#ifndef COVSAMP_SHIM_HANDLE_HPP
#define COVSAMP_SHIM_HANDLE_HPP

#include "engine.hpp"
#include "labels.hpp"
#include "metadata.hpp"
#include "options.hpp"

#include <covsamp/torch.h>

struct covsamp_torch {
    covsamp_torch(covsamp_shim::Network ready, covsamp_shim::Metadata about,
                  const covsamp_shim::Options &options)
        : network(std::move(ready)), metadata(std::move(about)), labels(metadata.classes()),
          engine(covsamp_shim::make_engine(options.engine,
                                           {options.bfloat16, options.layout, options.keep_bytes})),
          bfloat16(options.bfloat16)
    {
    }

    covsamp_shim::Network network;
    covsamp_shim::Metadata metadata;
    covsamp_shim::Labels labels;
    std::unique_ptr<covsamp_shim::Engine> engine;
    std::unique_ptr<covsamp_shim::Engine> reverse; // for transposed products, once one was wanted
    bool bfloat16;                                 // tangents are of that type
    int64_t head = -1; // which of the module's heads fills request->head; -1: none was named
    std::string operators, reason; // of the last report
    char message[COVSAMP_MESSAGE_BYTES] = "";
};

namespace covsamp_shim
{

// The labels of samples first_sample, ... on the network's device; undefined where the module takes
// none or may go without.  Throws Failure if it needs some.
at::Tensor labels_for(const covsamp_torch &handle, int32_t branch, int64_t first_sample,
                      int64_t batch);

// Door bodies, each in the file of its name; they throw.
std::unique_ptr<covsamp_torch> load(const char *path, const covsamp_torch_options *options);
std::unique_ptr<covsamp_torch> load(const void *data, size_t bytes,
                                    const covsamp_torch_options *options);
void set_head(covsamp_torch &handle, const char *name);
void report(covsamp_torch &handle, covsamp_torch_work &work);
void answer(covsamp_torch &handle, const covsamp_request &request);
double check(covsamp_torch &handle, double time, uint64_t seed, int32_t repeats);

} // namespace covsamp_shim

#endif
