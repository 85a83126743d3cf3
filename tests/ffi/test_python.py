# SPDX-License-Identifier: BSD-3-Clause
"""What docs/bindings.md promises of covsamp.py: memory, exceptions, re-entry, threads, struct sizes."""
import ctypes
import gc
import sys
import threading
import weakref

import numpy as np

import covsamp
import covsamp_abi

passed = failed = 0


def check(ok, what):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("failed:", what, file=sys.stderr)


def raised(kind, call, *arguments, **named):
    """The exception of exactly this kind that the call raises, or None."""
    try:
        call(*arguments, **named)
    except BaseException as error:
        return error if type(error) is kind else None
    return None


def config(**options):
    schedule = covsamp.Schedule.linear(1000, 1e-4, 0.02)
    settings = dict(batch=3, dim=2, dtype="f64", covariance="krylov", seed=7)
    settings.update(options)
    return covsamp.Config(schedule, schedule.spaced(6), **settings)


def mixture():
    return covsamp.Mixture([1, 2], [[-1, 0], [1, 1]], [[[0.3, 0.1], [0.1, 0.2]], [[0.2, 0], [0, 0.4]]])


def reference():
    s = covsamp.Sampler(config())
    s.run(mixture())
    return s.state.copy()


class Model:
    """The mixture behind Python methods; `before` is called first, and may raise."""
    def __init__(self, before=lambda request: None):
        self.mixture, self.before = mixture(), before

    def mean(self, request):
        self.before(request)
        self.mixture.answer(request)
    jvp = mean_jvp = mean


def arrays():
    """Views: without a copy, of the right shape, not writable where they must not be, and never dangling."""
    s = covsamp.Sampler(config(covariance="dense", tangents=2, mean_jvp=0))
    q = s.ask()
    check(q.mean.shape == (3, 2) and q.mean.flags.writeable and q.product is None and q.v is None, "a mean")
    check(not q.x.flags.writeable and raised(ValueError, q.x.__setitem__, 0, 1.0), "x is read only")
    check(np.shares_memory(q.mean, q.mean) and q.mean.ctypes.data == q.mean_, "no copy")
    q.mean[:] = 0.25
    check((np.ctypeslib.as_array((ctypes.c_double * 6).from_address(q.mean_)) == 0.25).all(), "C sees what Python wrote")
    s.tell()
    q = s.ask()
    check(q.kind == covsamp.ASK_JVP and q.v.shape == q.product.shape == (2, 3, 2), "two tangents at once")
    check(len(q.tangents_and_products()) == 2, "pairs of them")
    x, handle = s.state, weakref.ref(s._owner)
    copy = x.copy()
    s.close()
    del s, q
    gc.collect()
    check(handle() is not None and (x == copy).all(), "an array keeps the memory it looks at")
    del x
    gc.collect()
    check(handle() is None, "and lets it go")
    s = covsamp.Sampler(config(dtype="f32", batch=4))
    check(s.state.dtype == np.float32 and s.state.shape == (4, 2), "single precision")
    s.state = np.arange(8).reshape(4, 2)
    check((s.state == np.arange(8).reshape(4, 2)).all(), "a state that is given")
    check(raised(ValueError, setattr, s, "state", np.zeros((2, 4))), "of another shape")
    check(raised(covsamp.NonFinite, setattr, s, "state", np.full((4, 2), np.nan)), "that is not finite")


def with_blocks():
    with config() as c, covsamp.Sampler(c) as s:
        handle = weakref.ref(s._owner)
    check(handle() is None, "the end of a with block frees")
    check("closed" in str(raised(ValueError, s.ask)), "a closed sampler says so")
    s.close()  # again: fine
    check("closed" in str(raised(ValueError, c.__setitem__, "dim", 3)), "and a closed configuration")


