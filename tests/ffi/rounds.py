# SPDX-License-Identifier: BSD-3-Clause
"""10 000 ask/tell rounds with a model that does nothing, from Python and from C: rounds.py ROUNDS_IN_C."""
import subprocess
import sys
import time

import covsamp

STEPS, RUNS = 1000, 10


def sampler():
    schedule = covsamp.Schedule.linear(STEPS, 1e-4, 0.02)
    return covsamp.Sampler(covsamp.Config(schedule, schedule.spaced(STEPS), batch=1, dim=1, covariance="none"))


def timed(one_run):
    s, rounds, start = sampler(), 0, time.perf_counter()
    for run in range(RUNS):
        s.restart(0, run)
        rounds += one_run(s)
    return rounds, time.perf_counter() - start


def by_iteration(s):
    rounds = 0
    for request in s:
        request.mean[:] = 0
        rounds += 1
    return rounds


class Null:
    rounds = 0

    def mean(self, request):
        request.mean[:] = 0
        self.rounds += 1


def by_callbacks(s):
    model = Null()
    s.run(model)
    return model.rounds


def main():
    in_c = subprocess.run(sys.argv[1], stdout=subprocess.PIPE, check=True, text=True).stdout.split()
    rows = [("C, ask and tell", int(in_c[0]), float(in_c[1])), ("Python, for request in sampler", *timed(by_iteration)),
            ("Python, callbacks", *timed(by_callbacks))]
    failed = 0
    for name, rounds, seconds in rows:
        print("%-32s %6d rounds, %8.3f us each" % (name, rounds, 1e6 * seconds / rounds))
        failed += rounds != STEPS * RUNS
    print("%d passed, %d failed" % (len(rows) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
