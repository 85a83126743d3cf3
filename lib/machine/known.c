/* SPDX-License-Identifier: BSD-3-Clause */
/* Known values (Lugmayr et al. 2022, equation 8, without their resampling): where the mask is 1 the
 * state is q(x_t | x0) of what is known, everywhere else what the step made of it. */
#include "machine/machine.h"

#include "numeric/vec.h"

void covsamp__known_layout(covsamp_sampler *s, covsamp__arena *arena)
{
    const int64_t dim = s->known ? s->solver.dim : 0;
    s->known_x0 =
        covsamp__take_vector(arena, s->solver.batch, dim, covsamp__size_of(s->solver.dtype));
    s->known_mask = covsamp__take_vector(arena, s->solver.batch, dim, sizeof(uint8_t));
}

void covsamp__known_put(covsamp_sampler *s, const covsamp__level *level)
{
    const covsamp__solver *solver = &s->solver;
    const int64_t n = covsamp__solver_values(solver);
    const void *known = s->known_x0;
    if (level != NULL) {
        covsamp__space_combine(solver->space, n, level->alpha, known, level->sigma, solver->z,
                               solver->z);
        known = solver->z;
    }
    covsamp__space_select(solver->space, n, s->known_mask, known, 1, solver->x, solver->x);
}
