/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes the seeds of fuzz_save: save_corpus FOLDER.  Those in the tree were written by version 1
 * of the format and stay: tests/api/test_old_strings.c reads them. */
#include "save_cases.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    for (int i = 0; argc == 2 && i < SAVE_CASES; i++) {
        char name[1024];
        size_t bytes = 0;
        covsamp_sampler *s = save_case_half(i);
        if (covsamp_sampler_save(s, NULL, 0, &bytes) != COVSAMP_OK)
            return 1;
        uint8_t *text = malloc(bytes + 1);
        text[0] = (uint8_t)i; /* which sampler, and that the rest is the string itself */
        snprintf(name, sizeof name, "%s/case-%d", argv[1], i);
        FILE *file = fopen(name, "wb");
        if (file == NULL || covsamp_sampler_save(s, text + 1, bytes, NULL) != COVSAMP_OK ||
            fwrite(text, 1, bytes + 1, file) != bytes + 1 || fclose(file) != 0)
            return 1;
        free(text);
        covsamp_sampler_free(s);
    }
    return argc == 2 ? 0 : 2;
}
