/* SPDX-License-Identifier: BSD-3-Clause */
/* request->products_follow: what it announces comes, and nothing comes unannounced, for every
 * covariance, solver and form of guidance. */
#include "../reliability/paths.h"
#include "../reliability/texts.h"

/* A mean that was asked for by itself, and whether products were asked for at its place. */
typedef struct {
    uint64_t point;
    int alone, announced, came;
} last_mean;

typedef struct {
    world w;
    last_mean last[2]; /* of each branch */
    int both;          /* the last mean was of both */
    int announced;     /* means, so far */
} witness;

static void judge(witness *it)
{
    last_mean *own = &it->last[0], *other = &it->last[1];
    if (it->both) {
        CHECK(!own->alone || own->announced == (own->came && other->came));
    } else {
        for (int i = 0; i < 2; i++)
            CHECK(!it->last[i].alone || it->last[i].announced == it->last[i].came);
    }
    memset(it->last, 0, sizeof it->last);
}

static void see_mean(witness *it, const covsamp_request *q)
{
    const last_mean mean = {q->point, q->kind == COVSAMP_ASK_MEAN, q->products_follow, 0};
    if (q->branch == 0 || it->last[0].point != q->point) /* branch 1 comes after branch 0 */
        judge(it);
    it->both = q->other_mean != NULL;
    it->announced += q->products_follow;
    it->last[q->branch] = mean;
    if (it->both)
        it->last[1] = mean;
}

static void see_products(witness *it, const covsamp_request *q)
{
    const int both = q->other_product != NULL || q->other_transposed != NULL;
    for (int i = q->branch; i <= (both ? 1 : q->branch); i++)
        if (it->last[i].point == q->point)
            it->last[i].came = 1;
}

static int32_t see(void *user, const covsamp_request *q)
{
    witness *it = user;
    CHECK(q->products_follow == 0 || (q->products_follow == 1 && q->kind == COVSAMP_ASK_MEAN));
    if (q->kind < COVSAMP_ASK_GUIDE && (q->kind & COVSAMP_ASK_MEAN))
        see_mean(it, q);
    else if (q->kind < COVSAMP_ASK_GUIDE)
        see_products(it, q);
    return answer(&it->w, q);
}

/* How many means announce products in a run; apart: means and products have callbacks of their
 * own. */
static int announced(const char *text, int apart)
{
    witness it;
    memset(&it, 0, sizeof it);
    covsamp_sampler *s = sampler_for(&it.w, text);
    covsamp_model model = model_with(see, &it);
    if (apart)
        model.mean_jvp = NULL;
    if (!CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE))
        fprintf(stderr, "    %s: %s\n", text, covsamp_sampler_message(s));
    judge(&it);
    covsamp_sampler_free(s);
    world_close(&it.w);
    return it.announced;
}

int main(void)
{
    static const struct {
        const char *text;
        int together, apart; /* of 4 steps, the last without noise */
    } cases[] = {
        {"covariance=krylov", 0, 3},
        {"covariance=krylov mean_jvp=0", 3, 3},
        {"covariance=krylov clip_x0=0.5", 3, 3},
        {"covariance=krylov clip_x0=0.5 last_noise=1", 4, 4},
        {"covariance=krylov clip_x0=0.5 clip_covariance=0", 0, 3},
        {"covariance=krylov clip_x0=0.5 window_high=12", 1, 1},
        {"covariance=krylov clip_x0=0.5 cfg=1", 3, 3},
        {"covariance=krylov clip_x0=0.5 cfg=1 guided_jacobian=1", 6, 6},
        {"covariance=krylov clip_x0=0.5 cfg=1 guided_jacobian=1 branches=2", 3, 3},
        {"covariance=krylov clip_x0=0.5 cfg=1 branches=2", 0, 0},
        {"covariance=diag_probe clip_x0=0.5 last_noise=1", 4, 4},
        {"covariance=diag_probe clip_x0=0.5 last_noise=1 reuse=2", 2, 2},
        {"covariance=dense clip_x0=0.5", 3, 3},
        {"covariance=small clip_x0=0.5", 0, 0},
        {"solver=heun", 0, 0},
    };
    for (int i = 0; i < PLAIN_TEXTS; i++)
        for (int apart = 0; apart < 2; apart++)
            announced(plain_texts[i], apart);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int together = announced(cases[i].text, 0), apart = announced(cases[i].text, 1);
        if (!CHECK(together == cases[i].together) || !CHECK(apart == cases[i].apart))
            fprintf(stderr, "    %s: %d, %d\n", cases[i].text, together, apart);
    }
    return check_done();
}
