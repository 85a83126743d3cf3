// SPDX-License-Identifier: BSD-3-Clause
// y = act(GroupNorm(x + shift)) and its gradient, one pass over each sample while it is in cache.
// Channels-last only: then every inner loop runs over the channels of one pixel, which are
// adjacent, and the compiler vectorises it.  All sums are kept in float whatever x is.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <cstring>
#include <tuple>
#include <vector>

namespace
{

using at::Tensor;
typedef std::vector<float> Row;

inline float load(float v)
{
    return v;
}
inline void store(float *to, float v)
{
    *to = v;
}

inline float load(c10::BFloat16 v)
{
    uint32_t bits = uint32_t(v.x) << 16;
    float f;
    std::memcpy(&f, &bits, 4);
    return f;
}

inline void store(c10::BFloat16 *to, float v) // to the nearest, ties to even
{
    uint32_t bits;
    std::memcpy(&bits, &v, 4);
    to->x = uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// 1 / (1 + exp(-z)) to 3e-7: exp2 by a polynomial, because a call of expf() would stop
// vectorisation.
inline float sigmoid(float z)
{
    float e = -1.44269504f * z;
    e = e < -126.f ? -126.f : e > 126.f ? 126.f : e;
    const float whole = (e + 12582912.f) - 12582912.f, f = e - whole;
    float p = 1.5403530e-4f;
    p = p * f + 1.3333558e-3f;
    p = p * f + 9.6181291e-3f;
    p = p * f + 5.5504109e-2f;
    p = p * f + 2.4022651e-1f;
    p = p * f + 6.9314718e-1f;
    p = p * f + 1.f;
    int32_t bits;
    std::memcpy(&bits, &p, 4);
    bits += int32_t(whole) << 23;
    std::memcpy(&p, &bits, 4);
    return 1.f / (1.f + p);
}

struct Shape {
    int64_t n, c, pixels, groups;
    float eps;
    bool act;
};

Shape shape_of(const Tensor &x, int64_t groups, double eps, bool act)
{
    TORCH_CHECK(x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast) &&
                    x.size(1) % groups == 0,
                "fused norm: x must be channels-last, its channels a multiple of the groups");
    return {x.size(0), x.size(1), x.size(2) * x.size(3), groups, float(eps), act};
}

// mean and 1/sd of every group of x + shift, repeated for each of the group's channels
template <class T>
void moments(const T *x, const float *shift, const Shape &s, float *mean, float *rstd)
{
    Row first(s.c, 0.f), second(s.c, 0.f);
    float *a = first.data(), *b = second.data();
    for (int64_t p = 0; p < s.pixels; p++, x += s.c)
        for (int64_t c = 0; c < s.c; c++) {
            const float v = load(x[c]) + shift[c];
            a[c] += v;
            b[c] += v * v;
        }
    const int64_t width = s.c / s.groups;
    for (int64_t g = 0; g < s.groups; g++) {
        double m = 0, q = 0;
        for (int64_t c = g * width; c < (g + 1) * width; c++)
            m += a[c], q += b[c];
        m /= double(width * s.pixels);
        q = q / double(width * s.pixels) - m * m;
        for (int64_t c = g * width; c < (g + 1) * width; c++)
            mean[c] = float(m), rstd[c] = float(1 / std::sqrt((q > 0 ? q : 0) + s.eps));
    }
}

template <class T>
void forward_one(const T *__restrict x, T *__restrict y, const float *shift, const float *weight,
                 const float *bias, const Shape &s, float *mean, float *rstd)
{
    moments(x, shift, s, mean, rstd);
    Row scale(s.c), offset(s.c);
    for (int64_t c = 0; c < s.c; c++) {
        scale[c] = weight[c] * rstd[c];
        offset[c] = bias[c] + (shift[c] - mean[c]) * scale[c];
    }
    const float *a = scale.data(), *b = offset.data();
    for (int64_t p = 0; p < s.pixels; p++, x += s.c, y += s.c)
        if (s.act)
            for (int64_t c = 0; c < s.c; c++) {
                const float z = load(x[c]) * a[c] + b[c];
                store(y + c, z * sigmoid(z));
            }
        else
            for (int64_t c = 0; c < s.c; c++)
                store(y + c, load(x[c]) * a[c] + b[c]);
}

// dz: scratch for the gradient before the affine map; gw, gb: this sample's share
template <class T>
void dz_one(const T *__restrict gy, const T *__restrict x, const float *shift, const float *weight,
            const float *bias, const Shape &s, const float *mean, const float *rstd,
            float *__restrict dz, float *__restrict gw, float *__restrict gb)
{
    const float on = s.act;
    Row base(s.c);
    float *o = base.data();
    for (int64_t c = 0; c < s.c; c++) {
        o[c] = shift[c] - mean[c];
        gw[c] = gb[c] = 0.f;
    }
    for (int64_t p = 0; p < s.pixels; p++, x += s.c, gy += s.c, dz += s.c)
#pragma GCC ivdep
        for (int64_t c = 0; c < s.c; c++) {
            const float hat = (load(x[c]) + o[c]) * rstd[c], z = hat * weight[c] + bias[c];
            const float q = sigmoid(z), slope = q * (1.f + z * (1.f - q));
            const float d = load(gy[c]) * (1.f + on * (slope - 1.f));
            dz[c] = d;
            gb[c] += d;
            gw[c] += d * hat;
        }
}

template <class T>
void gx_one(const T *__restrict x, T *__restrict gx, const float *shift, const float *weight,
            const Shape &s, const float *mean, const float *rstd, const float *__restrict dz,
            const float *gw, const float *gb, float *__restrict gshift)
{
    const int64_t width = s.c / s.groups;
    const float m = float(width * s.pixels);
    Row by_dz(s.c), by_x(s.c), rest(s.c);
    for (int64_t g = 0; g < s.groups; g++) {
        float s1 = 0, s2 = 0;
        for (int64_t c = g * width; c < (g + 1) * width; c++)
            s1 += weight[c] * gb[c], s2 += weight[c] * gw[c];
        for (int64_t c = g * width; c < (g + 1) * width; c++) {
            by_dz[c] = rstd[c] * weight[c];
            by_x[c] = -rstd[c] * rstd[c] * s2 / m;
            rest[c] = -rstd[c] * s1 / m + (shift[c] - mean[c]) * by_x[c];
            gshift[c] = 0.f;
        }
    }
    const float *a = by_dz.data(), *b = by_x.data(), *o = rest.data();
    for (int64_t p = 0; p < s.pixels; p++, x += s.c, gx += s.c, dz += s.c)
#pragma GCC ivdep
        for (int64_t c = 0; c < s.c; c++) {
            const float d = a[c] * dz[c] + b[c] * load(x[c]) + o[c];
            store(gx + c, d);
            gshift[c] += d;
        }
}

template <class F> void each_type(const Tensor &x, F run)
{
    if (x.scalar_type() == at::kBFloat16)
        run(c10::BFloat16());
    else
        run(float());
}

std::tuple<Tensor, Tensor, Tensor> forward(const Tensor &x, const Tensor &shift,
                                           const Tensor &weight, const Tensor &bias, int64_t groups,
                                           double eps, bool act)
{
    const Shape s = shape_of(x, groups, eps, act);
    Tensor y = at::empty_like(x), mean = at::empty({s.n, s.c}, at::kFloat),
           rstd = at::empty_like(mean);
    each_type(x, [&](auto type) {
        typedef decltype(type) T;
        const T *in = x.data_ptr<T>();
        T *out = y.data_ptr<T>();
        const float *sh = shift.data_ptr<float>(), *w = weight.data_ptr<float>(),
                    *b = bias.data_ptr<float>();
        float *m = mean.data_ptr<float>(), *r = rstd.data_ptr<float>();
        at::parallel_for(0, s.n, 1, [&](int64_t from, int64_t to) {
            for (int64_t i = from, size = s.c * s.pixels; i < to; i++)
                forward_one(in + i * size, out + i * size, sh + i * s.c, w, b, s, m + i * s.c,
                            r + i * s.c);
        });
    });
    return {y, mean, rstd};
}

std::tuple<Tensor, Tensor, Tensor, Tensor> backward(const Tensor &gy, const Tensor &x,
                                                    const Tensor &shift, const Tensor &weight,
                                                    const Tensor &bias, const Tensor &mean,
                                                    const Tensor &rstd, int64_t groups, bool act)
{
    const Shape s = shape_of(x, groups, 0, act);
    TORCH_CHECK(gy.scalar_type() == x.scalar_type() &&
                gy.is_contiguous(at::MemoryFormat::ChannelsLast));
    Tensor gx = at::empty_like(x), gw = at::empty_like(mean), gb = at::empty_like(mean),
           gs = at::empty_like(mean);
    each_type(x, [&](auto type) {
        typedef decltype(type) T;
        const T *in = x.data_ptr<T>(), *up = gy.data_ptr<T>();
        T *out = gx.data_ptr<T>();
        const float *sh = shift.data_ptr<float>(), *w = weight.data_ptr<float>(),
                    *b = bias.data_ptr<float>();
        const float *m = mean.data_ptr<float>(), *r = rstd.data_ptr<float>();
        float *dw = gw.data_ptr<float>(), *db = gb.data_ptr<float>(), *ds = gs.data_ptr<float>();
        at::parallel_for(0, s.n, 1, [&](int64_t from, int64_t to) {
            const int64_t size = s.c * s.pixels;
            Row dz(size);
            for (int64_t i = from; i < to; i++) {
                const int64_t k = i * s.c;
                dz_one(up + i * size, in + i * size, sh + k, w, b, s, m + k, r + k, dz.data(),
                       dw + k, db + k);
                gx_one(in + i * size, out + i * size, sh + k, w, s, m + k, r + k, dz.data(), dw + k,
                       db + k, ds + k);
            }
        });
    });
    return {gx, gs, gw.sum(0), gb.sum(0)};
}

} // namespace

TORCH_LIBRARY(covsamp_train, m)
{
    m.def("norm_forward", forward);
    m.def("norm_backward", backward);
}
