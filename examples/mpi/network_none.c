/* SPDX-License-Identifier: BSD-3-Clause */
#include "message.h"
#include "network.h"

int network_file(struct network *network, const char *path, covsamp_config *config, char *message)
{
    (void)network;
    (void)config;
    return failed(
        message,
        "--model %s: this build knows no TorchScript, since libcovsamp-torch was not built "
        "with it",
        path);
}
