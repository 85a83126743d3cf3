/* SPDX-License-Identifier: BSD-3-Clause */
#include "modes_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int modes_make(struct modes *m, int64_t samples)
{
    const size_t n = (size_t)samples, dim = (size_t)m->dim, count = (size_t)m->count;
    m->samples = samples;
    m->image = calloc(n, sizeof *m->image);
    m->x0 = calloc(n * dim, sizeof *m->x0);
    m->xt = calloc(n * dim, sizeof *m->xt);
    m->mean = calloc(n * dim, sizeof *m->mean);
    m->vector = calloc(n * count * dim, sizeof *m->vector);
    bool there =
        m->image != NULL && m->x0 != NULL && m->xt != NULL && m->mean != NULL && m->vector != NULL;
    for (size_t k = 0; there && k < n; k++) {
        m->image[k].mode = calloc(count, sizeof *m->image[k].mode);
        there = m->image[k].mode != NULL;
    }
    return there ? 0 : fail(EXIT_RUN, "out of memory");
}

void modes_free(struct modes *m)
{
    for (int64_t k = 0; m->image != NULL && k < m->samples; k++)
        free(m->image[k].mode);
    free(m->image);
    free(m->x0);
    free(m->xt);
    free(m->mean);
    free(m->vector);
}

void modes_table(const struct modes *m)
{
    printf("level %" PRId64 ": alpha %.6g, sigma %.6g\n", m->level, m->alpha, m->sigma);
    for (int64_t k = 0; k < m->samples; k++) {
        const struct uncertain *u = &m->image[k];
        printf("image %" PRId64 ": %" PRId64 " products, asymmetry %.2g\n", u->number, u->products,
               u->asymmetry);
        printf("%6s %12s %12s %10s %10s\n", "mode", "variance", "deviation", "residual",
               "converged");
        for (int64_t j = 0; j < u->held; j++)
            printf("%6" PRId64 " %12.5g %12.5g %10.2g %10s\n", j + 1, u->mode[j].value,
                   sqrt(fmax(u->mode[j].value, 0)), u->mode[j].residual,
                   u->mode[j].converged ? "yes" : "no");
    }
}

void modes_json(const struct modes *m, const char *engine)
{
    printf("{\"level\": %" PRId64 ", \"alpha\": ", m->level);
    json_real(m->alpha);
    fputs(", \"sigma\": ", stdout);
    json_real(m->sigma);
    fputs(", \"engine\": ", stdout);
    json_string(engine);
    fputs(", \"images\": [", stdout);
    for (int64_t k = 0; k < m->samples; k++) {
        const struct uncertain *u = &m->image[k];
        printf("%s\n  {\"image\": %" PRId64 ", \"products\": %" PRId64 ", \"asymmetry\": ",
               k == 0 ? "" : ",", u->number, u->products);
        json_real(u->asymmetry);
        fputs(", \"modes\": [", stdout);
        for (int64_t j = 0; j < u->held; j++) {
            fputs(j == 0 ? "{\"value\": " : ", {\"value\": ", stdout);
            json_real(u->mode[j].value);
            fputs(", \"residual\": ", stdout);
            json_real(u->mode[j].residual);
            printf(", \"converged\": %s}", u->mode[j].converged ? "true" : "false");
        }
        fputs("]}", stdout);
    }
    puts("\n]}");
}

static void put(const struct modes *m, const double *from, double scale, double **to)
{
    for (int64_t i = 0; i < m->dim; i++)
        (*to)[i] = from[i] * scale;
    *to += m->dim;
}

static double largest(const struct modes *m, const double *v)
{
    double most = 0;
    for (int64_t i = 0; i < m->dim; i++)
        most = fmax(most, fabs(v[i]));
    return most;
}

/* Everything there is of every image, one after another; for the eye x_t is scaled to the variance
 * of data, and modes to the range of grey values. */
static double *arrange(const struct modes *m, bool picture)
{
    double *all = malloc((size_t)(m->samples * (3 + m->count) * m->dim) * sizeof *all), *to = all;
    const double noisy = picture ? 1 / sqrt(m->alpha * m->alpha + m->sigma * m->sigma) : 1;
    for (int64_t k = 0; all != NULL && k < m->samples; k++) {
        put(m, m->x0 + k * m->dim, 1, &to);
        put(m, m->xt + k * m->dim, noisy, &to);
        put(m, m->mean + k * m->dim, 1, &to);
        for (int64_t j = 0; j < m->count; j++) {
            const double *v = m->vector + (k * m->count + j) * m->dim, most = largest(m, v);
            put(m, v, picture && most > 0 ? 1 / most : 1, &to);
        }
    }
    return all;
}

static int no_memory(void)
{
    return fail(EXIT_RUN, "out of memory");
}

int modes_png(const struct modes *m, const struct samples *shape, const char *path)
{
    struct samples cells = *shape;
    const struct sheet sheet = {.columns = 3 + m->count};
    double *all = arrange(m, true);
    cells.data = (unsigned char *)all;
    cells.dtype = COVSAMP_F64;
    cells.dim = m->dim;
    cells.count = m->samples * (3 + m->count);
    const int code = all == NULL ? no_memory() : png_write(path, &cells, &sheet);
    free(all);
    return code;
}

int modes_npy(const struct modes *m, const struct samples *shape, const char *path)
{
    struct samples rows = *shape;
    double *all = arrange(m, false);
    for (int i = shape->n_dims; i > 0; i--)
        rows.dims[i] = shape->dims[i - 1];
    rows.dims[0] = 3 + m->count;
    rows.n_dims = shape->n_dims + 1;
    rows.data = (unsigned char *)all;
    rows.dtype = COVSAMP_F64;
    rows.dim = (3 + m->count) * m->dim;
    rows.count = m->samples;
    const int code = all == NULL ? no_memory() : npy_write(path, &rows);
    free(all);
    return code;
}
