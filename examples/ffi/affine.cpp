// SPDX-License-Identifier: BSD-3-Clause
// A Gaussian in C++ as the model: handles that free themselves, a lambda as the model, statuses as
// exceptions, and exceptions of the model that wait outside the library.
//
//     c++ -std=c++17 -ffp-contract=off affine.cpp -lcovsamp && ./a.out GOLDEN
#include <covsamp/covsamp.h>

#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{

constexpr int dim = 4, batch = 3, steps = 20;
template <typename Real> using Sample = std::array<Real, dim>;
constexpr Sample<double> mean{0.5, -1, 0.25, 2}, variance{0.04, 0.3, 1.2, 2.5};
constexpr double U[dim][dim] = {
    {0.5, 0.5, 0.5, 0.5}, {0.5, -0.5, 0.5, -0.5}, {0.5, 0.5, -0.5, -0.5}, {0.5, -0.5, -0.5, 0.5}};

int passed, failed;

void check(bool ok, const std::string &what)
{
    ++(ok ? passed : failed);
    if (!ok)
        std::cerr << "failed: " << what << '\n';
}

struct Error : std::runtime_error {
    covsamp_status status;
    Error(covsamp_status s, const char *message) : std::runtime_error(message), status(s)
    {
    }
};

covsamp_status checked(covsamp_status status, const char *message)
{
    if (status < 0)
        throw Error(status, *message ? message : covsamp_status_text(status));
    return status;
}

template <auto function> struct Free {
    template <typename T> void operator()(T *p) const
    {
        function(p);
    }
};
using Schedule = std::unique_ptr<covsamp_schedule, Free<covsamp_schedule_free>>;
using Config = std::unique_ptr<covsamp_config, Free<covsamp_config_free>>;
using Sampler = std::unique_ptr<covsamp_sampler, Free<covsamp_sampler_free>>;
using Mixture = std::unique_ptr<covsamp_mixture, Free<covsamp_mixture_free>>;
using Answer = std::function<int32_t(const covsamp_request &)>;

template <typename Real> Real dot(const double *u, const Sample<Real> &r)
{
    Real sum = static_cast<Real>(u[0]) * r[0];
    for (int i = 1; i < dim; i++)
        sum += static_cast<Real>(u[i]) * r[i];
    return sum;
}

// out = U gain U r, gain = sigma / (alpha^2 variance + sigma^2), r = x - alpha mean or a tangent.
template <typename Real>
void rotate(const covsamp_request &q, const void *in, int64_t at, bool shift, void *out)
{
    const Real *x = static_cast<const Real *>(in) + at;
    Sample<Real> r, c;
    for (int i = 0; i < dim; i++)
        r[i] = shift ? x[i] - static_cast<Real>(q.alpha) * static_cast<Real>(mean[i]) : x[i];
    for (int k = 0; k < dim; k++) {
        const double gain = q.sigma / (q.alpha * q.alpha * variance[k] + q.sigma * q.sigma);
        c[k] = static_cast<Real>(gain) * dot(U[k], r);
    }
    for (int i = 0; i < dim; i++)
        (static_cast<Real *>(out) + at)[i] = dot(U[i], c);
}

int32_t affine(const covsamp_request &q)
{
    const auto apply = q.dtype == COVSAMP_F64 ? rotate<double> : rotate<float>;
    for (int64_t b = 0; q.mean && b < q.batch; b++)
        apply(q, q.x, b * q.stride, true, q.mean);
    for (int64_t k = 0; q.product && k < q.tangents; k++)
        for (int64_t b = 0; b < q.batch; b++)
            apply(q, q.v, k * q.tangent_stride + b * q.stride, false, q.product);
    return 0;
}

Mixture new_mixture()
{
    const double weights[] = {2, 1}, means[] = {-1, 0, 0.5, 1, 1, 1, 0, -1};
    const double diagonal[2][dim] = {{0.3, 0.2, 0.1, 0.4}, {0.1, 0.4, 0.3, 0.2}};
    const double rest[] = {0.05, 0.02};
    std::vector<double> covariances;
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < dim; i++)
            for (int j = 0; j < dim; j++)
                covariances.push_back(i == j ? diagonal[k][i] : rest[k]);
    covsamp_mixture *made;
    char message[COVSAMP_MESSAGE_BYTES];
    checked(covsamp_mixture_new(&made, dim, 2, weights, means, covariances.data(),
                                COVSAMP_PREDICTS_NOISE, nullptr, message),
            message);
    return Mixture(made);
}

Config new_config(const std::map<std::string, std::string> &options)
{
    covsamp_config *made;
    checked(covsamp_config_new(&made, nullptr), "");
    Config config(made);
    for (const auto &[name, value] : options)
        checked(covsamp_config_set_by_name(made, name.c_str(), value.c_str()),
                covsamp_config_message(made));
    return config;
}

Sampler new_sampler(const std::string &dtype)
{
    covsamp_schedule *schedule;
    covsamp_sampler *sampler;
    int64_t levels[steps];
    char message[COVSAMP_MESSAGE_BYTES];
    checked(covsamp_schedule_new_linear(&schedule, 1000, 1e-4, 0.02, nullptr, message), message);
    Schedule owner(schedule);
    checked(covsamp_schedule_spaced(schedule, steps, COVSAMP_SPACING_EVEN, levels, message),
            message);
    Config config = new_config({{"batch", std::to_string(batch)},
                                {"dim", std::to_string(dim)},
                                {"dtype", dtype},
                                {"covariance", "krylov"},
                                {"krylov_steps", "2"},
                                {"seed", "2024"},
                                {"first_sample", "5"}});
    checked(covsamp_config_set_schedule(config.get(), schedule, levels, steps),
            covsamp_config_message(config.get()));
    checked(covsamp_sampler_new(&sampler, config.get()), covsamp_config_message(config.get()));
    return Sampler(sampler);
}

