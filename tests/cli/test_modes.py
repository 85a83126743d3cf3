# SPDX-License-Identifier: BSD-3-Clause
"""covsamp modes, and what covsamp sample says level by level: test_modes.py PROGRAM MODEL"""
import json
import sys

try:
    import numpy
except ImportError:
    numpy = None

from program import bad, check, good, png_size, run_all, skip

LEVEL, COUNT, IMAGES = 400, 3, 5


def schedule(level):
    """alpha, sigma of the linear schedule of 1000 levels."""
    bar = numpy.prod(1 - numpy.linspace(1e-4, 0.02, 1000)[:level])
    return bar ** 0.5, (1 - bar) ** 0.5


class Network:
    """The tiny network, which predicts v, with products by autograd in double precision."""

    def __init__(self, path, level):
        import torch
        self.torch, self.level = torch, level
        self.net = torch.jit.load(path).double().eval()
        self.alpha, self.sigma = schedule(level)

    def v(self, x, label):
        return self.net(x[None], self.torch.tensor([float(self.level - 1)], dtype=self.torch.float64),
                        self.torch.tensor([label]))[0]

    def mean(self, x, label):
        x = self.torch.tensor(x)
        return (self.alpha * x - self.sigma * self.v(x, label)).detach().numpy()

    def covariance(self, x, label):
        """(C + C^T) / 2 as a matrix."""
        jacobian = self.torch.autograd.functional.jacobian(lambda x: self.v(x, label),
                                                           self.torch.tensor(x))
        size = x.size
        c = self.sigma ** 2 / self.alpha * (self.alpha * numpy.eye(size) -
                                            self.sigma * jacobian.numpy().reshape(size, size))
        return (c + c.T) / 2


def make_data(folder):
    images = numpy.clip(numpy.random.default_rng(1).normal(size=(8, 1, 8, 8)) * 0.4, -1, 1)
    numpy.save(folder + "/images.npy", images)
    numpy.save(folder + "/labels.npy", numpy.arange(8) % 3)
    return images


def arguments(model, folder, *more):
    return ["modes", "--model", model.path, "--data", folder + "/images.npy", "--labels",
            folder + "/labels.npy", "--level", LEVEL, "--count", COUNT, "-n", IMAGES, *more]


def test_modes(model, folder):
    if numpy is None or not model.tiny:
        skip("modes, without numpy or python3-torch")
        return
    images = make_data(folder)
    files = ["-o", folder + "/m.png", "--npy", folder + "/m.npy", "--dtype", "f64", "--set",
             "tolerance=1e-6", "--set", "krylov_steps=64"]
    table = good(*arguments(model, folder, *files)).stdout
    check(table.count("image ") == IMAGES and table.count(" yes\n") == IMAGES * COUNT, "the table", table)
    said = json.loads(good(*arguments(model, folder, *files, "--json")).stdout)
    rows = numpy.load(folder + "/m.npy")
    check(png_size(folder + "/m.png") == ((3 + COUNT) * 10 + 2, IMAGES * 10 + 2, 0), "the picture")
    check(rows.shape == (IMAGES, 3 + COUNT, 1, 8, 8), "the array", rows.shape)
    check(numpy.array_equal(rows[:, 0], images[:IMAGES]), "x0 are the images")
    network = Network(model.path, LEVEL)
    check(abs(said["alpha"] - network.alpha) < 1e-8 and said["level"] == LEVEL, "the level", said)
    noise = (rows[:, 1] - network.alpha * rows[:, 0]) / network.sigma
    check(abs(noise.mean()) < 0.2 and abs(noise.std() - 1) < 0.2, "the noise", noise.std())
    for k, image in enumerate(said["images"]):
        check_image(network, rows[k], k % 3, image)
    check_batches(model, folder, said)
    check_usage(model, folder)


def check_image(network, row, label, image):
    """Every number against the whole matrix."""
    check(abs(row[2] - network.mean(row[1], label)).max() < 1e-12, "the posterior mean")
    c = network.covariance(row[1], label)
    values = numpy.linalg.eigvalsh(c)[::-1]
    check(image["asymmetry"] < 1e-10 and COUNT <= image["products"] <= 64, "the space", image)
    for j, mode in enumerate(image["modes"]):
        vector = row[3 + j].ravel()
        value = vector @ c @ vector  # all digits of what JSON has nine of
        residual = numpy.linalg.norm(c @ vector - value * vector) / values[0]
        check(abs(vector @ vector - 1) < 1e-12, "length 1")
        check(vector[abs(vector).argmax()] > 0, "the largest entry is positive")
        check(mode["converged"] and mode["residual"] <= 1e-6, "convergence", mode)
        check(abs(residual - mode["residual"]) < 1e-9, "the residual", (residual, mode))
        check(abs(values[j] - mode["value"]) < 1e-8 * values[0], "the value", (values[j], mode))


