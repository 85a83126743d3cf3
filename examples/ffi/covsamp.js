// SPDX-License-Identifier: BSD-3-Clause
// libcovsamp for Node, by koffi: diffusion sampling with the full posterior covariance.
//
//     const schedule = covsamp.Schedule.linear(1000, 1e-4, 0.02);
//     const config = new covsamp.Config({batch: 3, dim: 4, covariance: 'krylov'});
//     config.setSchedule(schedule, schedule.spaced(25));
//     const sampler = new covsamp.Sampler(config);
//     for (const q of sampler)                   // asks; once the body ends, it is told
//         for (let b = 0; q.mean && b < q.batch; b++) network(q.x[b], q.time, q.mean[b]);
//     const samples = sampler.state;             // a typed array for each sample
//     sampler.close();                           // handles are closed by hand
//
// or sampler.run(model), where model has functions mean(q), jvp(q), ...  Typed arrays of a request are the library's own
// memory: valid until tell(), and never to be touched once the sampler is closed.
'use strict';
const koffi = require('koffi');
const library = koffi.load(process.platform === 'darwin' ? 'libcovsamp.0.dylib' : 'libcovsamp.so.0');

const OK = 0, DONE = 1, CANCELLED = 2, F32 = 1, MESSAGE_BYTES = 512;

class CovsampError extends Error {
    constructor(status, message) {
        super(message || statusText(status));
        this.status = status;
        this.code = statusName(status);
    }
}
class Cancelled extends Error {}

// ---- Structs, as far as this module knows them: they grow at their end --------------------------

const fields = (type, names) => Object.fromEntries(names.split(' ').map((name) => [name, type]));
const Answer = koffi.proto('int32_t covsamp_answer_fn(void *user, const void *request)');
const answerPointer = koffi.pointer(Answer);
const structs = {
    covsamp_option: koffi.struct('covsamp_option', {
        size: 'size_t', key: 'int32_t', type: 'int32_t', name: 'const char *', help: 'const char *',
        ...fields('int64_t', 'int_low int_high int_default'), ...fields('double', 'real_low real_high real_default'),
    }),
    covsamp_stats: koffi.struct('covsamp_stats', {
        size: 'size_t',
        ...fields('int64_t', 'steps mean_requests jvp_requests jvp_tangents products_used products_paid ritz_values ' +
                             'ritz_clamped breakdowns breakdowns_asymmetric steps_without'),
        ...fields('double', 'asymmetry error_estimate'), ...fields('int64_t', 'vjp_requests vjp_tangents guide_requests'),
    }),
    covsamp_request: koffi.struct('covsamp_request', {
        size: 'size_t', kind: 'int32_t', dtype: 'int32_t',
        ...fields('int64_t', 'batch dim stride tangents tangent_stride step steps level first_sample'),
        ...fields('uint64_t', 'seed owner point'), ...fields('double', 'time alpha sigma'),
        ...fields('int32_t', 'stream branch'), ...fields('void *', 'x v mean product noise head transposed gradient ' +
                                                           'other_mean other_product other_transposed other_head ops'),
        ...fields('int32_t', 'products_follow reserved'),
    }),
    covsamp_model: koffi.struct('covsamp_model', {
        size: 'size_t', model_user: 'void *', ...fields(answerPointer, 'mean jvp mean_jvp'), noise_user: 'void *',
        noise: answerPointer, progress_user: 'void *', progress: answerPointer, vjp: answerPointer, guide_user: 'void *',
        guide: answerPointer,
    }),
};
const roles = ['mean', 'jvp', 'mean_jvp', 'noise', 'progress', 'vjp', 'guide'];

// ---- Functions ----------------------------------------------------------------------------------

