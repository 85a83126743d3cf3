/* SPDX-License-Identifier: BSD-3-Clause */
/* What a configuration holds. */
#ifndef COVSAMP_API_CONFIG_H
#define COVSAMP_API_CONFIG_H

#include "api/option.h"
#include "base/memory.h"
#include "numeric/space.h"
#include "process/process.h"

/* Numbers over levels 1 ... N beside COVSAMP_TABLE_...: what covsamp_config_set_guidance() sets. */
enum {
    COVSAMP__TABLE_GUIDANCE = COVSAMP_TABLE_X0_ERROR + COVSAMP_GUIDANCE_CLASSIFIER,
    COVSAMP__TABLE_CFG = COVSAMP_TABLE_X0_ERROR + COVSAMP_GUIDANCE_FREE,
    COVSAMP__TABLES = COVSAMP__TABLE_CFG
};

typedef union {
    int64_t i;
    double r;
} covsamp__value;

struct covsamp_config {
    covsamp_allocator mem;
    covsamp__error error;
    covsamp__value values[COVSAMP__OPTIONS]; /* in the order of the table */
    uint8_t chosen[COVSAMP__OPTIONS];        /* 1: set by the caller, even if to the default */
    covsamp_schedule *schedule;              /* own copy, or NULL */
    int64_t *levels;                         /* the levels to visit, noisiest first */
    int64_t steps;                           /* how many */
    double *table[COVSAMP__TABLES];          /* by number - 1, NULL: none */
    int64_t table_count[COVSAMP__TABLES];
    covsamp_parallel_for hook; /* run NULL: none */
    covsamp_vector_ops ops;    /* size 0: none */
};

/* The value of an option that exists. */
int64_t covsamp__config_int(const covsamp_config *config, int32_t key);
double covsamp__config_real(const covsamp_config *config, int32_t key);
/* Whether the caller has set it: then it must not be overridden in silence. */
int covsamp__config_chosen(const covsamp_config *config, int32_t key);
/* threads.c: whether threads can be had where they are asked for; where vectors are and who works
 * on them, by the configuration. */
covsamp_status covsamp__threads_check(covsamp_config *config, const char *function);
covsamp__space covsamp__space_of(const covsamp_config *config);
/* vectors.c: whether the method can do with vectors in the caller's memory; the refusal of those
 * who cannot. */
covsamp_status covsamp__vectors_check(covsamp_config *config, const char *function);
covsamp_status covsamp__vectors_refuse(covsamp_config *config, const char *function);
/* Whether these are levels to visit, noisiest first; the message goes to the configuration. */
covsamp_status covsamp__check_levels(covsamp_config *config, const covsamp_schedule *schedule,
                                     const int64_t *levels, int64_t count, const char *function);

#endif
