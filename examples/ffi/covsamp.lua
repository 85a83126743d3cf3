-- SPDX-License-Identifier: BSD-3-Clause
-- libcovsamp for LuaJIT, by its ffi: diffusion sampling with the full posterior covariance.
--
--     local schedule = covsamp.schedule_linear(1000, 1e-4, 0.02)
--     local config = covsamp.config{batch = 3, dim = 4, covariance = "krylov"}
--     config:set_schedule(schedule, schedule:spaced(25))
--     local sampler = covsamp.sampler(config)
--     for q in sampler:requests() do            -- asks; what the body filled is told when it comes round
--         if q.mean ~= nil then network(q) end  -- covsamp.array(q, q.mean)[b * q.stride + i]
--     end
--
-- or sampler:run(model), where model has functions mean(q), jvp(q), ...  Pointers of a request are valid until the next turn.
-- Handles are freed by the garbage collector, or by close().  Errors are tables {status =, message =}, thrown by error().
local ffi = require "ffi"

ffi.cdef [[
typedef int32_t covsamp_status;
typedef struct covsamp_schedule covsamp_schedule;
typedef struct covsamp_config covsamp_config;
typedef struct covsamp_sampler covsamp_sampler;
typedef struct covsamp_mixture covsamp_mixture;
typedef struct covsamp_option {
    size_t size; int32_t key, type; const char *name, *help;
    int64_t int_low, int_high, int_default; double real_low, real_high, real_default;
} covsamp_option;
typedef struct covsamp_stats {
    size_t size;
    int64_t steps, mean_requests, jvp_requests, jvp_tangents, products_used, products_paid, ritz_values, ritz_clamped,
        breakdowns, breakdowns_asymmetric, steps_without;
    double asymmetry, error_estimate;
    int64_t vjp_requests, vjp_tangents, guide_requests;
} covsamp_stats;
typedef struct covsamp_request {
    size_t size; int32_t kind, dtype;
    int64_t batch, dim, stride, tangents, tangent_stride, step, steps, level, first_sample;
    uint64_t seed, owner, point;
    double time, alpha, sigma;
    int32_t stream, branch;
    const void *x, *v;
    void *mean, *product, *noise, *head, *transposed, *gradient, *other_mean, *other_product, *other_transposed,
        *other_head;
    const void *ops;
    int32_t products_follow, reserved;
} covsamp_request;
typedef int32_t (*covsamp_answer_fn)(void *user, const covsamp_request *request);
typedef struct covsamp_model {
    size_t size;
    void *model_user; covsamp_answer_fn mean, jvp, mean_jvp;
    void *noise_user; covsamp_answer_fn noise;
    void *progress_user; covsamp_answer_fn progress, vjp;
    void *guide_user; covsamp_answer_fn guide;
} covsamp_model;
const char *covsamp_version_string(void);
const char *covsamp_status_name(covsamp_status status);
const char *covsamp_status_text(covsamp_status status);
covsamp_status covsamp_schedule_new_linear(covsamp_schedule **out, int64_t levels, double first, double last,
                                           const void *mem, char *message);
covsamp_status covsamp_schedule_spaced(const covsamp_schedule *schedule, int64_t count, int32_t spacing, int64_t *levels,
                                       char *message);
void covsamp_schedule_free(covsamp_schedule *schedule);
const covsamp_option *covsamp_option_info(int32_t index);
const char *covsamp_option_choice(int32_t key, int32_t index, int64_t *value);
covsamp_status covsamp_config_new(covsamp_config **out, const void *mem);
void covsamp_config_free(covsamp_config *config);
covsamp_status covsamp_config_set_by_name(covsamp_config *config, const char *name, const char *text);
covsamp_status covsamp_config_set_schedule(covsamp_config *config, const covsamp_schedule *schedule,
                                           const int64_t *levels, int64_t count);
const char *covsamp_config_message(const covsamp_config *config);
covsamp_status covsamp_sampler_new(covsamp_sampler **out, covsamp_config *config);
void covsamp_sampler_free(covsamp_sampler *sampler);
covsamp_status covsamp_sampler_restart(covsamp_sampler *sampler, uint64_t seed, int64_t first_sample);
covsamp_status covsamp_sampler_state(const covsamp_sampler *sampler, const void **x, int64_t *stride);
covsamp_status covsamp_sampler_stats(const covsamp_sampler *sampler, covsamp_stats *stats);
covsamp_status covsamp_sampler_ask(covsamp_sampler *sampler, const covsamp_request **request);
covsamp_status covsamp_sampler_tell(covsamp_sampler *sampler, int32_t answer);
covsamp_status covsamp_sampler_run(covsamp_sampler *sampler, const covsamp_model *model);
covsamp_status covsamp_sampler_step(covsamp_sampler *sampler, const covsamp_model *model);
covsamp_status covsamp_sampler_save(covsamp_sampler *sampler, void *buffer, size_t capacity, size_t *needed);
covsamp_status covsamp_sampler_load(covsamp_sampler *sampler, const void *data, size_t bytes);
void covsamp_sampler_cancel(covsamp_sampler *sampler);
const char *covsamp_sampler_message(const covsamp_sampler *sampler);
covsamp_status covsamp_mixture_new(covsamp_mixture **out, int64_t dim, int64_t components, const double *weights,
                                   const double *means, const double *covariances, int32_t prediction, const void *mem,
                                   char *message);
void covsamp_mixture_free(covsamp_mixture *mixture);
int32_t covsamp_mixture_answer(void *mixture, const covsamp_request *request);
covsamp_status covsamp_mixture_model(covsamp_mixture *mixture, covsamp_model *model);
]]
local C = ffi.load(ffi.os == "OSX" and "libcovsamp.0.dylib" or "libcovsamp.so.0")

