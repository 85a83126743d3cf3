/* SPDX-License-Identifier: BSD-3-Clause */
/* Teaches: a TorchScript network as the model.  unet_torch FILE draws one sample of each of two
 * classes by LGS in a few steps, and shows them as text.  The file says what the network predicts
 * and the shape of a sample; the schedule here is the one that it was trained with. */
#include <covsamp/torch.h>

#include <math.h>
#include <stdio.h>

#define BATCH 2
#define STEPS 5

static void show(const float *image, int64_t height, int64_t width)
{
    static const char shades[] = " .:-=+*#%@";
    for (int64_t y = 0; y < height; y += 2) { /* a character is twice as high as wide */
        for (int64_t x = 0; x < width; x++) {
            double shade = (fmin(fmax(image[y * width + x], -1), 1) + 1) / 2;
            putchar(shades[(int)(shade * 9 + 0.5)]);
        }
        putchar('\n');
    }
}

static covsamp_config *make_config(const covsamp_torch *module, int64_t dim)
{
    covsamp_schedule *schedule;
    covsamp_config *config;
    int64_t levels[STEPS];
    const char *prediction = covsamp_torch_metadata(module, "prediction");
    covsamp_schedule_new_linear(&schedule, 1000, 1e-4, 0.02, NULL, NULL);
    covsamp_schedule_spaced(schedule, STEPS, COVSAMP_SPACING_TRAILING, levels, NULL);
    covsamp_config_new(&config, NULL);
    covsamp_config_set_int(config, COVSAMP_BATCH, BATCH);
    covsamp_config_set_int(config, COVSAMP_DIM, dim);
    covsamp_config_set_int(config, COVSAMP_SEED, 1);
    covsamp_config_set_by_name(config, "clip_x0", "1"); /* pixels are in -1 ... 1 */
    covsamp_config_set_by_name(config, "prediction", prediction != NULL ? prediction : "noise");
    covsamp_config_set_schedule(config, schedule, levels, STEPS);
    covsamp_schedule_free(schedule);
    return config;
}

static int sample(covsamp_torch *module, const int64_t dims[3])
{
    const int64_t labels[] = {0, 9}; /* sample k gets labels[k mod 2], in whatever batch it is */
    const int64_t dim = dims[0] * dims[1] * dims[2];
    covsamp_config *config = make_config(module, dim);
    covsamp_sampler *sampler;
    covsamp_model model = {.size = sizeof model};
    const void *x;
    int64_t stride;
    int finite = 0;

    covsamp_torch_set_labels(module, 0, labels, 2);
    covsamp_torch_model(module, &model);
    if (covsamp_sampler_new(&sampler, config) != COVSAMP_OK)
        fprintf(stderr, "%s\n", covsamp_config_message(config));
    covsamp_status status = covsamp_sampler_run(sampler, &model);
    if (status == COVSAMP_DONE && covsamp_sampler_state(sampler, &x, &stride) == COVSAMP_OK) {
        finite = 1;
        for (int64_t b = 0; b < BATCH; b++) {
            const float *image = (const float *)x + b * stride;
            for (int64_t i = 0; i < dim; i++)
                finite = finite && isfinite(image[i]);
            show(image, dims[1], dims[2]);
        }
    } else if (sampler != NULL) {
        fprintf(stderr, "%s; %s\n", covsamp_sampler_message(sampler),
                covsamp_torch_message(module));
    }
    covsamp_sampler_free(sampler);
    covsamp_config_free(config);
    return finite ? 0 : 1;
}

int main(int argc, char **argv)
{
    char message[COVSAMP_MESSAGE_BYTES];
    covsamp_torch *module;
    int64_t dims[3];
    if (argc != 2) {
        fprintf(stderr, "usage: unet_torch FILE\n");
        return 2;
    }
    if (covsamp_torch_load(&module, argv[1], NULL, message) != COVSAMP_OK) {
        fprintf(stderr, "%s\n", message);
        return 1;
    }
    int failed = covsamp_torch_shape(module, dims, 3) != 3 || sample(module, dims);
    covsamp_torch_free(module);
    return failed;
}
