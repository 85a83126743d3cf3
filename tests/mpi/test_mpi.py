# SPDX-License-Identifier: BSD-3-Clause
"""mpi_sample: the same bits for any number of ranks, whatever dies: test_mpi.py MPI_SAMPLE WITH_NETWORKS DIRECT MPIRUN BAD_DISK

MPI_SAMPLE does most of the work without libtorch, since loading that takes longer than what is tested here;
WITH_NETWORKS is the program as it is built, which may be the same.  BAD_DISK is preloaded where fsync() is to fail.
"""
import errno
import glob
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zlib

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from counted import check, done, skip  # noqa: E402

PROGRAM, WITH_NETWORKS, DIRECT, MPIRUN, BAD_DISK = map(os.path.abspath, sys.argv[1:6])
SAMPLES, FILES, RANGE, STEPS, SEED = 310, 39, 8, 20, 7
RUN = [SAMPLES, "--range", RANGE, "--steps", STEPS, "batch=4", "seed=%d" % SEED]
LONG_STEPS = 60  # for what is killed in the middle: long enough that this program is not late
LONG = [SAMPLES, "--range", RANGE, "--steps", LONG_STEPS, "batch=4", "seed=%d" % SEED]
# Ranks outnumber the processors, and the user may be root.  Others than Open MPI do not read these.
ENVIRONMENT = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                   OMPI_MCA_rmaps_base_oversubscribe="1", PRTE_MCA_rmaps_default_mapping_policy=":oversubscribe",
                   OMPI_MCA_btl_vader_single_copy_mechanism="none", OMP_NUM_THREADS="1",
                   OPENBLAS_NUM_THREADS="1")
def start(ranks, folder, *arguments, program=PROGRAM):
    """Without mpirun if ranks is 0: one process of its own, as a task of an array."""
    command = ([MPIRUN, "-n", ranks] if ranks else []) + [program, folder, *(arguments or RUN)]
    return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, env=ENVIRONMENT)


def end(process):
    out, error = process.communicate(timeout=300)
    return process.returncode, out, error


def run(ranks, folder, *arguments, program=PROGRAM):
    return end(start(ranks, folder, *arguments, program=program))


def counts(out):
    """found, damaged, drawn, by others, missing"""
    said = re.search(r"samples in \d+ files: (\d+) found \((\d+) damaged ones removed\), (\d+) drawn here, "
                     r"(\d+) by other jobs, (\d+) missing", out)
    return tuple(map(int, said.groups())) if said else out


def direct(steps):
    """All samples by one call of the library, without MPI."""
    samples = subprocess.run([DIRECT, str(SAMPLES), str(steps), str(SEED)], stdout=subprocess.PIPE, check=True,
                             env=ENVIRONMENT).stdout
    check(len(samples) == SAMPLES * 64 * 4, "the direct call")
    return samples


def shards(folder):
    return sorted(glob.glob(folder + "/samples-*.npy"))


def identity(path):
    status = os.stat(path)
    return status.st_ino, status.st_mtime_ns, status.st_size


def values(path):
    """What is behind the header, which must be NumPy's."""
    with open(path, "rb") as file:
        data = file.read()
    head = data[:8] == b"\x93NUMPY\x01\x00" and data[8] + 256 * data[9] + 10
    said = re.fullmatch(rb"{'descr': '<f4', 'fortran_order': False, 'shape': \((\d+), 64\), } *\n",
                        data[10:head]) if head else None
    return data[head:] if said and len(data) == head + int(said[1]) * 64 * 4 else b""


def complete(folder, expected, what):
    """All files are there, with the bits of the direct call, as the manifest says, and nothing else."""
    manifest = json.load(open(folder + "/manifest.json", encoding="utf-8"))
    files = shards(folder)
    check(b"".join(map(values, files)) == expected, "bits of " + what)
    check(manifest["complete"] and manifest["options"]["seed"] == str(SEED) and manifest["samples"] == SAMPLES and
          [folder + "/" + f["file"] for f in manifest["files"]] == files and len(files) == FILES,
          "manifest of " + what, manifest)
    first = 0
    for entry in manifest["files"]:
        data = open(folder + "/" + entry["file"], "rb").read()
        check(entry["first"] == first and entry["bytes"] == len(data) and
              entry["crc32"] == "%08x" % zlib.crc32(data), "checksum in " + what, entry)
        first += entry["samples"]
    check(first == SAMPLES and not glob.glob(folder + "/*.new"), "only finished files in " + what)


def wait_for(folder, files, processes):
    while len(shards(folder)) < files and all(p.poll() is None for p in processes):
        time.sleep(0.002)


