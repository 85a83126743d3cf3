/* SPDX-License-Identifier: BSD-3-Clause */
/* Oracle O2's table in the plane: three schedules, T = 8 ... 512, six covariances, to six digits.
 */
#include "path_kl.h"
#include "o2_table.h"

int main(void)
{
    covsamp_mixture *mixture = path_mixture(2);
    for (size_t r = 0; r < sizeof o2_table / sizeof o2_table[0]; r++) {
        double worst = 0;
        if (o2_table[r].dim != 2)
            continue;
        for (int i = 0; i < 7; i++) {
            const double expected = o2_table[r].kl[i];
            if (expected == 0)
                continue;
            const double kl =
                path_kl(mixture, o2_table[r].schedule, 8 << i, o2_table[r].covariance, 0).kl;
            CHECK_CLOSE(kl, expected, 1e-6);
            worst = fmax(worst, fabs(kl / expected - 1));
        }
        printf("schedule %d, %-28s off by at most %.1e\n", o2_table[r].schedule,
               o2_table[r].covariance, worst);
    }
    covsamp_mixture_free(mixture);
    return check_done();
}