const C = {};
for (const line of `
    int32_t schedule_new_linear(_Out_ void **out, int64_t levels, double first, double last, void *mem, void *message)
    int32_t schedule_spaced(void *schedule, int64_t count, int32_t spacing, void *levels, void *message)
    void schedule_free(void *schedule)
    int32_t config_new(_Out_ void **out, void *mem)
    int32_t config_set_int(void *config, int32_t key, int64_t value)
    int32_t config_set_by_name(void *config, const char *name, const char *text)
    int32_t config_get_int(void *config, int32_t key, _Out_ int64_t *value)
    int32_t config_set_schedule(void *config, void *schedule, void *levels, int64_t count)
    const char *config_message(void *config)
    void config_free(void *config)
    int32_t sampler_new(_Out_ void **out, void *config)
    int32_t sampler_restart(void *sampler, uint64_t seed, int64_t first_sample)
    int32_t sampler_state(void *sampler, _Out_ void **x, _Out_ int64_t *stride)
    int32_t sampler_set_state(void *sampler, void *x, int64_t stride)
    int32_t sampler_stats(void *sampler, void *stats)
    int32_t sampler_ask(void *sampler, _Out_ void **request)
    int32_t sampler_tell(void *sampler, int32_t answer)
    int32_t sampler_run(void *sampler, void *model)
    int32_t sampler_step(void *sampler, void *model)
    int32_t sampler_save(void *sampler, void *buffer, size_t capacity, _Out_ size_t *needed)
    int32_t sampler_load(void *sampler, void *data, size_t bytes)
    const char *sampler_message(void *sampler)
    void sampler_cancel(void *sampler)
    void sampler_free(void *sampler)
    int32_t mixture_new(_Out_ void **out, int64_t dim, int64_t components, void *weights, void *means, \
                        void *covariances, int32_t prediction, void *mem, void *message)
    int32_t mixture_answer(void *mixture, void *request)
    int32_t mixture_model(void *mixture, void *model)
    void mixture_free(void *mixture)
    covsamp_option *option_info(int32_t index)
    const char *option_choice(int32_t key, int32_t index, _Out_ int64_t *value)
    const char *version_string()
    const char *status_name(int32_t status)
    const char *status_text(int32_t status)`.split('\n').filter((text) => text.trim())) {
    const name = line.match(/(\w+)\(/)[1];
    C[name] = library.func(line.trim().replace(name + '(', 'covsamp_' + name + '('));
}

const version = () => C.version_string();
const statusName = (status) => C.status_name(status);
const statusText = (status) => C.status_text(status);

function check(status, message) {
    if (status < 0) throw new CovsampError(status, typeof message === 'function' ? message() : message);
    if (status === CANCELLED) throw new Cancelled('cancelled');
    return status;
}

// Every option: key, type ("int", "real", "choice"), name, help, low, high, default, choices.
function options() {
    const found = [];
    for (let o; (o = C.option_info(found.length)) !== null;) {
        const info = koffi.decode(o, 'covsamp_option'), choices = {}, value = [0];
        for (let i = 0, name; info.type === 3 && (name = C.option_choice(info.key, i, value)) !== null; i++)
            choices[name] = value[0];
        const prefix = info.type === 2 ? 'real_' : 'int_';
        found.push({key: info.key, name: info.name, help: info.help, type: ['int', 'real', 'choice'][info.type - 1],
            low: info[prefix + 'low'], high: info[prefix + 'high'], default: info[prefix + 'default'], choices});
    }
    return found;
}

// ---- Handles ------------------------------------------------------------------------------------

class Handle {
    #pointer;
    #free;
    constructor(pointer, free) {
        this.#pointer = pointer;
        this.#free = free;
    }
    get pointer() {
        if (this.#pointer === null) throw new Error(`${this.constructor.name} is closed`);
        return this.#pointer;
    }
    close() {
        if (this.#pointer !== null) this.#free(this.#pointer);
        this.#pointer = null;
    }
}

// What a function makes that has a message buffer as its last argument.
function made(make) {
    const out = [null], message = Buffer.alloc(MESSAGE_BYTES);
    check(make(out, message), () => message.toString('utf8', 0, message.indexOf(0)));
    return out[0];
}

class Schedule extends Handle {
    static linear(levels, first, last) {
        return new Schedule(made((out, message) => C.schedule_new_linear(out, levels, first, last, null, message)),
            C.schedule_free);
    }
    spaced(count, spacing = 1) {
        const levels = new BigInt64Array(Math.max(count, 1));
        made((out, message) => C.schedule_spaced(this.pointer, count, spacing, levels, message));
        return levels;
    }
}

class Config extends Handle {
    constructor(settings = {}) {
        super(made((out) => C.config_new(out, null)), C.config_free);
        for (const [name, value] of Object.entries(settings)) this.set(name, value);
    }
    check(status) {
        return check(status, () => C.config_message(this.pointer));
    }
    set(name, value) {
        this.check(C.config_set_by_name(this.pointer, name, String(value)));
    }
    getInt(key) {
        const value = [0];
        this.check(C.config_get_int(this.pointer, key, value));
        return value[0];
    }
    setSchedule(schedule, levels) {
        this.check(C.config_set_schedule(this.pointer, schedule.pointer, levels, levels.length));
    }
}

class Mixture extends Handle {
    constructor(dim, weights, means, covariances, prediction = 1) {
        super(made((out, message) => C.mixture_new(out, dim, weights.length, Float64Array.from(weights),
            Float64Array.from(means), Float64Array.from(covariances), prediction, null, message)), C.mixture_free);
    }
    answer(request) {
        check(C.mixture_answer(this.pointer, request.pointer));
    }
    fill(model) {
        check(C.mixture_model(this.pointer, model));
    }
}

// A typed array for each sample of p, without a copy; value i of sample b is p[b * stride + i].
function rows(pointer, {dtype, batch, dim, stride}) {
    const Type = dtype === F32 ? Float32Array : Float64Array;
    const all = new Type(koffi.view(pointer, ((batch - 1) * stride + dim) * Type.BYTES_PER_ELEMENT));
    return Array.from({length: batch}, (_, b) => all.subarray(b * stride, b * stride + dim));
}

// What is to be computed: numbers, and arrays x[b], v[k][b], mean[b], product[k][b], ...; null where a kind has none.
class Request {
    constructor(pointer) {
        const raw = koffi.decode(pointer, 'covsamp_request');
        if (raw.size < koffi.sizeof('covsamp_request')) throw new Error('this libcovsamp is older than covsamp.js');
        Object.assign(this, raw, {pointer});
        for (const name of ['x', 'mean', 'noise', 'head', 'gradient', 'other_mean', 'other_head'])
            this[name] = raw[name] && rows(raw[name], raw);
        for (const name of ['v', 'product', 'transposed', 'other_product', 'other_transposed'])
            this[name] = raw[name] && this.#tangents(raw[name], raw);
    }
    #tangents(pointer, raw) { // as one batch of rows, if the strides allow it: they are multiples
        const every = raw.tangent_stride / raw.stride;
        const all = rows(pointer, {...raw, batch: (raw.tangents - 1) * every + raw.batch});
        return Array.from({length: raw.tangents}, (_, k) => all.slice(k * every, k * every + raw.batch));
    }
}

class Sampler extends Handle {
    #running = 0;
    constructor(config) {
        const out = [null];
        config.check(C.sampler_new(out, config.pointer));
        super(out[0], C.sampler_free);
        [this.batch, this.dim, this.dtype] = [1, 2, 3].map((key) => config.getInt(key));
    }
    #check(status) {
        return check(status, () => C.sampler_message(this.pointer));
    }
    ask() { // the open request, or null when the run is done
        const out = [null];
        return this.#check(C.sampler_ask(this.pointer, out)) === DONE ? null : new Request(out[0]);
    }
    tell(answer = OK) {
        this.#check(C.sampler_tell(this.pointer, answer));
    }
    * [Symbol.iterator]() { // a request stays open when the loop's body breaks or throws
        for (let request; (request = this.ask()) !== null;) {
            yield request;
            this.tell();
        }
    }
    // Functions of `model`: mean, jvp, mean_jvp, vjp, guide, noise, progress; each returns nothing, CANCELLED or a negative
    // number.  What they throw must not pass through C: it waits, and comes out of here as it was.
    run(model, progress = model.progress) {
        this.#drive(C.sampler_run, model, progress);
    }
    step(model, progress = model.progress) { // to the end of the present step; false after the last one
        return this.#drive(C.sampler_step, model, progress) !== DONE;
    }
    #drive(call, model, progress) {
        const struct = Buffer.alloc(koffi.sizeof('covsamp_model')), registered = [];
        let thrown = null;
        const callback = (target) => (_user, pointer) => {
            try {
                const answer = target(new Request(pointer)) ?? OK;
                if (answer !== (answer | 0)) throw new TypeError(`a callback returned ${answer}, must be a whole number`);
                return answer;
            } catch (error) {
                thrown = {error};
                return -1;
            }
        };
        koffi.encode(struct, 0, 'size_t', struct.length);
        if (model instanceof Mixture) model.fill(struct);
        for (const role of roles) {
            const own = model instanceof Mixture ? undefined : model[role]?.bind(model);
            const target = role === 'progress' ? progress : own;
            if (!target) continue;
            registered.push(koffi.register(callback(target), answerPointer));
            koffi.encode(struct, koffi.offsetof('covsamp_model', role), answerPointer, registered.at(-1));
        }
        let status;
        this.#running++;
        try {
            status = call(this.pointer, struct);
        } finally {
            this.#running--;
            registered.forEach(koffi.unregister);
        }
        if (thrown !== null) throw thrown.error;
        return this.#check(status);
    }
    close() {
        if (this.#running > 0) throw new Error('Sampler is running'); // C would go on in memory that is gone
        super.close();
    }
    save() { // all of a half-done run, between steps, as bytes that any language, process or machine may load
        const needed = [0];
        this.#check(C.sampler_save(this.pointer, null, 0, needed));
        const data = Buffer.alloc(Number(needed[0]));
        this.#check(C.sampler_save(this.pointer, data, data.length, needed));
        return data;
    }
    load(data) { // goes on from them, on a sampler of the same configuration; an error changes nothing
        this.#check(C.sampler_load(this.pointer, data, data.byteLength));
    }
    restart(seed, firstSample) {
        this.#check(C.sampler_restart(this.pointer, seed, firstSample));
    }
    get state() { // a copy of each sample
        const x = [null], stride = [0];
        this.#check(C.sampler_state(this.pointer, x, stride));
        return rows(x[0], {...this, stride: stride[0]}).map((row) => row.slice());
    }
    get stats() {
        const stats = Buffer.alloc(koffi.sizeof('covsamp_stats'));
        koffi.encode(stats, 0, 'size_t', stats.length);
        this.#check(C.sampler_stats(this.pointer, stats));
        return koffi.decode(stats, 'covsamp_stats');
    }
    cancel() {
        C.sampler_cancel(this.pointer);
    }
}

module.exports = {
    OK, CANCELLED, Cancelled, Config, CovsampError, Mixture, Sampler, Schedule, koffi, options, statusName, statusText,
    structs, version,
};
