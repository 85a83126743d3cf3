/* SPDX-License-Identifier: BSD-3-Clause */
/* What test_fault_model.c does to samplers, done to calibrations, likelihood bounds and posterior
 * modes: a wrong answer to the k-th request is told with its place, and the run that goes on gives
 * the results of an undisturbed one, bit for bit; an answer too large or too small ends it with a
 * sentence or in results that are finite. */
#include "passes.h"
#include "texts.h"

static long injected[WAYS], told[WAYS], passed[WAYS];

static outcome once(path_fn run, const char *text, spoiler *p)
{
    heap h;
    outcome o;
    const covsamp_allocator mem = heap_hooks(&h, 0, 0);
    path_spoiler = p;
    run(text, &mem, &o);
    path_spoiler = NULL;
    CHECK(h.blocks == 0);
    CHECK(!p->nonsense);
    return o;
}

static int fault(path_fn run, const char *text, int k, int how, int part, const outcome *well)
{
    spoiler p = new_spoiler(NULL, k, how, part);
    const outcome o = once(run, text, &p);
    CHECK(p.count >= k);
    injected[how]++;
    if (refusal_of(how) != 0) {
        told[how] += CHECK(o.met == 1 && o.status == COVSAMP_DONE && o.sum == well->sum);
    } else if (o.status == COVSAMP_DONE) {
        passed[how]++;
    } else {
        CHECK(o.status == COVSAMP_E_OVERFLOW || o.status == COVSAMP_E_LINALG);
        CHECK(is_sentence(o.message));
        CHECK_TEXT(o.message, "level ");
        CHECK_TEXT(o.message, "sample ");
        told[how]++;
    }
    return p.parts;
}

static void every_request(const char *path, path_fn run, const char *text)
{
    spoiler none = new_spoiler(NULL, 0, 0, 0);
    const outcome well = once(run, text, &none);
    if (!well.made)
        return;
    CHECK(well.status == COVSAMP_DONE);
    for (int k = 1; k <= none.count; k++)
        for (int how = 0, arrays = 0; how < WAYS; how++)
            for (int part = 0; part < (how > CANCELS ? arrays : 1); part++) {
                const int failed = check_failed;
                arrays = fault(run, text, k, how, part, &well);
                if (check_failed > failed)
                    fprintf(stderr, "    %s at request %d of %d, array %d: %s of %s\n",
                            way_names[how], k, none.count, part, path, text);
            }
}

int main(void)
{
    long all = 0;
    for (int p = 1; p <= 4; p++)
        for (int i = 0; i < PLAIN_TEXTS; i++) {
            char text[512];
            snprintf(text, sizeof text, "%s probes=2 krylov_steps=2 batch=2 dtype=%s",
                     plain_texts[i], (i + i / 9) % 2 ? "f32" : "f64");
            every_request(paths[p].name, paths[p].run, text);
        }
    for (int how = 0; how < WAYS; how++) {
        printf("%-10s %6ld injected, %6ld told, %6ld passed\n", way_names[how], injected[how],
               told[how], passed[how]);
        CHECK(injected[how] > 0 && injected[how] == told[how] + passed[how]);
        all += injected[how];
    }
    printf("faults of the model: %ld injected\n", all);
    return check_done();
}
