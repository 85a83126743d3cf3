/* SPDX-License-Identifier: BSD-3-Clause */
#include "measure.h"

#include "interrupt.h"
#include "process.h"
#include "progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int measure_fits(const struct measurement *m, const char *path)
{
    int64_t dims[MAX_DIMS];
    int32_t n_dims;
    const struct npy *data = m->data;
    int code = model_shape(m->model, dims, &n_dims);
    if (code != 0)
        return code;
    if (data->kind != 'f' && !(data->kind == 'u' && data->width == 1))
        return fail(EXIT_USAGE,
                    "%s: data is of type f4, f8 or u1 (0 ... 255, which becomes -1 ... 1)", path);
    /* Gray images are often stored without their one channel. */
    const int32_t skip = data->n_dims == n_dims && dims[0] == 1 ? 1 : 0;
    bool fits = data->n_dims - 1 == n_dims - skip;
    for (int32_t i = skip; fits && i < n_dims; i++)
        fits = data->dims[1 + i - skip] == dims[i];
    if (fits)
        return 0;
    char wanted[128] = "n";
    for (int32_t i = 0; i < n_dims; i++) {
        size_t used = strlen(wanted);
        snprintf(wanted + used, sizeof wanted - used, ", %" PRId64, dims[i]);
    }
    return fail(EXIT_USAGE, "%s: the array must be of shape [%s], as the model's samples are", path,
                wanted);
}

double measure_value(const struct measurement *m, int64_t i)
{
    const double value = npy_value(m->data, i);
    return m->data->kind == 'u' ? value / 127.5 - 1 : value;
}

int measure_labels(const struct measurement *m, struct npy *labels, const char *path)
{
    if (path == NULL)
        return 0;
    int code = npy_read(labels, path);
    if (code != 0)
        return code;
    if (labels->kind == 'f' || labels->n_dims != 1 || labels->count < m->data->dims[0])
        return fail(EXIT_USAGE, "--labels %s: must be %" PRId64 " whole numbers, one a sample",
                    path, m->data->dims[0]);
    int64_t *numbers = malloc((size_t)labels->count * sizeof *numbers);
    if (numbers == NULL)
        return fail(EXIT_RUN, "out of memory");
    for (int64_t i = 0; i < labels->count; i++)
        numbers[i] = (int64_t)npy_value(labels, i);
    code = model_set_labels(m->model, numbers, labels->count);
    free(numbers);
    return code;
}

int measure_schedule(const struct measurement *m, const char *asked, int64_t levels,
                     covsamp_schedule **out, const char **text)
{
    int code = 0;
    *text = asked != NULL ? asked : model_metadata(m->model, "schedule");
    if (*text == NULL)
        return fail(EXIT_USAGE, "the model file does not say its schedule, so --schedule must");
    if (levels == 0)
        code = model_metadata_int(m->model, "levels", 1, (1 << 24) - 1, 1000, &levels);
    return code != 0 ? code : process_schedule(out, "--schedule", *text, levels);
}

struct spread measure_spread(const struct measurement *m)
{
    struct spread s = {INFINITY, -INFINITY, 0};
    double mean = 0;
    for (int64_t i = 0; i < m->samples * m->dim; i++) { /* Welford 1962 */
        const double value = measure_value(m, i), off = value - mean;
        s.low = fmin(s.low, value);
        s.high = fmax(s.high, value);
        mean += off / (double)(i + 1);
        s.variance += off * (value - mean);
    }
    s.variance /= (double)(m->samples * m->dim);
    return s;
}

static void convert(const struct measurement *m, int64_t first, int64_t count, void *out)
{
    for (int64_t i = 0; i < count * m->dim; i++) {
        const double value = measure_value(m, first * m->dim + i);
        if (m->dtype == COVSAMP_F64)
            ((double *)out)[i] = value;
        else
            ((float *)out)[i] = (float)value;
    }
}

static int32_t listen(void *user, const covsamp_request *request)
{
    progress_step(user, request);
    return interrupt_signal() != 0 ? COVSAMP_CANCELLED : 0;
}

static int explain(const struct measurement *m, const struct pass *pass, covsamp_status status)
{
    const char *said = status == COVSAMP_E_MODEL ? model_message(m->model) : "";
    return fail(EXIT_RUN, "%s", said[0] != '\0' ? said : pass->message(pass->handle));
}

int measure(const struct measurement *m, const struct pass *pass)
{
    struct progress progress;
    covsamp_model model = {.size = sizeof model};
    const size_t width = m->dtype == COVSAMP_F64 ? sizeof(double) : sizeof(float);
    void *batch = malloc((size_t)(m->batch * m->dim) * width);
    int code = model_callbacks(m->model, &model);
    if (code == 0 && batch == NULL)
        code = fail(EXIT_RUN, "out of memory");
    model.progress = listen;
    model.progress_user = &progress;
    progress_start(&progress, m->samples, m->quiet);
    interrupt_listen();
    for (int64_t done = 0, n; code == 0 && done < m->samples; done += n) {
        n = m->samples - done < m->batch ? m->samples - done : m->batch;
        convert(m, done, n, batch);
        covsamp_status status = pass->run(pass->handle, &model, batch, m->dim, n);
        progress.finished = done + n;
        if (status == COVSAMP_CANCELLED)
            code = 128 + interrupt_signal();
        else if (status != COVSAMP_DONE) {
            progress_clear(&progress);
            code = explain(m, pass, status);
        }
    }
    progress_clear(&progress);
    free(batch);
    return code;
}
