/* SPDX-License-Identifier: BSD-3-Clause */
#include "order.h"
#include "message.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MOST_SAMPLES INT64_C(1000000000000) /* file names have twelve digits */

const char order_usage[] =
    "usage: mpirun -n RANKS mpi_sample FOLDER SAMPLES [--range R] [--steps T] [--model FILE]\n"
    "                                  [NAME=VALUE ...]\n"
    "Draws SAMPLES samples into FOLDER, R to a file, and describes them in FOLDER/manifest.json.\n"
    "Started again, or twice at once, it draws only what is missing.\n"
    "  --range R     samples in one file, a multiple of batch (default: four batches)\n"
    "  --steps T     levels to visit of the 1000 of DDPM's linear schedule (default: 20)\n"
    "  --model FILE  a TorchScript network (default: a mixture of Gaussians, of which dim is "
    "free)\n"
    "  NAME=VALUE    options of the library: batch=64 seed=7 covariance=krylov krylov_steps=3 "
    "...\n";

static int read_number(const char *what, const char *text, int64_t most, int64_t *out,
                       char *message)
{
    char *end = NULL;
    errno = 0;
    if (text[0] >= '0' && text[0] <= '9')
        *out = strtoimax(text, &end, 10);
    if (end == NULL || *end != '\0' || errno != 0 || *out < 1 || *out > most)
        return failed(message, "%s takes a whole number in 1 ... %" PRId64 ", not \"%s\"", what,
                      most, text);
    return 0;
}

static int read_flag(struct order *order, const char *flag, const char *value, char *message)
{
    if (strcmp(flag, "--range") != 0 && strcmp(flag, "--steps") != 0 &&
        strcmp(flag, "--model") != 0)
        return failed(message, "there is no option \"%s\"; see mpi_sample --help", flag);
    if (value == NULL)
        return failed(message, "%s needs a value", flag);
    if (flag[2] == 'r')
        return read_number(flag, value, MOST_SAMPLES, &order->range, message);
    if (flag[2] == 's')
        return read_number(flag, value, 1000, &order->steps, message);
    order->network = value;
    return 0;
}

int order_read(struct order *order, int argc, char **argv, char *message)
{
    memset(order, 0, sizeof *order);
    order->steps = 20;
    order->options = calloc((size_t)argc + 1, sizeof *order->options);
    if (order->options == NULL)
        return failed(message, "out of memory");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            order->help = 1;
            return 0;
        }
        if (strncmp(argv[i], "--", 2) == 0) {
            if (read_flag(order, argv[i], argv[i + 1], message) != 0) /* argv[argc] is NULL */
                return -1;
            i++;
        } else if (order->folder == NULL) {
            order->folder = argv[i];
        } else if (order->samples == 0) {
            if (read_number("SAMPLES", argv[i], MOST_SAMPLES, &order->samples, message) != 0)
                return -1;
        } else if (strchr(argv[i], '=') != NULL) {
            order->options[order->n_options++] = argv[i];
        } else {
            return failed(message, "NAME=VALUE was expected, not \"%s\"; see mpi_sample --help",
                          argv[i]);
        }
    }
    if (order->samples == 0)
        return failed(message, "FOLDER and SAMPLES are needed; see mpi_sample --help");
    if (order->folder[0] == '\0' || strlen(order->folder) > PATH_BYTES - 256)
        return failed(message, "FOLDER must have 1 ... %d bytes, and has %zu", PATH_BYTES - 256,
                      strlen(order->folder));
    return 0;
}
