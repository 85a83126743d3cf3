/* SPDX-License-Identifier: BSD-3-Clause */
#include "infile.h"

#include <stdlib.h>

#define FIRST ((size_t)1 << 24)

int infile_read(FILE *stream, unsigned char **data, size_t *capacity, size_t bytes)
{
    for (size_t used = 0; used < bytes;) {
        size_t room = used < FIRST ? FIRST : 2 * used;
        room = room < bytes ? room : bytes;
        if (room > *capacity) {
            unsigned char *more = realloc(*data, room);
            if (more == NULL)
                return INFILE_NOMEM;
            *data = more;
            *capacity = room;
        }
        if (fread(*data + used, 1, room - used, stream) != room - used)
            return INFILE_SHORT;
        used = room;
    }
    return INFILE_WHOLE;
}