local covsamp = {OK = 0, DONE = 1, CANCELLED = 2, F32 = 1, F64 = 2}
local MESSAGE_BYTES = 512

-- Fields that the bindings' structs have, by name: for whoever compares layouts.
covsamp.structs = {
    covsamp_option = "size key type name help int_low int_high int_default real_low real_high real_default",
    covsamp_stats = "size steps mean_requests jvp_requests jvp_tangents products_used products_paid ritz_values " ..
        "ritz_clamped breakdowns breakdowns_asymmetric steps_without asymmetry error_estimate vjp_requests vjp_tangents " ..
        "guide_requests",
    covsamp_request = "size kind dtype batch dim stride tangents tangent_stride step steps level first_sample seed " ..
        "owner point time alpha sigma stream branch x v mean product noise head transposed gradient other_mean " ..
        "other_product other_transposed other_head ops products_follow reserved",
    covsamp_model = "size model_user mean jvp mean_jvp noise_user noise progress_user progress vjp guide_user guide",
}

local function text(pointer)
    return pointer ~= nil and ffi.string(pointer) or nil
end

local failure = {__tostring = function(e) return e.message end}

-- The status when it is no error; else throws, with the sentence.  A cancel is thrown with status CANCELLED.
local function check(status, message)
    if status < 0 or status == covsamp.CANCELLED then
        local sentence = status < 0 and text(message) or ""
        if sentence == "" then sentence = ffi.string(C.covsamp_status_text(status)) end
        error(setmetatable({status = status, name = ffi.string(C.covsamp_status_name(status)), message = sentence},
            failure), 0)
    end
    return status
end

function covsamp.version()
    return ffi.string(C.covsamp_version_string())
end

