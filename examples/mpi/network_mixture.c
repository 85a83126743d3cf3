/* SPDX-License-Identifier: BSD-3-Clause */
#include "message.h"
#include "network.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COMPONENTS 3
#define RANK       4 /* directions in which a component is wide */
#define MOST_DIM   4096

/* S = 0.05 I + F F' / 8, F random of `dim` rows and RANK columns: the library's noise is the same
 * bits on every machine, and so is the mixture. */
static void fill_component(int64_t k, int64_t dim, double *mean, double *covariance, double *f)
{
    covsamp_noise_normal(1, k, COVSAMP_STREAM_USER, 0, 0, dim, mean);
    covsamp_noise_normal(1, k, COVSAMP_STREAM_USER, 1, 0, dim * RANK, f);
    for (int64_t i = 0; i < dim; i++)
        for (int64_t j = 0; j < dim; j++) {
            double sum = 0;
            for (int r = 0; r < RANK; r++)
                sum += f[i * RANK + r] * f[j * RANK + r];
            covariance[i * dim + j] = sum / 8 + (i == j ? 0.05 : 0);
        }
}

static void close_mixture(void *handle)
{
    covsamp_mixture_free(handle);
}

int network_mixture(struct network *network, const covsamp_config *config, char *message)
{
    static const double weights[COMPONENTS] = {5, 3, 2};
    char why[COVSAMP_MESSAGE_BYTES];
    covsamp_mixture *mixture = NULL;
    int64_t dim = 0, prediction = 0;
    covsamp_config_get_int(config, COVSAMP_DIM, &dim);
    covsamp_config_get_int(config, COVSAMP_PREDICTION, &prediction);
    if (dim > MOST_DIM)
        return failed(message, "dim of the mixture is 1 ... %d, and not %" PRId64, MOST_DIM, dim);
    const size_t each = (size_t)(dim * (1 + dim));
    double *numbers = malloc((COMPONENTS * each + (size_t)dim * RANK) * sizeof *numbers);
    if (numbers == NULL)
        return failed(message, "out of memory for a mixture of dim %" PRId64, dim);
    double *means = numbers, *covariances = means + COMPONENTS * dim;
    for (int64_t k = 0; k < COMPONENTS; k++)
        fill_component(k, dim, means + k * dim, covariances + k * dim * dim,
                       numbers + COMPONENTS * each);
    const covsamp_status status = covsamp_mixture_new(&mixture, dim, COMPONENTS, weights, means,
                                                      covariances, (int32_t)prediction, NULL, why);
    free(numbers);
    if (status != COVSAMP_OK)
        return failed(message, "%s", why);
    network->handle = mixture;
    network->close = close_mixture;
    network->n_dims = 1;
    network->dims[0] = dim;
    network->model.size = sizeof network->model;
    covsamp_mixture_model(mixture, &network->model);
    strcpy(network->name, "mixture of 3 Gaussians");
    return 0;
}

void network_close(struct network *network)
{
    if (network->close != NULL)
        network->close(network->handle);
}