def stop(*processes):
    for process in processes:
        try:
            os.kill(process, signal.SIGSTOP)
        except ProcessLookupError:
            pass


def rank_of(mpirun, rank):
    """The process number of a rank."""
    for entry in os.listdir("/proc"):
        try:
            parent = open("/proc/%s/stat" % entry).read().rsplit(")", 1)[1].split()[1]
            if int(parent) == mpirun.pid and ("OMPI_COMM_WORLD_RANK=%d" % rank).encode() in \
                    open("/proc/%s/environ" % entry, "rb").read().split(b"\0"):
                return int(entry)
        except (OSError, IndexError, ValueError):
            pass
    return None


def refused(ranks, part, folder, *arguments, program=PROGRAM):
    """One sentence, by rank 0 alone, and every rank ends with an error (which the shell hides from mpirun,
    lest it ends the others first)."""
    command = ([MPIRUN, "-n", str(ranks)] if ranks else []) + \
        ["sh", "-c", '"$0" "$@"; echo "exit $?"', program, folder, *map(str, arguments)]
    process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300,
                             env=ENVIRONMENT)
    said = [line for line in process.stderr.splitlines() if line.startswith("mpi_sample: ")]
    check(len(said) == 1 and part in said[0] and said[0].endswith("."), "one sentence with \"%s\"" % part,
          process.stderr)
    exits = [line for line in process.stdout.splitlines() if line.startswith("exit")]
    check(exits == ["exit 1"] * max(ranks, 1), "every rank fails: " + part, process.stdout)


def test_ranks(folder, expected):
    for ranks in [0, 1, 2, 3, 5]:
        here = "%s/ranks%d" % (folder, ranks)
        code, out, error = run(ranks, here)
        check(code == 0 and counts(out) == (0, 0, FILES, 0, 0), "%d ranks" % ranks, out + error)
        complete(here, expected, "%d ranks" % ranks)
        check("mpi_sample: %d of %d files" % (FILES, FILES) in error, "progress of %d ranks" % ranks, error)


def test_rank_dies(folder, expected):
    """Open MPI ends the job when one of its ranks is killed."""
    del expected
    here = folder + "/dies"
    job = start(3, here, *LONG)
    wait_for(here, 1, [job])
    ranks = [rank_of(job, rank) for rank in range(3)]
    wait_for(here, 5, [job])
    if None in ranks:
        skip("a rank that dies (this mpirun does not show which process it is)")
        check(end(job)[0] == 0, "a job whose ranks are not to be seen")
        return
    os.kill(ranks[1], signal.SIGKILL)
    while job.poll() is None:  # mpirun takes a second to end the others, who would be done by then
        stop(ranks[0], ranks[2])
        time.sleep(0.002)
    check(end(job)[0] != 0, "a job ends with an error when a rank is killed")
    kept = {path: identity(path) for path in shards(here)}
    check(5 <= len(kept) < FILES and not json.load(open(here + "/manifest.json"))["complete"],
          "killed in the middle", len(kept))
    code, out, error = run(2, here, *LONG)
    check(code == 0 and counts(out) == (len(kept), 0, FILES - len(kept), 0, 0),
          "only what is missing is drawn", out + error)
    check(kept == {path: identity(path) for path in kept}, "finished files are left alone")
    complete(here, direct(LONG_STEPS), "a rank that died")
    print("a rank of 3 killed: %d of %d files kept, %d drawn by the next run" %
          (len(kept), FILES, FILES - len(kept)))


def test_array(folder, expected):
    """Jobs beside each other share the work; when one dies the others take its range, too."""
    here = folder + "/array"
    jobs = [start(ranks, here) for ranks in [2, 2]]
    ends = [end(job) for job in jobs]
    check([code for code, _, _ in ends] == [0, 0], "two jobs at once", ends)
    check(sum(counts(out)[2] for _, out, _ in ends) == FILES, "no range is drawn twice", ends)
    complete(here, expected, "two jobs at once")
    here = folder + "/array-dies"
    jobs = [start(0, here, *LONG) for _ in range(3)]
    wait_for(here, 5, jobs)
    os.kill(jobs[1].pid, signal.SIGKILL)
    kept = len(shards(here))
    ends = [end(job) for job in jobs]
    check([code for code, _, _ in ends] == [0, -signal.SIGKILL, 0] and kept < FILES,
          "two of three jobs survive", ends)
    complete(here, direct(LONG_STEPS), "a job of three that died")


