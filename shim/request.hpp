// SPDX-License-Identifier: BSD-3-Clause
// Requests of the core: what they want, and whether they can be meant so.
#ifndef COVSAMP_SHIM_REQUEST_HPP
#define COVSAMP_SHIM_REQUEST_HPP

#include <covsamp/covsamp.h>

#include <cstdint>
#include <vector>

namespace covsamp_shim
{

int64_t values_in(const std::vector<int64_t> &shape);

// Each throws Failure.  shape: of the module's samples.
// Means, products, transposed products.
void check_request(const covsamp_request &request, const std::vector<int64_t> &shape);
// Gradients.
void check_guide(const covsamp_request &request, const std::vector<int64_t> &shape);
// Arrays of samples that are no request's: name[b * stride + i], i < dim.
void check_array(const char *name, const void *values, const char *stride_name, int64_t stride,
                 int64_t samples, int64_t dim);
void check_dtype(int32_t dtype);

// One branch of one request: where its answer goes.
struct Question {
    const covsamp_request *request;
    int32_t branch;
    void *mean, *products, *head; // NULL: not wanted
    bool transposed;              // the products are
    bool ahead;                   // a mean alone, and products at its place come next
    int32_t number;               // of the request among several
};
// Of a request that is checked: one, or two where it is about both branches.  What branch 1 has no
// array for is not wanted of it.
std::vector<Question> questions_of(const covsamp_request &request, int32_t number);

} // namespace covsamp_shim

#endif
