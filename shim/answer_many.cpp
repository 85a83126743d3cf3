// SPDX-License-Identifier: BSD-3-Clause
// Requests of several samplers in few calls of the module; one that fails leaves the others alone.
#include "answer.hpp"
#include "failure.hpp"
#include "scope.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace covsamp_shim
{

namespace
{

class Many
{
  public:
    Many(covsamp_torch &handle, int32_t n, int32_t *answers) : handle_(handle), answers_(answers)
    {
        std::fill(answers, answers + n, COVSAMP_OK);
    }

    void add(const covsamp_request *request, int32_t number)
    {
        try {
            if (request == nullptr)
                throw Failure(COVSAMP_E_NULL, "it is NULL");
            add_questions(handle_, *request, number, groups_);
        } catch (...) {
            failed(number);
        }
    }

    void answer_all()
    {
        for (const auto &[key, group] : groups_)
            answer_or_split(group);
    }

    void throw_first() const
    {
        if (first_ >= 0)
            throw Failure(answers_[first_], "%s", message_);
    }

  private:
    void answer_or_split(const std::vector<Asked> &group)
    {
        const int32_t number = group[0].question.number;
        const bool alone = std::all_of(group.begin(), group.end(), [number](const Asked &asked) {
            return asked.question.number == number;
        });
        try {
            answer_group(handle_, group, alone ? Point::both : Point::many);
        } catch (...) {
            if (group.size() == 1)
                return failed(number);
            for (const Asked &asked : group)
                answer_or_split({asked});
        }
    }

    // Called inside a catch block.
    void failed(int32_t number)
    {
        char name[32], text[COVSAMP_MESSAGE_BYTES];
        std::snprintf(name, sizeof name, "requests[%d]", static_cast<int>(number));
        answers_[number] = report(text, name);
        if (first_ >= 0 && first_ <= number)
            return;
        first_ = number;
        std::memcpy(message_, text, sizeof message_);
    }

    covsamp_torch &handle_;
    int32_t *answers_;
    Groups groups_;
    int32_t first_ = -1; // of those that failed
    char message_[COVSAMP_MESSAGE_BYTES] = "";
};

} // namespace

void answer_many(covsamp_torch &handle, const covsamp_request *const *requests, int32_t n,
                 int32_t *answers)
{
    Scope scope;
    Many many(handle, n, answers);
    for (int32_t i = 0; i < n; i++)
        many.add(requests[i], i);
    many.answer_all();
    many.throw_first();
}

} // namespace covsamp_shim
