# SPDX-License-Identifier: BSD-3-Clause
"""covsamp sample, guided, from given starts, with known values, of latents, half-way: test_guidance.py PROGRAM MODEL"""
import json
import os
import sys

try:
    import numpy
except ImportError:
    numpy = None

from program import bad, check, close, good, run_all, skip


class Files:
    """The tiny network and what stands beside it."""

    def __init__(self, model, folder):
        self.folder, self.model = folder, model
        self.all = {}
        for kind in ("classifier", "spoilt", "decoder", "encoder", "other", "plain"):
            self.all[kind] = "%s/%s.pt" % (folder, kind)
            check(model.make(self.all[kind], kind), "making " + kind)

    def __getattr__(self, kind):
        return self.all[kind]

    def arguments(self, output, *more, n=6, network=None):
        return ["sample", "--model", network or self.model.path, "-n", n, "--steps", 8, "--seed", 5, "-o", output, *more]

    def draw(self, *more, **how):
        """The samples of a run, as an array."""
        path = self.folder + "/draw.npy"
        good(*self.arguments(path, "-q", *more, **how))
        return numpy.load(path)

    def save(self, name, array):
        numpy.save("%s/%s.npy" % (self.folder, name), array)
        return "%s/%s.npy" % (self.folder, name)


def test_classifier(f):
    guided = ["--classifier", f.classifier, "--label"]
    plain = f.draw("--label", "none")
    check((f.draw(*guided, 0, "--guidance", 0) == plain).all(), "weight 0 with no class is the network with none")
    bright, dark = f.draw(*guided, 0, "--guidance", 20), f.draw(*guided, 1, "--guidance", 20)
    check((bright.mean((1, 2, 3)) > plain.mean((1, 2, 3)) + 0.05).all() and
          (dark.mean((1, 2, 3)) < plain.mean((1, 2, 3)) - 0.05).all(), "every sample moves to its class",
          (plain.mean(), bright.mean(), dark.mean()))
    turns = f.draw(*guided, "1,0", "--guidance", 20)
    check(close(turns[0::2], dark[0::2]) and close(turns[1::2], bright[1::2]), "labels take turns")
    split = f.draw(*guided, "1,0", "--guidance", 20, "--batch", 4)
    check(close(split, turns), "whatever the batch", abs(split - turns).max())
    rest = f.draw(*guided, "1,0", "--guidance", 20, "--first-sample", 3, n=3)
    check(close(rest, turns[3:]), "and whatever the first sample")
    for form in ("mean", "state", "score"):
        other = f.draw(*guided, 0, "--guidance", 20, "--guidance-form", form)
        check((form == "mean") == close(other, bright) and other.mean() > plain.mean() + 0.05, "form " + form,
              other.mean())
    check((f.draw(*guided, 0, "--guidance", 20, "--set", "guidance_low=1001") == plain).all(), "an empty interval")
    told = f.draw(*guided, 0, "--guidance", 0, "--condition")
    check((told == f.draw("--label", 0)).all() and not close(told, plain), "--condition tells the network")
    by_set = f.draw(*guided, 0, "--set", "guidance=20")
    check((by_set == bright).all(), "--set guidance")
    for method in ("ddim", "heun", "ddpm-large"):
        check(f.draw(*guided, 0, "--guidance", 20, "--method", method).mean() >
              f.draw("--label", "none", "--method", method).mean() + 0.05, "guided " + method)


def test_free(f):
    label, none = f.draw("--label", 1), f.draw("--label", "none")
    check((f.draw("--label", 1, "--cfg", 0) == label).all(), "cfg 0 is the conditional sampler")
    for method in ("ddpm", "ddim"):
        check((f.draw("--label", 1, "--cfg", -1, "--method", method) ==
               f.draw("--label", "none", "--method", method)).all(), "cfg -1 is the unconditional one, " + method)
    check((f.draw("--label", 1, "--cfg", -1, "--set", "guided_jacobian=1") == none).all(), "and with its Jacobian")
    far = f.draw("--label", 1, "--cfg", 3)
    check(((far - label) * (label - none)).sum() > 0 and not close(far, label), "cfg 3 goes beyond")
    for method, branches in (("ddpm", "2"), ("lgs", "1")):
        words = ["--label", 1, "--cfg", 3, "--method", method]
        cost = json.loads(good(*f.arguments(f.folder + "/b.npy", *words, "--json")).stdout)
        check(cost["options"]["branches"] == branches and cost["means"] == 2 * 6 * 8, "branches of " + method, cost)
        drawn = numpy.load(f.folder + "/b.npy")
        check(close(f.draw(*words, "--set", "branches=%d" % (3 - int(branches))), drawn), "the other way round")


