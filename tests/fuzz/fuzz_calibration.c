/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a calibration file: a sentence, or tables that a configuration takes or refuses with
 * a sentence, and a window of levels that are there. */
#include "calibration.h"
#include "input.h"
#include "program.h"

#include <math.h>

#define MOST 4096 /* levels of a schedule that is made for it */

static void apply(const struct calibration *c)
{
    char message[COVSAMP_MESSAGE_BYTES] = "";
    covsamp_schedule *schedule = NULL;
    covsamp_config *config = NULL;
    int64_t low, high;
    (void)calibration_has_traces(c);
    const int found = calibration_window(c, 1.25, &low, &high);
    demand(found ? (low == 0 || (low >= 1 && low <= c->levels)) && high >= 0 && high <= c->levels
                 : low > c->levels,
           "a window", found, "");
    if (c->levels < 1 || c->levels > MOST)
        return;
    if (covsamp_config_new(&config, NULL) != COVSAMP_OK ||
        covsamp_schedule_new_flow(&schedule, c->levels, NULL, message) != COVSAMP_OK)
        abort();
    const int code = calibration_apply(c, "c.json", config, schedule);
    demand((code != 0) == (program_said()[0] != '\0'), "a sentence", code, program_said());
    covsamp_schedule_free(schedule);
    covsamp_config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct calibration c;
    program_file(data, size);
    const int code = calibration_read(&c, "c.json");
    demand((code != 0) == (program_said()[0] != '\0'), "a sentence", code, program_said());
    if (code == 0) {
        for (int64_t i = 0; i < c.levels; i++)
            demand(!isinf(c.noise[i]) && !isinf(c.x0_error[i]), "an infinity", code, "");
        apply(&c);
    }
    calibration_free(&c);
    return 0;
}
