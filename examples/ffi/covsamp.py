# SPDX-License-Identifier: BSD-3-Clause
"""libcovsamp for Python, by ctypes and numpy: diffusion sampling with the full posterior covariance.

    schedule = covsamp.Schedule.linear(1000, 1e-4, 0.02)
    config = covsamp.Config(schedule, schedule.spaced(25), batch=8, dim=784, covariance="krylov")
    with covsamp.Sampler(config) as sampler:
        for request in sampler:                      # asks; once the body ends, it is told
            if request.mean is not None:
                request.mean[:] = network(request.x, request.time)
            for v, out in request.tangents_and_products():
                out[:] = jvp(request.x, request.time, v)
        samples = sampler.state.copy()

or sampler.run(model), where model has methods mean(request), jvp(request), ...  Arrays of a request are the library's
own memory, without a copy: what they hold is valid until tell().  The memory itself stays as long as an array over it.
A status below 0 is an Error with the library's sentence; an exception in a callback comes out of run() as it was.
One object is used by one thread at a time; every call lets other Python threads run.  Manual: covsamp.h, docs/bindings.md.
"""
import ctypes
import operator
from collections import namedtuple
from ctypes import byref, c_double, c_int64, c_size_t, c_void_p

import numpy as np

from covsamp_abi import DTYPES, INT32, ROLES, Answer, C, Model, Request, Stats, StepStats, memory

OK, DONE, CANCELLED = 0, 1, 2
F32, F64 = 1, 2
ASK_MEAN, ASK_JVP, ASK_MEAN_JVP, ASK_VJP, ASK_GUIDE, ASK_NOISE, ASK_STEP = 1, 2, 3, 4, 8, 16, 32
SPACINGS = {"even": 1, "quadratic": 2, "trailing": 3, "log-snr": 4}
TABLES = {"noise": 1, "x0_error": 2}
PREDICTIONS = {"noise": 1, "x0": 2, "v": 3, "score": 4, "flow": 5}
MESSAGE_BYTES = 512


# ---- Errors --------------------------------------------------------------------------------------

class Error(Exception):
    """A call failed: status is the library's number, the text its sentence."""
    def __init__(self, status, message):
        super().__init__(message or "%s: %s" % (status_name(status), status_text(status)))
        self.status = status


class RangeError(Error, ValueError): pass
class OptionError(Error, ValueError): pass
class StateError(Error, RuntimeError): pass
class OutOfMemory(Error, MemoryError): pass
class Unsupported(Error, NotImplementedError): pass
class ModelError(Error): pass
class NonFinite(Error, ArithmeticError): pass
class NumericalError(Error, ArithmeticError): pass


class Cancelled(Exception):
    """cancel() was called, or a callback returned CANCELLED.  Iterating or running again goes on."""


_ERRORS = {-2: RangeError, -3: OptionError, -4: StateError, -5: OutOfMemory, -7: Unsupported,
           -20: ModelError, -21: NonFinite, -30: NumericalError, -31: NumericalError}


def _check(status, message=b""):
    """The status when it is no error; `message` is bytes or a function that returns them."""
    if status < 0:
        text = message() if callable(message) else message
        raise _ERRORS.get(status, Error)(status, (text or b"").decode("utf-8", "replace"))
    if status == CANCELLED:
        raise Cancelled()
    return status


def version():
    return C.version_string().decode()


def status_name(status):
    return C.status_name(status).decode()


def status_text(status):
    return C.status_text(status).decode()


_OptionInfo = namedtuple("OptionInfo", "key name type help low high default choices")


def options():
    """Every option: key, name, type ("int", "real" or "choice"), help, bounds, default, and a choice's {name: value}."""
    found, index = [], 0
    while True:
        info = C.option_info(index)
        if not info:
            return found
        o, choices, value = info.contents, {}, c_int64()
        while o.type == 3:
            name = C.option_choice(o.key, len(choices), byref(value))
            if name is None:
                break
            choices[name.decode()] = value.value
        bounds = (o.real_low, o.real_high, o.real_default) if o.type == 2 else (o.int_low, o.int_high, o.int_default)
        found.append(_OptionInfo(o.key, o.name.decode(), {1: "int", 2: "real", 3: "choice"}[o.type], o.help.decode(),
                                 *bounds, choices))
        index += 1


def noise_normal(seed, sample, stream, step, first, count):
    """Elements first ... first + count - 1 of a draw of the library's noise, as doubles."""
    out = np.empty(max(count, 0))
    _check(C.noise_normal(seed, sample, stream, step, first, count, out.ctypes.data))
    return out


# ---- Handles -------------------------------------------------------------------------------------

class _Owner:
    """A C handle, freed with the last reference: that of its object, or of an array over its memory."""
    def __init__(self, pointer, free):
        self.pointer, self.free = pointer, free

    def __del__(self):
        self.free(self.pointer)