def test_said(f):
    words = ["--classifier", f.classifier, "--label", "2,0", "--guidance", 1.5, "--set", "guidance_high=900"]
    said = good(*f.arguments(f.folder + "/s.npy", *words)).stderr
    check(f.classifier in said and "weight 1.5, form auto, up to level 900; the model is told no class" in said,
          "guidance in the summary", said)
    check("gradients" in said, "its cost", said)
    cost = json.loads(good(*f.arguments(f.folder + "/s.npy", *words, "--json")).stdout)
    check(cost["classifier"] == f.classifier and cost["condition"] is False and
          cost["options"]["guidance"] == "1.5" and cost["gradients"] == 6 * 6, "and in JSON", cost)
    said = good(*f.arguments(f.folder + "/s.npy", "--cfg", 2)).stderr
    check("classifier-free, weight 2" in said, "cfg in the summary", said)
    text = good("sample", "--help").stdout
    for flag in ("classifier", "guidance", "guidance-form", "condition", "cfg", "init", "from-level", "known", "mask",
                 "decoder", "encoder", "latents", "save", "stop-after", "resume"):
        check("--%s " % flag in text, "--help has --" + flag)


def test_init(f):
    rng = numpy.random.default_rng(0)
    image = rng.uniform(-1, 1, (1, 8, 8)).astype("f4")
    path = f.save("image", image)
    near = [abs(f.draw("--init", path, "--from-level", level) - image).mean() for level in (20, 200, 1000)]
    check(near[0] < 0.12 and near[0] < near[1] < near[2], "the lower the start, the more is kept", near)
    cost = json.loads(good(*f.arguments(f.folder + "/i.npy", "--init", path, "--from-level", 300, "--json")).stdout)
    check(cost["visited"][0] == 300 and cost["visited"][-1] == 38 and len(cost["visited"]) == 8 and
          cost["init"] == path, "levels from there down", cost["visited"])
    even = json.loads(good(*f.arguments(f.folder + "/i.npy", "--init", path, "--from-level", 300, "--spacing",
                                        "even", "--json")).stdout)
    check(even["visited"][0] == 300 and even["visited"][-1] == 1, "even, too", even["visited"])
    rows = f.save("rows", numpy.stack([image, -image]))
    two = f.draw("--init", rows, "--from-level", 20)
    check(abs(two[0::2] - image).mean() < 0.12 and abs(two[1::2] + image).mean() < 0.12, "rows take turns")
    check((two[3:] == f.draw("--init", rows, "--from-level", 20, "--first-sample", 3, n=3)).all(), "by sample numbers")
    gray = f.save("gray", ((image[0] + 1) * 127.5).round().astype("u1"))
    check(abs(f.draw("--init", gray, "--from-level", 20) - image).mean() < 0.12, "bytes without the channel")


def test_known(f):
    image = numpy.random.default_rng(1).uniform(-1, 1, (1, 8, 8)).astype("f4")
    mask = numpy.zeros((8, 8), "u1")
    mask[:, :4] = 1
    path = f.save("known", image)
    for name, array in (("bytes", mask), ("truth", mask.astype(bool)), ("real", mask[None].astype("f4"))):
        x = f.draw("--known", path, "--mask", f.save("mask-" + name, array))
        check((x[:, :, :, :4] == image[:, :, :4]).all(), "known values stay, mask of " + name)
        check(abs(x[:, :, :, 4:] - image[:, :, 4:]).mean() > 0.1, "the others are drawn")
    masks = f.save("masks", numpy.stack([mask[None], 1 - mask[None]]))
    x = f.draw("--known", path, "--mask", masks, "--batch", 3)
    check((x[0::2, :, :, :4] == image[:, :, :4]).all() and (x[1::2, :, :, 4:] == image[:, :, 4:]).all(),
          "masks take turns")
    said = good(*f.arguments(f.folder + "/k.npy", "--known", path, "--mask", masks)).stderr
    check("known " in said and masks in said, "known values in the summary", said)


