// SPDX-License-Identifier: BSD-3-Clause
// What stands behind a covsamp_torch_classifier: logits, and their gradient by reverse mode.
#ifndef COVSAMP_SHIM_CLASSIFIER_HPP
#define COVSAMP_SHIM_CLASSIFIER_HPP

#include "plain_module.hpp"

#include <covsamp/torch.h>

// Members throw Failure.
struct covsamp_torch_classifier {
    covsamp_torch_classifier(const covsamp_shim::Source &source,
                             const covsamp_torch_options *options);

    void set_labels(const int64_t *labels, int64_t count);
    void answer(const covsamp_request &request);
    void write_logits(int32_t dtype, const void *x, int64_t stride, int64_t samples, double time,
                      void *out, int64_t out_stride);

    covsamp_shim::PlainModule module;
    int64_t classes = 0;
    char message[COVSAMP_MESSAGE_BYTES] = "";

  private:
    at::Tensor logits(const at::Tensor &x, const at::Tensor &time);
    at::Tensor gradient(const at::Tensor &x, const at::Tensor &time, const at::Tensor &labels);

    at::Tensor labels_; // [count] int64; undefined: none
};

#endif
