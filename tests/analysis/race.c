/* SPDX-License-Identifier: BSD-3-Clause */
/* A race, which ThreadSanitizer must see where it is to be believed. */
#include <pthread.h>
static int shared;
static void *work(void *p)
{
    return shared++, p;
}
int main(void)
{
    pthread_t t[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&t[i], 0, work, 0);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], 0);
    return 0;
}