def test_latents(f):
    decoder = ["--decoder", f.decoder]
    latents = f.folder + "/z.npy"
    x = f.draw(*decoder, "--latents", latents, "--batch", 4)
    z = numpy.load(latents)
    check(x.shape == (6, 1, 16, 16) and z.shape == (6, 1, 8, 8), "shapes", (x.shape, z.shape))
    check(close(x, 0.5 * z.repeat(2, 2).repeat(2, 3), 1e-6), "what is written is decoded")
    check((z == f.draw("--set", "clip_x0=0", "--batch", 4)).all(), "latents are samples that were not clipped")
    good(*f.arguments(f.folder + "/z.png", *decoder, "--columns", 3))
    with open(f.folder + "/z.png", "rb") as file:
        head = file.read(24)
    check(int.from_bytes(head[16:20], "big") == 3 * 18 + 2, "the contact sheet has decoded samples")
    image = numpy.random.default_rng(2).uniform(-1, 1, (1, 8, 8)).astype("f4").repeat(2, 1).repeat(2, 2) / 2
    path = f.save("big", image)
    near = f.draw(*decoder, "--encoder", f.encoder, "--init", path, "--from-level", 20)
    check(abs(near - image).mean() < 0.05, "--init goes through the encoder", abs(near - image).mean())
    mask = numpy.zeros((8, 8), "u1")
    mask[:4] = 1
    known = f.draw(*decoder, "--encoder", f.encoder, "--known", path, "--mask", f.save("half", mask))
    check(close(known[:, :, :8], image[None, :, :8].repeat(6, 0), 1e-6), "--known, too")


def test_saved(f):
    path, image = f.folder + "/run", f.save("start", numpy.full((1, 8, 8), 0.3))
    plans = (("--method", "lgs"), ("--method", "lgs-2m", "--batch", 4), ("--method", "heun", "--batch", 4),
             ("--label", "1,0", "--classifier", f.classifier, "--guidance", 3))
    for plan in plans:
        whole = f.draw(*plan)
        words = f.arguments(path, *plan)
        del words[words.index("-o"):words.index("-o") + 2]
        said = good(*words, "--save", path, "--stop-after", 3).stderr
        check("saved" in said and os.path.getsize(path) > 6 * 64 * 4, "a run is saved", said)
        check((f.draw(*plan, "--resume", path) == whole).all(), "what is resumed is the whole, bit for bit", plan)
        good(*words, "--resume", path, "--save", path, "--stop-after", 6)
        check((f.draw(*plan, "--resume", path) == whole).all(), "in two rests, too", plan)
    start = ["--init", image, "--from-level", 400]
    whole = f.draw(*start)
    words = f.arguments(path)[:-2]
    good(*words, *start, "--save", path, "--stop-after", 2, "-q")
    check((f.draw("--from-level", 400, "--resume", path) == whole).all(), "from a given start")
    mask = f.save("some", numpy.eye(8, dtype="u1"))
    known = ["--known", image, "--mask", mask]
    whole = f.draw(*known)
    good(*words, *known, "--save", path, "--stop-after", 2, "-q")
    check((f.draw(*known, "--resume", path) == whole).all(), "with known values")
    out = f.arguments(f.folder + "/r.npy", *known)
    bad(2, "it says count=6", *[5 if w == 6 else w for w in out], "--resume", path)
    bad(2, "it says seed=5", *[4 if w == 5 else w for w in out], "--resume", path)
    bad(2, "it says label=all", *out, "--label", 1, "--resume", path)
    bad(1, "eta", *out, "--set", "eta=0.5", "--resume", path)
    bad(2, "has 2 steps behind it", *words, *known, "--resume", path, "--save", path + "2", "--stop-after", 2)
    with open(path, "rb") as file:
        text = file.read()
    for what, data in (("cut off", text[:-40]), ("not a file that --save wrote", b"x" + text),
                       ("checksum", text[:-300] + b"?" + text[-299:])):
        with open(path + "-bad", "wb") as file:
            file.write(data)
        bad(1, what, *out, "--resume", path + "-bad")
    bad(1, "cannot be read", *out, "--resume", f.folder + "/absent")


