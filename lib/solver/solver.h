/* SPDX-License-Identifier: BSD-3-Clause */
/* Solvers: what one step does, as a sequence of wants.  Knows process/, covariance/ and numeric/;
 * not who answers or how.
 *
 * One step: covsamp__solver_open(); ops->next() and, when that has been answered, ops->take(),
 * until next() returns 0: x is then the new state. */
#ifndef COVSAMP_SOLVER_SOLVER_H
#define COVSAMP_SOLVER_SOLVER_H

#include "covariance/covariance.h"
#include "process/process.h"

/* A place where the model is asked: E[x0 | x] = p x + q f there. */
typedef struct {
    covsamp__level at;
    double p, q;
} covsamp__spot;

/* One step as planned when the sampler was made. */
typedef struct {
    covsamp__spot t;     /* where the step starts */
    covsamp__spot u;     /* where a second evaluation is (heun: the end; dpmpp_2s: the middle) */
    covsamp__level from; /* the level where it begins; t is another after churn */
    covsamp__level s;    /* where it ends */
    covsamp__transition transition;
    double kappa;         /* C = kappa d E[x0 | x_t] / dx, sigma^2 / alpha; 0 where alpha = 0 */
    double history;       /* x0 + history (x0 - x0 of the level before); 0: first order */
    double variance;      /* addim: x_var; heun: sigma / alpha of added noise (churn) */
    double churned;       /* heun: sigma / alpha after churn, that of t */
    covsamp__place place; /* the constants of the covariance's place */
    int32_t noisy;        /* 0: the mean alone (the step to data, as a rule) */
    int32_t covariance;   /* 0: the fallback in place of a covariance by products */
    double guidance, cfg; /* weights of this step, 0: off */
    int32_t two;          /* 1: u is evaluated */
    int32_t reserved;
} covsamp__plan;

typedef struct covsamp__solver covsamp__solver;

typedef struct {
    int evaluations; /* arrays for a second evaluation are needed */
    /* What is wanted now: COVSAMP_ASK_NOISE (in z), _MEAN (in mean, and in head), _JVP, _MEAN_JVP
     * (v, count, product), _VJP (transposed), about ask and ask_x; _GUIDE (gradient), about
     * guide_at and guide_x; 0: the step is finished; negative: COVSAMP_E_LINALG.  That a mean may
     * take two branches and a guide is not the solver's business (machine/evaluation.c). */
    int32_t (*next)(covsamp__solver *s);
    /* It is there. */
    void (*take)(covsamp__solver *s, int32_t kind);
} covsamp__solver_ops;

struct covsamp__solver {
    const covsamp__solver_ops *ops;
    covsamp__space *space; /* where the vectors are */
    int32_t dtype;
    int32_t eps_raw, clip_covariance, mean_jvp, mean_order; /* options */
    int32_t average;                                        /* products are with (J + J^T) / 2 */
    int32_t guided,
        free_guided;    /* some step has a weight of classifier, classifier-free guidance */
    int32_t guide_form; /* COVSAMP_GUIDE_..., never AUTO */
    int32_t guided_jacobian, branches; /* options */
    int32_t phase, opened;
    int32_t half;        /* of such products J v is there, J^T v is not */
    int32_t moved;       /* set by next(): ask or ask_x changed within the step */
    int32_t guide_phase; /* of a step that is guided, see guide.c */
    int64_t batch, dim;
    double clip; /* 0: off */
    double churn_noise;
    covsamp__covariance model, fallback;
    /* the present step */
    const covsamp__plan *plan;
    const covsamp__spot *ask; /* where the model is asked, and about what x */
    const void *ask_x;
    covsamp__covariance *covariance; /* one of the two above */
    covsamp__place place;
    const covsamp__level *guide_at; /* where the gradient is asked */
    const void *guide_x;
    const void *v; /* tangents that are asked about, count of them */
    int64_t count;
    int64_t failed; /* sample whose eigenvalues did not converge */
    double *row;    /* [2][batch] numbers of samples */
    /* arrays [batch][dim], those that the options need */
    void *x, *z;
    void *mean;                 /* the model's output, then x0, then the noise */
    void *head;                 /* what the model's head wrote */
    void *mu;                   /* the mean of x_s */
    void *old;                  /* x0 of the level before */
    void *aside;                /* x of a second evaluation, or the predicted noise */
    void *slope;                /* heun: the predicted noise of the first evaluation */
    void *product, *transposed; /* [tangents][batch][dim] */
    /* the same of branch 1, and what the head's own branch says: its mean before guidance */
    void *other_mean, *other_head, *other_product, *other_transposed, *conditional;
    void *gradient; /* of log p(y | x) */
    void *push;     /* S gradient; before that what it is made of */
    uint8_t *keep;  /* where x0 was not clipped */
    /* Where the density of a step is wanted and not a draw: measure is set before the layout. */
    int32_t measure;
    int32_t follow;        /* of a mean that next() wants: products are wanted there after it */
    void *truth;           /* x0, that of the data */
    void *residual;        /* the mean of q(x_s | x_t, x0) less that of the step */
    covsamp__forms *forms; /* [batch] */
};

extern const covsamp__solver_ops covsamp__solver_ancestral, covsamp__solver_addim,
    covsamp__solver_heun, covsamp__solver_singlestep;

void covsamp__solver_layout(covsamp__solver *s, covsamp__arena *arena);
/* Begins the step `plan`; seed, first_sample and step are those of probes. */
void covsamp__solver_open(covsamp__solver *s, const covsamp__plan *plan, uint64_t seed,
                          int64_t first_sample, int64_t step);
/* Values in a batch. */
int64_t covsamp__solver_values(const covsamp__solver *s);
/* Turns the model's output in `mean` into x0, clipped if asked for, at the spot that was asked. */
void covsamp__solver_x0(covsamp__solver *s);
/* guide.c: a step x_s ~ N(mu + w S g, S).  What is wanted for S g once mu is known:
 * COVSAMP_ASK_GUIDE, COVSAMP_ASK_JVP (v, count) or 0. */
int32_t covsamp__guide_next(covsamp__solver *s);
/* Whether the products that were answered last, P C P v by now, are its. */
int covsamp__guide_takes(const covsamp__solver *s);
/* The gradient, or those products, are there. */
void covsamp__guide_take(covsamp__solver *s);
/* Adds w S g to mu, after the draw.  0, or LAPACK's info. */
int covsamp__guide_push(covsamp__solver *s);
/* out = (x - alpha x0) / sigma at the spot that was asked: the predicted noise. */
void covsamp__solver_noise(const covsamp__solver *s, void *out);

#endif
