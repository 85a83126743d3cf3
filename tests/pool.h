/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads to lend: a pool that shares tasks out one by one, and hooks that run them in odd orders
 * on one thread.  For tests and benchmarks. */
#ifndef COVSAMP_TESTS_POOL_H
#define COVSAMP_TESTS_POOL_H

#include <covsamp/covsamp.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { POOL_MOST = 64 };

typedef struct {
    pthread_t thread[POOL_MOST];
    int threads; /* besides the caller's */
    pthread_mutex_t lock;
    pthread_cond_t begin, end;
    int64_t round; /* of tasks; -1: the pool ends */
    int working;
    covsamp_task_fn task;
    void *data;
    int64_t count;
    atomic_llong next;
    long long rounds, most; /* rounds so far, and the most tasks of one */
} pool;

static inline void pool_work(pool *p)
{
    for (;;) {
        const int64_t i = atomic_fetch_add(&p->next, 1);
        if (i >= p->count)
            return;
        p->task(p->data, i);
    }
}

static inline void *pool_thread(void *pointer)
{
    pool *p = pointer;
    int64_t seen = 0;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->round == seen)
            pthread_cond_wait(&p->begin, &p->lock);
        seen = p->round;
        if (seen < 0)
            break;
        pthread_mutex_unlock(&p->lock);
        pool_work(p);
        pthread_mutex_lock(&p->lock);
        if (--p->working == 0)
            pthread_cond_signal(&p->end);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* covsamp_parallel_for.run */
static inline void pool_run(void *user, int64_t count, covsamp_task_fn task, void *data)
{
    pool *p = user;
    pthread_mutex_lock(&p->lock);
    p->task = task;
    p->data = data;
    p->count = count;
    atomic_store(&p->next, 0);
    p->working = p->threads;
    p->round++;
    p->rounds++;
    p->most = count > p->most ? count : p->most;
    pthread_cond_broadcast(&p->begin);
    pthread_mutex_unlock(&p->lock);
    pool_work(p);
    pthread_mutex_lock(&p->lock);
    while (p->working > 0)
        pthread_cond_wait(&p->end, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

/* threads: the caller's included. */
static inline void pool_open(pool *p, int threads)
{
    memset(p, 0, sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->begin, NULL);
    pthread_cond_init(&p->end, NULL);
    for (p->threads = 0; p->threads < threads - 1; p->threads++)
        if (pthread_create(&p->thread[p->threads], NULL, pool_thread, p) != 0)
            break;
}

static inline void pool_close(pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->round = -1;
    pthread_cond_broadcast(&p->begin);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->threads; i++)
        pthread_join(p->thread[i], NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->begin);
    pthread_cond_destroy(&p->end);
}

/* The same on one thread, the last task first; user: a pool whose rounds are counted. */
static inline void pool_reverse(void *user, int64_t count, covsamp_task_fn task, void *data)
{
    pool *p = user;
    p->rounds++;
    p->most = count > p->most ? count : p->most;
    for (int64_t i = count - 1; i >= 0; i--)
        task(data, i);
}

/* In an order that is another one every time. */
static inline void pool_shuffled(void *user, int64_t count, covsamp_task_fn task, void *data)
{
    pool *p = user;
    int64_t order[1024];
    p->rounds++;
    p->most = count > p->most ? count : p->most;
    for (int64_t i = 0; i < count; i++)
        order[i] = i;
    for (int64_t i = count - 1; i > 0; i--) {
        p->next = (p->next * 1103515245 + 12345) & 0x7fffffff;
        const int64_t j = (int64_t)p->next / 65536 % (i + 1), held = order[i];
        order[i] = order[j];
        order[j] = held;
    }
    for (int64_t i = 0; i < count; i++)
        task(data, order[i]);
}

/* A thread for every task, as a loop that OpenMP shares out statically. */
typedef struct {
    covsamp_task_fn task;
    void *data;
    int64_t index;
} pool_one;

static inline void *pool_one_thread(void *pointer)
{
    const pool_one *one = pointer;
    one->task(one->data, one->index);
    return NULL;
}

static inline void pool_static(void *user, int64_t count, covsamp_task_fn task, void *data)
{
    pool *p = user;
    pthread_t thread[POOL_MOST];
    pool_one one[POOL_MOST];
    int made[POOL_MOST];
    p->rounds++;
    p->most = count > p->most ? count : p->most;
    for (int64_t i = 0; i < count; i++) {
        one[i] = (pool_one){task, data, i};
        made[i] = i > 0 && pthread_create(&thread[i], NULL, pool_one_thread, &one[i]) == 0;
    }
    for (int64_t i = 0; i < count; i++)
        if (!made[i])
            task(data, i);
    for (int64_t i = 1; i < count; i++)
        if (made[i])
            pthread_join(thread[i], NULL);
}

#endif