def check_batches(model, folder, said):
    """Images are numbered: neither the batch nor where one begins matters."""
    same = ["--dtype", "f64", "--set", "tolerance=1e-6", "--set", "krylov_steps=64", "--json"]
    for more in [["--batch", 2], ["--first", 2, "-n", 3], ["--first", 4, "-n", 1]]:
        first = more[1] if more[0] == "--first" else 0
        other = json.loads(good(*arguments(model, folder, *same, *more)).stdout)["images"]
        for image in other:
            check(image["image"] >= first, "numbers", image)
            twin = said["images"][image["image"]]
            check(all(abs(a["value"] - b["value"]) < 1e-8 * b["value"]
                      for a, b in zip(image["modes"], twin["modes"])), "%s" % more, (image, twin))
    few = json.loads(good(*arguments(model, folder, "--set", "krylov_steps=4", "--json")).stdout)
    check(all(image["products"] == 4 for image in few["images"]), "krylov_steps", few)
    check(not all(m["converged"] for image in few["images"] for m in image["modes"]), "converged is said")
    project = json.loads(good(*arguments(model, folder, "--set", "symmetrise=project", "--json")).stdout)
    check(all(image["asymmetry"] > 1e-4 for image in project["images"]), "symmetrise", project)


def check_usage(model, folder):
    base = arguments(model, folder)
    numpy.save(folder + "/wide.npy", numpy.zeros((3, 1, 8, 9)))
    numpy.save(folder + "/nan.npy", numpy.full((5, 1, 8, 8), numpy.nan))
    bad(2, "modes needs --model FILE, --data FILE.npy and --level L", "modes")
    bad(2, "modes needs", *base[:5])
    bad(2, "--level takes a whole number in 1 ... 1000, not \"1001\"", *base, "--level", 1001)
    bad(2, "--level takes a whole number in 1", *base, "--level", 0)
    bad(2, "count is 65, must be in 1 ... 64", *base, "--count", 65)
    bad(2, "count is 3, must be in 1 ... 2", *base, "--set", "krylov_steps=2")
    bad(2, "--count takes a whole number in 1", *base, "--count", 0)
    bad(2, "are images 6 ... 10", *base, "--first", 6)
    bad(2, "alpha is 0 at level 1000", *base, "--schedule", "flow", "--level", 1000)
    bad(2, "--set takes tolerance=", *base, "--set", "eta=0")
    bad(2, "tolerance", *base, "--set", "tolerance=2")
    bad(2, "must be of shape [n, 1, 8, 8]", *base, "--data", folder + "/wide.npy")
    bad(1, "NaN", *base, "--data", folder + "/nan.npy")
    bad(1, "cannot be read", *base, "--data", folder + "/absent.npy")
    bad(1, "cannot be written", *base, "-o", folder + "/absent/m.png")
    bad(1, "cannot be written", *base, "--npy", folder + "/absent/m.npy")
    bad(2, "--labels", *base, "--labels", folder + "/images.npy")
    bad(2, "--prediction", *base, "--prediction", "doom")
    check("usage: covsamp modes" in good("modes", "--help").stdout, "--help")


def test_by_level(model, folder):
    """Rows of levels add up to the run, and the text shows them where they were asked for."""
    sample = model.arguments(folder + "/s.npy", n=5)
    cost = json.loads(good(*sample, "--json", "--batch", 2, "--set", "tolerance=0.01").stdout)
    rows = cost["by_level"]
    check([row["level"] for row in rows] == cost["visited"], "the levels", rows)
    check(all(row["samples"] == 5 for row in rows), "the samples", rows)
    for key, whole in [("products", "jvps_used"), ("ritz_values", "ritz_values"),
                       ("ritz_clamped", "ritz_clamped")]:
        check(sum(row[key] for row in rows) == cost[whole], key, (rows, cost[whole]))
    for key in ["asymmetry", "error_estimate"]:
        check(max(row[key] for row in rows) == cost[key], key, (rows, cost[key]))
    for row in rows:
        counts = row["histogram"]
        check(sum(counts) == 5 and sum(k * n for k, n in enumerate(counts)) == row["products"] and
              len(counts) == row["products_most"] + 1, "the histogram", row)
        check(row["error_mean"] <= row["error_estimate"], "the errors", row)
    text = good(*sample, "--set", "tolerance=0.01").stderr
    check("samples by how many they used" in text and "clamped %" not in text, "the histogram", text)
    text = good(*sample, "--by-level").stderr
    check("clamped %" in text and "samples by how many" not in text, "--by-level", text)
    check(len([line for line in text.splitlines() if line.strip()[:1].isdigit()]) >= model.steps,
          "a line a level", text)
    dense = ["--method", "lgs", "--set", "covariance=diag_probe"]
    rows = json.loads(good(*sample, "--json", *dense).stdout)["by_level"]
    check(all(row["histogram"] is None for row in rows), "no histogram of probes", rows)
    average = json.loads(good(*sample, "--json", "--set", "symmetrise=average").stdout)
    check(average["vjps"] == average["jvps"] > 0 and average["asymmetry"] < 1e-4, "transposed", average)
    many = good(*model.arguments(folder + "/s.npy", n=1, steps=100 if model.tiny else 2), "--by-level")
    check(len(many.stderr.splitlines()) < 60, "many levels are put together", many.stderr)


if __name__ == "__main__":
    sys.exit(run_all([], [test_modes, test_by_level]))
