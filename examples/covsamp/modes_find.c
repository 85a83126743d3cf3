/* SPDX-License-Identifier: BSD-3-Clause */
#include "modes_find.h"

#include "interrupt.h"

#include <stdlib.h>

static double load(int32_t dtype, const void *p, int64_t i)
{
    return dtype == COVSAMP_F64 ? ((const double *)p)[i] : ((const float *)p)[i];
}

/* x_t of images done ... done + n - 1, with the noise that covsamp calibrate gives them, too.
 * Places of a batch that is not full keep what they had. */
static void make_noisy(struct modes_work *w, const struct modes_request *r, int64_t done, int64_t n)
{
    const int64_t dim = w->m.dim;
    const double a = w->modes.alpha, s = w->modes.sigma;
    for (int64_t b = 0; b < n; b++) {
        double *x0 = w->modes.x0 + (done + b) * dim, *xt = w->modes.xt + (done + b) * dim;
        const int64_t number = r->first + done + b;
        covsamp_noise_normal(r->seed, number, COVSAMP_STREAM_CALIBRATION, r->level, 0, dim, xt);
        for (int64_t i = 0; i < dim; i++) {
            x0[i] = measure_value(&w->m, number * dim + i);
            xt[i] = a * x0[i] + s * xt[i];
            if (w->m.dtype == COVSAMP_F64)
                ((double *)w->batch)[b * dim + i] = xt[i];
            else
                ((float *)w->batch)[b * dim + i] = (float)xt[i];
        }
        w->modes.image[done + b].number = number;
    }
}

static int explain(const struct modes_work *w, covsamp_status status, const char *message)
{
    const char *said = status == COVSAMP_E_MODEL ? model_message(w->m.model) : "";
    return fail(EXIT_RUN, "%s", said[0] != '\0' ? said : message);
}

/* E[x0 | x_t], which is what a step without noise to data leads to. */
static int find_means(struct modes_work *w, const struct modes_request *r, int64_t done, int64_t n)
{
    const void *x;
    covsamp_model model = w->callbacks;
    model.progress = NULL;
    covsamp_sampler_restart(w->sampler, r->seed, r->first + done);
    covsamp_status status = covsamp_sampler_set_state(w->sampler, w->batch, w->m.dim);
    if (status == COVSAMP_OK)
        status = covsamp_sampler_run(w->sampler, &model);
    if (status != COVSAMP_DONE)
        return explain(w, status, covsamp_sampler_message(w->sampler));
    covsamp_sampler_state(w->sampler, &x, NULL);
    for (int64_t i = 0; i < n * w->m.dim; i++)
        w->modes.mean[done * w->m.dim + i] = load(w->m.dtype, x, i);
    return 0;
}

static void keep_modes(struct modes_work *w, int64_t done, int64_t n)
{
    const int64_t dim = w->m.dim, count = w->modes.count;
    for (int64_t b = 0; b < n; b++) {
        struct uncertain *u = &w->modes.image[done + b];
        covsamp_posterior_modes_space(w->handle, b, &u->products, &u->asymmetry);
        for (u->held = 0; u->held < count; u->held++) {
            covsamp_mode *mode = &u->mode[u->held];
            mode->size = sizeof *mode;
            if (covsamp_posterior_modes_row(w->handle, b, u->held, mode) != COVSAMP_OK)
                break;
            for (int64_t i = 0; i < dim; i++)
                w->modes.vector[((done + b) * count + u->held) * dim + i] =
                    load(w->m.dtype, mode->vector, i);
        }
    }
}

static int32_t listen(void *user, const covsamp_request *request)
{
    progress_step(user, request);
    return interrupt_signal() != 0 ? COVSAMP_CANCELLED : 0;
}

int modes_find(struct modes_work *w, const struct modes_request *r)
{
    const size_t width = w->m.dtype == COVSAMP_F64 ? sizeof(double) : sizeof(float);
    int code = 0;
    w->batch = calloc((size_t)(w->m.batch * w->m.dim), width);
    if (w->batch == NULL)
        return fail(EXIT_RUN, "out of memory");
    w->callbacks.progress = listen;
    w->callbacks.progress_user = &w->progress;
    covsamp_schedule_at(w->schedule, (double)r->level, &w->modes.alpha, &w->modes.sigma, NULL);
    progress_start(&w->progress, r->images, r->quiet || r->json);
    interrupt_listen();
    for (int64_t done = 0, n; code == 0 && done < r->images; done += n) {
        n = r->images - done < w->m.batch ? r->images - done : w->m.batch;
        make_noisy(w, r, done, n);
        code = find_means(w, r, done, n);
        if (code != 0)
            break;
        covsamp_status status = covsamp_posterior_modes_data(w->handle, w->batch, w->m.dim, n);
        if (status == COVSAMP_OK)
            status = covsamp_posterior_modes_run(w->handle, &w->callbacks);
        w->progress.finished = done + n;
        if (status == COVSAMP_DONE)
            keep_modes(w, done, n);
        else if (status == COVSAMP_CANCELLED)
            code = 128 + interrupt_signal();
        else
            code = explain(w, status, covsamp_posterior_modes_message(w->handle));
    }
    progress_clear(&w->progress);
    return code;
}
