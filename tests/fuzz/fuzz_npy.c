/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a NumPy file: a sentence, or an array of which every value can be read. */
#include "input.h"
#include "npy_read.h"
#include "program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct npy npy;
    double sum = 0;
    program_file(data, size);
    const int code = npy_read(&npy, "array.npy");
    demand((code != 0) == (program_said()[0] != '\0'), "a sentence", code, program_said());
    /* memory is asked for as bytes are there: what a header promises can not exhaust it */
    demand(strncmp(program_said(), "array.npy: there is not enough memory", 37) != 0, "memory", code,
           program_said());
    if (code == 0) {
        int64_t count = 1;
        for (int32_t i = 0; i < npy.n_dims; i++)
            count *= npy.dims[i];
        demand(npy.n_dims >= 1 && npy.n_dims <= MAX_DIMS + 1 && count == npy.count, "dims", 0, "");
        demand((uint64_t)npy.count * (uint64_t)npy.width <= size, "more values than bytes", 0, "");
        for (int64_t i = 0; i < npy.count; i++)
            sum += npy_value(&npy, i);
    }
    npy_free(&npy);
    (void)sum;
    return 0;
}
