// SPDX-License-Identifier: BSD-3-Clause
// What stands behind a covsamp_torch.
#ifndef COVSAMP_SHIM_HANDLE_HPP
#define COVSAMP_SHIM_HANDLE_HPP

#include "engine.hpp"
#include "inputs.hpp"
#include "metadata.hpp"
#include "module_file.hpp"
#include "options.hpp"
#include "vectors.hpp"

#include <covsamp/torch.h>

namespace covsamp_shim
{

// How many classes there are, if input 0 is labels.
inline std::optional<int64_t> labels_of(const Metadata &metadata)
{
    const std::vector<Described> inputs = metadata.inputs();
    const bool other = !inputs.empty() && (!inputs[0].whole || !inputs[0].dims.empty());
    return other ? std::nullopt : metadata.classes();
}

} // namespace covsamp_shim

struct covsamp_torch {
    covsamp_torch(covsamp_shim::Network ready, covsamp_shim::Metadata about,
                  const covsamp_shim::Options &options)
        : network(std::move(ready)), metadata(std::move(about)), inputs(labels_of(metadata)),
          engine(covsamp_shim::make_engine(options.engine,
                                           {options.bfloat16, options.layout, options.keep_bytes})),
          bfloat16(options.bfloat16)
    {
    }

    covsamp_shim::Network network;
    covsamp_shim::Metadata metadata;
    covsamp_shim::Inputs inputs;
    std::unique_ptr<covsamp_shim::Engine> engine;
    std::unique_ptr<covsamp_shim::Engine> reverse; // for transposed products, once one was wanted
    bool bfloat16;                                 // tangents are of that type
    int64_t head = -1; // which of the module's heads fills request->head; -1: none was named
    std::string operators, reason; // of the last report
    char message[COVSAMP_MESSAGE_BYTES] = "";
    covsamp_shim::Vectors vectors{network.target().device, message};
};

namespace covsamp_shim
{

// The labels and further tensors of samples first_sample, ... on the device and, where they are not
// whole numbers, in the type of `options`; undefined where the module may go without.  Throws
// Failure if it needs one.
std::vector<at::Tensor> inputs_for(const covsamp_torch &handle, int32_t branch,
                                   int64_t first_sample, int64_t batch,
                                   const at::TensorOptions &options);

// Door bodies, each in the file of its name; they throw.
std::unique_ptr<covsamp_torch> load(const Source &source, const covsamp_torch_options *options);
void set_head(covsamp_torch &handle, const char *name);
void report(covsamp_torch &handle, covsamp_torch_work &work);
void answer(covsamp_torch &handle, const covsamp_request &request);
void answer_many(covsamp_torch &handle, const covsamp_request *const *requests, int32_t n,
                 int32_t *answers);
// What the caller gives for an input, and where it goes.
struct Given {
    int32_t branch, index, type;
    const void *data;
    const int64_t *dims;
    int32_t n_dims;
    int64_t count;
};
void set_input(covsamp_torch &handle, const Given &given);
void set_labels(covsamp_torch &handle, int32_t branch, const int64_t *labels, int64_t count);
double check(covsamp_torch &handle, double time, uint64_t seed, int32_t repeats);

} // namespace covsamp_shim

#endif
