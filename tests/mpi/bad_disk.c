/* SPDX-License-Identifier: BSD-3-Clause */
/* To be preloaded: a disk on which nothing becomes durable.  A program that does not ask whether it
 * has does not notice. */
#include <errno.h>

int fsync(int descriptor);

int fsync(int descriptor)
{
    (void)descriptor;
    errno = EIO;
    return -1;
}