def test_dies_writing(folder, expected):
    """A process that dies within write(), half a file behind it: nothing but whole files have their names."""
    del expected
    here = folder + "/writing"
    if not hasattr(resource, "prlimit"):
        skip("a process that dies while it writes (this system has no prlimit)")
        return
    job = start(0, here, *LONG)
    wait_for(here, 3, [job])
    resource.prlimit(job.pid, resource.RLIMIT_CORE, (0, 0))
    resource.prlimit(job.pid, resource.RLIMIT_FSIZE, (1024, 1024))  # less than half of a file; then SIGXFSZ
    code, out, error = end(job)
    check(code == -signal.SIGXFSZ, "killed while it wrote", (code, out, error))
    left = glob.glob(here + "/*.new")
    check(len(left) == 1 and os.path.getsize(left[0]) == 1024, "half a file is left, by another name", left)
    kept = shards(here)
    check(3 <= len(kept) < FILES and all(values(path) for path in kept), "what has its name is whole", kept)
    code, out, error = run(2, here, *LONG)
    check(code == 0 and counts(out) == (len(kept), 0, FILES - len(kept), 0, 0), "nothing was damaged", out + error)
    complete(here, direct(LONG_STEPS), "a process that died writing")


def test_damage(folder, expected):
    here = folder + "/ranks2"
    files = shards(here)
    kept = {path: identity(path) for path in files[4:]}
    with open(files[0], "r+b") as file:  # one bit
        file.seek(1000)
        byte = file.read(1)[0]
        file.seek(1000)
        file.write(bytes([byte ^ 1]))
    os.truncate(files[1], 700)
    open(files[2], "ab").write(b"x")
    os.unlink(files[3].replace(".npy", ".json"))
    open(here + "/samples-000000000000.npy.gone.1.new", "wb").write(b"left by a dead process")
    code, out, error = run(3, here)
    check(code == 0 and counts(out) == (FILES - 4, 4, 4, 0, 0), "damaged files are drawn again", out + error)
    check(kept == {path: identity(path) for path in kept}, "good files are left alone")
    complete(here, expected, "damaged files")


def test_other_configuration(folder, expected):
    here = folder + "/ranks3"
    before = {path: identity(path) for path in glob.glob(here + "/*")}
    refused(3, '"krylov_steps": "2" there, "krylov_steps": "3" here', here, *RUN, "krylov_steps=3")
    refused(3, '"samples": %d there, "samples": 400 here' % SAMPLES, here, 400, *RUN[1:])
    refused(0, '"steps": 20 there, "steps": 21 here', here, *RUN[:3], "--steps", 21, *RUN[5:])
    refused(0, '"seed": "7" there, "seed": "8" here', here, *RUN, "seed=8")
    refused(0, '"shape": [64] there, "shape": [65] here', here, *RUN, "dim=65")
    check(run(3, here, *RUN, "eta=0.5")[0] != 0, "a refused job ends with an error")
    check(before == {path: identity(path) for path in before}, "a refusal changes nothing")
    complete(here, expected, "refusals")
    os.unlink(here + "/manifest.json")
    refused(2, "has NPY files, and no manifest.json", here, *RUN)


def test_bad_input(folder, expected):
    del expected
    new = folder + "/never"
    refused(3, "FOLDER and SAMPLES are needed", new)
    refused(2, "whole number in 1 ... 1000000000000, not \"0\"", new, 0)
    refused(0, "there is no option \"--rnge\"", new, 10, "--rnge", 3)
    refused(0, "--range needs a value", new, 10, "--range")
    refused(0, "--steps takes a whole number in 1 ... 1000, not \"1001\"", new, 10, "--steps", 1001)
    refused(0, "NAME=VALUE was expected, not \"krylov\"", new, 10, "krylov")
    refused(0, "not \"a b.\"", new, 10, "a\nb.")
    refused(2, "no option is called \"krylov_stps\"", new, 10, "krylov_stps=3")
    refused(0, "--range 100 is not a multiple of batch 64", new, 10, "--range", 100)
    refused(0, "first_sample=3", new, 10, "first_sample=3")
    refused(0, "1 ... 4096, and not 5000", new, 10, "dim=5000")
    refused(2, "the first step", new, 10, "covariance=diag_model")
    refused(2, "the first step", new, 10, "noise=ask")
    code, out, error = run(2, new, "--help")
    check(code == 0 and out.count("usage: ") == 1 and error == "", "--help", out + error)
    check(not os.path.exists(new), "bad input makes no folder")
    refused(2, "cannot be made", new + "/deeper", 10)
    refused(2, "is not a folder", PROGRAM, 10)
    refused(2, "x.pt", new, 10, "--model", "x.pt", program=WITH_NETWORKS)


