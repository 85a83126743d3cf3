// SPDX-License-Identifier: BSD-3-Clause
// Questions taken to tensors and answered, any number of them in one call of the module.
#ifndef COVSAMP_SHIM_ANSWER_HPP
#define COVSAMP_SHIM_ANSWER_HPP

#include "handle.hpp"
#include "request.hpp"

#include <map>
#include <vector>

namespace covsamp_shim
{

struct Asked {
    Question question;
    Point point;
};

// What may be answered in one call lies together: means alone, products with the same number of
// tangents, transposed ones; inputs of the same shapes.
using Groups = std::map<std::vector<int64_t>, std::vector<Asked>>;

// Adds the questions of a request.  Throws Failure, and adds nothing then.
void add_questions(covsamp_torch &handle, const covsamp_request &request, int32_t number,
                   Groups &groups);
// Answers a group, in one call if it is more than one; slot: what is kept of it then.
void answer_group(covsamp_torch &handle, const std::vector<Asked> &group, int32_t slot);

} // namespace covsamp_shim

#endif