-- Every option: key, type ("int", "real", "choice"), name, help, low, high, default, choices.
function covsamp.options()
    local found, value = {}, ffi.new("int64_t[1]")
    while true do
        local o = C.covsamp_option_info(#found)
        if o == nil then return found end
        local choices, i = {}, 0
        while o.type == 3 do
            local name = text(C.covsamp_option_choice(o.key, i, value))
            if not name then break end
            choices[name], i = tonumber(value[0]), i + 1
        end
        local prefix = o.type == 2 and "real_" or "int_"
        found[#found + 1] = {key = o.key, type = ({"int", "real", "choice"})[o.type], name = text(o.name),
            help = text(o.help), low = o[prefix .. "low"], high = o[prefix .. "high"],
            default = o[prefix .. "default"], choices = choices}
    end
end

-- ---- Handles -----------------------------------------------------------------------------------

local function class(free)
    local methods = setmetatable({}, {__index = function(_, key)
        if key == "handle" then error("the handle is closed", 0) end
    end})
    methods.__index = methods
    function methods:close()
        if self.running then error("the sampler is running", 0) end -- C would go on in memory that is gone
        if rawget(self, "handle") then
            ffi.gc(self.handle, nil)
            free(self.handle)
            self.handle = nil
        end
    end
    return methods, function(pointer) return setmetatable({handle = ffi.gc(pointer, free)}, methods) end
end

local schedule, own_schedule = class(C.covsamp_schedule_free)
local config, own_config = class(C.covsamp_config_free)
local mixture, own_mixture = class(C.covsamp_mixture_free)
local sampler, own_sampler = class(C.covsamp_sampler_free)

function covsamp.schedule_linear(levels, first, last)
    local out, message = ffi.new("covsamp_schedule *[1]"), ffi.new("char[?]", MESSAGE_BYTES)
    check(C.covsamp_schedule_new_linear(out, levels, first, last, nil, message), message)
    return own_schedule(out[0])
end

function schedule:spaced(count, spacing)
    local levels, message = ffi.new("int64_t[?]", math.max(count, 1)), ffi.new("char[?]", MESSAGE_BYTES)
    check(C.covsamp_schedule_spaced(self.handle, count, spacing or 1, levels, message), message)
    return levels, count
end

function covsamp.config(settings)
    local out = ffi.new("covsamp_config *[1]")
    check(C.covsamp_config_new(out, nil))
    local self = own_config(out[0])
    for name, value in pairs(settings or {}) do self:set(name, value) end
    return self
end

function config:set(name, value)
    check(C.covsamp_config_set_by_name(self.handle, name, tostring(value)), C.covsamp_config_message(self.handle))
end

function config:set_schedule(schedule_, levels, count)
    check(C.covsamp_config_set_schedule(self.handle, schedule_.handle, levels, count),
        C.covsamp_config_message(self.handle))
end

-- Flat tables: weights [k], means [k * dim], covariances [k * dim * dim].
function covsamp.mixture(dim, weights, means, covariances, prediction)
    local function doubles(values) return ffi.new("double[?]", #values, values) end
    local out, message = ffi.new("covsamp_mixture *[1]"), ffi.new("char[?]", MESSAGE_BYTES)
    check(C.covsamp_mixture_new(out, dim, #weights, doubles(weights), doubles(means), doubles(covariances),
        prediction or 1, nil, message), message)
    return own_mixture(out[0])
end

function mixture:answer(request)
    check(C.covsamp_mixture_answer(self.handle, request))
end

function covsamp.sampler(config_)
    local out = ffi.new("covsamp_sampler *[1]")
    check(C.covsamp_sampler_new(out, config_.handle), C.covsamp_config_message(config_.handle))
    return own_sampler(out[0])
end

function sampler:check(status)
    return check(status, C.covsamp_sampler_message(self.handle))
end

-- The open request, or nil when the run is done.
function sampler:ask()
    local out = ffi.new("const covsamp_request *[1]")
    return self:check(C.covsamp_sampler_ask(self.handle, out)) ~= covsamp.DONE and out[0] or nil
end

function sampler:tell(answer)
    self:check(C.covsamp_sampler_tell(self.handle, answer or covsamp.OK))
end

-- For a loop: every request is told when its turn is over; it stays open when the body breaks or throws.
function sampler:requests()
    local open = false
    return function()
        if open then self:tell() end
        local request = self:ask()
        open = request ~= nil
        return request
    end
end

-- Values behind a pointer of a request, as float or double: array(q, q.x)[b * q.stride + i].
function covsamp.array(request, pointer)
    return ffi.cast(request.dtype == covsamp.F32 and "float *" or "double *", pointer)
end

local roles = {"mean", "jvp", "mean_jvp", "noise", "progress", "vjp", "guide"}

-- What a callback gives back to C.  An error must not pass through C: it waits in `thrown`.
local function guarded(target, thrown)
    return function(_, request)
        local ok, answer = pcall(target, request)
        if ok and answer == nil then return covsamp.OK end
        if ok and type(answer) == "number" and answer == bit.tobit(answer) then return answer end
        if ok then answer = "a callback returned " .. tostring(answer) .. ", must be a whole number" end
        thrown[1] = {answer}
        return -1
    end
end

-- model: a mixture, or a table of functions mean, jvp, mean_jvp, vjp, guide, noise, progress; each takes a request and
-- returns nothing, CANCELLED or a negative number.  What they throw comes out of here as it was.
local function drive(self, call, model, progress)
    local struct, thrown, callbacks = ffi.new("covsamp_model"), {}, {}
    struct.size = ffi.sizeof(struct)
    local is_mixture = getmetatable(model) == mixture
    if is_mixture then check(C.covsamp_mixture_model(model.handle, struct)) end
    for _, role in ipairs(roles) do
        local target = not is_mixture and model[role] or nil
        if role == "progress" then target = progress or target end
        if target then
            callbacks[#callbacks + 1] = ffi.cast("covsamp_answer_fn", guarded(target, thrown))
            struct[role] = callbacks[#callbacks]
        end
    end
    local outer = self.running -- a callback may run this sampler again, to be refused
    self.running = true
    local status = call(self.handle, struct)
    self.running = outer
    for _, callback in ipairs(callbacks) do callback:free() end -- their number is limited
    if thrown[1] then error(thrown[1][1], 0) end
    return self:check(status)
end
jit.off(drive) -- compiled code must not call C that calls back

function sampler:run(model, progress)
    drive(self, C.covsamp_sampler_run, model, progress)
end

-- To the end of the present step; false after the last one.
function sampler:step(model, progress)
    return drive(self, C.covsamp_sampler_step, model, progress) ~= covsamp.DONE
end

-- All of a half-done run, between steps, as a string that any language, process or machine may load.
function sampler:save()
    local needed = ffi.new("size_t[1]")
    self:check(C.covsamp_sampler_save(self.handle, nil, 0, needed))
    local data = ffi.new("char[?]", needed[0])
    self:check(C.covsamp_sampler_save(self.handle, data, needed[0], needed))
    return ffi.string(data, needed[0])
end

-- Goes on from it, on a sampler of the same configuration; an error changes nothing.
function sampler:load(data)
    self:check(C.covsamp_sampler_load(self.handle, data, #data))
end

function sampler:restart(seed, first_sample)
    self:check(C.covsamp_sampler_restart(self.handle, seed, first_sample))
end

-- Pointer and stride; the caller knows the type.  Valid until the next call that steps.
function sampler:state()
    local x, stride = ffi.new("const void *[1]"), ffi.new("int64_t[1]")
    self:check(C.covsamp_sampler_state(self.handle, x, stride))
    return x[0], tonumber(stride[0])
end

function sampler:stats()
    local stats = ffi.new("covsamp_stats")
    stats.size = ffi.sizeof(stats)
    self:check(C.covsamp_sampler_stats(self.handle, stats))
    return stats
end

function sampler:cancel()
    C.covsamp_sampler_cancel(self.handle)
end

return covsamp