class _Handle:
    """close(), or the end of a with block, lets go of the handle; so does losing the object."""
    _owner = None

    def _own(self, pointer, free):
        self._owner = _Owner(pointer.value, free)

    @property
    def _p(self):
        if self._owner is None:
            raise ValueError("%s is closed" % type(self).__name__)
        return self._owner.pointer

    def close(self):
        self._owner = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _doubles(values, shape=(-1,)):
    return np.ascontiguousarray(values, dtype=np.float64).reshape(shape)


class Schedule(_Handle):
    """Levels 1 ... N of x_t = alpha x_0 + sigma e; one of linear, cosine, table, karras, flow."""
    def __init__(self, function, *arguments):
        out, message = c_void_p(), ctypes.create_string_buffer(MESSAGE_BYTES)
        _check(function(byref(out), *arguments, None, message), lambda: message.value)
        self._own(out, C.schedule_free)
        self.levels = C.schedule_levels(self._p)

    @classmethod
    def linear(cls, levels, beta_first, beta_last):
        return cls(C.schedule_new_linear, levels, beta_first, beta_last)

    @classmethod
    def cosine(cls, levels, offset=0.008):
        return cls(C.schedule_new_cosine, levels, offset)

    @classmethod
    def karras(cls, levels, sigma_min, sigma_max, rho=7.0):
        return cls(C.schedule_new_karras, levels, sigma_min, sigma_max, rho)

    @classmethod
    def flow(cls, levels):
        return cls(C.schedule_new_flow, levels)

    @classmethod
    def table(cls, alpha, sigma, time=None):
        alpha, sigma = _doubles(alpha), _doubles(sigma)
        time = None if time is None else _doubles(time)
        if len(sigma) != len(alpha) or (time is not None and len(time) != len(alpha)):
            raise ValueError("alpha, sigma and time have different lengths")
        return cls(C.schedule_new_table, len(alpha), alpha.ctypes.data, sigma.ctypes.data,
                   None if time is None else time.ctypes.data)

    def spaced(self, count, spacing="even"):
        """The levels, noisiest first, that a run of so many steps visits."""
        levels, message = np.empty(max(count, 1), np.int64), ctypes.create_string_buffer(MESSAGE_BYTES)
        _check(C.schedule_spaced(self._p, count, SPACINGS.get(spacing, spacing), levels.ctypes.data, message),
               lambda: message.value)
        return levels

    def at(self, level):
        """(alpha, sigma, time) at a level, whole or not."""
        values = (c_double * 3)()
        _check(C.schedule_at(self._p, level, *(ctypes.addressof(values) + 8 * i for i in range(3))))
        return tuple(values)


class Config(_Handle):
    """Options by name: config["krylov_steps"] = 3, or as arguments."""
    def __init__(self, schedule=None, levels=None, **options):
        out = c_void_p()
        _check(C.config_new(byref(out), None))
        self._own(out, C.config_free)
        for name, value in options.items():
            self[name] = value
        if schedule is not None:
            self.set_schedule(schedule, levels)

    def _checked(self, status):
        return _check(status, lambda: C.config_message(self._p))

    def __setitem__(self, name, value):
        option = _BY_NAME.get(name)
        if option is None or isinstance(value, str):
            self._checked(C.config_set_by_name(self._p, name.encode(), str(value).encode()))
        elif option.type == "real" or isinstance(value, (float, np.floating)):
            self._checked(C.config_set_real(self._p, option.key, value))
        elif -2**63 <= operator.index(value) < 2**63:
            self._checked(C.config_set_int(self._p, option.key, value))
        else:  # of 64 bits without a sign, or too large: the library says so
            self[name] = str(operator.index(value))

    def __getitem__(self, name):
        option = _BY_NAME.get(name)
        if option is None:
            raise OptionError(-3, "covsamp.Config: no option is named %r" % (name,))
        value, get = (c_double(), C.config_get_real) if option.type == "real" else (c_int64(), C.config_get_int)
        self._checked(get(self._p, option.key, byref(value)))
        return value.value

    def set_schedule(self, schedule, levels):
        levels = np.asarray(levels).astype(np.int64, order="C", casting="same_kind")  # 900.7 is no level
        self._checked(C.config_set_schedule(self._p, schedule._p, levels.ctypes.data, levels.size))

    def set_table(self, table, values):
        values = _doubles(values)
        self._checked(C.config_set_table(self._p, TABLES.get(table, table), values.ctypes.data, values.size))


_BY_NAME = {option.name: option for option in options()}


class Mixture(_Handle):
    """A Gaussian mixture as a model with exact means and products: weights [k], means [k, dim], covariances [k, dim, dim]."""
    def __init__(self, weights, means, covariances, prediction="noise"):
        weights = _doubles(weights)
        means = _doubles(means, (len(weights), -1))
        dim = means.shape[1]
        covariances = _doubles(covariances, (len(weights), dim, dim))
        out, message = c_void_p(), ctypes.create_string_buffer(MESSAGE_BYTES)
        _check(C.mixture_new(byref(out), dim, len(weights), weights.ctypes.data, means.ctypes.data,
                              covariances.ctypes.data, PREDICTIONS.get(prediction, prediction), None, message),
               lambda: message.value)
        self._own(out, C.mixture_free)

    def answer(self, request):
        _check(C.mixture_answer(self._p, ctypes.addressof(request)))

    def _fill(self, struct):
        _check(C.mixture_model(self._p, byref(struct)))