def test_refused(f):
    out = f.arguments(f.folder + "/x.npy")
    guide = ["--classifier", f.classifier]
    image, mask = f.save("image", numpy.zeros((1, 8, 8))), f.save("mask", numpy.zeros((8, 8), "u1"))
    bad(2, "--guidance needs --classifier FILE", *out, "--guidance", 2)
    bad(2, "guidance 2 needs --classifier FILE", *out, "--set", "guidance=2")
    bad(2, "--classifier needs --guidance W", *out, *guide)
    bad(2, "--guidance-form needs", *out, "--guidance-form", "mean")
    bad(2, "--condition needs", *out, "--condition")
    bad(2, "guidance_form", *out, *guide, "--guidance", 2, "--guidance-form", "middle")
    bad(2, "--guidance 1e9", *out, *guide, "--guidance", "1e9")
    bad(2, "must be score or auto", *out, *guide, "--guidance", 2, "--method", "ddim", "--guidance-form", "mean")
    bad(2, "--label takes whole numbers in 0 ... 2", *out, *guide, "--guidance", 2, "--label", 3)
    bad(2, "--label none names none", *out, *guide, "--guidance", 2, "--label", "none")
    bad(1, "absent.pt", *out, "--classifier", f.folder + "/absent.pt", "--guidance", 2)
    bad(1, "gradient holds a NaN or infinity for sample 0", *out, "--classifier", f.spoilt, "--guidance", 2)
    bad(2, "--cfg 2 needs labels", *out, "--cfg", 2, "--label", "none")
    bad(2, "names no classes", *f.arguments(f.folder + "/x.npy", "--cfg", 2, network=f.plain))
    bad(2, "--condition needs a model with classes",
        *f.arguments(f.folder + "/x.npy", *guide, "--guidance", 2, "--condition", network=f.plain))
    bad(2, "--init needs --from-level L", *out, "--init", image)
    bad(2, "--from-level needs --init", *out, "--from-level", 100)
    bad(2, "outside the schedule, whose levels are 1 ... 1000", *out, "--init", image, "--from-level", 1001)
    bad(2, "--from-level takes a whole number", *out, "--init", image, "--from-level", 0)
    bad(2, "more than the levels from --from-level 5 down", *out, "--init", image, "--from-level", 5)
    bad(2, "quadratic", *out, "--init", image, "--from-level", 50, "--spacing", "quadratic")
    bad(2, "--known needs --mask", *out, "--known", image)
    bad(2, "--mask needs --known", *out, "--mask", mask)
    wide = f.save("wide", numpy.zeros((8, 9), "u1"))
    bad(2, "is of shape [8, 9], must be [1, 8, 8]", *out, "--known", image, "--mask", wide)
    bad(2, "must be [1, 8, 8]", *out, "--init", f.save("wider", numpy.zeros((2, 2, 8, 8))), "--from-level", 9)
    bad(2, "holds 2, must be 0 or 1", *out, "--known", image, "--mask", f.save("two", 2 * numpy.ones((8, 8), "u1")))
    bad(2, "u1 (0 ... 255", *out, "--known", f.save("i4", numpy.zeros((8, 8), "i4")), "--mask", mask)
    nan = f.save("nan", numpy.full((1, 8, 8), numpy.nan))
    bad(2, "x0", *out, "--init", nan, "--from-level", 9)
    bad(2, "takes samples of shape [2, 8, 8], and the model's are [1, 8, 8]", *out, "--decoder", f.other)
    bad(2, "makes latents of shape [1, 16, 16]", *out, "--encoder", f.decoder, "--init", image, "--from-level", 9)
    bad(2, "--encoder needs", *out, "--encoder", f.encoder)
    bad(2, "--latents needs --decoder", *out, "--latents", f.folder + "/z.npy")
    bad(2, "ends in .npy", *out, "--decoder", f.decoder, "--latents", f.folder + "/z.png")
    bad(2, "--save needs --stop-after", *out[:-2], "--save", f.folder + "/run")
    bad(2, "--stop-after needs --save", *out, "--stop-after", 2)
    bad(2, "outside 1 ... 7", *out[:-2], "--save", f.folder + "/run", "--stop-after", 8)
    bad(2, "give -o to --resume", *out, "--save", f.folder + "/run", "--stop-after", 2)
    bad(2, "give one of them", *out, "--init", image, "--from-level", 9, "--resume", f.folder + "/run")
    check(not [name for name in os.listdir(f.folder) if name.endswith(".new")], "no temporary files")


def test_all(model, folder):
    if not model.tiny or numpy is None:
        skip("guidance, without python3-torch or python3-numpy")
        return
    f = Files(model, folder)
    for test in (test_classifier, test_free, test_said, test_init, test_known, test_latents, test_saved, test_refused):
        test(f)


sys.exit(run_all([], [test_all]))
