/* SPDX-License-Identifier: BSD-3-Clause */
/* A consumer of the shim: without a file it must be refused in one sentence; with one it says what
 * it is. */
#include <covsamp/torch.h>

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    char message[COVSAMP_MESSAGE_BYTES] = "";
    covsamp_torch *network = NULL;
    const char *file = argc > 1 ? argv[1] : "no such file.pt";
    covsamp_status status = covsamp_torch_load(&network, file, NULL, message);
    printf("libcovsamp-torch %06x: %s %s\n", (unsigned)covsamp_torch_version_number(),
           covsamp_torch_status_name(status), message);
    covsamp_torch_free(network);
    if (argc > 1)
        return status == COVSAMP_OK && network != NULL ? 0 : 1;
    return status != COVSAMP_OK && network == NULL && strstr(message, file) != NULL ? 0 : 1;
}