def errors():
    e = raised(covsamp.RangeError, covsamp.Config, krylov_steps=0)
    check(e and isinstance(e, ValueError) and e.status == -2 and "krylov_steps is 0" in str(e), "a value out of range")
    check("no_such" in str(raised(covsamp.OptionError, covsamp.Config, no_such=1)), "an unknown option")
    check(raised(covsamp.OptionError, covsamp.Config, eta="much"), "a text that is no number")
    check(raised(covsamp.OptionError, covsamp.Config, krylov_steps=2.5), "a real for an int")
    check(raised(covsamp.RangeError, covsamp.Schedule.linear, 0, 1e-4, 0.02), "a schedule without levels")
    check("batch" in str(raised(covsamp.RangeError, covsamp.Sampler, covsamp.Config())), "nothing set")
    check("large" in str(raised(covsamp.Unsupported, covsamp.Sampler, config(covariance="large", eta=0.5))),
          "a combination that there is not")
    s = covsamp.Sampler(config())
    check("covsamp_sampler_tell" in str(raised(covsamp.StateError, s.tell)), "an answer without a request")
    s.ask()
    check(raised(covsamp.ModelError, s.tell, -7) and s.answer == -7, "an answer of the caller's own")
    check(raised(covsamp.RangeError, s.tell, 5), "an answer that there is not")
    q = s.ask()
    q.mean[:] = np.nan
    check("NaN" in str(raised(covsamp.NonFinite, s.tell)), "an answer with a NaN")
    check(raised(covsamp.Cancelled, s.tell, covsamp.CANCELLED), "a cancel is no error")
    check(covsamp.options()[0].name == "batch" and len(covsamp.options()) > 40, "options")
    check(config(eta=0.5)["eta"] == 0.5 and config(covariance="small")["covariance"] == 1, "options read back")


def too_large():
    """Numbers that C's type cannot hold are refused, not cut; and no text ends early."""
    c, s = config(), covsamp.Sampler(config())
    for value in (2**64 + 3, -2**63 - 1, 2**70):
        check("64 bits" in str(raised(covsamp.OptionError, c.__setitem__, "batch", value)), "batch = %d" % value)
    check(c["batch"] == 3, "the old value stays")
    c["seed"] = 2**64 - 1
    check(c["seed"] == -1, "all 64 bits of a seed")
    check(raised(TypeError, c.__setitem__, "batch", None), "no number")
    s.ask()
    for call, arguments in ((s.tell, (2**32,)), (s.restart, (2**64 + 7,)), (s.restart, (7, 2**63)),
                            (covsamp.noise_normal, (1, 0, 2**32 + 1, 0, 0, 1)), (covsamp.Schedule.linear, (2**64 + 9, 0.1, 0.2))):
        check("is not in" in str(raised(ctypes.ArgumentError, call, *arguments)), "%s%s" % (call.__name__, arguments))
    check(raised(covsamp.RangeError, s.tell, 1), "the request is still open")
    for name, text in (("eta", "1\0"), ("eta\0", "1")):
        check(raised(ctypes.ArgumentError, c.__setitem__, name, text), "a zero byte in %r" % (name + text))
    schedule = covsamp.Schedule.linear(1000, 1e-4, 0.02)
    check(raised(TypeError, c.set_schedule, schedule, [900.7, 3]), "a level that is not whole")
    for wrong, kind in ((2**32, OverflowError), ("0", TypeError), (0.5, TypeError)):
        s.restart(7)
        check(raised(kind, s.run, Model(), progress=lambda q: wrong), "a callback that returns %r" % (wrong,))


def exceptions():
    """Of callbacks, and in the loop: they come out as they were, and nothing is lost."""
    expected = reference()
    for kind in (KeyError, KeyboardInterrupt, StopIteration):
        original, armed = kind("boom"), [True]

        def boom(request):
            if request.step == 2 and armed.pop() if armed else False:
                raise original
        s = covsamp.Sampler(config())
        model = Model(boom)
        e = raised(kind, s.run, model)
        check(e is original and e.__traceback__ is not None, "%s in a callback" % kind.__name__)
        s.run(model)
        check((s.state == expected).all(), "and the run goes on")
    check(raised(TypeError, covsamp.Sampler(config()).run, Model(), progress=lambda q: "no number"), "a wrong answer")
    s = covsamp.Sampler(config())
    model = Model()
    for request in s:
        model.mean(request)
        if request.step == 3:
            break
    open_point = request.point
    check(s.ask().point == open_point, "a request stays open when the loop breaks")
    for request in s:
        model.mean(request)
    check((s.state == expected).all() and s.ask() is None, "and the loop goes on")
    own = []
    s = covsamp.Sampler(config())
    check(raised(covsamp.ModelError, s.run, Model(), progress=lambda q: -9) and s.answer == -9, "a callback's own number")
    s.restart(7)
    s.run(Model(), progress=lambda q: own.append(q.step))
    check(own == list(range(6)) and (s.state == expected).all(), "progress, step by step")
    s.restart(7)
    while s.step(Model()):
        own.append(0)
    check(len(own) == 11 and (s.state == expected).all(), "by single steps")


