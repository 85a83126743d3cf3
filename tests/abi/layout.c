/* SPDX-License-Identifier: BSD-3-Clause */
/* Sizes and offsets of all public structs.  Alone: prints them.  With the path of layout.expected:
 * compares, and says "N passed, N failed"; skipped where pointers or size_t are not 64 bits. */
#include "check.h"

#include <covsamp/covsamp.h>
#include <covsamp/torch.h>

#include <stddef.h>

static FILE *expected; /* NULL: print */

static void line(const char *type, const char *field, size_t offset, size_t size)
{
    char text[160], from_file[160] = "";
    snprintf(text, sizeof text, "%s %s %d %d\n", type, field, (int)offset, (int)size);
    if (expected == NULL) {
        fputs(text, stdout);
        return;
    }
    while (fgets(from_file, sizeof from_file, expected) != NULL && from_file[0] == '#')
        ;
    if (!CHECK(strcmp(text, from_file) == 0))
        fprintf(stderr, "    is       %s    expected %s", text, from_file);
}

#define STRUCT(type) line(#type, "size", 0, sizeof(type))
#define FIELD(type, field)                                                                         \
    line(#type, "." #field, offsetof(type, field), sizeof(((type *)0)->field))

static void small_structs(void)
{
    STRUCT(covsamp_allocator);
    FIELD(covsamp_allocator, size);
    FIELD(covsamp_allocator, alloc);
    FIELD(covsamp_allocator, release);
    FIELD(covsamp_allocator, user);
    STRUCT(covsamp_parallel_for);
    FIELD(covsamp_parallel_for, size);
    FIELD(covsamp_parallel_for, run);
    FIELD(covsamp_parallel_for, user);
    STRUCT(covsamp_vector_ops);
    FIELD(covsamp_vector_ops, size);
    FIELD(covsamp_vector_ops, user);
    FIELD(covsamp_vector_ops, alloc);
    FIELD(covsamp_vector_ops, release);
    FIELD(covsamp_vector_ops, put);
    FIELD(covsamp_vector_ops, get);
    FIELD(covsamp_vector_ops, combine);
    FIELD(covsamp_vector_ops, project);
    FIELD(covsamp_vector_ops, expand);
    FIELD(covsamp_vector_ops, clip);
    FIELD(covsamp_vector_ops, select);
    FIELD(covsamp_vector_ops, find_nonfinite);
    STRUCT(covsamp_option);
    FIELD(covsamp_option, size);
    FIELD(covsamp_option, key);
    FIELD(covsamp_option, type);
    FIELD(covsamp_option, name);
    FIELD(covsamp_option, help);
    FIELD(covsamp_option, int_low);
    FIELD(covsamp_option, int_high);
    FIELD(covsamp_option, int_default);
    FIELD(covsamp_option, real_low);
    FIELD(covsamp_option, real_high);
    FIELD(covsamp_option, real_default);
    STRUCT(covsamp_model);
    FIELD(covsamp_model, size);
    FIELD(covsamp_model, model_user);
    FIELD(covsamp_model, mean);
    FIELD(covsamp_model, jvp);
    FIELD(covsamp_model, mean_jvp);
    FIELD(covsamp_model, noise_user);
    FIELD(covsamp_model, noise);
    FIELD(covsamp_model, progress_user);
    FIELD(covsamp_model, progress);
    FIELD(covsamp_model, vjp);
    FIELD(covsamp_model, guide_user);
    FIELD(covsamp_model, guide);
}

static void stats_struct(void)
{
    STRUCT(covsamp_stats);
    FIELD(covsamp_stats, size);
    FIELD(covsamp_stats, steps);
    FIELD(covsamp_stats, mean_requests);
    FIELD(covsamp_stats, jvp_requests);
    FIELD(covsamp_stats, jvp_tangents);
    FIELD(covsamp_stats, products_used);
    FIELD(covsamp_stats, products_paid);
    FIELD(covsamp_stats, ritz_values);
    FIELD(covsamp_stats, ritz_clamped);
    FIELD(covsamp_stats, breakdowns);
    FIELD(covsamp_stats, breakdowns_asymmetric);
    FIELD(covsamp_stats, steps_without);
    FIELD(covsamp_stats, asymmetry);
    FIELD(covsamp_stats, error_estimate);
    FIELD(covsamp_stats, vjp_requests);
    FIELD(covsamp_stats, vjp_tangents);
    FIELD(covsamp_stats, guide_requests);
}

static void request_struct(void)
{
    STRUCT(covsamp_request);
    FIELD(covsamp_request, size);
    FIELD(covsamp_request, kind);
    FIELD(covsamp_request, dtype);
    FIELD(covsamp_request, batch);
    FIELD(covsamp_request, dim);
    FIELD(covsamp_request, stride);
    FIELD(covsamp_request, tangents);
    FIELD(covsamp_request, tangent_stride);
    FIELD(covsamp_request, step);
    FIELD(covsamp_request, steps);
    FIELD(covsamp_request, level);
    FIELD(covsamp_request, first_sample);
    FIELD(covsamp_request, seed);
    FIELD(covsamp_request, owner);
    FIELD(covsamp_request, point);
    FIELD(covsamp_request, time);
    FIELD(covsamp_request, alpha);
    FIELD(covsamp_request, sigma);
    FIELD(covsamp_request, stream);
    FIELD(covsamp_request, branch);
    FIELD(covsamp_request, x);
    FIELD(covsamp_request, v);
    FIELD(covsamp_request, mean);
    FIELD(covsamp_request, product);
    FIELD(covsamp_request, noise);
    FIELD(covsamp_request, head);
    FIELD(covsamp_request, transposed);
    FIELD(covsamp_request, gradient);
    FIELD(covsamp_request, other_mean);
    FIELD(covsamp_request, other_product);
    FIELD(covsamp_request, other_transposed);
    FIELD(covsamp_request, other_head);
    FIELD(covsamp_request, ops);
    FIELD(covsamp_request, products_follow);
    FIELD(covsamp_request, reserved);
}

static void calibration_struct(void)
{
    STRUCT(covsamp_calibration_level);
    FIELD(covsamp_calibration_level, size);
    FIELD(covsamp_calibration_level, level);
    FIELD(covsamp_calibration_level, samples);
    FIELD(covsamp_calibration_level, alpha);
    FIELD(covsamp_calibration_level, sigma);
    FIELD(covsamp_calibration_level, error);
    FIELD(covsamp_calibration_level, error_deviation);
    FIELD(covsamp_calibration_level, noise);
    FIELD(covsamp_calibration_level, noise_deviation);
    FIELD(covsamp_calibration_level, trace);
    FIELD(covsamp_calibration_level, trace_deviation);
    FIELD(covsamp_calibration_level, asymmetry);
    FIELD(covsamp_calibration_level, analytic);
}

static void step_stats_struct(void)
{
    STRUCT(covsamp_step_stats);
    FIELD(covsamp_step_stats, size);
    FIELD(covsamp_step_stats, step);
    FIELD(covsamp_step_stats, level);
    FIELD(covsamp_step_stats, samples);
    FIELD(covsamp_step_stats, products_used);
    FIELD(covsamp_step_stats, products_least);
    FIELD(covsamp_step_stats, products_most);
    FIELD(covsamp_step_stats, ritz_values);
    FIELD(covsamp_step_stats, ritz_clamped);
    FIELD(covsamp_step_stats, asymmetry);
    FIELD(covsamp_step_stats, error_estimate);
    FIELD(covsamp_step_stats, error_mean);
}

static void mode_struct(void)
{
    STRUCT(covsamp_mode);
    FIELD(covsamp_mode, size);
    FIELD(covsamp_mode, value);
    FIELD(covsamp_mode, residual);
    FIELD(covsamp_mode, converged);
    FIELD(covsamp_mode, reserved);
    FIELD(covsamp_mode, vector);
}

static void path_kl_struct(void)
{
    STRUCT(covsamp_path_kl_total);
    FIELD(covsamp_path_kl_total, size);
    FIELD(covsamp_path_kl_total, kl);
    FIELD(covsamp_path_kl_total, deviation);
    FIELD(covsamp_path_kl_total, prior);
    FIELD(covsamp_path_kl_total, prior_deviation);
}

static void nelbo_structs(void)
{
    STRUCT(covsamp_nelbo_term);
    FIELD(covsamp_nelbo_term, size);
    FIELD(covsamp_nelbo_term, term);
    FIELD(covsamp_nelbo_term, reserved);
    FIELD(covsamp_nelbo_term, level);
    FIELD(covsamp_nelbo_term, to);
    FIELD(covsamp_nelbo_term, samples);
    FIELD(covsamp_nelbo_term, nats);
    FIELD(covsamp_nelbo_term, deviation);
    FIELD(covsamp_nelbo_term, log_det);
    FIELD(covsamp_nelbo_term, trace);
    FIELD(covsamp_nelbo_term, residual);
    FIELD(covsamp_nelbo_term, probe_deviation);
    FIELD(covsamp_nelbo_term, products);
    FIELD(covsamp_nelbo_term, ritz_values);
    FIELD(covsamp_nelbo_term, ritz_clamped);
    FIELD(covsamp_nelbo_term, asymmetry);
    STRUCT(covsamp_nelbo_total);
    FIELD(covsamp_nelbo_total, size);
    FIELD(covsamp_nelbo_total, samples);
    FIELD(covsamp_nelbo_total, terms);
    FIELD(covsamp_nelbo_total, nats);
    FIELD(covsamp_nelbo_total, deviation);
    FIELD(covsamp_nelbo_total, bits);
    FIELD(covsamp_nelbo_total, bits_deviation);
}

static void torch_structs(void)
{
    STRUCT(covsamp_torch_options);
    FIELD(covsamp_torch_options, size);
    FIELD(covsamp_torch_options, device);
    FIELD(covsamp_torch_options, dims);
    FIELD(covsamp_torch_options, n_dims);
    FIELD(covsamp_torch_options, dtype);
    FIELD(covsamp_torch_options, engine);
    FIELD(covsamp_torch_options, tangent_dtype);
    FIELD(covsamp_torch_options, keep_bytes);
    FIELD(covsamp_torch_options, layout);
    FIELD(covsamp_torch_options, reserved);
    FIELD(covsamp_torch_options, method);
    STRUCT(covsamp_torch_work);
    FIELD(covsamp_torch_work, size);
    FIELD(covsamp_torch_work, engine);
    FIELD(covsamp_torch_work, reserved);
    FIELD(covsamp_torch_work, nodes_by_rule);
    FIELD(covsamp_torch_work, nodes_by_duals);
    FIELD(covsamp_torch_work, linearisations);
    FIELD(covsamp_torch_work, steps);
    FIELD(covsamp_torch_work, bytes_kept);
    FIELD(covsamp_torch_work, bytes_peak);
    FIELD(covsamp_torch_work, operators_by_duals);
    FIELD(covsamp_torch_work, reason);
    FIELD(covsamp_torch_work, points_kept);
}

int main(int argc, char **argv)
{
    if (argc > 1 && (sizeof(void *) != 8 || sizeof(size_t) != 8)) {
        printf("skipped: layout (recorded for 64-bit pointers)\n0 passed, 0 failed, 1 skipped\n");
        return 0;
    }
    if (argc > 1 && (expected = fopen(argv[1], "r")) == NULL) {
        fprintf(stderr, "cannot read %s\n", argv[1]);
        return 1;
    }
    small_structs();
    stats_struct();
    request_struct();
    calibration_struct();
    step_stats_struct();
    mode_struct();
    path_kl_struct();
    nelbo_structs();
    torch_structs();
    if (expected == NULL)
        return 0;
    char rest[8];
    CHECK(fgets(rest, sizeof rest, expected) == NULL); /* nothing was taken away */
    fclose(expected);
    return check_done();
}
