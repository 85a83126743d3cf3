/* SPDX-License-Identifier: BSD-3-Clause */
/* What the doors of posterior modes share. */
#ifndef COVSAMP_API_MODES_H
#define COVSAMP_API_MODES_H

#include "diagnostic/modes.h"

/* Forgets the last message; E_NULL, or E_STATE inside a callback of the same handle. */
covsamp_status covsamp__modes_enter(covsamp_posterior_modes *m, const char *function);
/* COVSAMP_OK with a request open, COVSAMP_DONE, or E_STATE. */
covsamp_status covsamp__modes_ask(covsamp_posterior_modes *m, const char *function);
/* *complete receives 1 where a product is, by this answer. */
covsamp_status covsamp__modes_tell(covsamp_posterior_modes *m, int32_t answer, int *complete,
                                   const char *function);

#endif
