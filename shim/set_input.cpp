// SPDX-License-Identifier: BSD-3-Clause
// Labels and further tensors from the caller, checked and copied.
#include "failure.hpp"
#include "handle.hpp"
#include "scope.hpp"

namespace covsamp_shim
{

namespace
{

void check_place(const covsamp_torch &handle, const Given &given)
{
    if (given.branch < 0 || given.branch >= Inputs::branches)
        throw Failure(COVSAMP_E_RANGE, "branch is %d, must be in [0, %d]",
                      static_cast<int>(given.branch), static_cast<int>(Inputs::branches - 1));
    if (given.index < 0)
        throw Failure(COVSAMP_E_RANGE, "index is %d, must be >= 0", static_cast<int>(given.index));
    if (given.count < 0)
        throw Failure(COVSAMP_E_RANGE, "count is %lld, must be >= 0",
                      static_cast<long long>(given.count));
    const size_t inputs = handle.network.inputs();
    if (given.count > 0 && static_cast<size_t>(given.index) >= inputs)
        throw Failure(COVSAMP_TORCH_E_INPUT,
                      "index is %d, but the module's forward takes %d tensors behind x and t",
                      static_cast<int>(given.index), static_cast<int>(inputs));
}

at::ScalarType type_of(int32_t type)
{
    switch (type) {
    case COVSAMP_TORCH_TYPE_F32:
        return at::kFloat;
    case COVSAMP_TORCH_TYPE_F64:
        return at::kDouble;
    case COVSAMP_TORCH_TYPE_I64:
        return at::kLong;
    default:
        throw Failure(COVSAMP_E_RANGE,
                      "type is %d, must be COVSAMP_TORCH_TYPE_F32 (1), F64 (2) or I64 (3)",
                      static_cast<int>(type));
    }
}

// [count, ...dims].
std::vector<int64_t> sizes_of(const Given &given)
{
    if (given.n_dims < 0 || given.n_dims > 8)
        throw Failure(COVSAMP_E_RANGE, "n_dims is %d, must be in [0, 8]",
                      static_cast<int>(given.n_dims));
    if (given.n_dims > 0 && given.dims == nullptr)
        throw Failure(COVSAMP_E_NULL, "dims is NULL with n_dims = %d",
                      static_cast<int>(given.n_dims));
    const int64_t most = int64_t(1) << 40; // far from where sizes in bytes overflow
    if (given.count > most)
        throw Failure(COVSAMP_E_RANGE, "count is %lld, must be at most 2^40",
                      static_cast<long long>(given.count));
    std::vector<int64_t> sizes{given.count};
    int64_t values = given.count;
    for (int32_t i = 0; i < given.n_dims; i++) {
        const int64_t size = given.dims[i];
        if (size < 1 || size > most / values)
            throw Failure(COVSAMP_E_RANGE,
                          "dims[%d] is %lld, must be >= 1 and count times all dims at most 2^40",
                          static_cast<int>(i), static_cast<long long>(size));
        values *= size;
        sizes.push_back(size);
    }
    return sizes;
}

void check_described(const covsamp_torch &handle, const Given &given, bool whole,
                     const std::vector<int64_t> &sizes)
{
    const Described *about = handle.network.described(static_cast<size_t>(given.index));
    const std::vector<int64_t> dims(sizes.begin() + 1, sizes.end());
    if (about == nullptr || (about->whole == whole && about->dims == dims))
        return;
    throw Failure(COVSAMP_TORCH_E_SHAPE,
                  "input %d is given with dims %s of %s, must be dims %s of %s: so the file's "
                  "metadata says",
                  static_cast<int>(given.index), shape_text(dims).c_str(),
                  whole ? "int64" : "floating point", shape_text(about->dims).c_str(),
                  about->whole ? "int64" : "floating point");
}

} // namespace

void set_input(covsamp_torch &handle, const Given &given)
{
    check_place(handle, given);
    if (given.count == 0)
        return handle.inputs.set(given.branch, given.index, {});
    const at::ScalarType type = type_of(given.type);
    const std::vector<int64_t> sizes = sizes_of(given);
    if (given.data == nullptr)
        throw Failure(COVSAMP_E_NULL, "data is NULL with count = %lld",
                      static_cast<long long>(given.count));
    check_described(handle, given, type == at::kLong, sizes);
    Scope scope;
    // from_blob has no const form; the view is only read.
    at::Tensor rows =
        at::from_blob(const_cast<void *>(given.data), sizes, at::TensorOptions(type)).clone();
    handle.inputs.set(given.branch, given.index, std::move(rows));
}

void set_labels(covsamp_torch &handle, int32_t branch, const int64_t *labels, int64_t count)
{
    if (count > 0 && labels == nullptr)
        throw Failure(COVSAMP_E_NULL, "labels is NULL with count = %lld",
                      static_cast<long long>(count));
    if (count > 0 && handle.network.inputs() == 0)
        throw Failure(COVSAMP_TORCH_E_LABELS, "the module takes no labels: it has forward(x, t)");
    set_input(handle, {branch, 0, COVSAMP_TORCH_TYPE_I64, labels, nullptr, 0, count});
}

} // namespace covsamp_shim
