/* SPDX-License-Identifier: BSD-3-Clause */
/* Every covariance and every solver, with the options that change what they ask for: see world.h.
 */
#ifndef COVSAMP_TESTS_TEXTS_H
#define COVSAMP_TESTS_TEXTS_H

static const char *const plain_texts[] = {
    "solver=ancestral covariance=none eta=0 prediction=noise",
    "covariance=small",
    "covariance=large",
    "covariance=analytic",
    "covariance=state_isotropic probes=2 tangents=2",
    "covariance=diag_probe probes=2 tangents=2 reuse=2 clip_x0=0.5",
    "covariance=diag_probe trace_guard=1 last_noise=1",
    "covariance=diag_model head=ocm",
    "covariance=diag_model head=sn clip_x0=0.5",
    "covariance=diag_model head=npr trace_guard=1",
    "covariance=diag_model head=iddpm limit_range=1",
    "covariance=spectral reuse=2 probes=2 last_noise=1",
    "covariance=spectral spectral_colour=1 clip_x0=0.5",
    "covariance=spectral spectral_mode=full last_noise=1",
    "covariance=spectral spectral_mode=block spectral_pool=radial spectral_estimate=ratio",
    "covariance=spectral spectral_mode=sliding reuse=2",
    "covariance=krylov",
    "covariance=krylov eta=0",
    "covariance=krylov clip_x0=0.5 last_noise=1",
    "covariance=krylov tolerance=0.05 mean_order=2",
    "covariance=krylov symmetrise=average mean_jvp=0 trace_guard=1",
    "covariance=krylov guidance=1.5 guidance_form=auto prediction=score",
    "covariance=krylov guidance=0.5 guidance_product=basis guidance_form=state",
    "covariance=krylov cfg=1.5 branches=2 guided_jacobian=1",
    "covariance=krylov known=1 schedule=karras prediction=x0",
    "covariance=dense tangents=4",
    "covariance=dense clip_x0=0.5 eta=0.5 guidance=1 guidance_product=exact",
    "covariance=dense dim=2 channels=1 width=2 spectral_block=2",
    "solver=euler",
    "solver=heun",
    "solver=heun churn=2",
    "solver=dpmpp_2m cfg=2 cfg_low=6 guidance=1",
    "solver=dpmpp_2s clip_x0=0.5",
    "solver=dpmpp_2m_sde",
    "solver=addim",
    "covariance=krylov weights=yes symmetrise=average branches=2 guidance_form=mean",
    "covariance=krylov cfg=0.5 symmetrise=average branches=2 guided_jacobian=1 prediction=flow",
    "covariance=small guidance=1 guidance_form=score",
    "covariance=diag_model head=sn cfg=0.5 guided_jacobian=1 branches=2",
    "covariance=krylov noise=ask prediction=v schedule=flow",
    "covariance=krylov prediction=reverse",
};
#define PLAIN_TEXTS ((int)(sizeof plain_texts / sizeof plain_texts[0]))

#endif
