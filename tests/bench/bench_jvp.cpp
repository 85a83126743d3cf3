// SPDX-License-Identifier: BSD-3-Clause
// What an engine's products cost, in forward passes of the module as libtorch runs it after loading
// (torch::jit::load, eval, no gradients, its own memory format): one JSON object a line.
//
//     bench-jvp MODEL [--batch N] [--threads N] [--dtype f32|f64] [--tangent-dtype NUMBER]
//               [--engines NAME,...] [--rounds N]
//
// A round times the forward pass and then every engine at a new point: the mean with the first
// product, and two products more.  `product` is one of those; `linearise` is what the first
// request costs beyond a product; `lgs3` is the three requests together.  Ratios are of medians
// over the rounds; that of `lgs3` is the median of the rounds' own, with their least and most.
// `flops` are those of convolutions and matrix products (flops.hpp), of one forward pass or as
// ratios to it.
#include "flops.hpp"

#include <covsamp/torch.h>

#include <ATen/Parallel.h>
#include <torch/script.h>
#include <torch/version.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace
{

struct Arguments {
    std::string model, engines = "dual,double_backward,linearised,transposed";
    int64_t batch = 8, threads = 1, rounds = 7, tangent_dtype = 0;
    int32_t dtype = COVSAMP_F32;
};

Arguments read(int argc, char **argv)
{
    Arguments a;
    for (int i = 1; i < argc; i++) {
        const std::string name = argv[i], value = i + 1 < argc ? argv[i + 1] : "";
        if (name.compare(0, 2, "--") != 0) {
            a.model = name;
            continue;
        }
        i++;
        if (name == "--engines")
            a.engines = value;
        else if (name == "--dtype" && (value == "f32" || value == "f64"))
            a.dtype = value == "f64" ? COVSAMP_F64 : COVSAMP_F32;
        else if (name == "--batch" || name == "--threads" || name == "--rounds" ||
                 name == "--tangent-dtype")
            (name == "--batch"     ? a.batch
             : name == "--threads" ? a.threads
             : name == "--rounds"  ? a.rounds
                                   : a.tangent_dtype) = std::atoll(value.c_str());
        else
            a.model.clear(), i = argc;
    }
    if (a.model.empty() || a.batch < 1 || a.threads < 1 || a.rounds < 1) {
        std::fprintf(stderr, "usage: bench-jvp MODEL [--batch N] [--threads N] [--dtype f32|f64] "
                             "[--tangent-dtype NUMBER] [--engines NAME,...] [--rounds N]\n");
        std::exit(2);
    }
    return a;
}

template <class Body> double seconds(Body body)
{
    const auto began = std::chrono::steady_clock::now();
    body();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

double median(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    const size_t half = values.size() / 2;
    return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// Where the library has that member; the number is passed as it is.
template <class Options>
auto set_tangent_dtype(Options &options, int32_t value, int)
    -> decltype(options.tangent_dtype, bool())
{
    options.tangent_dtype = value;
    return true;
}
template <class Options> bool set_tangent_dtype(Options &, int32_t value, long)
{
    return value == 0;
}

struct Points {
    at::Tensor x, v, mean, product;
    double time = 0;
};

// A batch at a new place, and tangents of random signs.
Points fresh(const Arguments &a, const std::vector<int64_t> &dims)
{
    std::vector<int64_t> sizes{a.batch};
    sizes.insert(sizes.end(), dims.begin(), dims.end());
    const auto type = at::TensorOptions(a.dtype == COVSAMP_F64 ? at::kDouble : at::kFloat);
    Points p;
    p.x = at::randn(sizes, type);
    p.v = at::randint(0, 2, sizes, type) * 2 - 1;
    p.mean = at::empty_like(p.x);
    p.product = at::empty_like(p.x);
    p.time = 300 + static_cast<double>(std::rand() % 100);
    return p;
}

void ask(covsamp_torch *engine, const Arguments &a, Points &p, int32_t kind, uint64_t number)
{
    covsamp_request r{};
    r.size = sizeof r;
    r.kind = kind;
    r.dtype = a.dtype;
    r.batch = a.batch;
    r.dim = r.stride = p.x.numel() / a.batch;
    r.tangents = 1;
    r.tangent_stride = p.x.numel();
    r.owner = 1;
    r.point = number;
    r.time = p.time;
    r.x = p.x.data_ptr();
    r.v = p.v.data_ptr();
    r.mean = kind == COVSAMP_ASK_MEAN_JVP ? p.mean.data_ptr() : nullptr;
    r.product = p.product.data_ptr();
    if (covsamp_torch_answer(engine, &r) != COVSAMP_OK) {
        std::fprintf(stderr, "bench-jvp: %s\n", covsamp_torch_message(engine));
        std::exit(1);
    }
}

struct Contestant {
    std::string name;
    covsamp_torch *handle = nullptr;
    std::vector<double> first, product, lgs;
    double first_flops = 0, product_flops = 0;
};

std::vector<Contestant> load(const Arguments &a)
{
    const std::map<std::string, int32_t> known = {
        {"auto", 0}, {"dual", 1}, {"double_backward", 2}, {"linearised", 3}, {"transposed", 4}};
    std::vector<Contestant> all;
    std::stringstream list(a.engines);
    for (std::string name; std::getline(list, name, ',');) {
        Contestant c;
        char message[COVSAMP_MESSAGE_BYTES] = "unknown engine";
        covsamp_torch_options options{};
        options.size = sizeof options;
        options.dtype = a.dtype;
        const auto found = known.find(name);
        options.engine = found == known.end() ? -1 : found->second;
        if (!set_tangent_dtype(options, static_cast<int32_t>(a.tangent_dtype), 0))
            std::fprintf(stderr, "bench-jvp: this library has no tangent_dtype\n"), std::exit(1);
        c.name = name;
        if (options.engine >= 0 &&
            covsamp_torch_load(&c.handle, a.model.c_str(), &options, message) == COVSAMP_OK)
            all.push_back(c);
        else
            std::fprintf(stderr, "bench-jvp: engine %s left out: %s\n", name.c_str(), message);
    }
    return all;
}

// The module as it is after loading.
struct Plain {
    torch::jit::Module module;
    int64_t classes = -1;

    at::Tensor operator()(const Arguments &a, const Points &p)
    {
        at::NoGradGuard no_grad;
        std::vector<c10::IValue> inputs{p.x, at::full({a.batch}, p.time, p.x.options())};
        if (classes >= 0)
            inputs.emplace_back(at::full({a.batch}, classes, at::kLong));
        return module.forward(std::move(inputs)).toTensor();
    }
};

void measure(const Arguments &a, Contestant &c, const std::vector<int64_t> &dims, uint64_t number,
             bool count)
{
    Points p = fresh(a, dims);
    if (count) {
        c.first_flops = bench::flops_in([&] { ask(c.handle, a, p, COVSAMP_ASK_MEAN_JVP, number); });
        c.product_flops = bench::flops_in([&] { ask(c.handle, a, p, COVSAMP_ASK_JVP, number); });
        return;
    }
    const double first = seconds([&] { ask(c.handle, a, p, COVSAMP_ASK_MEAN_JVP, number); });
    const double second = seconds([&] { ask(c.handle, a, p, COVSAMP_ASK_JVP, number); });
    const double third = seconds([&] { ask(c.handle, a, p, COVSAMP_ASK_JVP, number); });
    c.first.push_back(first);
    c.product.push_back((second + third) / 2);
    c.lgs.push_back(first + second + third);
}

void print(const Arguments &a, const char *engine, const std::string &rest)
{
    std::string name = a.model.substr(a.model.find_last_of('/') + 1);
    std::printf(
        "{\"bench\": \"jvp\", \"model\": \"%s\", \"batch\": %lld, \"dtype\": \"%s\", "
        "\"threads\": %lld, \"rounds\": %lld, \"tangent_dtype\": %lld, \"libtorch\": \"%s\", "
        "\"engine\": \"%s\", %s}\n",
        name.c_str(), static_cast<long long>(a.batch), a.dtype == COVSAMP_F64 ? "f64" : "f32",
        static_cast<long long>(a.threads), static_cast<long long>(a.rounds),
        static_cast<long long>(a.tangent_dtype), TORCH_VERSION, engine, rest.c_str());
    std::fflush(stdout);
}

void report(const Arguments &a, const Contestant &c, const std::vector<double> &passes,
            double flops)
{
    char rest[512];
    const double first = median(c.first), product = median(c.product), forward = median(passes);
    std::vector<double> lgs;
    for (size_t r = 0; r < passes.size(); r++)
        lgs.push_back(c.lgs[r] / passes[r]);
    std::sort(lgs.begin(), lgs.end());
    std::snprintf(rest, sizeof rest,
                  "\"linearise\": %.3f, \"product\": %.3f, \"lgs3_least\": %.3f, \"lgs3\": %.3f, "
                  "\"lgs3_most\": %.3f, "
                  "\"first_flops\": %.3f, \"product_flops\": %.3f, \"lgs3_flops\": %.3f",
                  (first - product) / forward, product / forward, lgs.front(), median(lgs),
                  lgs.back(), c.first_flops / flops, c.product_flops / flops,
                  (c.first_flops + 2 * c.product_flops) / flops);
    print(a, c.name.c_str(), rest);
}

} // namespace

int main(int argc, char **argv)
{
    Arguments a = read(argc, argv);
    at::set_num_threads(static_cast<int>(a.threads));
    torch::manual_seed(1);
    std::vector<Contestant> all = load(a);
    if (all.empty())
        return 1;
    std::vector<int64_t> dims(8);
    dims.resize(static_cast<size_t>(covsamp_torch_shape(all[0].handle, dims.data(), 8)));
    Plain plain{torch::jit::load(a.model), -1};
    plain.module.eval();
    if (a.dtype == COVSAMP_F64)
        plain.module.to(at::kDouble);
    if (const char *classes = covsamp_torch_metadata(all[0].handle, "classes"))
        plain.classes = std::atoll(classes);
    std::vector<double> forward;
    double flops = 0;
    uint64_t number = 0;
    for (int64_t round = -3; round < a.rounds; round++) { /* three to warm up, the last counts */
        Points p = fresh(a, dims);
        if (round == -1)
            flops = bench::flops_in([&] { plain(a, p); });
        const double took = seconds([&] { plain(a, p); });
        if (round >= 0)
            forward.push_back(took);
        for (Contestant &c : all) {
            measure(a, c, dims, ++number, round == -1);
            if (round < 0)
                c.first.clear(), c.product.clear(), c.lgs.clear();
        }
    }
    char rest[128];
    std::snprintf(rest, sizeof rest, "\"seconds\": %.6f, \"gflop\": %.4f", median(forward),
                  flops / 1e9);
    print(a, "forward", rest);
    for (Contestant &c : all) {
        report(a, c, forward, flops);
        covsamp_torch_free(c.handle);
    }
    return 0;
}