class _Callbacks:
    """A covsamp_model that calls a Python object's methods.  What they raise waits here: it must not pass through C."""
    def __init__(self, model, handle, **extra):
        self.raised, self.handle, self.model = None, handle, model
        self.struct = Model(size=ctypes.sizeof(Model))
        if hasattr(model, "_fill"):
            model._fill(self.struct)
        for role in ROLES:
            function = extra.get(role) or (None if hasattr(model, "_fill") else getattr(model, role, None))
            if function is not None:
                setattr(self.struct, role, Answer(self._guarded(function)))

    def _guarded(self, function):
        def answer(_user, address):
            try:
                request = Request.from_address(address)
                request.handle = self.handle
                result = function(request)
                return OK if result is None else INT32.from_param(result).value
            except BaseException as error:
                self.raised = error
                return -1
        return answer


class Sampler(_Handle):
    """Draws a batch.  Iterate over it, ask() and tell(), or run() a model."""
    def __init__(self, config):
        out = c_void_p()
        config._checked(C.sampler_new(byref(out), config._p))
        self._own(out, C.sampler_free)
        self.batch, self.dim, self.dtype = config["batch"], config["dim"], DTYPES[config["dtype"]]

    def _checked(self, status):
        return _check(status, lambda: C.sampler_message(self._p))

    def ask(self):
        """The open request, or None when the run is done."""
        pointer = c_void_p()
        if self._checked(C.sampler_ask(self._p, byref(pointer))) == DONE:
            return None
        request = Request.from_address(pointer.value)
        request.handle = self._owner
        return request

    def tell(self, answer=OK):
        """The open request is answered; a negative number of your own says that it failed, CANCELLED stops."""
        self._checked(C.sampler_tell(self._p, answer))

    def __iter__(self):
        """Every request is told when the loop's body ends; it stays open when the body breaks or raises."""
        while True:
            request = self.ask()
            if request is None:
                return
            yield request
            self.tell()

    def _drive(self, function, model, progress, noise):
        owner = self._owner  # a callback may close this object
        callbacks = _Callbacks(model, owner, progress=progress, noise=noise)
        status = function(self._p, byref(callbacks.struct))
        raised, callbacks.raised = callbacks.raised, None
        if raised is not None:
            try:
                raise raised
            finally:
                del raised  # no cycle through the traceback
        return _check(status, lambda: C.sampler_message(owner.pointer))

    def run(self, model, progress=None, noise=None):
        """To the end, by the methods mean, jvp, mean_jvp, vjp, guide, noise, progress of `model`: each takes a request and
        returns None, CANCELLED or a negative number.  After an exception or Cancelled, running again goes on."""
        self._drive(C.sampler_run, model, progress, noise)

    def step(self, model, progress=None, noise=None):
        """To the end of the present step; False after the last one."""
        return self._drive(C.sampler_step, model, progress, noise) != DONE

    def restart(self, seed, first_sample=0):
        self._checked(C.sampler_restart(self._p, seed, first_sample))

    @property
    def state(self):
        """[batch, dim], read only and without a copy: valid until the next call that steps."""
        x, stride = c_void_p(), c_int64()
        self._checked(C.sampler_state(self._p, byref(x), byref(stride)))
        return memory(self._owner, x.value, (self.batch, self.dim),
                       (stride.value * self.dtype.itemsize, self.dtype.itemsize), self.dtype, False)

    @state.setter
    def state(self, x):
        x = np.ascontiguousarray(x, dtype=self.dtype)
        if x.shape != (self.batch, self.dim):
            raise ValueError("state has shape %s, must be %s" % (x.shape, (self.batch, self.dim)))
        self._checked(C.sampler_set_state(self._p, x.ctypes.data, self.dim))

    @property
    def stats(self):
        stats = Stats(size=ctypes.sizeof(Stats))
        self._checked(C.sampler_stats(self._p, byref(stats)))
        return stats

    def step_stats(self, step):
        stats = StepStats(size=ctypes.sizeof(StepStats))
        self._checked(C.sampler_step_stats(self._p, step, byref(stats)))
        return stats

    def save(self):
        """All of a half-done run as bytes that any language, process or machine may load; between steps."""
        needed = c_size_t()
        self._checked(C.sampler_save(self._p, None, 0, byref(needed)))
        data = ctypes.create_string_buffer(needed.value)
        self._checked(C.sampler_save(self._p, data, needed.value, byref(needed)))
        return data.raw

    def load(self, data):
        """Goes on from such bytes, on a sampler of the same configuration; an error changes nothing."""
        data = bytes(memoryview(data))
        self._checked(C.sampler_load(self._p, data, len(data)))

    @property
    def answer(self):
        """The last answer that tell() or a callback gave."""
        return C.sampler_answer(self._p)

    def cancel(self):
        """From any thread: ask() or run() raises Cancelled once."""
        C.sampler_cancel(self._p)
