/* SPDX-License-Identifier: BSD-3-Clause */
/* One want of a solver, as the requests that it takes: under classifier-free guidance the same of
 * two branches, combined as f = (1 + w) f_0 - w f_1 (Ho & Salimans 2022); where the score is
 * guided, a gradient after every mean, which makes x0 + w sigma^2 / alpha g of x0 (Dhariwal &
 * Nichol 2021, algorithm 2).  Solvers and covariances see what comes out, and nothing of how. */
#include "machine/machine.h"

#include "numeric/vec.h"

#define MODEL (COVSAMP_ASK_MEAN | COVSAMP_ASK_JVP | COVSAMP_ASK_VJP)

static double weight_of(const covsamp__solver *solver, int32_t branch)
{
    return branch == 0 ? 1 + solver->plan->cfg : -solver->plan->cfg;
}

/* Whether branch 0 or 1 has a say in products and heads. */
static int in_jacobian(const covsamp__solver *solver, int32_t branch)
{
    return solver->guided_jacobian ? weight_of(solver, branch) != 0 : branch == 0;
}

int covsamp__evaluation_head(const covsamp_sampler *s, int32_t branch)
{
    return s->solver.plan->noisy && s->solver.covariance->ops->needs_head &&
           in_jacobian(&s->solver, branch);
}

int covsamp__evaluation_products(const covsamp_sampler *s, int32_t branch)
{
    const covsamp__solver *solver = &s->solver;
    return branch == COVSAMP__BOTH ? in_jacobian(solver, 0) && in_jacobian(solver, 1)
                                   : in_jacobian(solver, branch);
}

/* What of `want` is asked of a branch, 0: nothing.  A head comes with a mean. */
static int32_t kind_for(const covsamp_sampler *s, int32_t want, int32_t branch)
{
    int32_t kind = 0;
    if ((want & COVSAMP_ASK_MEAN) &&
        (weight_of(&s->solver, branch) != 0 || covsamp__evaluation_head(s, branch)))
        kind |= COVSAMP_ASK_MEAN;
    if (in_jacobian(&s->solver, branch))
        kind |= want & (COVSAMP_ASK_JVP | COVSAMP_ASK_VJP);
    return kind;
}

/* Whether a mean that is wanted now is to be guided. */
static int guides_score(const covsamp__solver *solver)
{
    return solver->plan->guidance != 0 && solver->guide_form == COVSAMP_GUIDE_SCORE &&
           solver->ask->at.alpha > 0;
}

static void add_question(covsamp__evaluation *e, int32_t kind, int32_t branch)
{
    if (kind == 0)
        return;
    e->question[e->count].kind = kind;
    e->question[e->count++].branch = branch;
}

void covsamp__evaluation_begin(covsamp_sampler *s, int32_t want)
{
    covsamp__solver *solver = &s->solver;
    covsamp__evaluation *e = &s->evaluation;
    e->want = want;
    e->count = e->answered = 0;
    if (want & ~MODEL) { /* noise, or the gradient of a step */
        add_question(e, want, 0);
        return;
    }
    const int32_t kind[2] = {kind_for(s, want, 0), kind_for(s, want, 1)};
    if (solver->branches == 2 && kind[0] == kind[1]) {
        add_question(e, kind[0], COVSAMP__BOTH);
    } else {
        add_question(e, kind[0], 0);
        add_question(e, kind[1], 1);
    }
    if ((want & COVSAMP_ASK_MEAN) && guides_score(solver)) {
        solver->guide_at = &solver->ask->at;
        solver->guide_x = solver->ask_x;
        add_question(e, COVSAMP_ASK_GUIDE, 0);
    }
}

int covsamp__evaluation_next(covsamp_sampler *s)
{
    const covsamp__evaluation *e = &s->evaluation;
    if (e->answered == e->count)
        return 0;
    covsamp__request_open(s, e->question[e->answered].kind, e->question[e->answered].branch,
                          COVSAMP_STREAM_STEP);
    return 1;
}

/* own = (1 + w) own - w other; a branch without weight was not asked. */
static void combine(const covsamp__solver *solver, int64_t n, void *own, const void *other)
{
    const double w0 = weight_of(solver, 0), w1 = weight_of(solver, 1);
    if (w1 == 0)
        return;
    if (w0 == 0)
        covsamp__space_copy(solver->space, n, other, own);
    else
        covsamp__space_combine(solver->space, n, w0, own, w1, other, own);
}

/* The mean, with what the head is about kept aside: the mean of its own branch before guidance, or
 * of both where their heads are combined too. */
static void finish_mean(covsamp_sampler *s)
{
    covsamp__solver *solver = &s->solver;
    const int64_t n = covsamp__solver_values(solver);
    const int head = solver->conditional != NULL && solver->plan->noisy;
    if (head && !solver->guided_jacobian)
        covsamp__space_copy(solver->space, n, solver->mean, solver->conditional);
    combine(solver, n, solver->mean, solver->other_mean);
    if (head && solver->guided_jacobian) {
        covsamp__space_copy(solver->space, n, solver->mean, solver->conditional);
        combine(solver, n, solver->head, solver->other_head);
    }
    if (guides_score(solver)) {
        const covsamp__spot *at = solver->ask;
        const double to_x0 = at->at.sigma * at->at.sigma / at->at.alpha;
        covsamp__space_combine(solver->space, n, 1, solver->mean,
                               solver->plan->guidance * to_x0 / at->q, solver->gradient,
                               solver->mean);
    }
}

void covsamp__evaluation_answered(covsamp_sampler *s)
{
    covsamp__solver *solver = &s->solver;
    covsamp__evaluation *e = &s->evaluation;
    const int64_t n = solver->count * covsamp__solver_values(solver);
    if (++e->answered < e->count)
        return;
    if (!(e->want & ~MODEL)) {
        if (e->want & COVSAMP_ASK_MEAN)
            finish_mean(s);
        if (solver->guided_jacobian && (e->want & COVSAMP_ASK_JVP))
            combine(solver, n, solver->product, solver->other_product);
        if (solver->guided_jacobian && (e->want & COVSAMP_ASK_VJP))
            combine(solver, n, solver->transposed, solver->other_transposed);
    }
    solver->ops->take(solver, e->want);
}
