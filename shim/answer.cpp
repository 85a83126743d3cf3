// SPDX-License-Identifier: BSD-3-Clause
#include "answer.hpp"

#include "failure.hpp"
#include "scope.hpp"
#include "tensor.hpp"
#include "transposed.hpp"
#include "vectors.hpp"

namespace covsamp_shim
{

namespace
{

void missing_input(const covsamp_torch &handle, int32_t branch, size_t i)
{
    const Described *about = handle.network.described(i);
    if (i == 0 && (about == nullptr || (about->whole && about->dims.empty())))
        throw Failure(COVSAMP_TORCH_E_LABELS,
                      "the module needs labels, but none are set for branch %d and the file's "
                      "metadata has no \"classes\"",
                      static_cast<int>(branch));
    throw Failure(
        COVSAMP_TORCH_E_INPUT, "the module needs input %d (%.60s), but none is set for branch %d",
        static_cast<int>(i), handle.network.input_name(i).c_str(), static_cast<int>(branch));
}

} // namespace

std::vector<at::Tensor> inputs_for(const covsamp_torch &handle, int32_t branch,
                                   int64_t first_sample, int64_t batch,
                                   const at::TensorOptions &options)
{
    std::vector<at::Tensor> inputs;
    for (size_t i = 0; i < handle.network.inputs(); i++) {
        at::Tensor input =
            handle.inputs.tensor(branch, static_cast<int32_t>(i), first_sample, batch);
        if (!input.defined() && handle.network.needs(i))
            missing_input(handle, branch, i);
        if (input.defined())
            input = input.to(input.is_floating_point() ? options : options.dtype(at::kLong));
        inputs.push_back(std::move(input));
    }
    return inputs;
}

void set_head(covsamp_torch &handle, const char *name)
{
    const std::vector<std::string> heads = handle.metadata.heads();
    handle.head = -1;
    if (name == nullptr)
        return;
    std::string known;
    for (size_t i = 0; i < heads.size(); i++) {
        if (heads[i] == name)
            handle.head = static_cast<int64_t>(i);
        known += (i == 0 ? "" : ", ") + heads[i];
    }
    if (handle.head >= 0)
        return;
    if (heads.empty())
        throw Failure(COVSAMP_TORCH_E_HEAD,
                      "the file's metadata names no heads, and so the module has no head %.40s",
                      name);
    throw Failure(COVSAMP_TORCH_E_HEAD,
                  "the module has no head %.40s, its file's metadata names %.200s", name,
                  known.c_str());
}

namespace
{

// Head i is in channels C (1 + i) ... of the output.
at::Tensor head_of(const covsamp_torch &handle, const at::Tensor &rest, const Point &point)
{
    if (handle.head < 0)
        throw Failure(
            COVSAMP_TORCH_E_HEAD,
            "the request asks for a head, and covsamp_torch_set_head() has not said which");
    const int64_t channels = point.x.dim() > 1 ? point.x.size(1) : 0,
                  have = rest.defined() ? rest.size(1) : 0;
    if (channels == 0 || channels * (handle.head + 1) > have)
        throw Failure(COVSAMP_TORCH_E_HEAD,
                      "the module returns %lld channels behind the prediction, must be at least "
                      "%lld for head number %lld",
                      static_cast<long long>(have),
                      static_cast<long long>(channels * (handle.head + 1)),
                      static_cast<long long>(handle.head + 1));
    return rest.narrow(1, channels * handle.head, channels);
}

Layout layout_of(const covsamp_torch &handle, const covsamp_request &request)
{
    return {request.dtype, request.batch, request.stride, handle.network.target().shape,
            device_of(request)};
}

Point point_of(covsamp_torch &handle, const Question &question)
{
    const covsamp_request &request = *question.request;
    const at::TensorOptions options = handle.network.target().options();
    Point point{read_tensor(request.x, layout_of(handle, request), options),
                at::full({request.batch}, request.time, options),
                inputs_for(handle, question.branch, request.first_sample, request.batch, options),
                question.branch};
    if (!handle.network.tried())
        handle.network.try_on(point);
    return point;
}

// Equal for questions that may be asked together.
std::vector<int64_t> key_of(const Asked &asked)
{
    const bool products = asked.question.products != nullptr;
    std::vector<int64_t> key{products, asked.question.transposed,
                             products ? asked.question.request->tangents : 0, asked.question.ahead};
    for (const at::Tensor &input : asked.point.inputs) {
        key.push_back(input.defined() ? static_cast<int64_t>(input.scalar_type()) : -1);
        if (!input.defined())
            continue;
        key.push_back(input.dim());
        for (int64_t i = 1; i < input.dim(); i++)
            key.push_back(input.size(i));
    }
    return key;
}

// Transposed products are reverse mode's own, whatever makes the others.
Engine &engine_for(covsamp_torch &handle, const Question &question)
{
    if (!question.transposed)
        return *handle.engine;
    if (handle.reverse == nullptr)
        handle.reverse = make_transposed();
    return *handle.reverse;
}

// Tangent k of the whole group.
at::Tensor tangent_of(const covsamp_torch &handle, const std::vector<Asked> &group, int64_t k)
{
    std::vector<at::Tensor> tangents;
    for (const Asked &asked : group) {
        const covsamp_request &request = *asked.question.request;
        tangents.push_back(
            read_tensor(advance(request.v, request.dtype, k * request.tangent_stride),
                        layout_of(handle, request), handle.network.target().options()));
    }
    return tangents.size() == 1 ? tangents[0] : at::cat(tangents);
}

// Writes each question's part of `whole` to where `place` says, NULL: nowhere.
template <class Place>
void hand_out(const covsamp_torch &handle, const std::vector<Asked> &group, const at::Tensor &whole,
              Place place)
{
    int64_t first = 0;
    for (const Asked &asked : group) {
        const covsamp_request &request = *asked.question.request;
        if (void *out = place(asked.question))
            write_tensor(whole.narrow(0, first, request.batch), out, layout_of(handle, request));
        first += request.batch;
    }
}

// Undefined where nothing is won by it; what is wrong then is the products' to say.
at::Tensor mean_ahead(covsamp_torch &handle, const Point &point)
{
    try {
        return handle.engine->mean_ahead(handle.network, point);
    } catch (const Failure &) {
        return {};
    }
}

void answer_means(covsamp_torch &handle, const std::vector<Asked> &group, const Point &point,
                  bool means, bool heads)
{
    // A copy, since modules may write to x, which products may need yet.
    at::Tensor rest, mean = handle.network.forward(point.x.clone(), point, &rest), head;
    if (heads)
        head = head_of(handle, rest, point); // may fail, and nothing is written then
    if (means)
        hand_out(handle, group, mean, [](const Question &q) { return q.mean; });
    if (heads)
        hand_out(handle, group, head, [](const Question &q) { return q.head; });
}

} // namespace

void add_questions(covsamp_torch &handle, const covsamp_request &request, int32_t number,
                   Groups &groups)
{
    check_request(request, handle.network.target().shape);
    std::vector<Asked> all;
    for (const Question &question : questions_of(request, number))
        all.push_back({question, point_of(handle, question)});
    for (Asked &asked : all) {
        std::vector<int64_t> key = key_of(asked);
        groups[std::move(key)].push_back(std::move(asked));
    }
}

void answer_group(covsamp_torch &handle, const std::vector<Asked> &group, int32_t slot)
{
    std::vector<Point> points;
    bool means = false, heads = false;
    for (const Asked &asked : group) {
        points.push_back(asked.point);
        means = means || asked.question.mean != nullptr;
        heads = heads || asked.question.head != nullptr;
    }
    Point point = points.size() == 1 ? points[0] : joined(points);
    if (points.size() > 1)
        point.slot = slot;
    const Question &first = group[0].question;
    at::Tensor mean;
    if (first.ahead && !heads)
        mean = mean_ahead(handle, point);
    if (mean.defined())
        return hand_out(handle, group, mean, [](const Question &q) { return q.mean; });
    if (first.products == nullptr)
        return answer_means(handle, group, point, means, heads);
    if (heads) // engines give the mean alone
        answer_means(handle, group, point, false, true);
    std::vector<at::Tensor> tangents;
    for (int64_t k = 0; k < first.request->tangents; k++)
        tangents.push_back(tangent_of(handle, group, k));
    std::vector<at::Tensor> products =
        engine_for(handle, first)
            .products(handle.network, point, tangents, means ? &mean : nullptr);
    if (means)
        hand_out(handle, group, mean, [](const Question &q) { return q.mean; });
    for (int64_t k = 0; k < first.request->tangents; k++)
        hand_out(handle, group, products[static_cast<size_t>(k)], [k](const Question &q) {
            return advance(q.products, q.request->dtype, k * q.request->tangent_stride);
        });
}

void answer(covsamp_torch &handle, const covsamp_request &request)
{
    Scope scope;
    Groups groups;
    add_questions(handle, request, 0, groups);
    for (const auto &[key, group] : groups)
        answer_group(handle, group, Point::both);
}

} // namespace covsamp_shim