def re_entry():
    """A callback that calls its own sampler gets an error, which changes nothing."""
    expected, seen = reference(), []
    s = covsamp.Sampler(config())

    def again(request):
        calls = [(s.ask,), (s.tell,), (s.run, Model()), (s.step, Model())]
        seen.extend(raised(covsamp.StateError, *call) is not None for call in calls)
    s.run(Model(again))
    check(seen and all(seen), "a callback that re-enters: StateError")
    check((s.state == expected).all(), "and nothing is lost")
    s = covsamp.Sampler(config())
    check(raised(covsamp.StateError, s.run, Model(lambda request: s.run(Model()))), "which surfaces")
    s = covsamp.Sampler(config())
    s.run(Model(lambda request: s.close()))  # the handle must live until C is done with it
    check("closed" in str(raised(ValueError, s.ask)), "a callback that closes")


def threads():
    """Samplers in threads side by side; cancel from another thread; the GIL is free while C works."""
    expected, results = reference(), [None] * 4

    def work(i):
        with config() as c, covsamp.Sampler(c) as s:
            s.run(Model())
            results[i] = s.state.copy()
    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    check(all((r == expected).all() for r in results), "four threads")
    s = covsamp.Sampler(config())
    started, cancelled = threading.Event(), threading.Event()

    def canceller():
        started.wait()
        s.cancel()
        cancelled.set()

    def wait(request):
        started.set()
        cancelled.wait()
    thread = threading.Thread(target=canceller)
    thread.start()
    check(raised(covsamp.Cancelled, s.run, Model(wait)), "cancelled from a thread")
    thread.join()
    s.run(Model())
    check((s.state == expected).all(), "and the run goes on")


def struct_sizes():
    """Smaller structs of older bindings are taken, larger ones with zeros behind, and none with a dirty tail."""
    s, struct = covsamp.Sampler(config()), covsamp_abi.Model()
    mixture_ = mixture()
    size = 4096 - 8
    raw = ctypes.create_string_buffer(size)
    for stated, tail, good in [(ctypes.sizeof(struct), 0, True), (size, 0, True), (size, 1, False), (8, 0, False),
                               (0, 0, False), (1 << 40, 0, False)]:
        ctypes.memset(raw, 0, size)
        struct.size = ctypes.sizeof(struct)
        mixture_._fill(struct)
        ctypes.memmove(raw, ctypes.byref(struct), ctypes.sizeof(struct))
        ctypes.c_size_t.from_buffer(raw).value = stated
        raw[size - 1] = tail
        s.restart(7)
        status = covsamp_abi.C.sampler_run(s._p, raw)
        check(status == (covsamp.DONE if good else -6), "a model of size %d with tail %d: %d" % (stated, tail, status))
        check(good or b"size" in covsamp_abi.C.sampler_message(s._p), "and a sentence")
    stats = (ctypes.c_char * size)()
    ctypes.memset(stats, 255, size)
    ctypes.c_size_t.from_buffer(stats).value = size
    check(covsamp_abi.C.sampler_stats(s._p, stats) == 0 and not any(bytes(stats)[-64:]), "unknown statistics are zero")


for part in (arrays, with_blocks, errors, too_large, exceptions, re_entry, threads, struct_sizes):
    part()
print("%d passed, %d failed" % (passed, failed))
sys.exit(1 if failed else 0)
