/* SPDX-License-Identifier: BSD-3-Clause */
/* The doors that all passes over data share: diagnostic/pass.h.  `function` is in whose name they
 * speak. */
#ifndef COVSAMP_API_PASS_H
#define COVSAMP_API_PASS_H

#include "diagnostic/pass.h"

/* Forgets the last message; E_NULL, or E_STATE inside a callback of the same handle. */
covsamp_status covsamp__pass_enter(covsamp__pass *p, const char *function);
covsamp_status covsamp__pass_data(covsamp__pass *p, const void *x, int64_t stride, int64_t samples,
                                  const char *function);
covsamp_status covsamp__pass_ask(covsamp__pass *p, const covsamp_request **request,
                                 const char *function);
covsamp_status covsamp__pass_tell(covsamp__pass *p, int32_t answer, const char *function);
covsamp_status covsamp__pass_run(covsamp__pass *p, const covsamp_model *model, const void *data,
                                 int64_t stride, int64_t samples, const char *function);
/* What is left of the present batch by callbacks. */
covsamp_status covsamp__pass_finish(covsamp__pass *p, const covsamp_model *model,
                                    const char *function);

#endif
