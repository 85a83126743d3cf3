// SPDX-License-Identifier: BSD-3-Clause
#include "kernel.hpp"

#include <ATen/Parallel.h>

#include <cmath>
#include <cstring>
#include <vector>

// The widest vectors of the machine it runs on, where the compiler can choose at load time.
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__clang__) &&                        \
    !defined(__SANITIZE_THREAD__)
#define COVSAMP_WIDEST                                                                             \
    __attribute__((target_clones("default", "avx2,fma", "avx512f"), optimize("O3")))
#else
#define COVSAMP_WIDEST
#endif

namespace covsamp_shim
{

namespace
{

// bfloat16 as its bits: c10's own type is too opaque for the compiler to vectorise.
struct Brain {
    uint16_t bits;
};

inline float load(float value)
{
    return value;
}
inline double load(double value)
{
    return value;
}
inline float load(Brain value)
{
    uint32_t wide = static_cast<uint32_t>(value.bits) << 16;
    float result;
    std::memcpy(&result, &wide, sizeof result);
    return result;
}
inline void store(float &place, float value)
{
    place = value;
}
inline void store(double &place, double value)
{
    place = value;
}
// To nearest, ties to even; a NaN stays one.
inline void store(Brain &place, float value)
{
    uint32_t wide;
    std::memcpy(&wide, &value, sizeof wide);
    uint32_t rounded = (wide + 0x7fffu + ((wide >> 16) & 1u)) >> 16;
    place.bits = static_cast<uint16_t>(value != value ? 0x7fc0u : rounded);
}

// One sample: `pixels` times `channels` values, channels next to each other.
template <class Value, class Sum> struct Sample {
    const Value *tangent, *normalised, *factor;
    Value *result;
    int64_t pixels, channels, groups;
    int64_t factor_stride; // from pixel to pixel: channels, or 0 if it is the same for all of them
    Sum *sums;             // room for 2 * channels
    double *totals;        // room for 2 * channels
};

// Pixels whose sums are made in the type of the values before they are added up in double: in
// single precision the sum of a large image would lose digits.
constexpr int64_t block = 64;

// totals += sums; sums = 0
template <class Sum>
inline __attribute__((always_inline)) void move_sums(Sum *sums, double *totals, int64_t count)
{
    for (int64_t c = 0; c < count; c++) {
        totals[c] += static_cast<double>(sums[c]);
        sums[c] = 0;
    }
}

template <class Value, class Sum>
inline __attribute__((always_inline)) void normalise_sample(const Sample<Value, Sum> &s)
{
    Sum *__restrict first = s.sums, *__restrict second = s.sums + s.channels;
    for (int64_t c = 0; c < 2 * s.channels; c++)
        s.sums[c] = 0, s.totals[c] = 0;
    for (int64_t p = 0; p < s.pixels; p++) {
        const Value *__restrict t = s.tangent + p * s.channels;
        const Value *__restrict y = s.normalised + p * s.channels;
        for (int64_t c = 0; c < s.channels; c++) {
            Sum value = load(t[c]);
            first[c] += value;
            second[c] += value * load(y[c]);
        }
        if ((p + 1) % block == 0 || p + 1 == s.pixels)
            move_sums(s.sums, s.totals, 2 * s.channels);
    }
    const int64_t width = s.channels / s.groups;
    for (int64_t g = 0; g < s.groups; g++) {
        double mean = 0, along = 0;
        for (int64_t c = g * width; c < (g + 1) * width; c++) {
            mean += s.totals[c];
            along += s.totals[s.channels + c];
        }
        const double count = static_cast<double>(width * s.pixels);
        for (int64_t c = g * width; c < (g + 1) * width; c++) {
            first[c] = static_cast<Sum>(mean / count);
            second[c] = static_cast<Sum>(along / count);
        }
    }
    for (int64_t p = 0; p < s.pixels; p++) {
        const Value *__restrict t = s.tangent + p * s.channels;
        const Value *__restrict y = s.normalised + p * s.channels;
        const Value *__restrict f = s.factor + p * s.factor_stride;
        Value *__restrict r = s.result + p * s.channels;
        for (int64_t c = 0; c < s.channels; c++)
            store(r[c], load(f[c]) * (load(t[c]) - first[c] - load(y[c]) * second[c]));
    }
}

COVSAMP_WIDEST void normalise_one(const Sample<float, float> &sample)
{
    normalise_sample(sample);
}
COVSAMP_WIDEST void normalise_one(const Sample<double, double> &sample)
{
    normalise_sample(sample);
}
COVSAMP_WIDEST void normalise_one(const Sample<Brain, float> &sample)
{
    normalise_sample(sample);
}

template <class Value, class Sum>
void normalise_all(const at::Tensor &tangent, const at::Tensor &normalised,
                   const at::Tensor &factor, at::Tensor &result, int64_t groups)
{
    const int64_t channels = tangent.size(1), pixels = tangent.size(2) * tangent.size(3);
    const bool full = factor.sizes() == tangent.sizes();
    const int64_t sample_stride = full ? pixels * channels : factor.size(0) == 1 ? 0 : channels;
    auto values = [](const at::Tensor &tensor) { return static_cast<Value *>(tensor.data_ptr()); };
    at::parallel_for(0, tangent.size(0), 1, [&](int64_t begin, int64_t end) {
        std::vector<Sum> sums(static_cast<size_t>(2 * channels));
        std::vector<double> totals(sums.size());
        for (int64_t n = begin; n < end; n++) {
            const int64_t start = n * pixels * channels;
            normalise_one(Sample<Value, Sum>{values(tangent) + start, values(normalised) + start,
                                             values(factor) + n * sample_stride,
                                             values(result) + start, pixels, channels, groups,
                                             full ? channels : 0, sums.data(), totals.data()});
        }
    });
}

// The same for values: [pixels, channels] of one sample; weight and bias are of all channels.
template <class Value> struct Primal {
    const Value *x, *weight, *bias;
    Value *values, *result, *factor;
    int64_t pixels, channels, groups;
    double eps;
    Value *sums;    // room for 2 * channels
    double *totals; // room for channels
};

// sums[c] = the mean over channel c's group of the totals of its channels, which are 0 afterwards.
template <class Value>
inline __attribute__((always_inline)) void average(Value *sums, const Primal<Value> &p)
{
    const int64_t width = p.channels / p.groups;
    for (int64_t g = 0; g < p.groups; g++) {
        double sum = 0;
        for (int64_t c = g * width; c < (g + 1) * width; c++)
            sum += p.totals[c];
        for (int64_t c = g * width; c < (g + 1) * width; c++) {
            sums[c] = static_cast<Value>(sum / static_cast<double>(width * p.pixels));
            p.totals[c] = 0;
        }
    }
}

template <class Value>
inline __attribute__((always_inline)) void normalise_values(const Primal<Value> &p)
{
    Value *__restrict mean = p.sums, *__restrict scale = p.sums + p.channels;
    for (int64_t c = 0; c < p.channels; c++)
        mean[c] = scale[c] = 0, p.totals[c] = 0;
    for (int64_t i = 0; i < p.pixels; i++) {
        for (int64_t c = 0; c < p.channels; c++)
            mean[c] += p.x[i * p.channels + c];
        if ((i + 1) % block == 0 || i + 1 == p.pixels)
            move_sums(mean, p.totals, p.channels);
    }
    average(mean, p);
    for (int64_t i = 0; i < p.pixels; i++) {
        for (int64_t c = 0; c < p.channels; c++) {
            const Value off = p.x[i * p.channels + c] - mean[c];
            scale[c] += off * off;
        }
        if ((i + 1) % block == 0 || i + 1 == p.pixels)
            move_sums(scale, p.totals, p.channels);
    }
    average(scale, p);
    for (int64_t c = 0; c < p.channels; c++) {
        scale[c] = static_cast<Value>(1 / std::sqrt(static_cast<double>(scale[c]) + p.eps));
        p.factor[c] = scale[c] * p.weight[c];
    }
    for (int64_t i = 0; i < p.pixels; i++) {
        const Value *__restrict x = p.x + i * p.channels;
        Value *__restrict values = p.values + i * p.channels;
        Value *__restrict result = p.result + i * p.channels;
        for (int64_t c = 0; c < p.channels; c++) {
            values[c] = (x[c] - mean[c]) * scale[c];
            result[c] = values[c] * p.weight[c] + p.bias[c];
        }
    }
}

COVSAMP_WIDEST void normalise_values_of(const Primal<float> &primal)
{
    normalise_values(primal);
}
COVSAMP_WIDEST void normalise_values_of(const Primal<double> &primal)
{
    normalise_values(primal);
}

template <class Value>
void normalise_batch(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
                     Normalised &made, int64_t groups, double eps)
{
    const int64_t channels = x.size(1), pixels = x.size(2) * x.size(3);
    at::parallel_for(0, x.size(0), 1, [&](int64_t begin, int64_t end) {
        std::vector<Value> sums(static_cast<size_t>(2 * channels));
        std::vector<double> totals(static_cast<size_t>(channels));
        for (int64_t n = begin; n < end; n++) {
            const int64_t start = n * pixels * channels;
            normalise_values_of(Primal<Value>{
                x.data_ptr<Value>() + start, weight.data_ptr<Value>(), bias.data_ptr<Value>(),
                made.values.data_ptr<Value>() + start, made.result.data_ptr<Value>() + start,
                made.factor.data_ptr<Value>() + n * channels, pixels, channels, groups, eps,
                sums.data(), totals.data()});
        }
    });
}

bool channels_last(const at::Tensor &tensor)
{
    return tensor.is_contiguous(at::MemoryFormat::ChannelsLast);
}

} // namespace

bool can_normalise(const at::Tensor &tangent, const at::Tensor &normalised,
                   const at::Tensor &factor)
{
    const at::ScalarType type = tangent.scalar_type();
    if (!tangent.is_cpu() || tangent.dim() != 4 || factor.dim() != 4 ||
        (type != at::kFloat && type != at::kDouble && type != at::kBFloat16) ||
        normalised.scalar_type() != type || factor.scalar_type() != type ||
        normalised.sizes() != tangent.sizes() || !channels_last(tangent) ||
        !channels_last(normalised))
        return false;
    if (factor.sizes() == tangent.sizes())
        return channels_last(factor);
    return factor.is_contiguous() && factor.size(1) == tangent.size(1) && factor.size(2) == 1 &&
           factor.size(3) == 1 && (factor.size(0) == 1 || factor.size(0) == tangent.size(0));
}

bool can_normalise(const at::Tensor &x)
{
    return x.is_cpu() && x.dim() == 4 && channels_last(x) &&
           (x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble);
}

Normalised normalise(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
                     int64_t groups, double eps, at::Tensor values)
{
    const int64_t channels = x.size(1);
    at::Tensor w = weight.defined() ? weight.to(x.scalar_type()).contiguous()
                                    : at::ones({channels}, x.options());
    at::Tensor b =
        bias.defined() ? bias.to(x.scalar_type()).contiguous() : at::zeros({channels}, x.options());
    Normalised made{std::move(values), at::empty_like(x),
                    at::empty({x.size(0), channels, 1, 1}, x.options())};
    if (x.scalar_type() == at::kFloat)
        normalise_batch<float>(x, w, b, made, groups, eps);
    else
        normalise_batch<double>(x, w, b, made, groups, eps);
    return made;
}

at::Tensor normalise_tangent(const at::Tensor &tangent, const at::Tensor &normalised,
                             const at::Tensor &factor, int64_t groups)
{
    at::Tensor result = at::empty_like(normalised);
    if (tangent.scalar_type() == at::kFloat)
        normalise_all<float, float>(tangent, normalised, factor, result, groups);
    else if (tangent.scalar_type() == at::kDouble)
        normalise_all<double, double>(tangent, normalised, factor, result, groups);
    else
        normalise_all<Brain, float>(tangent, normalised, factor, result, groups);
    return result;
}

} // namespace covsamp_shim
