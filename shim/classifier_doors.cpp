// SPDX-License-Identifier: BSD-3-Clause
// The C doors of classifiers.
#include "classifier.hpp"
#include "door.hpp"
#include "struct_size.hpp"

#include <cstddef>

using covsamp_shim::door;
using covsamp_shim::Failure;
using covsamp_shim::need;

static char *message_of(covsamp_torch_classifier *classifier) noexcept
{
    return classifier == nullptr ? nullptr : classifier->message;
}

int32_t covsamp_torch_classifier_load(covsamp_torch_classifier **out, const char *path,
                                      const covsamp_torch_options *options, char *message)
{
    return door(message, __func__, [&] {
        need(out, "out");
        *out = nullptr;
        *out = new covsamp_torch_classifier(covsamp_shim::from_path(path), options);
    });
}

int32_t covsamp_torch_classifier_load_memory(covsamp_torch_classifier **out, const void *data,
                                             size_t bytes, const covsamp_torch_options *options,
                                             char *message)
{
    return door(message, __func__, [&] {
        need(out, "out");
        *out = nullptr;
        *out = new covsamp_torch_classifier(covsamp_shim::from_memory(data, bytes), options);
    });
}

void covsamp_torch_classifier_free(covsamp_torch_classifier *classifier)
{
    door(nullptr, __func__, [&] { delete classifier; });
}

int64_t covsamp_torch_classifier_classes(const covsamp_torch_classifier *classifier)
{
    return classifier == nullptr ? 0 : classifier->classes;
}

int32_t covsamp_torch_classifier_set_labels(covsamp_torch_classifier *classifier,
                                            const int64_t *labels, int64_t count)
{
    return door(message_of(classifier), __func__, [&] {
        need(classifier, "classifier");
        classifier->set_labels(labels, count);
    });
}

int32_t covsamp_torch_classifier_answer(void *classifier, const covsamp_request *request)
{
    auto *handle = static_cast<covsamp_torch_classifier *>(classifier);
    return door(message_of(handle), __func__, [&] {
        need(classifier, "classifier");
        need(request, "request");
        handle->answer(*request);
    });
}

int32_t covsamp_torch_classifier_guide(covsamp_torch_classifier *classifier, covsamp_model *model)
{
    return door(message_of(classifier), __func__, [&] {
        need(classifier, "classifier");
        need(model, "model");
        const size_t first = offsetof(covsamp_model, guide) + sizeof model->guide;
        covsamp_shim::check_struct_size(model->size, first, "model");
        model->guide = covsamp_torch_classifier_answer;
        model->guide_user = classifier;
    });
}

int32_t covsamp_torch_classifier_logits(covsamp_torch_classifier *classifier, int32_t dtype,
                                        const void *x, int64_t stride, int64_t samples, double time,
                                        void *out, int64_t out_stride)
{
    return door(message_of(classifier), __func__, [&] {
        need(classifier, "classifier");
        classifier->write_logits(dtype, x, stride, samples, time, out, out_stride);
    });
}

int32_t covsamp_torch_classifier_shape(const covsamp_torch_classifier *classifier, int64_t *dims,
                                       int32_t capacity)
{
    return classifier == nullptr
               ? 0
               : covsamp_shim::write_shape(classifier->module.target().shape, dims, capacity);
}

const char *covsamp_torch_classifier_metadata(const covsamp_torch_classifier *classifier,
                                              const char *key)
{
    return classifier == nullptr ? nullptr
                                 : covsamp_shim::find_metadata(classifier->module.metadata(), key);
}

const char *covsamp_torch_classifier_message(const covsamp_torch_classifier *classifier)
{
    return classifier == nullptr ? "" : classifier->message;
}