def test_rank_fails(folder, expected):
    """One rank cannot write its file: it says so, the others draw the rest, and a rerun draws that one."""
    here = folder + "/ranks5"
    files = shards(here)
    for path in files[3:9]:
        os.unlink(path)
    os.mkdir(files[5])
    code, out, error = run(3, here)
    said = [line for line in error.splitlines() if line.startswith("mpi_sample: ") and "cannot be written" in line]
    check(code != 0 and len(said) == 1 and files[5] in said[0], "a file that cannot be written", error)
    check(counts(out) == (FILES - 6, 0, 5, 0, 1), "the others draw the rest", out)
    os.rmdir(files[5])
    code, out, error = run(3, here)
    check(code == 0 and counts(out) == (FILES - 1, 0, 1, 0, 0), "a rerun draws the one left", out + error)
    complete(here, expected, "a rank that failed")


def test_bad_disk(folder, expected):
    """What fsync() does not confirm has no name."""
    here = folder + "/bad-disk"
    check(run(0, here)[0] == 0, "a disk that is well")
    for path in glob.glob(here + "/samples-*8.*"):
        os.unlink(path)
    kept = shards(here)
    process = subprocess.run([PROGRAM, here, *map(str, RUN)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             timeout=300, env=dict(ENVIRONMENT, LD_PRELOAD=BAD_DISK))
    check(process.returncode == 1 and "cannot be written: Input/output error" in process.stderr,
          "a file that is not durable", process.stderr)
    check(shards(here) == kept and not glob.glob(here + "/*.new"), "what is not durable has no name")
    check(run(0, here)[0] == 0, "a disk that is well again")
    complete(here, expected, "a bad disk")


def test_network(folder, expected):
    """A TorchScript network, where the build and this Python know any."""
    del expected
    maker = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli", "tiny_model.py")
    model, here = folder + "/tiny.pt", folder + "/network"
    made = subprocess.run([sys.executable, maker, model], stderr=subprocess.DEVNULL).returncode == 0
    error = run(0, folder + "/never", 10, "--model", "x.pt", program=WITH_NETWORKS)[2]
    if "knows no TorchScript" in error or not made:
        skip("a network (%s)" % ("this Python has no torch" if "knows no" not in error else
                                 "this build has no libcovsamp-torch"))
        return
    arguments = [22, "--steps", 4, "batch=4", "--range", 4, "--model", model, "clip_x0=1"]
    ends = [run(ranks, here + str(ranks), *arguments, program=WITH_NETWORKS) for ranks in [0, 3]]
    check([code for code, _, _ in ends] == [0, 0], "a network", ends)
    files = [[open(path, "rb").read() for path in shards(here + ranks)] for ranks in "03"]
    check(len(files[0]) == 6 and files[0] == files[1], "bits of a network")
    with open(model, "ab") as file:  # the same name, another file
        file.write(b"\0")
    refused(2, "crc32", here + "3", *arguments, program=WITH_NETWORKS)


def test_slurm(folder, expected):
    """The script for Slurm, with a stand-in for srun whose first call fails."""
    here, stand_in = folder + "/slurm", folder + "/srun"
    with open(stand_in, "w") as file:
        file.write('#!/bin/sh\nshift 2\n[ -e "$0.called" ] || { : >"$0.called"; exit 9; }\n'
                   'exec "%s" -n 2 "$@"\n' % MPIRUN)
    os.chmod(stand_in, 0o755)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "mpi_sample.slurm")
    process = subprocess.run(["sh", script, PROGRAM, here, *map(str, RUN)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True, timeout=300, env=dict(ENVIRONMENT, PATH=folder + ":" + os.environ["PATH"]))
    check(process.returncode == 0 and "try 1 failed" in process.stderr and "try 2" not in process.stderr,
          "the Slurm script tries again", process.stderr)
    complete(here, expected, "the Slurm script")


def no_network():
    """Not even this machine itself can be reached: Open MPI does not start then, not for one process."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", 9)) == errno.ENETUNREACH


def main():
    if no_network():
        print("skipped: there is no network interface, which Open MPI needs")
        return 77
    began = time.time()
    expected = direct(STEPS)
    folder = tempfile.mkdtemp()
    try:
        for test in [test_ranks, test_rank_dies, test_dies_writing, test_array, test_damage, test_other_configuration,
                     test_bad_input, test_rank_fails, test_bad_disk, test_slurm, test_network]:
            test(folder, expected)
    finally:
        shutil.rmtree(folder)
    print("%d samples in %d files, 1, 2, 3 and 5 ranks; %.0f s" % (SAMPLES, FILES, time.time() - began))
    return done()


sys.exit(main())