// A callable behind a C callback.  What it throws waits here.
struct Guarded {
    Answer answer;
    std::exception_ptr thrown;
    static int32_t call(void *user, const covsamp_request *request) noexcept
    {
        auto *self = static_cast<Guarded *>(user);
        try {
            return self->answer(*request);
        } catch (...) {
            self->thrown = std::current_exception();
            return -1;
        }
    }
};

covsamp_status run(covsamp_sampler *sampler, const Answer &answer, const Answer &progress)
{
    Guarded model{answer, nullptr}, reports{progress, nullptr};
    covsamp_model callbacks{};
    callbacks.size = sizeof callbacks;
    callbacks.model_user = &model;
    callbacks.mean = callbacks.jvp = callbacks.mean_jvp = Guarded::call;
    callbacks.progress_user = &reports;
    callbacks.progress = Guarded::call;
    const covsamp_status status = covsamp_sampler_run(sampler, &callbacks);
    for (const auto &thrown : {model.thrown, reports.thrown})
        if (thrown)
            std::rethrow_exception(thrown);
    return checked(status, covsamp_sampler_message(sampler));
}

template <typename Real, typename Word> std::string bits(const covsamp_sampler *sampler, int digits)
{
    const void *x;
    int64_t stride;
    checked(covsamp_sampler_state(sampler, &x, &stride), "");
    std::string line;
    for (int b = 0; b < batch; b++)
        for (int i = 0; i < dim; i++) {
            Word word;
            char text[20];
            std::memcpy(&word, static_cast<const Real *>(x) + b * stride + i, sizeof word);
            std::snprintf(text, sizeof text, " %0*" PRIx64, digits, static_cast<uint64_t>(word));
            line += text;
        }
    return line;
}

std::string bits_of(const Sampler &sampler, const std::string &dtype)
{
    return dtype == "f64" ? bits<double, uint64_t>(sampler.get(), 16)
                          : bits<float, uint32_t>(sampler.get(), 8);
}

void ask_and_tell(covsamp_sampler *sampler, const Answer &model)
{
    const covsamp_request *request;
    while (checked(covsamp_sampler_ask(sampler, &request), covsamp_sampler_message(sampler)) ==
           COVSAMP_OK)
        checked(covsamp_sampler_tell(sampler, model(*request)), covsamp_sampler_message(sampler));
}

// Cancelled by a callback, by cancel(), and stopped by an exception on the way: nothing is lost.
void by_callbacks(covsamp_sampler *sampler, const Answer &model)
{
    std::map<int64_t, int> visits;
    const Answer progress = [&visits](const covsamp_request &q) -> int32_t {
        const int visit = ++visits[q.step];
        if (q.step == 5 && visit == 1)
            throw std::logic_error("boom");
        return q.step == 3 && visit == 1 ? COVSAMP_CANCELLED : 0;
    };
    check(run(sampler, model, progress) == COVSAMP_CANCELLED, "a callback cancels");
    covsamp_sampler_cancel(sampler);
    check(run(sampler, model, progress) == COVSAMP_CANCELLED, "cancel() cancels");
    try {
        run(sampler, model, progress);
        check(false, "the callback's exception was lost");
    } catch (const std::logic_error &e) {
        check(e.what() == std::string("boom"), "an exception comes out as it was");
    }
    check(run(sampler, model, progress) == COVSAMP_DONE, "and the run goes on");
}

void one_case(const std::string &kind, const std::string &dtype, const Answer &model,
              std::map<std::string, std::string> &golden)
{
    const std::string name = kind + "_" + dtype;
    const Sampler sampler = new_sampler(dtype);
    ask_and_tell(sampler.get(), model);
    check(bits_of(sampler, dtype) == golden[name], name + " by ask and tell");
    covsamp_sampler_restart(sampler.get(), 2024, 5);
    by_callbacks(sampler.get(), model);
    check(bits_of(sampler, dtype) == golden[name], name + " by callbacks");
}

} // namespace

int main(int argc, char **argv)
{
    std::map<std::string, std::string> golden;
    std::ifstream file(argc > 1 ? argv[1] : "golden.txt");
    for (std::string name, words; file >> name && std::getline(file, words);)
        golden[name] = words;
    for (int32_t i = 0; const covsamp_option *option = covsamp_option_info(i); i++)
        std::printf("%-18s %s\n", option->name, option->help);

    const Mixture mixture = new_mixture();
    const Answer exact = [&mixture](const covsamp_request &q) {
        return covsamp_mixture_answer(mixture.get(), &q);
    };
    for (const char *dtype : {"f64", "f32"}) {
        one_case("affine", dtype, affine, golden);
        one_case("mixture", dtype, exact, golden);
    }
    try {
        new_config({{"krylov_steps", "0"}});
        check(false, "krylov_steps = 0 was taken");
    } catch (const Error &e) {
        check(e.status == COVSAMP_E_RANGE && std::strstr(e.what(), "krylov_steps is 0"), e.what());
        std::printf("%s\n", e.what());
    }
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
