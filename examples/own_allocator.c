/* SPDX-License-Identifier: BSD-3-Clause */
/* Teaches: memory hooks.  Everything comes from a fixed arena without malloc, and the arena's
 * counters prove that stepping takes nothing and that freeing gives everything back. */
#include "example.h"

#include <stdalign.h>

#define BATCH 16

struct arena {
    alignas(64) unsigned char memory[1 << 20];
    size_t used, live; /* bytes taken so far; bytes not yet released */
    int64_t calls;
};

/* Taken in order and never reused: enough where handles live as long as the program. */
static void *take(void *user, size_t bytes, size_t align)
{
    struct arena *arena = user;
    size_t at = (arena->used + align - 1) / align * align;
    arena->calls++;
    if (align > 64 || at > sizeof arena->memory || bytes > sizeof arena->memory - at)
        return NULL; /* the library turns this into COVSAMP_E_NOMEM */
    arena->used = at + bytes;
    arena->live += bytes;
    return arena->memory + at;
}

static void give_back(void *user, void *pointer, size_t bytes)
{
    struct arena *arena = user;
    (void)pointer;
    arena->live -= bytes; /* the library says how many: no header in front of each block */
}

int main(void)
{
    static struct arena arena;
    const covsamp_allocator memory = {sizeof memory, take, give_back, &arena};
    covsamp_sampler *sampler;
    covsamp_model model = {.size = sizeof model};
    covsamp_mixture *mixture = example_mixture(&memory);
    covsamp_config *config = example_config(BATCH, &memory);

    covsamp_mixture_model(mixture, &model);
    covsamp_sampler_new(&sampler, config);
    size_t before = arena.used;
    int64_t calls = arena.calls;
    covsamp_status status = covsamp_sampler_run(sampler, &model);
    covsamp_sampler_restart(sampler, 7, 0); /* another seed: no new memory either */
    if (status == COVSAMP_DONE)
        status = covsamp_sampler_run(sampler, &model);
    int ok = status == COVSAMP_DONE && arena.used == before && arena.calls == calls;
    printf("%zu bytes in %" PRId64 " blocks before the first step, %" PRId64 " blocks after\n",
           before, calls, arena.calls - calls);

    covsamp_sampler_free(sampler);
    covsamp_config_free(config);
    covsamp_mixture_free(mixture);
    printf("%zu bytes not given back\n", arena.live);
    return ok && arena.live == 0 ? 0 : 1;
}
