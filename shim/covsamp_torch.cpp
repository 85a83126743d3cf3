// SPDX-License-Identifier: BSD-3-Clause
// The C doors.  Nothing is thrown through them, whatever its type.
#include "door.hpp"
#include "handle.hpp"
#include "struct_size.hpp"

#include <cstddef>
#include <cmath>

using covsamp_shim::door;
using covsamp_shim::Failure;
using covsamp_shim::need;

namespace
{

#define STATUS_LIST(X)                                                                             \
    X(COVSAMP_TORCH_E_FILE, "There is no such file, or it cannot be read.")                        \
    X(COVSAMP_TORCH_E_FORMAT, "This is not a module that libtorch can load.")                      \
    X(COVSAMP_TORCH_E_DEVICE, "The device is unknown or absent.")                                  \
    X(COVSAMP_TORCH_E_SHAPE, "An input or output has another shape than expected.")                \
    X(COVSAMP_TORCH_E_EXCEPTION, "libtorch threw while the module ran.")                           \
    X(COVSAMP_TORCH_E_NO_TANGENT, "The output lost its tangent: a product would be wrong.")        \
    X(COVSAMP_TORCH_E_NO_RULE, "An operator has no derivative that the engine can use.")           \
    X(COVSAMP_TORCH_E_LABELS,                                                                      \
      "Labels are needed and not set, set and not taken, or out of range.")                        \
    X(COVSAMP_TORCH_E_HEAD, "The module has no such head, or none was named.")                     \
    X(COVSAMP_TORCH_E_INPUT, "A further tensor is needed and not set, or not taken.")

const struct {
    const char *name, *text;
    int32_t status;
} list[] = {
#define ENTRY(code, text) {#code, text, code},
    STATUS_LIST(ENTRY)
#undef ENTRY
};

char *message_of(covsamp_torch *module) noexcept
{
    return module == nullptr ? nullptr : module->message;
}

} // namespace

const char *covsamp_torch_status_name(int32_t status)
{
    for (const auto &entry : list)
        if (entry.status == status)
            return entry.name;
    return covsamp_status_name(status);
}

const char *covsamp_torch_status_text(int32_t status)
{
    for (const auto &entry : list)
        if (entry.status == status)
            return entry.text;
    return covsamp_status_text(status);
}

uint32_t covsamp_torch_version_number(void)
{
    return COVSAMP_VERSION_NUMBER;
}

int32_t covsamp_torch_load(covsamp_torch **out, const char *path,
                           const covsamp_torch_options *options, char *message)
{
    return door(message, __func__, [&] {
        need(out, "out");
        *out = nullptr;
        *out = covsamp_shim::load(covsamp_shim::from_path(path), options).release();
    });
}

int32_t covsamp_torch_load_memory(covsamp_torch **out, const void *data, size_t bytes,
                                  const covsamp_torch_options *options, char *message)
{
    return door(message, __func__, [&] {
        need(out, "out");
        *out = nullptr;
        *out = covsamp_shim::load(covsamp_shim::from_memory(data, bytes), options).release();
    });
}

void covsamp_torch_free(covsamp_torch *module)
{
    door(nullptr, __func__, [&] { delete module; });
}

int32_t covsamp_torch_set_labels(covsamp_torch *module, int32_t branch, const int64_t *labels,
                                 int64_t count)
{
    return door(message_of(module), __func__, [&] {
        need(module, "module");
        covsamp_shim::set_labels(*module, branch, labels, count);
    });
}

int32_t covsamp_torch_set_input(covsamp_torch *module, int32_t branch, int32_t index, int32_t type,
                                const void *data, const int64_t *dims, int32_t n_dims,
                                int64_t count)
{
    return door(message_of(module), __func__, [&] {
        need(module, "module");
        covsamp_shim::set_input(*module, {branch, index, type, data, dims, n_dims, count});
    });
}

int32_t covsamp_torch_set_head(covsamp_torch *module, const char *name)
{
    return door(message_of(module), __func__, [&] {
        need(module, "module");
        covsamp_shim::set_head(*module, name);
    });
}

int32_t covsamp_torch_answer(void *module, const covsamp_request *request)
{
    auto *handle = static_cast<covsamp_torch *>(module);
    return door(message_of(handle), __func__, [&] {
        need(module, "module");
        need(request, "request");
        covsamp_shim::answer(*handle, *request);
    });
}

int32_t covsamp_torch_answer_many(covsamp_torch *module, const covsamp_request *const *requests,
                                  int32_t n, int32_t *answers)
{
    return door(message_of(module), __func__, [&] {
        need(module, "module");
        if (n < 0)
            throw Failure(COVSAMP_E_RANGE, "n is %d, must be >= 0", static_cast<int>(n));
        if (n > 0)
            need(requests, "requests"), need(answers, "answers");
        covsamp_shim::answer_many(*module, requests, n, answers);
    });
}

int32_t covsamp_torch_model(covsamp_torch *module, covsamp_model *model)
{
    return door(message_of(module), __func__, [&] {
        need(module, "module");
        need(model, "model");
        const size_t first =
            offsetof(covsamp_model, progress) + sizeof model->progress; // of version 0.1
        covsamp_shim::check_struct_size(model->size, first, "model");
        model->mean = model->jvp = model->mean_jvp = covsamp_torch_answer;
        if (model->size >= offsetof(covsamp_model, vjp) + sizeof model->vjp)
            model->vjp = covsamp_torch_answer;
        model->model_user = module;
    });
}

int32_t covsamp_torch_vector_ops(covsamp_torch *module, covsamp_vector_ops *ops)
{
    return door(message_of(module), __func__, [&] {
        need(module, "module");
        need(ops, "ops");
        const size_t size = ops->size;
        covsamp_shim::check_struct_size(size, sizeof *ops, "ops"); // of version 0.1
        *ops = covsamp_shim::table_of(module->vectors);
        ops->size = size;
        covsamp_shim::zero_unknown(*ops);
    });
}

int32_t covsamp_torch_check(covsamp_torch *module, double time, uint64_t seed, int32_t repeats,
                            double *error)
{
    return door(message_of(module), __func__, [&] {
        need(module, "module");
        need(error, "error");
        if (!std::isfinite(time))
            throw Failure(COVSAMP_E_RANGE, "time is not finite");
        if (repeats < 4)
            throw Failure(COVSAMP_E_RANGE, "repeats is %d, must be >= 4",
                          static_cast<int>(repeats));
        *error = covsamp_shim::check(*module, time, seed, repeats);
    });
}

int32_t covsamp_torch_engine(const covsamp_torch *module)
{
    return module == nullptr ? 0 : module->engine->kind();
}

int32_t covsamp_torch_report(covsamp_torch *module, covsamp_torch_work *work)
{
    return door(message_of(module), __func__, [&] {
        need(module, "module");
        need(work, "work");
        covsamp_shim::report(*module, *work);
    });
}

const char *covsamp_torch_metadata(const covsamp_torch *module, const char *key)
{
    return module == nullptr ? nullptr : covsamp_shim::find_metadata(module->metadata, key);
}

int32_t covsamp_torch_shape(const covsamp_torch *module, int64_t *dims, int32_t capacity)
{
    return module == nullptr
               ? 0
               : covsamp_shim::write_shape(module->network.target().shape, dims, capacity);
}

const char *covsamp_torch_message(const covsamp_torch *module)
{
    return module == nullptr ? "" : module->message;
}
