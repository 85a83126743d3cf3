/* SPDX-License-Identifier: BSD-3-Clause */
#include "file.h"
#include "message.h"
#include "network.h"

#include <covsamp/torch.h>

#include <inttypes.h>
#include <stdio.h>

static const char *say_torch(const void *handle)
{
    return covsamp_torch_message(handle);
}

static void close_torch(void *handle)
{
    covsamp_torch_free(handle);
}

int network_file(struct network *network, const char *path, covsamp_config *config, char *message)
{
    char why[COVSAMP_MESSAGE_BYTES];
    covsamp_torch *module = NULL;
    int64_t bytes = 0, dim = 1;
    uint32_t sum = 0;
    if (covsamp_torch_load(&module, path, NULL, why) != COVSAMP_OK)
        return failed(message, "%s", why);
    network->handle = module;
    network->say = say_torch;
    network->close = close_torch;
    network->n_dims = covsamp_torch_shape(module, network->dims, MAX_DIMS);
    for (int i = 0; i < network->n_dims; i++)
        dim *= network->dims[i];
    covsamp_config_set_int(config, COVSAMP_DIM, dim);
    const char *prediction = covsamp_torch_metadata(module, "prediction");
    if (prediction != NULL &&
        covsamp_config_set_by_name(config, "prediction", prediction) != COVSAMP_OK)
        return failed(message, "%s: %s", path, covsamp_config_message(config));
    /* The name of a file says little: the same name may hold another network tomorrow. */
    if (file_sum(path, &sum, &bytes) != 0)
        return failed(message, "%s cannot be read", path);
    snprintf(network->name, sizeof network->name,
             "TorchScript, %" PRId64 " bytes, crc32 %08" PRIx32, bytes, sum);
    network->model.size = sizeof network->model;
    covsamp_torch_model(module, &network->model);
    return 0;
}
